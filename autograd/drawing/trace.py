"""A graph as pictures ask about it: by position, leaves first, then oldest first.

Read once, never changed; derivatives are worked out when first asked for.

    i        the position of a node
    place    which of a node's inputs, from 0
    partial  the local derivative of node i by one of its inputs
    flow     what the outputs' grads send back to that input, by way of node i
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from functools import cached_property

from autograd.engine import Value, contributions, graph, local_partials
from autograd.modes import ensure_recording
from autograd.recording import Line

from .labels import number
from .modules import Path, find_homes, is_parameter

DEEPEST_SCOPE = 3  # calls inside of each other; deeper ones belong to the last of them
DEEPEST_LOOP = 4


class Trace:
    """What one picture is drawn from.

    Args:
        outputs: the Values to draw, with all they were made from.
        title: a name for the model, if one is drawn; also around parameters that sit right in it.
        grads: False draws every gradient as one that was not computed.
        names: what to call Values that have no label.
        scopes: the names of the functions that were running when a Value was computed, outermost
            first; a home for what is in no module.
        calls: the numbers of these calls.
        instructions: of a folded program, the number of the instruction that each Value in a loop
            comes from. Then ``scopes`` are its loops, and no node is in a module.
        lines: the user's lines, for such.

    Attributes:
        nodes: the graph's Values, by position.
        instruction: for every node the number of its instruction, None if it is in no loop.
        is_program: whether there are any.
        made: the same as they were made, where `recomputed` put others in their place.

    >>> x = Value(3.0, label="x")
    >>> trace = Trace([x * x])
    >>> trace.places, trace.uses, trace.partial(1, 0)
    ([[], [(0, 0), (1, 0)]], [[(1, 0), (1, 1)], []], 3.0)
    """

    def __init__(
        self,
        outputs: Sequence[Value],
        title: str = "",
        *,
        grads: bool = True,
        names: Mapping[Value, str] | None = None,
        scopes: Mapping[Value, tuple[str, ...]] | None = None,
        calls: Mapping[Value, tuple[int, ...]] | None = None,
        instructions: Mapping[Value, int] | None = None,
        lines: Mapping[Value, Line] | None = None,
    ) -> None:
        self._names = names or {}
        self.title = title or "model"
        self.name = title or ", ".join(filter(None, map(self._label, outputs))) or "a graph"
        self.nodes = self.made = graph(*outputs)
        index = {node: i for i, node in enumerate(self.nodes)}
        self.outputs = {index[node] for node in outputs}
        self.places: list[list[tuple[int, int]]] = []  # per node, (place, input)
        self.uses: list[list[tuple[int, int]]] = [[] for _ in self.nodes]  # per node, (user, place)
        for i, node in enumerate(self.nodes):
            places = [(p, index[x]) for p, x in enumerate(node.inputs) if isinstance(x, Value)]
            self.places.append(places)
            for place, j in places:
                self.uses[j].append((i, place))
        self.inputs = [[j for _, j in places] for places in self.places]
        self.instruction = [(instructions or {}).get(node) for node in self.nodes]
        self.is_program = any(number is not None for number in self.instruction)
        self.lines = lines or {}
        self.calls: Counter[Path] = Counter()
        if self.is_program:
            self.homes = self._loops(scopes or {})
        else:
            self.homes, self.calls = find_homes(self.nodes, self.inputs)
            if scopes and calls:
                self._find_scopes(scopes, calls)
        # The frame of the model itself, only drawn if a parameter sits right in it.
        self.outermost: Path = (self.title,) if () in self.homes else ()
        self._grads = grads
        self._partials: dict[int, Sequence[float | None]] = {}

    def _loops(self, scopes: Mapping[Value, tuple[str, ...]]) -> list[Path | None]:
        """The homes in a program: the loops around each node."""
        return [scopes.get(node, ())[1 : 1 + DEEPEST_LOOP] or None for node in self.nodes]

    def _find_scopes(
        self, scopes: Mapping[Value, tuple[str, ...]], calls: Mapping[Value, tuple[int, ...]]
    ) -> None:
        """Make the functions that the outermost one called the homes of what is in no module."""
        inside: dict[Path, set[tuple[int, ...]]] = {}
        modules = {home[0] for home in self.homes if home}
        for i, node in enumerate(self.nodes):
            path = scopes.get(node, ())[1 : 1 + DEEPEST_SCOPE]
            if path and self.homes[i] is None:
                path = (path[0] + "()" * (path[0] in modules), *path[1:])
                self.homes[i] = path
                for n in range(1, len(path) + 1):
                    inside.setdefault(path[:n], set()).add(calls[node][1 : 1 + n])
        self.calls.update({path: len(numbers) for path, numbers in inside.items()})

    def is_carried(self, j: int, i: int) -> bool:
        """Say whether node i uses what node j computed in a round of a loop before its own."""
        before, after = self.instruction[j], self.instruction[i]
        return before is not None and after is not None and before >= after

    def label(self, i: int) -> str:
        return self._label(self.nodes[i])

    def _label(self, node: Value) -> str:
        """The label as text, whatever was assigned."""
        label = "" if node.label is None else str(node.label)
        return label or self._names.get(node, "")

    def kind(self, i: int) -> str:
        if self.nodes[i].op is None:
            return "parameter" if is_parameter(self.nodes[i]) else "input"
        return "output" if i in self.outputs else "operation"

    def badge(self, i: int) -> str:
        """The op as drawn; a constant exponent stands beside it and gets no card."""
        op, power = self.nodes[i].op, self.exponent(i)
        return "" if op is None else op.symbol if power is None else op.symbol + number(power)

    def exponent(self, i: int) -> float | None:
        node = self.nodes[i]
        if node.op is None or node.op.name != "pow" or isinstance(node.inputs[1], Value):
            return None
        return node.inputs[1]

    def constants(self, i: int) -> list[float]:
        """The numbers among the inputs that get a card."""
        if self.exponent(i) is not None:
            return []
        return [x for x in self.nodes[i].inputs if not isinstance(x, Value)]

    def grad(self, i: int) -> float | None:
        """The gradient, None if no backward pass has been here."""
        node = self.nodes[i]
        return node.grad if self._grads and node.has_grad else None

    def partial(self, i: int, place: int) -> float | None:
        if i not in self._partials:
            self._partials[i] = local_partials(self.nodes[i])
        return self._partials[i][place]

    @cached_property
    def _flows(self) -> dict[int, list[float | None]]:
        """What each node that the sweep reaches sends to its inputs: one backward pass over again.

        It begins at the grads of the outputs, so it is free of what other passes left behind.
        """
        begun = {i: grad for i in self.outputs if (grad := self.grad(i)) is not None}
        return self._sweep(begun, self.outputs)[1]

    def gradients(self) -> list[float]:
        """The gradients of a backward pass of its own, from a seed of 1 at every output.

        >>> x = Value(3.0); Trace([x * x]).gradients()
        [6.0, 1.0]
        """
        adjoints, _ = self._sweep(dict.fromkeys(self.outputs, 1.0), ())
        return [adjoints[i] for i in range(len(self.nodes))]

    def _sweep(
        self, adjoints: dict[int, float], fixed: Collection[int]
    ) -> tuple[dict[int, float], dict[int, list[float | None]]]:
        """The adjoints of all nodes below, and what each sends to its inputs."""
        flows: dict[int, list[float | None]] = {}
        for i in reversed(range(len(self.nodes))):
            if i not in adjoints or self.nodes[i].op is None:
                continue
            adjoint = adjoints[i]
            if adjoint == 0.0:  # hands on nothing, whatever the derivatives
                flows[i] = [0.0 if isinstance(x, Value) else None for x in self.nodes[i].inputs]
            else:
                flows[i] = contributions(self.nodes[i], adjoint)
            for place, j in reversed(self.places[i]):
                if j not in fixed:
                    adjoints[j] = adjoints.get(j, 0.0) + (flows[i][place] or 0.0)
        return adjoints, flows

    def flow(self, i: int, place: int) -> float | None:
        return self._flows[i][place] if i in self._flows else None

    def arriving(self, i: int) -> list[float]:
        """What the uses of a node send back to it, in the order of the sweep: newest first."""
        flows = (self.flow(*use) for use in reversed(self.uses[i]))
        return [flow for flow in flows if flow is not None]

    def is_foreign(self, i: int) -> bool:
        """Say whether a grad is not what the outputs' grads send here, but for rounding."""
        grad, terms = self.grad(i), self.arriving(i)
        if grad is None or i in self.outputs:
            return False
        if not terms:
            return grad != 0.0
        total, largest = sum(terms), max(map(abs, terms))
        is_close = math.isclose(grad, total, rel_tol=1e-9, abs_tol=1e-12 * largest)
        return not (is_close or (math.isnan(grad) and math.isnan(total)))

    @cached_property
    def has_stale(self) -> bool:
        return any(map(self.is_stale, range(len(self.nodes))))

    def is_stale(self, i: int) -> bool:
        """Say whether a number no longer follows from its inputs, as one was assigned since."""
        node = self.nodes[i]
        if node.op is None:
            return False
        now: float = node.op.on(*(x.data if isinstance(x, Value) else x for x in node.inputs))
        return now != node.data and not (math.isnan(now) and math.isnan(node.data))

    def formula(self, i: int) -> str:
        """How a node was made, with names or numbers: ``tanh(z)``, ``mul(w1, 2)``."""
        node = self.nodes[i]
        shown = [
            self._label(x) or number(x.data) if isinstance(x, Value) else number(x)
            for x in node.inputs[:4]
        ]
        name = "" if node.op is None else node.op.name
        return f"{name}({', '.join(shown)}{', …' * (len(node.inputs) > 4)})"


def recomputed(trace: Trace) -> Trace:
    """Compute a trace anew, from the numbers that its leaves have now; all else stays as it is.

    >>> x = Value(3.0, label="x"); y = x * x; x.data = 4.0
    >>> [node.data for node in recomputed(Trace([y])).nodes]
    [4.0, 16.0]
    """
    now: dict[Value, Value] = {}
    with ensure_recording():
        for node in trace.nodes:
            if node.op is None:
                now[node] = node
                continue
            made = node.op.on(*(now[x] if isinstance(x, Value) else x for x in node.inputs))
            made.label, now[node] = node.label, made
    anew = copy(trace)
    anew._names = {now[node]: name for node, name in trace._names.items() if node in now}
    anew._partials, anew.nodes = {}, [now[node] for node in trace.nodes]
    for derived in ("_flows", "has_stale"):
        vars(anew).pop(derived, None)
    return anew
