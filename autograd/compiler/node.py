"""A compiled call in the graph: the Values that it returns, and how a sweep goes through them.

One output is one node, whose inputs are the Values that the call was made with. Several are a node
each above one of the call, which gathers their adjoints: one sweep in machine code does for all.

    x       the numbers the call was made with
    places  where in x the numbers of a node's inputs are
    seeds   the adjoints of the outputs
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

import numpy as np

from .. import engine, modes
from ..backends.registers import NotWritable
from ..engine import Value
from ..ops import OPS, Op
from .interpret import DONE
from .running import Run
from .tape import COMPARISONS, DETACH, INPUTS, Array, Guard, Row, Tape


def returned(
    name: str, run: Run, x: Array, y: Sequence[float], known: Array | None, inputs: Any
) -> list[Value]:
    """Make the Values that a call returns.

    Args:
        name: of the function.
        run: its machine code.
        x, y: the numbers that went in and came out.
        known: the gradient, where all seeds are 1.
        inputs: by place in x, the Values that the output may depend on.
    """
    if not modes.is_recording():
        return [engine.make_node(v, OPS["identity"], v, None) for v in y]
    op = CompiledCall(name, run, x.copy(), np.array(list(inputs), dtype=int), known)
    call = engine.make_node(y[0], op, tuple(inputs.values()), None)
    if len(y) == 1:
        return [call]
    return [engine.make_node(v, Output(k, v), (call,), None) for k, v in enumerate(y)]


class CompiledCall(Op):
    """The op of a node that a compiled function made; see `returned`."""

    def __init__(self, name: str, run: Run, x: Array, places: Array, known: Array | None) -> None:
        super().__init__(name, _refuse)
        self.forward = partial(_compute, run, x, places)
        self.run, self.x, self.places, self.known = run, x, places, known
        self.seeds = np.zeros(run.program.outputs)
        self.pull = _pull

    def __reduce__(self) -> tuple[Any, ...]:
        return CompiledCall, (self.name, self.run, self.x, self.places, self.known)

    def partials(self, *arguments: Any) -> tuple[float, ...]:
        """The local derivatives, as floats only: the graph of a derivative stops here."""
        if Value in [v.__class__ for v in arguments]:
            _refuse()
        return tuple(self.gradient(np.ones(len(self.seeds))).tolist())

    def gradient(self, seeds: Array) -> Array:
        """The derivative of Σ seeds * outputs by every input of the node."""
        if self.known is not None and (seeds == 1.0).all():
            return self.known[self.places]
        workspace = self.run.borrow()
        workspace.x[:] = self.x
        gradient = self.run.sweep(workspace, seeds)
        self.run.give_back(workspace)
        return gradient[self.places]


class Output(Op):
    """The op of one of several outputs: it tells the node of the call what its adjoint is."""

    def __init__(self, number: int, y: float) -> None:
        super().__init__(f"[{number}]", _refuse, lambda xp, y, call: (1.0,))
        self.forward = partial(_same, y)
        self.number, self.y = number, y
        self.pull = _tell

    def __reduce__(self) -> tuple[Any, ...]:
        return Output, (self.number, self.y)


def _refuse(*x: Any) -> NoReturn:
    raise NotWritable(
        "expected a graph of ops, got a value that a compiled function returned, which cannot be "
        "taken apart or differentiated twice; call the plain function instead"
    )


def _compute(run: Run, x: Array, places: Array, xp: Any, *inputs: Any) -> float:
    """The first output of a call with other inputs; nan where a guard fails."""
    if not all(isinstance(v, float) for v in inputs):
        _refuse()
    workspace = run.borrow()
    workspace.x[:] = x
    workspace.x[places] = inputs
    y = workspace.y.item(0) if run.native(workspace) == DONE else math.nan
    run.give_back(workspace)
    return y


def _same(y: float, *x: Any) -> float:
    return y


def _pull(node: Any, g: float) -> list[float | None]:
    """What a call with adjoint ``g`` hands on to its inputs."""
    op = node.op
    return op.gradient(np.array([g]) if len(op.seeds) == 1 else op.seeds).tolist()  # type: ignore[no-any-return]


def _tell(node: Any, g: float) -> list[float | None]:
    """Leave an output's adjoint with the call; the 1 sees to it that the sweep gets there."""
    (call,) = node.inputs
    if call.grad == 0.0:  # this is the first of its outputs in this sweep
        call.op.seeds[:] = 0.0
    call.op.seeds[node.op.number] = g
    return [1.0]


class Dependence:
    """Which inputs of a tape its results depend on. Of a list that is indexed by an input, not all."""

    def __init__(self, tape: Tape) -> None:
        self._always = np.zeros(tape.inputs, bool)
        self._rows: list[tuple[Row, Array]] = []  # the addresses of index and base
        hides = {DETACH, *COMPARISONS.values()}
        for code, kind in enumerate(tape.kinds):
            if not isinstance(kind.op, Guard) and kind.op not in hides:
                self._add(tape, kind.spaces, tape.first[:-1][tape.codes == code])

    def _add(self, tape: Tape, spaces: Sequence[Any], at: Array) -> None:
        for space in spaces:
            if isinstance(space, Row):
                pairs = np.stack([tape.slots[at], tape.slots[at + 1]])
                self._rows.append((space, np.unique(pairs, axis=1)))
                at = at + 1
            elif space == INPUTS:
                self._always[tape.slots[at]] = True
            at = at + 1

    def __call__(self, x: Array) -> Array:
        """Where x matters, at this x."""
        reached = self._always.copy()
        for row, (index, base) in self._rows:
            reached[base + row.stride * (x[index].astype(int) % row.count)] = True
        return reached
