"""The cards of a picture, in no picture language yet: what each says about one node, or a group.

A group is what one card stands for: a node, nodes that are equal but for their numbers, a module.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .labels import number, stem, unnumbered
from .modules import Path, steps
from .trace import Trace

DEEPEST_FRAME = 3
MOST_TERMS = 3


@dataclass(frozen=True, slots=True)
class Group:
    """The nodes that one card stands for; ``module`` is set if it is a whole module.

    ``apart`` are outputs of a module that is one card itself: they are drawn outside of its frames.
    """

    nodes: list[int]
    module: Path | None = None
    apart: bool = False

    @property
    def is_node(self) -> bool:
        """Whether it is one node, drawn as itself."""
        return len(self.nodes) == 1 and self.module is None


@dataclass(frozen=True, slots=True)
class Card:
    """One box: a header with badge and name, a row of (label, text), the gradient, notes below."""

    kind: str  # input, parameter, operation, output, constant, module or loop
    badge: str = ""
    name: str = ""
    count: int = 1  # how many it stands for, or how often it was called
    row: tuple[str, str] | None = None
    grad: float | None = None
    grad_label: str = "grad"  # "": it has no such row
    notes: tuple[str, ...] = ()
    frames: Path = ()  # the modules around it, outermost first
    tip: tuple[str, ...] = ()
    is_wrong: bool = False  # it holds a nan or inf
    is_foreign: bool = False  # the grad is not, or not only, what this picture's outputs send back

    @property
    def title(self) -> str:
        """The name, and the count if there is one."""
        return f"{self.name} ×{self.count:,}".strip() if self.count > 1 else self.name

    @property
    def grad_text(self) -> str:
        """The gradient as printed: never a 0 where no backward pass has been."""
        return "–" if self.grad is None else number(self.grad, signed=True)

    @property
    def shade(self) -> float | None:
        """The gradient that the colour shows."""
        return None if self.is_foreign else self.grad


def card(trace: Trace, group: Group) -> Card:
    """Make the card of a group."""
    if group.module is not None:
        return _module_card(trace, group, group.module)
    return _node_card(trace, group) if group.is_node else _equals_card(trace, group)


def is_looped(instruction: Sequence[int | None], group: Group) -> bool:
    """Say whether a card stands for an instruction in loops, whose frames say how often it runs."""
    is_inside = group.module is None and not group.apart
    return is_inside and instruction[group.nodes[0]] is not None


def constant_card(values: Sequence[float], frames: Path, looped: bool = False) -> Card:
    """Make the card of the numbers that another card is made from.

    If that is ``looped``, it does not say how often.

    >>> constant_card([2.0], ()).name, constant_card([1.0, 2.0], ()).name
    ('2', 'numbers')
    """
    distinct = list(dict.fromkeys(values))
    return Card(
        kind="constant",
        name=number(values[0]) if len(distinct) == 1 else "numbers",
        count=1 if looped and len(distinct) == 1 else len(values),
        grad_label="",
        frames=frames,
        tip=("constant " + ", ".join(map(repr, distinct[:4])) + ", …" * (len(distinct) > 4),),
        is_wrong=is_wrong(*values),
    )


def is_wrong(*numbers: float | None) -> bool:
    """Say whether one of them is nan or infinite."""
    return not all(x is None or math.isfinite(x) for x in numbers)


def count(n: int, what: str) -> str:
    """Count things.

    >>> count(1, "op"), count(1200, "op")
    ('1 op', '1,200 ops')
    """
    return f"{n:,} {what}{'s' * (n != 1)}"


@dataclass(frozen=True, slots=True)
class Heading:
    """What a card is, before any of its numbers."""

    kind: str
    badge: str = ""
    name: str = ""
    count: int = 1
    size: str = ""  # of a module: how much is inside


def heading(trace: Trace, group: Group) -> Heading:
    """Say what the card of a group is.

    >>> from autograd import Value
    >>> trace = Trace([Value(2.0, label="x1") * Value(3.0, label="x2")])
    >>> heading(trace, Group([0, 1])), heading(trace, Group([2])).badge
    (Heading(kind='input', badge='', name='x', count=2, size=''), '×')
    """
    if group.module is not None:
        return _module_heading(trace, group, group.module)
    first = group.nodes[0]
    badge, kind = trace.badge(first), trace.kind(first)
    if group.is_node:
        return Heading(kind, badge, _name(trace, first))
    short = unnumbered if trace.is_program else stem
    name = _common_name([_name(trace, i) for i in group.nodes], short) or ("" if badge else kind)
    return Heading(kind, badge, name, len(group.nodes))


def _module_heading(trace: Trace, group: Group, module: Path) -> Heading:
    if trace.is_program and module:
        return Heading("loop", "", module[-1], 1, _loop_size(trace, group, module))
    ops = _ops_inside(trace, group, module)
    parameters = sum(trace.kind(i) == "parameter" for i in group.nodes)
    inside = [n for home, n in trace.calls.items() if home[: len(module)] == module]
    calls = trace.calls[module] or max(inside, default=1)
    each = count(ops // calls, "op") if ops % calls == 0 else f"{count(ops, 'op')} in all"
    size = f"{each}, {count(parameters, 'parameter')}"
    return Heading("module", "", module[-1] if module else trace.title, calls, size)


def _loop_size(trace: Trace, group: Group, loop: Path) -> str:
    """How many instructions a loop has, and on which lines."""
    nodes = [*group.nodes, *(i for i in trace.outputs if _is_in(trace, i, loop))]
    ops = count(len({trace.instruction[i] for i in nodes}), "op")
    lines = {line for i in nodes if (line := trace.lines.get(trace.made[i]))}
    if len({file for file, _ in lines}) != 1:
        return ops
    first, last = min(lines)[1], max(lines)[1]
    return f"{ops}, line {first}" if first == last else f"{ops}, lines {first}–{last}"


def _ops_inside(trace: Trace, group: Group, module: Path) -> int:
    ends = [i for i in trace.outputs if _is_in(trace, i, module)]  # these have cards of their own
    return sum(trace.nodes[i].op is not None for i in (*group.nodes, *ends))


def _node_card(trace: Trace, group: Group) -> Card:
    i = group.nodes[0]
    node, grad, foreign = trace.nodes[i], trace.grad(i), _foreign(trace, group)
    stale = ("older than its inputs",) if trace.is_stale(i) else ()
    head = heading(trace, group)
    return Card(
        kind=head.kind,
        badge=head.badge,
        name=head.name,
        row=("value", number(node.data)),
        grad=grad,
        notes=(foreign or _sum_over_uses(trace, i)) + stale,
        frames=_home_frames(trace, group),
        tip=_tip(trace, i),
        is_wrong=is_wrong(node.data, grad),
        is_foreign=bool(foreign),
    )


def _module_card(trace: Trace, group: Group, module: Path) -> Card:
    head, grad, foreign = heading(trace, group), _largest_grad(trace, group), _foreign(trace, group)
    calls = f"{count(head.count, 'call')}, {count(_ops_inside(trace, group, module), 'op')} in all"
    return Card(
        kind=head.kind,
        name=head.name,
        count=head.count,
        row=("", head.size),
        grad=grad,
        grad_label="largest grad",
        notes=foreign,
        frames=_frames(trace, module[:-1] if module else None),
        tip=(
            ".".join(module) or trace.title,
            count(len(group.nodes), "node") if head.kind == "loop" else calls,
        ),
        is_wrong=is_wrong(grad, *(trace.nodes[i].data for i in group.nodes)),
        is_foreign=bool(foreign),
    )


def _equals_card(trace: Trace, group: Group) -> Card:
    """The card of many nodes that are equal but for their numbers."""
    values = [trace.nodes[i].data for i in group.nodes]
    ordered = sorted(x for x in values if not math.isnan(x)) or [math.nan]
    ends = dict.fromkeys([number(ordered[0]), number(ordered[-1])])
    head, grad, foreign = heading(trace, group), _largest_grad(trace, group), _foreign(trace, group)
    return Card(
        kind=head.kind,
        badge=head.badge,
        name=head.name,
        count=1 if is_looped(trace.instruction, group) else head.count,
        row=("values", " … ".join(ends)),
        grad=grad,
        grad_label="largest grad",
        notes=foreign,
        frames=_home_frames(trace, group),
        tip=(f"{head.count:,} times {head.badge or head.kind}",),
        is_wrong=is_wrong(grad, *values),
        is_foreign=bool(foreign),
    )


def _name(trace: Trace, i: int) -> str:
    """The label; of a parameter, what its frames do not say; of a leaf, at least its kind."""
    label = trace.label(i)
    if trace.kind(i) == "parameter":
        said = len(_frames(trace, trace.homes[i])) - len(trace.outermost)
        return ".".join(steps(label)[said:])
    return label or ("input" if trace.nodes[i].op is None else "")


def _common_name(names: list[str], short: Callable[[str], str] = stem) -> str:
    """The name that all have, at least but for the numbers at their ends; else none.

    >>> _common_name(["x1", "x2"]), _common_name(["x1", "y1"])
    ('x', '')
    """
    for form in (str, short):
        if len(forms := {form(name) for name in names}) == 1:
            return forms.pop()
    return ""


def _is_in(trace: Trace, i: int, module: Path) -> bool:
    home = trace.homes[i]
    return home is not None and home[: len(module)] == module


def _home_frames(trace: Trace, group: Group) -> Path:
    return () if group.apart else _frames(trace, trace.homes[group.nodes[0]])


def _frames(trace: Trace, home: Path | None) -> Path:
    """The modules that are drawn around a node, outermost first."""
    return () if home is None else (trace.outermost + home)[:DEEPEST_FRAME]


def _foreign(trace: Trace, group: Group) -> tuple[str, ...]:
    """Say of a grad that this picture's outputs did not send where it may have come from."""
    i = next(filter(trace.is_foreign, group.nodes), None)
    if i is None:
        return ()
    if trace.has_stale:
        return ("of older numbers",)
    if trace.nodes[i].op is None and trace.arriving(i):
        return ("accumulated, or assigned",)
    return ("from another backward()",)


