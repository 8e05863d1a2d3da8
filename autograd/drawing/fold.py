"""How many cards: every node in full, or modules and equal nodes folded into one card each.

A picture of thousands of cards helps nobody. So a graph is folded until it can be read, and
refused, with its size and the ways out, if that is not enough.

    depth    how many levels of modules are open; the modules below are one card each
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from .cards import Group
from .modules import Path
from .trace import Trace

Key = tuple[Hashable, tuple[int, ...]]  # of a group: the look, and the groups it is made from

MOST_NODES = 150  # drawn in full
PARAMETERS = -1  # stands for any group of them
FEW_CARDS, FEW_ARROWS = 40, 80  # what folding aims at if left alone
WAYS_OUT = (
    "use depth=1 to fold modules, focus=node, hops=2 for what is around one node, "
    "or max_nodes= to draw it anyway"
)


def choose(trace: Trace, depth: int | None = None, most: int = MOST_NODES) -> list[Group]:
    """Group the nodes of a trace so that its picture can be read.

    Args:
        depth: levels of modules to keep open; None to decide by size.
        most: refuse to draw more cards than that.

    Raises:
        ValueError: if even folded there are more.
    """
    cards = len(trace.nodes) + sum(len(trace.constants(i)) for i in range(len(trace.nodes)))
    if depth is None and cards <= most:
        return [Group([i]) for i in range(len(trace.nodes))]
    deepest = max((len(home) for home in trace.homes if home is not None), default=0)
    depths = range(deepest, -1, -1) if depth is None else (depth,)
    ways = (False, True) if trace.homes.count(None) <= most else (True,)
    fewest: list[Group] = []
    for groups in (fold(trace, d, equals) for d in depths for equals in ways):
        if len(groups) <= most and (depth is not None or _is_readable(trace, groups)):
            return groups
        fewest = min(fewest or groups, groups, key=len)
    if len(fewest) > most:
        raise ValueError(
            f"draw: expected at most {most:,} cards, got {len(trace.nodes):,} nodes, which fold to "
            f"{len(fewest):,}; {WAYS_OUT}"
        )
    return fewest


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


def fold(trace: Trace, depth: int, equals: bool) -> list[Group]:
    """Make one group of each module that is ``depth`` levels down, and, if asked, of equal nodes.

    Two nodes are equal if they have the same op and label and are made from the same groups. A node
    made from its own group, and else from what that is made from, goes on with it: a running sum.

    >>> from autograd import Value
    >>> total = sum(Value(x) ** 2 for x in range(100))
    >>> [len(group.nodes) for group in fold(Trace([total]), 0, equals=True)]
    [100, 100, 99, 1]
    """
    groups: list[Group] = []
    keys: list[Key] = []
    at: dict[Key, int] = {}
    group_of: list[int] = []
    for i in range(len(trace.nodes)):
        look, module = _look(trace, i, depth, equals)
        inputs = _inputs(trace, i, group_of) if equals and module is None else ()
        key = next((keys[g] for g in inputs if _goes_on(look, inputs, g, keys)), (look, inputs))
        if key not in at:
            at[key] = len(groups)
            keys.append(key)
            groups.append(Group([], module))
        group_of.append(at[key])
        groups[at[key]].nodes.append(i)
    return groups


def _look(trace: Trace, i: int, depth: int, equals: bool) -> tuple[Hashable, Path | None]:
    """What nodes of one group have in common but for their inputs, and the module if it is one."""
    home = trace.homes[i]
    if home is not None and len(home) >= depth:
        return ("module", home[:depth]), home[:depth]
    return (trace.kind(i), trace.badge(i), trace.nodes[i].label, home) if equals else i, None


def _inputs(trace: Trace, i: int, group_of: Sequence[int]) -> tuple[int, ...]:
    """The groups a node is made from; parameters are all one, so that weight decay is not split."""
    return tuple(
        PARAMETERS if trace.kind(j) == "parameter" else group_of[j] for j in trace.inputs[i]
    )


def _goes_on(look: Hashable, inputs: Sequence[int], group: int, keys: Sequence[Key]) -> bool:
    if group == PARAMETERS or keys[group][0] != look:
        return False
    return {*inputs} <= {group, *keys[group][1]}


def _is_readable(trace: Trace, groups: Sequence[Group]) -> bool:
    if len(groups) > FEW_CARDS:
        return False
    group_of = {i: at for at, group in enumerate(groups) for i in group.nodes}
    arrows = {(group_of[j], at) for i, at in group_of.items() for j in trace.inputs[i]}
    return len(arrows) <= FEW_ARROWS
