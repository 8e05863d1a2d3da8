"""Nodes that no view of a page tells apart, as one: a graph of 65,000 nodes has some 700 classes.

Nodes are of one class if they are equal but for their numbers, and in modules also made from the same
parameters: what a hundred calls of a module do at one place of it is a class of a hundred nodes.
"""

from __future__ import annotations

from .cards import Group
from .fold import ALONE, MOST_NODES, SAME_KINDS, SAME_LABELS, SAME_STEMS, fold, least_alike
from .trace import Trace

MOST_CLASSES = 20_000  # above, labels are not told apart


class Classes:
    """A trace in which every class is one node: what `fold` groups when nodes are many.

    Args:
        trace: the graph.
        are_nodes: whether each node is a class of its own; if not given, where they are few.
    """

    def __init__(self, trace: Trace, are_nodes: bool = False) -> None:
        self.trace, self.is_program = trace, trace.is_program
        is_small = len(trace.nodes) + _constants(trace) <= MOST_NODES
        self.are_nodes = are_nodes or (is_small and not trace.is_program)
        ways = [ALONE] if self.are_nodes else [SAME_LABELS, SAME_STEMS, SAME_KINDS]
        if trace.is_program and not self.are_nodes:
            ways = [way for way in ways if way >= least_alike(trace)]
        self.members: list[list[int]] = []
        for way in ways:
            groups = fold(trace, lambda home: None, way, by_parameter=True)
            self.members = [group.nodes for group in groups]
            if len(self.members) <= MOST_CLASSES:
                break
        self.of = {i: c for c, members in enumerate(self.members) for i in members}
        self.first = [members[0] for members in self.members]
        self.homes = [trace.homes[i] for i in self.first]
        self.outputs = {self.of[i] for i in trace.outputs}
        self.inputs = [[self.of[j] for j in trace.inputs[i]] for i in self.first]
        self.nodes = [trace.nodes[i] for i in self.first]
        self.instruction = [trace.instruction[i] for i in self.first]
        self.numbers = [[x for i in each for x in trace.constants(i)] for each in self.members]

    def kind(self, c: int) -> str:
        return self.trace.kind(self.first[c])

    def badge(self, c: int) -> str:
        return self.trace.badge(self.first[c])

    def label(self, c: int) -> str:
        return self.trace.label(self.first[c])

    def nodes_of(self, group: Group) -> list[int]:
        """The nodes of a group of classes, oldest first."""
        return sorted(i for c in group.nodes for i in self.members[c])


def _constants(trace: Trace) -> int:
    return sum(len(trace.constants(i)) for i in range(len(trace.nodes)))