def _sum_over_uses(trace: Trace, i: int) -> tuple[str, ...]:
    """Show a grad as the sum it is, if it is one: what came back from each use."""
    terms = trace.arriving(i)
    if trace.grad(i) is None or i in trace.outputs or not 2 <= len(terms) == len(trace.uses[i]):
        return ()
    uses = f"sum over {len(terms)} uses"
    if len(terms) > MOST_TERMS:
        return (uses,)
    added = [f"{'−' if term < 0.0 else '+'} {number(abs(term))}" for term in terms[1:]]
    return (f"= {' '.join([number(terms[0]), *added])}", uses)


def _tip(trace: Trace, i: int) -> tuple[str, ...]:
    """What the card has no room for: the whole label, what it was made from, all digits."""
    node, grad = trace.nodes[i], trace.grad(i)
    made = "" if node.op is None else f" = {trace.formula(i)}"
    return (
        f"{trace.label(i) or trace.kind(i)}{made}",
        f"value {node.data!r}",
        "no backward pass has been here" if grad is None else f"grad {grad!r}",
    )


def _largest_grad(trace: Trace, group: Group) -> float | None:
    """The grad that is largest in size, with its sign; a nan is larger than any."""
    grads = [grad for grad in map(trace.grad, group.nodes) if grad is not None]
    return max(grads, key=lambda g: math.inf if math.isnan(g) else abs(g), default=None)
