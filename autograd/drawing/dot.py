"""From a graph to a picture: choose what to show, and write it as Graphviz source.

`draw` is the story in order: trace the graph, group its nodes, build the scene, write it down.
Cards are HTML-like labels of Graphviz; ids are our own, and every text is quoted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, SupportsIndex

from autograd.engine import Value

from .cards import Card, is_wrong
from .fold import FEW_CARDS, MOST_NODES, around, choose
from .labels import LONGEST_NOTE, LONGEST_TIP, clean, markup, number, tooltip
from .palette import (
    FRAME_FILL,
    FRAME_LINE,
    GREY,
    INK,
    KINDS,
    NEGATIVE,
    POSITIVE,
    RED,
    ZERO,
    fill,
    line_colours,
    width,
)
from .scene import Arrow, Frame, Scene, build, framed
from .subject import read
from .trace import Trace

if TYPE_CHECKING:
    from .render import Picture

MOST_LABELLED_ARROWS = 60
WIDEST = 4.0  # a picture that is wider than so many times its height is turned
SPARSEST = 15.0  # square inches a card; above, many cards are a long staircase nobody can read
FEW = 8  # cards, beside which a legend in one line would be too wide
LEFT, RIGHT, SPAN = 'WIDTH="42"', 'WIDTH="64"', 'COLSPAN="2"'  # the columns of a card


def draw(
    y: Any,
    *,
    depth: int | None = None,
    focus: Value | None = None,
    hops: int = 2,
    max_nodes: int | None = None,
    rankdir: str | None = None,
) -> Picture:
    """Draw what a Value was computed from: values, local derivatives, gradients.

    Args:
        y: a Value; a list of them; a Module, which is drawn as it computes its output from inputs
            x1, x2, ... that are 1; or a compiled function, ``jit(f).lower(2.0)``.
        depth: how many levels of modules to show from inside; 0 makes the model one card. If not
            given, all of them while the graph is small, and as many as can be read when it is not.
            Of a compiled function, levels of loops: each is one card, ``×16``, if it is not given,
            and 2 opens the outermost.
        focus: a Value of the graph; only what is around it is drawn,
        hops: so many arrows away at most.
        max_nodes: draw up to so many cards in full, and refuse to draw more. If not given, that is
            150, and a graph that would be too sparse to read is folded before.
        rankdir: "LR" (inputs at the left), "TB" (at the top), "RL" or "BT"; if not given, what
            suits the graph.

    Returns:
        A graphviz.Digraph: ``.render("y", format="png")``, ``.pipe("svg")``, ``.source``; also
        ``.mermaid()``. Notebooks show it.

    Raises:
        TypeError: if ``y`` is none of these, or an argument is no integer.
        ValueError: if an argument is out of range, or the picture would be too large to read, even
            with modules folded.

    >>> x = Value(3.0, label="x")
    >>> picture = draw(x * x)
    >>> picture.pipe("svg")[:5]
    b'<?xml'
    """
    _check(rankdir, depth=0 if depth is None else depth, hops=hops, max_nodes=max_nodes or 0)
    trace, most = read(y, "draw"), MOST_NODES if max_nodes is None else max_nodes
    if focus is not None:
        return _lay_out(build(trace, around(trace, _position(trace, focus), hops, most)), rankdir)
    scene = build(trace, choose(trace, depth, most))
    picture = _lay_out(scene, rankdir)
    if depth is None and max_nodes is None and _is_sparse(picture, len(scene.cards)):
        picture = _lay_out(build(trace, choose(trace, depth, most, in_full=False)), rankdir)
    return picture


def _check(rankdir: Any, **numbers: Any) -> None:
    if rankdir not in (None, "LR", "TB", "RL", "BT"):
        raise ValueError(
            f'draw: expected rankdir to be "LR", "TB", "RL" or "BT", got {rankdir!r}; '
            "leave it out for what suits the graph"
        )
    for name, n in numbers.items():
        is_integer = isinstance(n, SupportsIndex)
        if not is_integer or n < 0:
            raise (ValueError if is_integer else TypeError)(
                f"draw: expected {name} to be a whole number, 0 or more, got {n!r}; "
                "leave it out for what suits the graph"
            )


def _position(trace: Trace, focus: Value) -> int:
    for i, node in enumerate(trace.nodes):
        if node is focus:
            return i
    raise ValueError(f"draw: expected focus to be a Value of this graph, got {focus!r}")


# ---- Graphviz source ----


def write_dot(scene: Scene, rankdir: str) -> Picture:
    """Write a scene as Graphviz source.

    >>> write_dot(Scene("", []), "LR").source.split()[0]
    'digraph'
    """
    from .render import Picture

    picture = Picture(
        scene=scene,
        graph_attr={
            "rankdir": rankdir, "nodesep": "0.25", "ranksep": "0.45", "pad": "0.2",
            "bgcolor": "white", "fontname": "Helvetica",
            "label": f"<{_legend(scene, rankdir)}>", "labelloc": "b",
        },
        node_attr={"shape": "plain", "fontname": "Helvetica"},
        edge_attr={"fontname": "Helvetica", "fontsize": "10", "arrowsize": "0.7"},
    )  # fmt: skip
    _write_frame(picture, scene, framed(scene.cards), count())
    labelled = sum(arrow.partial is not None for arrow in scene.arrows) <= MOST_LABELLED_ARROWS
    for arrow in scene.arrows:
        _write_arrow(picture, scene, arrow, labelled)
    for i, (at, text) in enumerate(scene.callouts):
        note = _cell(_font(clean(text, LONGEST_NOTE), RED, 11, bold=True), "white")
        picture.node(f"c{i}", label=f"<{_table([note])}>")
        picture.edge(f"c{i}", f"n{at}", color=RED, style="dashed", penwidth="1.5")
    return picture


def _write_frame(graph: Any, scene: Scene, frame: Frame, ids: Iterator[int]) -> None:
    """The cards of a frame, and its inner frames, three deep at most, as clusters."""
    for at in frame.cards:
        card = scene.cards[at]
        graph.node(f"n{at}", label=f"<{_card(card, scene.steepest)}>", tooltip=_tooltip(card.tip))
    for name, inner in frame.frames.items():
        with graph.subgraph(name=f"cluster_{next(ids)}") as cluster:
            cluster.attr(
                label=f"<{_font(clean(name), GREY, 12, bold=True)}>", labeljust="l", labelloc="t",
                style="rounded,filled", color=FRAME_LINE, fillcolor=FRAME_FILL, margin="10",
                tooltip=_tooltip([name]),
            )  # fmt: skip
            _write_frame(cluster, scene, inner, ids)


def _write_arrow(picture: Picture, scene: Scene, arrow: Arrow, labelled: bool) -> None:
    line, ink = (RED, RED) if is_wrong(arrow.partial, arrow.flow) else line_colours(arrow.flow)
    attributes = {"color": line, "penwidth": f"{width(arrow.flow, scene.steepest):.2f}"}
    if arrow.tip:
        attributes |= {"tooltip": _tooltip(arrow.tip), "labeltooltip": _tooltip(arrow.tip)}
    if arrow.partial is not None and labelled:
        text = f"<TD>∂ {number(arrow.partial)}</TD>"  # a table, for the space around it
        label = f"<{_table([text], padding=3)}>"
        attributes |= {"label": label, "fontcolor": ink}
    if arrow.carried:  # it runs against the others
        attributes |= {"style": "dashed", "constraint": "false"}
    tail, head = scene.cards[arrow.tail], scene.cards[arrow.head]
    if tail.frames and head.frames and tail.frames != head.frames and head.kind == "operation":
        attributes["minlen"] = "2"  # room for the leaves of the next module: frames side by side
    picture.edge(f"n{arrow.tail}", f"n{arrow.head}", **attributes)


def _tooltip(lines: Iterable[str]) -> str:
    return tooltip(*(clean(line, LONGEST_TIP) for line in lines))


def _lay_out(scene: Scene, rankdir: str | None) -> Picture:
    """Write a scene in the direction given, else from left to right unless it is far too wide so."""
    if rankdir is not None:
        return write_dot(scene, rankdir)
    picture = write_dot(scene, "LR")
    wide, tall = _size(picture)
    return write_dot(scene, "TB") if wide > WIDEST * tall else picture


def _is_sparse(picture: Picture, cards: int) -> bool:
    """Whether it is many cards on far more paper than they need: long arrows across empty space."""
    return cards > FEW_CARDS and math.prod(_size(picture)) > SPARSEST * cards


def _size(picture: Picture) -> tuple[float, float]:
    """In inches; nothing if nothing here can lay it out."""
    from .render import size

    try:
        return size(picture.source)
    except RuntimeError:
        return 0.0, 0.0


# ---- cards ----


def _card(card: Card, steepest: float) -> str:
    """A card as a table: badge and name; label and number in each row; notes."""
    rows = [_header(clean(card.badge), clean(card.title), *KINDS[card.kind])]
    if card.row is not None:
        rows.append(_row(*card.row, "white"))
    if card.grad_label:
        rows.append(_row(card.grad_label, card.grad_text, fill(card.shade, steepest), bold=True))
    if card.notes:
        notes = "<BR/>".join(_font(clean(note, LONGEST_NOTE), GREY, 8) for note in card.notes)
        rows.append(_cell(notes, "white", SPAN))
    return _table(rows, border=RED if card.is_wrong else KINDS[card.kind][0])


def _header(badge: str, name: str, ink: str, paper: str) -> str:
    dark, light = _font(badge, "white", 12, bold=True), _font(name, ink, 12, bold=True)
    if badge and name:
        return _cell(dark, ink, LEFT) + _cell(light, paper, RIGHT)
    return _cell(dark, ink, SPAN) if badge else _cell(light, paper, SPAN)


def _row(label: str, text: str, paper: str, bold: bool = False) -> str:
    ink = RED if "nan" in text or "inf" in text else INK
    if not label:
        return _cell(_font(text, ink, 10), paper, SPAN)
    # A table of its own: two filled cells side by side would show a seam.
    cells = f'<TD {LEFT} ALIGN="LEFT">{_font(label, INK if bold else GREY, 9)}</TD>'
    cells += f'<TD {RIGHT} ALIGN="RIGHT">{_font(text, ink, 12, bold)}</TD>'
    return _cell(_table([cells]), paper, f'{SPAN} CELLPADDING="0"')


def _table(rows: Iterable[str], padding: int = 4, spacing: int = 0, border: str = "") -> str:
    attributes = f'CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="{padding}"'
    attributes += f' BORDER="2" COLOR="{border}"' if border else ' BORDER="0"'
    return f"<TABLE {attributes}>{''.join(f'<TR>{row}</TR>' for row in rows)}</TABLE>"


def _cell(content: str, paper: str, attributes: str = "") -> str:
    return f'<TD BGCOLOR="{paper}" {attributes}>{content}</TD>'


def _font(text: str, colour: str, size: int, bold: bool = False) -> str:
    text = markup(text) or " "  # Graphviz refuses an empty element
    text = f"<B>{text}</B>" if bold else text
    return f'<FONT COLOR="{colour}" POINT-SIZE="{size}">{text}</FONT>'


# ---- the legend ----


def _legend(scene: Scene, rankdir: str) -> str:
    """Explain what occurs in the picture: in one line below a wide one, else in several."""
    kinds = [kind for kind in KINDS if any(card.kind == kind for card in scene.cards)]
    parts = ["".join(_legend_kind(kind) for kind in kinds)]
    parts += [_legend_cell(remark) for remark in _remarks(scene)]
    if any(card.shade is not None for card in scene.cards):
        parts.append(_legend_scale(clean(scene.goal)))
    cells = [f"<TD>{_table([part], spacing=2)}</TD>" for part in parts]
    stacked = rankdir == "TB" or len(scene.cards) < FEW
    rows = ["".join(cells[:2]), *cells[2:]] if stacked else ["".join(cells)]
    return _table([f"<TD>{_table([row], 0)}</TD>" for row in rows])


def _remarks(scene: Scene) -> Iterator[str]:
    if any(arrow.partial is not None for arrow in scene.arrows):
        yield "∂ on an arrow: local derivative"
    if any(card.count > 1 for card in scene.cards):
        yield "×N: N alike, drawn once"
    if any(arrow.carried for arrow in scene.arrows):
        yield "dashed: to the next round"
    if any(card.grad_label and card.grad is None for card in scene.cards):
        yield "grad –: backward() has not been here"
    if any(card.is_foreign for card in scene.cards):
        yield "grad on white: not from this picture alone"


def _legend_kind(kind: str) -> str:
    ink, paper = KINDS[kind]
    if kind == "operation":
        ink, paper = "white", ink
    return _cell(_font(kind, ink, 10, bold=True), paper)


def _legend_scale(goal: str) -> str:
    shades = [*reversed(NEGATIVE), ZERO, *POSITIVE]
    signs = {0: "−", len(NEGATIVE): "0", len(shades) - 1: "+"}
    cells = [
        _cell(_font(signs.get(i, " "), INK, 10, bold=True), shade, 'WIDTH="18"')
        for i, shade in enumerate(shades)
    ]
    before, after = _legend_cell(f"grad: raising it lowers {goal}"), _legend_cell("raises it")
    return "".join([before, *cells, after])


def _legend_cell(text: str) -> str:
    return _cell(_font(text, GREY, 10), "white")
