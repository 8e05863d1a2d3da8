"""A tape as a graph again, for pictures: every instruction a node, every loop what a call was.

Pictures know the functions that were running when a node was computed (recording.py), and draw each
as one card, or open. Here the loops of the folded program take the places of functions.

    scope    the loops around an instruction, with how often they go round: ("f", "loop 1 ×16")
    calls    the number of the round in each
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from types import CodeType
from typing import Any

import numpy as np

from ..engine import Value
from ..modes import ensure_recording
from ..recording import Choice, Recorded, called, paths, sources_of
from .fold import Instruction, Loop, Nest
from .naming import names_of
from .rejoined import rejoined
from .structure import read
from .tape import CONSTANTS, INPUTS, RETURN, VALUES, Array, Guard, Tape
from .tracing import Traced


def unrolled(
    tape: Tape,
    nest: Nest,
    x: Iterable[float],
    names: Sequence[str],
    name: str = "f",
    returned: Sequence[str] = (),
    codes: Iterable[CodeType] = (),
) -> Recorded:
    """Run a tape on Values: the graph that it was written from, in which loops are known.

    Gradients are those of the sum of its outputs. What it returned twice is one of them, as in
    every `Recorded`.

    Args:
        nest: the tape, folded.
        x: the inputs.
        names: what to call them.
        name: what the function is called.
        returned: what to call its results, if it is not that.
        codes: of the functions it was traced from, for their source.

    >>> from autograd.compiler.fold import fold
    >>> from autograd.compiler.tracing import trace
    >>> x = [1.0, 2.0, 3.0, 4.0]
    >>> tape = trace(lambda x: sum(v * v for v in x), [x], {}).tape
    >>> graph = unrolled(tape, fold(tape), x, ["x[0]", "x[1]", "x[2]", "x[3]"])
    >>> y = graph.outputs[0]
    >>> y.data, graph.scopes[y.inputs[0]], graph.calls[y.inputs[0]]
    (30.0, ('f', 'loop 1 ×4'), (1, 4))
    """
    run = _Run(tape, [Value(number, label=label) for number, label in zip(x, names)])
    scopes, calls, instructions = {}, {}, {}
    for number, part in enumerate(_parts(rejoined(tape, nest).body, (name,))):
        for t, rounds in zip(part.times.tolist(), part.rounds.tolist()):
            node = run.made[t]
            if isinstance(node, Value):
                scopes[node], calls[node] = part.scope, tuple(rounds)
                if len(part.scope) > 1:
                    instructions[node] = number
    outputs = [run.output(*place) for place in tape.outputs]
    with ensure_recording():  # a result is not one of the rounds that came to it
        results = {y: RETURN.on(y) if y in instructions else y for y in outputs}
        for y, label in zip(outputs, returned or (name,)):
            results[y].label = results[y].label or label
        sum(results.values(), Value(0.0)).backward()
    lines = dict(run.lines())
    return Recorded(
        name=name,
        outputs=list(results.values()),
        names={},
        lines=lines,
        scopes=scopes,
        calls=calls,
        sources=sources_of(codes, lines.values()),
        choices=run.choices,
        instructions=instructions,
    )


def recorded(
    f: Callable[..., Any],
    arguments: tuple[Sequence[Any], Mapping[str, Any]],
    traced: Traced,
    nest: Nest,
) -> Recorded:
    """Unroll what was traced, at the numbers that its arguments and captures have now.

    >>> from autograd.compiler.fold import fold
    >>> from autograd.compiler.tracing import trace
    >>> f, arguments = lambda x, y: x * y, ((2.0, 5.0), {})
    >>> traced = trace(f, *arguments)
    >>> recorded(f, arguments, traced, fold(traced.tape)).outputs[0]
    Value(data=10.0, grad=1.0, label='f')
    """
    leaves = [*read((tuple(arguments[0]), dict(arguments[1]))).leaves, *traced.captures.leaves]
    numbers = [np.ravel(v.data if isinstance(v, Value) else v).astype(float) for v in leaves]
    return unrolled(
        traced.tape,
        nest,
        np.concatenate([np.zeros(0), *numbers]).tolist(),
        names_of(f, *arguments, traced.captures),
        called(f),
        () if traced.outputs.build is None else [*paths("out", traced.outputs)],
        traced.captures.reach.codes,
    )


class _Run:
    """A tape that has run on Values.

    Attributes:
        made: what each instruction computed; None for a guard.
        choices: the guards that compare something that was computed.
    """

    def __init__(self, tape: Tape, inputs: list[Value]) -> None:
        self._tape, self._inputs = tape, inputs
        self._constants = tape.constants.tolist()
        self.made: list[Any] = []
        self.choices: list[Choice] = []
        slots = iter(tape.slots.tolist())
        with ensure_recording():
            for t, code in enumerate(tape.codes.tolist()):
                op, spaces = tape.kinds[code]
                operands = [self._operand(space, slots) for space in spaces]
                if isinstance(op, Guard):
                    self._choose(op, t, *operands)
                self.made.append(None if isinstance(op, Guard) else op.on(*operands))

    def _operand(self, space: Any, slots: Iterator[int]) -> Any:
        address = next(slots)
        if space == VALUES:
            return self.made[address]
        if space == CONSTANTS:
            return self._constants[address]
        if space == INPUTS:
            return self._inputs[address]
        row, base = int(self._inputs[address].data), next(slots)
        return self._inputs[base + space.stride * (row % space.count)]

    def _choose(self, guard: Guard, t: int, left: Any, right: Any) -> None:
        """Keep a guard, unless it only asks what an argument is: that, no picture lets one edit."""
        sides = [side for side in (left, right) if isinstance(side, Value)]
        if isinstance(left, Value) and any(side.op for side in sides):
            line = self._tape.lines[t] if self._tape.lines else None
            self.choices.append(Choice(left, guard.symbol, right, guard.taken, line))

    def output(self, space: str, address: int) -> Value:
        """A result as a Value."""
        y = self._operand(space, iter([address]))
        return y if isinstance(y, Value) else Value(y)

    def lines(self) -> Iterator[tuple[Value, Any]]:
        """The user's lines, where they are known."""
        for node, line in zip(self.made, self._tape.lines or ()):
            if isinstance(node, Value) and line:
                yield node, line


# ---- the loops around each instruction ----


@dataclass(frozen=True, slots=True)
class _Part:
    """An instruction, the loops around it, and for each of its times the rounds that these are in."""

    scope: tuple[str, ...]
    times: Array
    rounds: Array


def _parts(
    body: Sequence[Loop | Instruction],
    scope: Sequence[str],
    rounds: Array | None = None,
    prefix: str = "",
) -> Iterator[_Part]:
    """All instructions of a body."""
    rounds = np.ones((1, 1), np.int64) if rounds is None else rounds
    numbers = count(1)
    for term in body:
        if isinstance(term, Instruction):
            yield _Part(tuple(scope), term.times, rounds)
        else:
            name = f"{prefix}{next(numbers)}"
            own = np.arange(1, term.trips.sum() + 1)
            inner = np.column_stack([np.repeat(rounds, term.trips, axis=0), own])
            title = f"loop {name} ×{_rounds(term.trips)}"
            yield from _parts(term.body, (*scope, title), inner, f"{name}.")


def _rounds(trips: Array) -> str:
    """How often a loop goes round.

    >>> _rounds(np.array([1000, 1000])), _rounds(np.array([1, 2, 3]))
    ('1,000', '1 to 3')
    """
    least, most = int(trips.min()), int(trips.max())
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"
