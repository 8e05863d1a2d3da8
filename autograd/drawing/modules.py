"""Which module a node belongs to, read off the paths that Modules give their parameters as labels.

A graph does not say where a module begins and ends; its parameters do. One *call* of a module uses
each of them once: an op that a parameter feeds begins a call, calls that meet become one unless both
have used the same parameter, and a call is over one op (its activation) after its last parameter.

    path    ``layers.0.neurons.3.w1`` is parameter ``w1`` of module ``("layers.0", "neurons.3")``
    home    the module of a node; () is the model itself, None is outside of all modules
    fed     made from a parameter and something else
    pure    made of parameters only, as the squares of weight decay: outside of all modules
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import takewhile

from autograd.engine import ParameterPath, Value

Path = tuple[str, ...]
Inputs = Sequence[Sequence[int]]  # of every node, the positions of the Values it was made from


def steps(label: str) -> Path:
    """Split a path; an index stays with the list it is for.

    >>> steps("layers.0.neurons.3.w1")
    ('layers.0', 'neurons.3', 'w1')
    """
    path: list[str] = []
    for part in label.split("."):
        if part.isdigit() and path:
            path[-1] += "." + part
        else:
            path.append(part)
    return tuple(path)


def is_parameter(node: Value) -> bool:
    """Say whether this is a leaf that a Module labelled as its parameter.

    >>> is_parameter(Value(1.0, label=ParameterPath("w"))), is_parameter(Value(1.0, label="w"))
    (True, False)
    """
    return node.op is None and isinstance(node.label, ParameterPath)


def find_homes(nodes: Sequence[Value], inputs: Inputs) -> tuple[list[Path | None], Counter[Path]]:
    """Find the home of every node of a graph, oldest first, and how often each module was called.

    >>> w, x = Value(2.0, label=ParameterPath("cell.w")), Value(1.0, label="x")
    >>> find_homes([w, x, w * x], [[], [], [0, 1]])
    ([('cell',), None, ('cell',)], Counter({('cell',): 1}))
    """
    search = _Search(nodes, inputs)
    if not search.parameters:
        return search.homes, Counter()
    for i, node in enumerate(nodes):
        if search.fed[i]:
            search.begin_call(i)
        elif node.op is not None and not search.pure[i]:
            search.continue_call(i, with_numbers=len(node.inputs) > len(inputs[i]))
    calls = {search.top(i) for i, v in enumerate(nodes) if v.op is not None and not search.pure[i]}
    homes = [search.homes[i] for i in calls]
    return search.homes, Counter(home for home in homes if home is not None)


class _Search:
    """The state of `find_homes`. A call is known by one of its nodes; `call` leads there by steps."""

    def __init__(self, nodes: Sequence[Value], inputs: Inputs) -> None:
        self.inputs = inputs
        self.is_parameter = [is_parameter(node) for node in nodes]
        self.homes: list[Path | None] = [
            steps(node.label)[:-1] if is_parameter(node) else None for node in nodes
        ]
        self.pure = _pure(nodes, inputs, self.is_parameter)
        self.fed = [
            not pure and any(self.is_parameter[j] for j in made_from)
            for pure, made_from in zip(self.pure, inputs)
        ]
        self.leads_on = _leading_to(self.fed, inputs)
        self.call = list(range(len(nodes)))
        self.is_late = [False] * len(nodes)  # made when its call had used its last parameter
        self.parameters: Counter[Path] = Counter()  # how many each module has
        self.used = [0] * len(nodes)  # by a call, of its module's parameters, as bits
        for i, home in enumerate(self.homes):
            if home is not None:
                self.used[i] = 1 << self.parameters[home]
                self.parameters[home] += 1

    def begin_call(self, i: int) -> None:
        """Node i is fed by parameters: it belongs to their module, in one call with what fits."""
        feeding = [j for j in set(self.inputs[i]) if self.is_parameter[j]]
        home = _common([path for path in (self.homes[j] for j in feeding) if path is not None])
        if not home and home not in self.parameters:
            return  # parameters of unrelated modules
        self.homes[i] = home
        self.used[i] = sum(self.used[j] for j in feeding if self.homes[j] == home)
        for j in self.inputs[i]:
            if self.homes[j] == home and not self.is_parameter[j]:
                self.join(i, j)

    def continue_call(self, i: int, with_numbers: bool) -> None:
        """Node i belongs to the module of its inputs, if they are of one call that is not over."""
        first, *others = self.inputs[i]
        home = self.homes[first]
        if home is None or any(self.homes[j] != home for j in others):
            return
        is_late = self.used[self.top(first)] == (1 << self.parameters[home]) - 1
        over = is_late and (with_numbers or any(self.is_late[j] for j in self.inputs[i]))
        if (self.leads_on[i] or not over) and all(self.join(first, j) for j in others):
            self.homes[i], self.call[i], self.is_late[i] = home, self.top(first), is_late

    def top(self, i: int) -> int:
        """The node that the call of node i is known by."""
        while self.call[i] != i:
            self.call[i] = self.call[self.call[i]]
            i = self.call[i]
        return i

    def join(self, i: int, j: int) -> bool:
        """Make the calls of two nodes one, unless a parameter would then be used twice in it."""
        a, b = self.top(i), self.top(j)
        if a != b and self.used[a] & self.used[b]:
            return False
        self.call[a] = b
        self.used[b] |= self.used[a]
        return True


def _common(paths: Sequence[Path]) -> Path:
    """The module that all of these are in."""
    return tuple(names[0] for names in takewhile(lambda names: len({*names}) == 1, zip(*paths)))


def _pure(nodes: Sequence[Value], inputs: Inputs, is_parameter: Sequence[bool]) -> list[bool]:
    """Mark what is made of parameters only. A parameter and a number: that is data, but for w**2."""
    pure: list[bool] = []
    for node, made_from in zip(nodes, inputs):
        on_data = len(node.inputs) > len(made_from) and any(is_parameter[j] for j in made_from)
        is_power = node.op is not None and node.op.name == "pow"
        only = bool(made_from) and all(is_parameter[j] or pure[j] for j in made_from)
        pure.append(only and (is_power or not on_data))
    return pure


def _leading_to(targets: Sequence[bool], inputs: Inputs) -> list[bool]:
    """Mark the nodes that some target was made from."""
    leads = [False] * len(inputs)
    for i in reversed(range(len(inputs))):
        if targets[i] or leads[i]:
            for j in inputs[i]:
                leads[j] = True
    return leads
