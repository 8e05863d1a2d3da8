"""Where cards and arrows go: positions from Graphviz, for whoever draws them by other means.

Boxes of a given size in, coordinates out, in pixels (points, at 72 to the inch) with y downwards.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .dot import WIDEST
from .render import render

LABEL = '<<TABLE BORDER="0" FIXEDSIZE="TRUE" WIDTH="60" HEIGHT="18"><TR><TD></TD></TR></TABLE>>'
SCREEN = 1000  # pixels that are there, however low the layout
Point = tuple[int, int]


@dataclass
class Box:
    """A card to be placed: its size before, its top left corner after."""

    width: int
    height: int
    frames: tuple[int, ...] = ()  # around it, outermost first
    x: int = 0
    y: int = 0


@dataclass
class Line:
    """An arrow to be placed: between which boxes; then its cubic Bezier curves, end to end."""

    tail: int
    head: int
    has_label: bool = False
    carried: bool = False  # it runs against the others
    points: list[Point] = field(default_factory=list)
    label: Point | None = None


@dataclass
class Layout:
    """What `lay_out` found; the frames as (x, y, width, height)."""

    width: int = 0
    height: int = 0
    rankdir: str = "LR"
    frames: dict[int, tuple[int, int, int, int]] = field(default_factory=dict)


def lay_out(boxes: Sequence[Box], lines: Sequence[Line]) -> Layout:
    """Place boxes and lines, from left to right unless that were far too wide.

    Args:
        boxes: whose place is set.
        lines: whose points are set.

    >>> boxes = [Box(100, 50), Box(100, 50)]
    >>> lay_out(boxes, [Line(0, 1)]).rankdir, boxes[0].y == boxes[1].y
    ('LR', True)
    """
    layout = _placed(boxes, lines, "LR")
    too_wide = layout.width > max(WIDEST * layout.height, SCREEN)
    return _placed(boxes, lines, "TB") if too_wide else layout


def _placed(boxes: Sequence[Box], lines: Sequence[Line], rankdir: str) -> Layout:
    drawn = json.loads(render(_source(boxes, lines, rankdir), "json0"))
    left, bottom, right, top = map(float, drawn["bb"].split(","))
    layout = Layout(math.ceil(right - left), math.ceil(top - bottom), rankdir)

    def at(text: str) -> Point:
        x, y = map(float, text.split(","))
        return round(x - left), round(top - y)

    for item in drawn.get("objects", ()):
        kind, number = item["name"][0], int(item["name"].rpartition("_")[2].lstrip("n"))
        if kind == "n":
            x, y = at(item["pos"])
            box = boxes[number]
            box.x, box.y = x - box.width // 2, y - box.height // 2
        else:
            (x0, y1), (x1, y0) = (at(corner) for corner in _corners(item["bb"]))
            layout.frames[number] = (x0, y0, x1 - x0, y1 - y0)
    for item in drawn.get("edges", ()):
        line = lines[int(item["id"])]
        line.points = _curve(item["pos"].split(), at)
        line.label = at(item["lp"]) if line.has_label else None
    return layout


def _corners(bb: str) -> tuple[str, str]:
    numbers = bb.split(",")
    return ",".join(numbers[:2]), ",".join(numbers[2:])


def _curve(pos: list[str], at: Any) -> list[Point]:
    """The control points; the last is where the tip of the arrow's head goes."""
    tip = next((p[2:] for p in pos if p.startswith("e,")), pos[-1])
    return [*(at(p) for p in pos[:-1] if p[0] not in "es"), at(tip)]


def _source(boxes: Sequence[Box], lines: Sequence[Line], rankdir: str) -> str:
    """Graphviz source with nothing in it but sizes: no text of a user's gets here."""
    out = [
        "digraph {",
        f'rankdir={rankdir} nodesep="0.3" ranksep="0.4" pad="0"',
        'node [shape=box fixedsize=true label=""]',
    ]
    for number, box in enumerate(boxes):
        size = f'width="{box.width / 72:.4f}" height="{box.height / 72:.4f}"'
        opened = "".join(
            f'subgraph cluster_{frame} {{ margin=14 label="  " fontsize=16 ' for frame in box.frames
        )
        out.append(f"{opened}n{number} [{size}]{' }' * len(box.frames)}")
    for number, line in enumerate(lines):
        label = f"label={LABEL}" if line.has_label else ""
        free = "constraint=false" if line.carried else ""
        out.append(f"n{line.tail} -> n{line.head} [id={number} {label} {free}]")
    return "\n".join([*out, "}"])
