"""Programs with a reverse sweep, run by the interpreter, against the engine: the same bits.

Random programs of nested loops run twice: on the recorder of tapes.py, whose tape is folded, swept
and interpreted, and on Values, which the engine differentiates.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import autograd.compiler.flow
from autograd import Value, vjp
from autograd.compiler.adjoint import program
from autograd.compiler.chains import with_starts
from autograd.compiler.fold import Instruction, Loop, Nest, fold
from autograd.compiler.interpret import DONE, OUT_OF_RANGE, run
from autograd.compiler.needs import needs
from autograd.compiler.places import Body, Tables
from autograd.compiler.program import Index, Workspace
from autograd.compiler.tape import COMPARISONS, Guard, Tape
from autograd.ops import OPS
from tests.tapes import Number, Recorder

OPERATIONS: tuple[Callable[[Any, Any], Any], ...] = (
    lambda a, b: a * b,
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * a,
    lambda a, b: b * a + a,
    lambda a, b: a.sin(),
    lambda a, b: a.tanh() * 0.7,
    lambda a, b: a.relu() + b,
    lambda a, b: a * 0.5 + b,
)


@dataclass(frozen=True)
class Step:
    """Compute a variable, append to the list, put out, or repeat."""

    what: str
    name: str = ""
    operation: int = 0
    operands: tuple[tuple[str, int], ...] = ()
    trips: int = 0  # 0: one more than the counter around
    body: tuple[Step, ...] = ()


def random_steps(r: random.Random, depth: int = 0) -> tuple[Step, ...]:
    steps = []
    for _ in range(r.randint(1, 5 - depth)):
        what = r.choices(("let", "append", "put out", "repeat"), (5, 2, 1, 4 * (depth < 3)))[0]
        places = ("input", "variable", "variable", "list")
        operands = tuple((r.choice(places), r.randrange(8)) for _ in range(2))
        inner = random_steps(r, depth + 1) if what == "repeat" else ()
        trips = r.choice((0, 1, 2, 3, 4, 6))
        name = f"v{r.randrange(4)}"
        steps.append(Step(what, name, r.randrange(len(OPERATIONS)), operands, trips, inner))
    return tuple(steps)


class Running:
    """Carries steps out on any numbers."""

    def __init__(self, inputs: Sequence[Any]) -> None:
        self.inputs = inputs
        self.variables = {f"v{k}": inputs[k % len(inputs)] * 1.5 for k in range(4)}
        self.list = [x * 0.5 for x in inputs]
        self.outputs: list[Any] = []

    def carry_out(self, steps: Sequence[Step], counters: tuple[int, ...] = ()) -> list[Any]:
        for step in steps:
            if step.what == "repeat":
                for k in range(step.trips or (counters or (1,))[-1] + 1):
                    self.carry_out(step.body, (*counters, k))
                continue
            a, b = (self.operand(place, k, sum(counters)) for place, k in step.operands)
            y = OPERATIONS[step.operation](a, b)
            if step.what == "let":
                self.variables[step.name] = y
            elif step.what == "append":
                self.list.append(y)
            else:
                self.outputs.append(y)
        return self.outputs

    def operand(self, place: str, k: int, round_: int) -> Any:
        if place == "variable":
            return self.variables[f"v{k % 4}"]
        if place == "list":
            return (
                self.list[-1 - k % len(self.inputs)]
                if k < 4
                else self.list[(k + round_) % len(self.list)]
            )
        return self.inputs[(k + round_) % len(self.inputs)]


def ends(running: Running) -> list[Any]:
    """What was put out, and all variables, so that nearly everything counts."""
    total = running.list[-1]
    for variable in running.variables.values():
        total = total + variable
    return [*running.outputs, total]


def taped(compute: Callable[[Sequence[Any]], list[Any]], inputs: int) -> Tape:
    recorder = Recorder()
    return recorder.tape(*compute(recorder.inputs(inputs)))


def swept(
    tape: Tape, nest: Nest, point: Sequence[float], seeds: Sequence[float], runs: int = 2
) -> tuple[list[float], list[float]]:
    """Results and gradient; run more than once, for memory is kept from run to run."""
    compiled = program(tape, nest, np.ones(tape.inputs, bool))
    workspace = Workspace(compiled)
    workspace.x[:] = point
    workspace.s[:] = seeds
    for _ in range(runs):
        assert run(compiled, workspace) == DONE
    return workspace.y.tolist(), workspace.gx.tolist()


def same(a: Sequence[float], b: Sequence[float]) -> bool:
    """Equal numbers, bit by bit but for the sign of zero; nans are equal."""
    return len(a) == len(b) and all(x == y or (x != x and y != y) for x, y in zip(a, b))


def flat(tape: Tape) -> Nest:
    """No loops at all."""
    return Nest([Instruction(code, np.array([t])) for t, code in enumerate(tape.codes.tolist())])


def check(compute: Callable[[Sequence[Any]], list[Any]], points: Sequence[Sequence[float]]) -> None:
    tape = taped(compute, len(points[0]))
    for point in points:
        y, pullback = vjp(lambda *x: compute(x), *point)
        seeds = [1.0] if len(y) == 1 else [math.sin(k + 0.5) for k in range(len(y))]
        gradient = list(pullback(seeds))
        started = with_starts(tape)
        for written, nest in ((tape, fold(tape)), (tape, flat(tape)), (started, fold(started))):
            found_y, found_gradient = swept(written, nest, point, seeds)
            assert same(found_y, y), (found_y, y)
            assert same(found_gradient, gradient), (found_gradient, gradient)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
@example(53, False)  # the last round of a loop is read in that round, from memory
def test_random_programs_have_the_bits_of_the_engine(seed: int, blocks: bool) -> None:
    r = random.Random(seed)
    steps = random_steps(r)
    inputs = r.randint(1, 5)
    points = [[r.uniform(-1, 1) for _ in range(inputs)] for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        if blocks:
            patch.setattr(autograd.compiler.flow, "LONGEST_WHOLE", 0)
            patch.setattr(autograd.compiler.flow, "BLOCK", 3)

        def compute(x: Sequence[Any]) -> list[Any]:
            running = Running(x)
            running.carry_out(steps)
            return ends(running)

        if len(taped(compute, inputs)) < 3000:
            check(compute, points)


def recurrence(x: Sequence[Any]) -> list[Any]:
    s = x[0]
    for k in range(6):
        s = s * x[1] + x[0] * x[k % 3]
    return [s]


def flushed(x: Sequence[Any]) -> list[Any]:
    """The start of a sum is used again within its first round: the order of adding matters."""
    start = x[0] * x[1]
    s = start
    for k in range(5):
        s = start * x[k % 3] + s
    return [s * start]


def outside_and_inside(x: Sequence[Any]) -> list[Any]:
    scale = x[0] * x[1]
    total = scale * 1.0
    for k in range(4):
        row = x[k % 3] * scale
        for _ in range(3):
            row = row * scale + scale
        total = total + row
    return [total, scale]


def chains(x: Sequence[Any]) -> list[Any]:
    """Chains that start from inputs, which links of the first round may read as well."""
    s, p, d = x[0], x[1], x[2]
    for k in range(5):
        s = s + x[0] * x[k % 3]
        p = x[k % 3] * p
        d = d - p
    return [s * p * d, sum((a * a for a in x), x[1]), sum((x[1] * a for a in x), x[1])]


@pytest.mark.parametrize("compute", [recurrence, flushed, outside_and_inside, chains])
def test_contributions_arrive_in_the_order_of_the_engine(compute: Any) -> None:
    r = random.Random(3)
    check(compute, [[r.uniform(-2, 2) for _ in range(3)] for _ in range(20)])


def test_a_loop_of_registers_needs_no_memory() -> None:
    tape = taped(lambda x: [sum((a * b for a, b in pairwise(x)), x[0])], 40)
    compiled = program(tape, fold(tape), np.ones(40, bool))
    assert (compiled.values, compiled.adjoints) == (0, 0)


def test_a_chain_begins_its_loop() -> None:
    tape = with_starts(taped(lambda x: [sum((a * b for a, b in pairwise(x)), x[-1])], 40))
    nest = fold(tape)
    assert [str(tape.kinds[n.code].op) for n in nest.body if isinstance(n, Instruction)] == [
        "<op identity>"
    ]
    assert [n.trips.tolist() for n in nest.body if isinstance(n, Loop)] == [[39]]


def test_sums_of_other_lengths_are_no_links() -> None:
    def compute(x: Sequence[Any]) -> list[Any]:
        recorded = isinstance(x[0], Number)
        first = x[0].recorder.record("sum", *x[:2]) if recorded else OPS["sum"].on(*x[:2])
        both = (first, x[1], x[2])
        return [first.recorder.record("sum", *both) if recorded else OPS["sum"].on(*both)]

    check(compute, [[1.0, 2.0, 3.0]])


def test_an_adjoint_of_zero_hands_on_nothing() -> None:
    def compute(x: Sequence[Any]) -> list[Any]:
        return [(x[0] / x[1]) * 0.0 + x[1].log() * x[2]]

    check(compute, [[1.0, 0.0, 0.0], [0.0, 0.0, 2.0], [math.inf, 1.0, 0.0]])


@pytest.mark.parametrize("special", [math.inf, -math.inf, math.nan, 0.0, -0.0, 5e-324, 1e308])
def test_special_numbers_flow_as_in_the_engine(special: float) -> None:
    check(recurrence, [[special, 0.5, 1.0], [0.5, special, 1.0]])
    check(outside_and_inside, [[special, 0.5, 1.0], [0.5, special, 1.0]])


def test_outputs_may_be_inputs_constants_and_each_other() -> None:
    recorder = Recorder()
    x = recorder.inputs(3)
    y = x[0] * x[1]
    tape = recorder.tape(y, x[2], y, recorder.number(7.0))
    assert swept(tape, fold(tape), [2.0, 3.0, 5.0], [1.0, 10.0, 100.0, 1000.0]) == (
        [6.0, 5.0, 6.0, 7.0],
        [303.0, 202.0, 10.0],
    )


def test_a_row_is_chosen_by_an_input() -> None:
    recorder = Recorder()
    x = recorder.inputs(8)  # two indices, three rows of two
    chosen = [recorder.row(x[k], 2 + j, 2, 3) for k in range(2) for j in range(2)]
    tape = recorder.tape(sum(a * b for a, b in pairwise(chosen)))
    compiled = program(tape, fold(tape), np.ones(8, bool))
    workspace = Workspace(compiled)
    workspace.s[:] = 1.0
    for i, j in ((0, 2), (1, 1), (-1, 0)):
        rows = [[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]
        workspace.x[:] = [i, j, *chain(*rows)]
        assert run(compiled, workspace) == DONE
        leaves = [[Value(v) for v in row] for row in rows]
        four = [*leaves[i], *leaves[j]]
        y = sum((a * b for a, b in pairwise(four)), Value(0.0))
        y.backward()
        assert workspace.y[0] == y.data
        assert workspace.gx[2:].tolist() == [v.grad for row in leaves for v in row]
    workspace.x[0] = 3.0
    assert run(compiled, workspace) == OUT_OF_RANGE


def test_a_failing_guard_says_which() -> None:
    recorder = Recorder()
    x = recorder.inputs(4)
    for a, b in pairwise(x):
        recorder.record(Guard("<", True), a, b)
    tape = recorder.tape(x[0] + x[3])
    compiled = program(tape, fold(tape), None)
    workspace = Workspace(compiled)
    for point, status in (([1, 2, 3, 4], DONE), ([1, 2, 2, 4], 1), ([1, 0, 2, 1], 0)):
        workspace.x[:] = point
        assert run(compiled, workspace) == status


def test_only_what_is_wanted_is_swept() -> None:
    recorder = Recorder()
    x = recorder.inputs(2)
    tape = recorder.tape(x[0].exp() * x[1].sin())
    text = str(program(tape, fold(tape), np.array([True, False])))
    assert "d exp" in text
    assert "d sin" not in text


def test_needs_of_rules() -> None:
    assert needs(OPS["exp"], (True,))[:2] == (True, (False,))
    assert needs(OPS["mul"], (True, True))[:2] == (False, (True, True))
    assert needs(OPS["div"], (False, True))[:2] == (True, (False, True))
    assert needs(OPS["sub"], (True, True)).one == (True, False)
    assert needs(COMPARISONS["<"], (True, True)).flat == (True, True)
    assert needs(OPS["floor"], (True,)).flat == (True,)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_an_index_gives_back_the_addresses(seed: int) -> None:
    r = np.random.default_rng(seed)
    body = Body()
    for _ in range(r.integers(1, 4)):
        fixed = r.integers(0, 2)
        trips = (
            r.integers(1, 4) * np.ones(body.rounds, int) if fixed else r.integers(1, 4, body.rounds)
        )
        body = Body(body, trips)
    counters = [()]
    loops: list[Body] = []
    here: Body | None = body
    while here is not None and here.trips is not None:
        loops.insert(0, here)
        here = here.parent
    for loop in loops:
        counters = [(*c, k) for c, n in zip(counters, loop.trips) for k in range(n)]
    values = np.array([5 + sum(s * k for s, k in zip((7, 3, 1), c)) for c in counters])
    if r.integers(0, 2):
        values = values + r.integers(0, 3, len(values)) * r.integers(0, 2)
    tables = Tables()
    index = tables.index(values, body)
    assert [at(index, c, tables.integers) for c in counters] == values.tolist()


def at(index: Index, counters: tuple[int, ...], table: Any) -> int:
    looked_up = int(table[at(index.lookup, counters, table)]) if index.lookup else 0
    return index.base + looked_up + sum(s * k for s, k in zip(index.strides, counters))


def test_affine_addresses_need_no_table() -> None:
    body = Body(Body(Body(), np.array([3])), np.array([2, 2, 2]))
    tables = Tables()
    assert tables.index(np.array([4, 5, 14, 15, 24, 25]), body) == Index(4, (10, 1))
    assert tables.integers.size == 0
