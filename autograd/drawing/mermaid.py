"""A scene as Mermaid text: a flowchart that GitHub, GitLab and others draw inside Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from .cards import Card
from .labels import LONGEST_NOTE, clean, mermaid_text, number
from .palette import INK, KINDS, RED, WRONG, line_colours, width
from .scene import Frame, Scene, framed


def write_mermaid(scene: Scene, direction: str = "LR") -> str:
    """Write a scene as a Mermaid flowchart.

    >>> from .cards import Card
    >>> print(write_mermaid(Scene("", [Card("input", name="x", row=("value", "2"))])))
    flowchart LR
        n0["x<br/>value 2<br/>grad –"]:::input
        classDef input fill:#dbeafe,stroke:#1d4ed8,color:#1f2933
    """
    lines = [f"flowchart {direction}"]
    lines += _framed(scene.cards, framed(scene.cards), "    ", count())
    for arrow in scene.arrows:
        label = "" if arrow.partial is None else f'|"{mermaid_text(f"∂ {number(arrow.partial)}")}"|'
        line = "-.->" if arrow.carried else "-->"
        lines.append(f"    n{arrow.tail} {line}{label} n{arrow.head}")
    for i, (at, text) in enumerate(scene.callouts):
        lines.append(f'    c{i}["{mermaid_text(clean(text, LONGEST_NOTE))}"]:::callout -.-> n{at}')
    lines += _styles(scene)
    return "\n".join(lines)


def _framed(cards: list[Card], frame: Frame, indent: str, ids: Iterator[int]) -> Iterator[str]:
    """The cards of a frame, and its inner frames, three deep at most, as subgraphs."""
    for at in frame.cards:
        yield f'{indent}n{at}["{_text(cards[at])}"]:::{cards[at].kind}'
    for name, inner in frame.frames.items():
        yield f'{indent}subgraph f{next(ids)}["{mermaid_text(clean(name))}"]'
        yield from _framed(cards, inner, indent + "    ", ids)
        yield f"{indent}end"


def _text(card: Card) -> str:
    lines = [" ".join(filter(None, (clean(card.badge), clean(card.title))))]
    if card.row is not None:
        lines.append(" ".join(card.row).strip())
    if card.grad_label:
        lines.append(f"{card.grad_label} {card.grad_text}")
    return "<br/>".join(mermaid_text(line) for line in (*lines, *card.notes))


def _styles(scene: Scene) -> Iterator[str]:
    for kind in dict.fromkeys(card.kind for card in scene.cards):
        ink, fill = KINDS[kind]
        yield f"    classDef {kind} fill:{fill},stroke:{ink},color:{INK}"
    if scene.callouts:
        yield f"    classDef callout fill:{WRONG},stroke:{RED},color:{RED}"
    for i, arrow in enumerate(scene.arrows):
        if arrow.flow is not None:
            line, wide = line_colours(arrow.flow)[0], width(arrow.flow, scene.steepest)
            yield f"    linkStyle {i} stroke:{line},stroke-width:{wide:.1f}px"
