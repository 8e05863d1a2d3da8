"""The colours of pictures: kinds of cards, and the sign and size of a gradient.

Orange is negative, blue is positive: the two ends stay apart for the colour-blind, and every text
keeps a contrast of 4.5 to 1 or more. Colour never stands alone; signs and words are printed too.
"""

from __future__ import annotations

import math

KINDS = {  # kind: (ink, fill)
    "input": ("#1d4ed8", "#dbeafe"),
    "parameter": ("#92400e", "#fef3c7"),
    "operation": ("#323f4b", "#e4e7eb"),
    "output": ("#5b21b6", "#e0d7f5"),
    "constant": ("#52606d", "#f5f7fa"),
    "module": ("#323f4b", "#cbd2d9"),
    "loop": ("#323f4b", "#cbd2d9"),
}
NEGATIVE = ("#fdf1e7", "#fbdfc6", "#f6c194", "#ee9d5c", "#e0823a")  # pale to full
POSITIVE = ("#eef5fb", "#d3e5f4", "#a9cdea", "#78b0dc", "#5b9fd1")
ZERO, UNKNOWN, WRONG = "#f5f7fa", "#ffffff", "#fbd5d5"
INK, GREY, RED = "#1f2933", "#52606d", "#c81e1e"
FRAME_LINE, FRAME_FILL = "#cbd2d9", "#f7f9fb"
LINES = {-1: ("#c4661a", "#9a4a0c"), 0: ("#9aa5b1", GREY), 1: ("#2f78b3", "#1f5f93")}  # line, text


def fill(grad: float | None, steepest: float) -> str:
    """The colour of a gradient, full at the size ``steepest``.

    >>> fill(-2.0, 2.0), fill(0.0, 2.0), fill(None, 2.0)
    ('#e0823a', '#f5f7fa', '#ffffff')
    """
    if grad is None:
        return UNKNOWN
    if not math.isfinite(grad):
        return WRONG
    shades = NEGATIVE if grad < 0.0 else POSITIVE
    return shades[min(4, int(5.0 * math.sqrt(abs(grad) / steepest)))] if grad else ZERO


def line_colours(flow: float | None) -> tuple[str, str]:
    """The colours of an arrow and of its text, by the sign of what flows back along it.

    >>> line_colours(-2.5), line_colours(None)
    (('#c4661a', '#9a4a0c'), ('#9aa5b1', '#52606d'))
    """
    if flow is None or math.isnan(flow):
        return LINES[0]
    return LINES[(flow > 0.0) - (flow < 0.0)]


def width(flow: float | None, steepest: float) -> float:
    """How wide to draw an arrow, in points: 1 to 3 by what flows back along it.

    >>> width(None, 2.0), width(0.5, 2.0), width(9.0, 2.0)
    (1.0, 2.0, 3.0)
    """
    if flow is None or not math.isfinite(flow):
        return 1.0
    return 1.0 + 2.0 * math.sqrt(min(1.0, abs(flow) / steepest))
