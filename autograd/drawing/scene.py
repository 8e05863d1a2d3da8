"""What a picture shows, in no picture language yet: cards, arrows, callouts, frames.

`fold.py` says which nodes share a card; `dot.py` and `mermaid.py` write a scene down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .cards import Card, Group, card, constant_card, count, is_looped, is_wrong
from .fold import Foldable
from .labels import number
from .trace import Trace


@dataclass(frozen=True, slots=True)
class Arrow:
    """From the card of an input to the card of what was made from it; None is not known."""

    tail: int
    head: int
    partial: float | None = None
    flow: float | None = None
    tip: tuple[str, ...] = ()
    carried: bool = False  # from each round of a loop to the next


@dataclass
class Scene:
    """Everything in one picture; arrows and callouts (card, text) name cards by position."""

    name: str  # of what is drawn
    cards: list[Card]
    goal: str = "the output"  # what the gradients are of
    arrows: list[Arrow] = field(default_factory=list)
    callouts: list[tuple[int, str]] = field(default_factory=list)

    @property
    def steepest(self) -> float:
        """The largest finite |grad| in colour, for which colours are full; 1 if there is none."""
        shades = [c.shade for c in self.cards if c.shade is not None]
        sizes = [abs(shade) for shade in shades if math.isfinite(shade)]
        return max(sizes, default=0.0) or 1.0


@dataclass
class Frame:
    """The cards right inside one module, and the frames of the modules inside it."""

    cards: list[int] = field(default_factory=list)
    frames: dict[str, Frame] = field(default_factory=dict)


def build(trace: Trace, groups: Sequence[Group]) -> Scene:
    """Make the scene of a trace: a card per group, and one per constant a card is made from.

    >>> from autograd import Value
    >>> scene = build(Trace([Value(3.0) * 2.0]), [Group([0]), Group([1])])
    >>> [card.kind for card in scene.cards], [(a.tail, a.head) for a in scene.arrows]
    (['input', 'output', 'constant'], [(0, 1), (2, 1)])
    """
    cards = [card(trace, group) for group in groups]
    scene = Scene(trace.name, cards, goal=_goal(trace))
    card_of = {i: at for at, group in enumerate(groups) for i in group.nodes}
    for at, group in enumerate(groups):
        if group.is_node:
            _connect_node(scene, trace, group.nodes[0], card_of, groups)
            _note_unseen(scene, trace, group.nodes[0], card_of)
        else:
            _connect_group(scene, trace, at, group, card_of)
    _call_out(scene, trace, card_of)
    return scene


def _goal(trace: Trace) -> str:
    """What grows when something is raised whose grad is positive."""
    begun = [i for i in trace.outputs if trace.grad(i) is not None]
    if any(trace.grad(i) != 1.0 for i in begun):
        return "what backward() began at"  # the output is but an inner node of that
    return (trace.label(begun[0]) if len(begun) == 1 else "the outputs' sum") or "the output"


def framed(cards: Sequence[Card]) -> Frame:
    """Sort cards into frames; the outermost one is the whole picture."""
    picture = Frame()
    for at, item in enumerate(cards):
        frame = picture
        for name in item.frames:
            frame = frame.frames.setdefault(name, Frame())
        frame.cards.append(at)
    return picture


def _connect_node(
    scene: Scene, trace: Trace, i: int, card_of: dict[int, int], groups: Sequence[Group]
) -> None:
    """Add an arrow per input of a node, with its local derivative where the input is a node too."""
    head = card_of[i]
    seen = [(place, card_of[j]) for place, j in trace.places[i] if j in card_of]
    scene.arrows += [
        Arrow(tail, head)
        for tail in dict.fromkeys(tail for _, tail in seen if not groups[tail].is_node)
    ]
    for place, tail in seen:
        if groups[tail].is_node:
            partial, flow = trace.partial(i, place), trace.flow(i, place)
            scene.arrows.append(Arrow(tail, head, partial, flow, _arrow_tip(trace, i, place)))
    for constant in trace.constants(i):
        _add_constants(scene, [constant], head)


def _connect_group(
    scene: Scene, trace: Trace, head: int, group: Group, card_of: dict[int, int]
) -> None:
    """Add one arrow per card that a group is made from, and one card for all its constants."""
    carried: dict[int, bool] = {}  # by tail
    for i in group.nodes:
        for j in trace.inputs[i]:
            tail, is_carried = card_of[j], trace.is_carried(j, i)
            if tail != head or (is_carried and group.module is None):
                carried[tail] = carried.get(tail, True) and is_carried
    scene.arrows += [Arrow(tail, head, carried=carried[tail]) for tail in carried]
    shown = [i for i in group.nodes if shows_numbers(trace, group, i)]
    constants = [x for i in shown for x in trace.constants(i)]
    if constants:
        _add_constants(scene, constants, head, is_looped(trace.instruction, group))


def shows_numbers(trace: Foldable, group: Group, i: int) -> bool:
    """Of a module only the numbers that meet a parameter: data, not a slope or the 0 of a sum.

    >>> from autograd import Value
    >>> trace = Trace([Value(3.0) * 2.0])
    >>> shows_numbers(trace, Group([1]), 1), shows_numbers(trace, Group([1], ("cell",)), 1)
    (True, False)
    """
    return group.module is None or any(trace.kind(j) == "parameter" for j in trace.inputs[i])


def _add_constants(scene: Scene, values: Sequence[float], head: int, looped: bool = False) -> None:
    scene.arrows.append(Arrow(len(scene.cards), head))
    scene.cards.append(constant_card(values, scene.cards[head].frames, looped))


def _arrow_tip(trace: Trace, i: int, place: int) -> tuple[str, ...]:
    local = f"∂ {trace.partial(i, place)!r}: derivative of {trace.formula(i)} by input {place + 1}"
    flow = trace.flow(i, place)
    return (local,) if flow is None else (local, f"{flow!r} flows back along this arrow")


def _note_unseen(scene: Scene, trace: Trace, i: int, card_of: dict[int, int]) -> None:
    """Say on a card how many of its arrows are missing from the picture."""
    near = {"input": trace.inputs[i], "use": [user for user, _ in trace.uses[i]]}
    unseen = {what: sum(j not in card_of for j in nodes) for what, nodes in near.items()}
    if any(unseen.values()):
        note = "not drawn: " + ", ".join(count(n, what) for what, n in unseen.items() if n)
        at = card_of[i]
        scene.cards[at] = replace(scene.cards[at], notes=(*scene.cards[at].notes, note))


def _call_out(scene: Scene, trace: Trace, card_of: dict[int, int]) -> None:
    """Point at where a nan or inf began."""
    began = where_wrong_began(trace, [trace.grad(i) for i in range(len(trace.nodes))])
    if began is not None and began[0] in card_of:
        scene.callouts.append((card_of[began[0]], began[1]))


def where_wrong_began(trace: Trace, grads: Sequence[float | None]) -> tuple[int, str] | None:
    """Find the first value that is nan or infinite, else the first such grad going back.

    >>> from autograd import Value, log
    >>> where_wrong_began(Trace([log(Value(0.0, label="x"))]), [None, None])
    (1, 'log(x) = −inf')
    """
    positions = range(len(trace.nodes))
    value = next((i for i in positions if is_wrong(trace.nodes[i].data)), None)
    if value is not None:
        made = "given " if trace.nodes[value].op is None else f"{trace.formula(value)} = "
        return value, made + number(trace.nodes[value].data)
    grad = next((i for i in reversed(positions) if is_wrong(grads[i])), None)
    return None if grad is None else (grad, f"the first {grads[grad]} going back")
