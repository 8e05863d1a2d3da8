"""How many cards: every node in full, or modules and equal nodes folded into one card each.

A picture of thousands of cards helps nobody. So a graph is folded until it can be read, and
refused, with its size and the ways out, if that is not enough.

    depth    how many levels of modules are open; the modules below are one card each
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Protocol

from autograd.engine import Value

from .cards import Group
from .labels import stem, unnumbered
from .modules import Path
from .trace import Trace

Key = tuple[Hashable, tuple[int, ...]]  # of a group: the look, and the groups it is made from

MOST_NODES = 150  # drawn in full
PARAMETERS = -1  # stands for any group of them
FEW_LEAVES = 12  # of a program with loops: each gets a card
FEW_CARDS, FEW_ARROWS = 40, 80  # what folding aims at if left alone
ALONE, SAME_LABELS, SAME_STEMS, SAME_KINDS = range(4)  # which nodes of one op count as equal


class Foldable(Protocol):
    """What `fold` asks of a graph; a `Trace` is one, and so is a graph of classes of nodes."""

    @property
    def homes(self) -> Sequence[Path | None]: ...
    @property
    def outputs(self) -> Collection[int]: ...
    @property
    def inputs(self) -> Sequence[Sequence[int]]: ...
    @property
    def nodes(self) -> Sequence[Value]: ...
    @property
    def instruction(self) -> Sequence[int | None]: ...
    @property
    def is_program(self) -> bool: ...
    def kind(self, i: int, /) -> str: ...
    def badge(self, i: int, /) -> str: ...
    def label(self, i: int, /) -> str: ...


def choose(
    trace: Trace, depth: int | None = None, most: int = MOST_NODES, in_full: bool = True
) -> list[Group]:
    """Group the nodes of a trace so that its picture can be read.

    Args:
        depth: levels of modules to keep open; None to decide by size: of a program no loop.
        most: refuse to draw more cards than that.
        in_full: whether a graph of no more cards than that may stay as it is.

    Raises:
        ValueError: if even folded there are more.
    """
    cards = len(trace.nodes) + sum(len(trace.constants(i)) for i in range(len(trace.nodes)))
    if depth is None and in_full and cards <= most and not trace.is_program:
        return [Group([i]) for i in range(len(trace.nodes))]
    deepest = max((len(home) for home in trace.homes if home is not None), default=-1)
    shown = 1 if trace.is_program else max(deepest, 0)
    depths = range(shown, -1, -1) if depth is None else (depth,)
    ways = range(ALONE if trace.homes.count(None) <= most else SAME_LABELS, SAME_KINDS + 1)
    if trace.is_program:
        ways = range(least_alike(trace), SAME_KINDS + 1)
    fewest: list[Group] = []
    for groups in (fold(trace, levels(d), alike) for d in depths for alike in ways):
        if len(groups) <= most and (depth is not None or is_readable(trace, groups)):
            return groups
        fewest = min(fewest or groups, groups, key=len)
    if len(fewest) > most:
        opened = min(depth or 0, deepest + 1)
        deeper = f"depth={opened - 1} to fold more modules, " if opened else ""
        raise ValueError(
            f"draw: expected at most {most:,} cards, got {len(trace.nodes):,} nodes, which fold to "
            f"{len(fewest):,}; use {deeper}focus=node, hops=2 for what is around one node, or "
            f"max_nodes={len(fewest)} to draw it anyway"
        )
    return fewest


def least_alike(trace: Trace) -> int:
    """How leaves of a program are told apart: many of one name are one."""
    leaves = sum(node.op is None for node in trace.nodes)
    return SAME_LABELS if leaves <= FEW_LEAVES else SAME_STEMS


def around(trace: Trace, focus: int, hops: int, most: int = MOST_NODES) -> list[Group]:
    """Group the nodes at most ``hops`` arrows away from one node, each by itself.

    Raises:
        ValueError: if there are more than ``most``.
    """
    near = ring = {focus}
    for _ in range(hops):
        users = {user for i in ring for user, _ in trace.uses[i]}
        ring = users.union(*(trace.inputs[i] for i in ring)) - near
        near = near | ring
    if len(near) > most:
        raise ValueError(
            f"draw: expected at most {most:,} nodes around the focus, got {len(near):,}; "
            f"use fewer hops than {hops}, or max_nodes={len(near)}"
        )
    return [Group([i]) for i in sorted(near)]


def levels(depth: int) -> Callable[[Path], Path | None]:
    """Return what keeps ``depth`` levels of modules open: from a home to where it is folded.

    >>> list(map(levels(1), [(), ("layers.0",), ("layers.0", "neurons.3")]))
    [None, ('layers.0',), ('layers.0',)]
    """
    return lambda home: home[:depth] if len(home) >= depth else None


def fold(
    trace: Foldable,
    folded_into: Callable[[Path], Path | None],
    alike: int,
    alike_inside: int | None = None,
    *,
    by_parameter: bool = False,
) -> list[Group]:
    """Make one group of each folded module, and, if asked, of equal nodes.

    Two nodes are equal if they have the same op and label and are made from the same groups; labels
    may differ by the numbers at their ends for SAME_STEMS, and those of leaves in any way for
    SAME_KINDS. A node made from its own group, and else from what that is made from, goes on with
    it: a running sum. An output always stays outside of a folded module: its value is what one
    looks for. In loops of a program, nodes are equal if they come from the same instruction.

    Args:
        folded_into: from the home of a node to the module whose card it is in; None: a card of its own.
        alike: which nodes count as equal.
        alike_inside: the same for nodes of modules, where it differs.
        by_parameter: whether nodes made from different parameters are different.

    >>> from autograd import Value
    >>> total = sum(Value(x) ** 2 for x in range(100))
    >>> [len(group.nodes) for group in fold(Trace([total]), levels(0), SAME_LABELS)]
    [100, 100, 99, 1]
    """
    alike_inside = alike if alike_inside is None else alike_inside
    groups: list[Group] = []
    keys: list[Key] = []
    at: dict[Key, int] = {}
    group_of: list[int] = []
    known = {home: folded_into(home) for home in {*trace.homes} if home is not None}
    for i, home in enumerate(trace.homes):
        folded = None if home is None else known[home]
        apart = folded is not None and i in trace.outputs
        module = None if apart else folded
        way = alike if home is None else alike_inside
        look = _look(trace, i, None if apart else home, way) if module is None else module
        is_shared = way and module is None and trace.instruction[i] is None
        inputs = _inputs(trace, i, group_of, by_parameter) if is_shared else ()
        key = next((keys[g] for g in inputs if _goes_on(look, inputs, g, keys)), (look, inputs))
        if key not in at:
            at[key] = len(groups)
            keys.append(key)
            groups.append(Group([], module, apart))
        group_of.append(at[key])
        groups[at[key]].nodes.append(i)
    return groups


def _look(trace: Foldable, i: int, home: Path | None, alike: int) -> Hashable:
    """What nodes of one group have in common but for their inputs."""
    if trace.instruction[i] is not None:
        return trace.kind(i), trace.instruction[i]
    if alike == ALONE:
        return i
    short = unnumbered if trace.is_program else stem
    label = trace.label(i) if alike == SAME_LABELS else short(trace.label(i))
    if alike == SAME_KINDS and trace.nodes[i].op is None:
        label = ""
    return trace.kind(i), trace.badge(i), label, home


def _inputs(
    trace: Foldable, i: int, group_of: Sequence[int], by_parameter: bool
) -> tuple[int, ...]:
    """The groups a node is made from; parameters are one, or weight decay would be split."""
    if by_parameter:
        return tuple(group_of[j] for j in trace.inputs[i])
    return tuple(
        PARAMETERS if trace.kind(j) == "parameter" else group_of[j] for j in trace.inputs[i]
    )


def _goes_on(look: Hashable, inputs: Sequence[int], group: int, keys: Sequence[Key]) -> bool:
    if group == PARAMETERS or keys[group][0] != look:
        return False
    return {*inputs} <= {group, *keys[group][1]}


def is_readable(trace: Foldable, groups: Sequence[Group]) -> bool:
    """Say whether a picture of these cards can be read."""
    if len(groups) > FEW_CARDS:
        return False
    group_of = {i: at for at, group in enumerate(groups) for i in group.nodes}
    arrows = {(group_of[j], at) for i, at in group_of.items() for j in trace.inputs[i]}
    return len(arrows) <= FEW_ARROWS
