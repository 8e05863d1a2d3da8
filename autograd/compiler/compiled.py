"""What `jit` keeps of a function: a trace, compiled as it is needed, and a call of it that has run.

leaves    the numbers of a call: of its arguments, then those read from outside
wanted    by what to differentiate: the positions of arguments, or
          NOTHING (values only), VALUES (by the Values among the leaves)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import modes
from ..engine import Value
from ..pytree import Shape
from .chains import with_starts
from .fold import fold
from .gradients import ByName, size
from .node import Dependence, returned
from .program import Workspace
from .running import Run
from .tape import CONSTANTS, INPUTS, Array
from .tracing import Traced

Wanted = tuple[int, ...] | str | None
Candidates = dict[int, "Trace"]

NOTHING, VALUES = None, "values"


class Trace:
    """What one run of the function computed, compiled as it is needed.

    Attributes:
        traced: the tape, and where it is valid.
        why: for what reason it was made, as text.
        tape, nest: the tape, whose sums have starts (chains.py), and that folded.
        spans: for every positional argument, where its numbers are among the inputs.
        values: by place among the inputs, which leaf is a Value.
        has_values: whether there are Values among its leaves.
        names: for positions of Modules, how to arrange their gradients.
        others: the traces to try where a guard fails, by its number.
        quick: by argnums (or dispatch.CALL), a short way for such calls; None after the first one.
    """

    def __init__(self, traced: Traced, leaves: Sequence[Any], why: str) -> None:
        self.traced, self.why = traced, why
        self.spans = [slice(r.start, r.stop) for r in traced.slots]
        self.tape = with_starts(traced.tape)
        self.nest = fold(self.tape)
        self.names: dict[int, ByName] = {}
        self.others: dict[int, Candidates] = {}
        self.quick: dict[Any, Callable[..., Any] | None] = {}
        self._runs: dict[Wanted, Run] = {}
        self._dependence: Dependence | None = None
        starts = np.cumsum([0, *map(size, leaves)]).tolist()
        self.values = {  # by place among the inputs, which leaf it is
            start: i
            for i, (start, leaf) in enumerate(zip(starts, leaves))
            if leaf.__class__ is Value
        }
        self.has_values = bool(self.values)

    def run(self, wanted: Wanted) -> Run:
        """The machine code for what is wanted."""
        run = self._runs.get(wanted)
        if run is None:
            run = Run(self.tape, self._mask(wanted), self.nest)
            run = self._runs.setdefault(wanted, run)  # another thread may have been faster
        return run

    def _mask(self, wanted: Wanted) -> Array | None:
        if wanted is NOTHING or not self.tape.outputs:
            return None
        mask = np.zeros(self.traced.tape.inputs, bool)
        if isinstance(wanted, str):
            mask[list(self.values)] = True
        else:
            for position in wanted:
                mask[self.spans[position]] = True
        return mask

    def returns_values(self) -> bool:
        """Say whether a call now returns nodes of the graph."""
        return self.has_values and modes.is_recording()

    def inputs(self, x: Array, leaves: Sequence[Any]) -> dict[int, Value]:
        """By place, the Values that the result depends on."""
        self._dependence = self._dependence or Dependence(self.traced.tape)
        matters = self._dependence(x).tolist()
        return {place: leaves[i] for place, i in self.values.items() if matters[place]}


class Answer:
    """A call that has run. Its numbers are in the workspace until that is released."""

    def __init__(self, trace: Trace, run: Run, workspace: Workspace, leaves: Sequence[Any]) -> None:
        self.trace, self.run, self.workspace, self.leaves = trace, run, workspace, leaves

    def release(self) -> None:
        """Let another call have the workspace."""
        self.run.give_back(self.workspace)

    @property
    def shape(self) -> Shape:
        """The structure of the result."""
        return self.trace.traced.outputs

    def numbers(self) -> list[Any]:
        """The numbers of the result."""
        return self.workspace.y.tolist()

    def rows(self) -> list[Array]:
        """The gradients of all numbers of the result."""
        count = len(self.workspace.y)
        if count == 1:
            return [self.workspace.gx.copy()]
        return [self.run.sweep(self.workspace, seeds) for seeds in np.eye(count)]

    def values(self, name: str) -> list[Any]:
        """The results as nodes of the graph; what is an argument itself stays that.

        What the function returned twice is one node.
        """
        x, y = self.workspace.x, self.numbers()
        if not y:
            return []
        known = self.workspace.gx.copy() if len(y) == 1 else None
        found: list[Any] = returned(name, self.run, x, y, known, self.trace.inputs(x, self.leaves))
        first: dict[int, Any] = {}  # by time
        for k, (space, place) in enumerate(self.trace.traced.tape.outputs):
            if space == INPUTS:
                leaf = self.trace.values.get(place)
                found[k] = y[k] if leaf is None else self.leaves[leaf]
            elif space == CONSTANTS:
                found[k] = Value(y[k])
            else:
                found[k] = first.setdefault(place, found[k])
        return found
