"""Programs with a reverse sweep, run by the interpreter, against the engine: the same bits.

Random programs of nested loops run twice: on the recorder of tapes.py, whose tape is folded, swept
and interpreted, and on Values, which the engine differentiates. Besides what `fold` finds, every loop
of the source is tried as one: other nests, that do not depend on what deserves to be a loop.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import autograd.compiler.flow
from autograd import Value, vjp
from autograd.backends.registers import NotWritable
from autograd.compiler.adjoint import program
from autograd.compiler.chains import with_starts
from autograd.compiler.fold import Instruction, Loop, Nest, fold, instructions
from autograd.compiler.interpret import DONE, OUT_OF_RANGE, run
from autograd.compiler.needs import needs
from autograd.compiler.places import Body, Tables
from autograd.compiler.program import Index, Workspace
from autograd.compiler.tape import COMPARISONS, Guard, Tape
from autograd.ops import OPS, Op
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
    lambda a, b: a,
)
TIMES, PLUS, MINUS, SINE, ALIAS = 0, 1, 2, 5, len(OPERATIONS) - 1


@dataclass(frozen=True, eq=False)
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
        steps.append(Step(what, name, r.randrange(ALIAS), operands, trips, inner))
    return tuple(steps)


def carrying(r: random.Random, carried: int = 0, depth: int = 1) -> Step:
    """A loop that carries a variable, and in which other loops start from it."""
    own = depth if r.random() < 0.6 else carried
    steps = [let(own, ALIAS, carried)]
    if r.random() < 0.1:
        steps.append(link(r, own))
    if depth < 3 and r.random() < 0.6:
        steps += [carrying(r, own, depth + 1) for _ in range(r.choice((1, 1, 1, 2)))]
    else:
        steps.append(link(r, own))
    if r.random() < 0.1:
        steps.append(link(r, r.choice((own, carried))))
    steps.append(let(carried, r.choice((TIMES, PLUS, MINUS, ALIAS)), carried, own))
    return Step("repeat", trips=r.choice((1, 2, 2, 3, 3)), body=tuple(steps))


def let(target: int, operation: int, *operands: int) -> Step:
    places = tuple(("variable", k) for k in operands)
    return Step("let", f"v{target}", operation, (*places, ("input", 0))[:2])


def link(r: random.Random, k: int) -> Step:
    """A variable takes in an input."""
    operands = ("variable", k), ("input", r.randrange(8))
    return Step("let", f"v{k}", r.choice((TIMES, PLUS, MINUS, SINE)), operands)


class Running:
    """Carries steps out on any numbers.

    Attributes:
        times: what each step has put on the tape, if there is one, whenever it was carried out.
        trips: the rounds of each loop.
    """

    def __init__(self, inputs: Sequence[Any]) -> None:
        self.inputs = inputs
        self.variables = {f"v{k}": inputs[k % len(inputs)] * 1.5 for k in range(4)}
        self.list = [x * 0.5 for x in inputs]
        self.outputs: list[Any] = []
        self.tape = inputs[0].recorder.codes if isinstance(inputs[0], Number) else []
        self.times: dict[Step, list[range]] = defaultdict(list)
        self.trips: dict[Step, list[int]] = defaultdict(list)

    def carry_out(self, steps: Sequence[Step], counters: tuple[int, ...] = ()) -> list[Any]:
        for step in steps:
            if step.what == "repeat":
                trips = step.trips or (counters or (1,))[-1] + 1
                self.trips[step].append(trips)
                for k in range(trips):
                    self.carry_out(step.body, (*counters, k))
                continue
            begin = len(self.tape)
            a, b = (self.operand(place, k, sum(counters)) for place, k in step.operands)
            y = OPERATIONS[step.operation](a, b)
            self.times[step].append(range(begin, len(self.tape)))
            if step.what == "let":
                self.variables[step.name] = y
            elif step.what == "append":
                self.list.append(y)
            else:
                self.outputs.append(y)
        return self.outputs

    def nest(self, steps: Sequence[Step]) -> Nest:
        """The loops as they were written, and what ran before and after them."""
        body = self.body(steps)
        inside = [t for part in instructions(body) for t in part.times.tolist()]
        low, high = min(inside, default=0), max(inside, default=-1) + 1
        before, after = range(low), range(high, len(self.tape))
        return Nest([*map(self.single, before), *body, *map(self.single, after)])

    def body(self, steps: Sequence[Step]) -> list[Loop | Instruction]:
        found: list[Loop | Instruction] = []
        for step in steps:
            if step.what != "repeat":
                columns = np.array(self.times[step]).T
                found += [Instruction(self.tape[times[0]], times) for times in columns]
            elif inner := self.body(step.body):
                found.append(Loop(np.array(self.trips[step]), inner))
        return found

    def single(self, t: int) -> Instruction:
        return Instruction(self.tape[t], np.array([t]))

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
    tape: Tape, nest: Nest, points: Sequence[Sequence[float]], seeds: Sequence[float]
) -> Iterator[tuple[list[float], list[float]]]:
    """Results and gradient at each point, in one workspace: memory is kept from run to run."""
    compiled = program(tape, nest, np.ones(tape.inputs, bool))
    workspace = Workspace(compiled)
    workspace.s[:] = seeds
    for point in points:
        workspace.x[:] = point
        assert run(compiled, workspace) == DONE
        yield workspace.y.tolist(), workspace.gx.tolist()


def same(a: Sequence[float], b: Sequence[float]) -> bool:
    """Equal numbers, bit by bit but for the sign of zero; nans are equal."""
    return len(a) == len(b) and all(x == y or (x != x and y != y) for x, y in zip(a, b))


def flat(tape: Tape) -> Nest:
    """No loops at all."""
    return Nest([Instruction(code, np.array([t])) for t, code in enumerate(tape.codes.tolist())])


def check(
    compute: Callable[[Sequence[Any]], list[Any]],
    points: Sequence[Sequence[float]],
    *nests: Nest,
) -> None:
    """At every point, whatever the nest: memory of one run must not help or harm the next."""
    tape = taped(compute, len(points[0]))
    count = len(tape.outputs)
    seeds = [1.0] if count == 1 else [math.sin(k + 0.5) for k in range(count)]
    expected = []
    for point in points:
        y, pullback = vjp(lambda *x: compute(x), *point)
        expected.append((y, list(pullback(seeds))))
    started = with_starts(tape)
    own = [(tape, nest) for nest in (fold(tape), flat(tape), *nests)]
    for written, nest in (*own, (started, fold(started))):
        for found, right in zip(swept(written, nest, points, seeds), expected):
            assert same(found[0], right[0]), (found, right)
            assert same(found[1], right[1]), (found, right)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
@example(53, False)  # the last round of a loop is read in that round, from memory
def test_random_programs_have_the_bits_of_the_engine(seed: int, blocks: bool) -> None:
    r = random.Random(seed)
    check_steps(r, random_steps(r), blocks)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
@example(34, False)  # an inner loop begins with the outer one; both start from one number
def test_loops_that_carry_have_the_bits_of_the_engine(seed: int, blocks: bool) -> None:
    r = random.Random(seed)
    check_steps(r, [carrying(r) for _ in range(r.randint(2, 3))], blocks)


def check_steps(r: random.Random, steps: Sequence[Step], blocks: bool) -> None:
    inputs = r.randint(1, 5)
    points = [[r.uniform(-1, 1) for _ in range(inputs)] for _ in range(2)]
    running = Running(Recorder().inputs(inputs))
    running.carry_out(steps)
    if len(running.tape) > 3000:
        return
    ends(running)

    def compute(x: Sequence[Any]) -> list[Any]:
        again = Running(x)
        again.carry_out(steps)
        return ends(again)

    with pytest.MonkeyPatch.context() as patch:
        if blocks:
            patch.setattr(autograd.compiler.flow, "LONGEST_WHOLE", 0)
            patch.setattr(autograd.compiler.flow, "BLOCK", 3)
        check(compute, points, running.nest(steps))


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


def chain_of_another(x: Sequence[Any]) -> list[Any]:
    """The first operand is an input too: its contribution comes after that of the start."""
    s = x[0]
    for a in x:
        s = a - s
    return [s * x[0] * 1.7, x[0].sin()]


def rows_in_a_chain(x: Sequence[Any]) -> list[Any]:
    """What a chain starts from, x[1], may be among the rows that are read in its first round."""
    s = x[1]
    for k in range(4):
        s = s + row(x, 0, 1, 4) * x[2 + k % 3]
    return [s * x[1]]


def round_of_its_own(x: Sequence[Any]) -> list[Any]:
    """The first of two rounds reads what it has just computed, the second what the first did."""
    before = None
    for k in range(2):
        a = x[k].sin()
        b = (a * x[1]).sin()
        d = (b + a).tanh()
        c = (b if before is None else before).tanh()
        e = (c * a).sin()
        f = e * d
        before = (f + e).tanh() - b
    return [before]


def start_in_a_list(x: Sequence[Any]) -> list[Any]:
    """The start is read again in the first round, and after the loop."""
    made = [a.sin() for a in x]
    s = made[0]
    for a, b in zip(made, x):
        s = a * b + s
    return [s * made[0]]


def starts_of_inner_loops(x: Sequence[Any], again: bool) -> list[Any]:
    """A number out of loops in loops starts a loop, and those in it, and may be read again."""
    d = x[0].sin()
    for _ in x:
        for b in x[:4]:
            d = d * b
        d = d.sin()
        for b in x[:4]:
            d = d + b
    start = d
    for _ in x:
        s = d
        for b in x[:4]:
            s = s * b
        d = d + s
    return [d * start if again else d]


def active_later(x: Sequence[Any]) -> list[Any]:
    """What is handed on depends on inputs from the second round on."""
    s = x[0].floor()
    for a in x:
        s = (s * 1.5).sin() + a
    return [s]


def out_of_order(x: Sequence[Any]) -> list[Any]:
    """A loop leaves numbers, each handed on thrice, which another reads all over the place."""
    made = [x[0].sin()]
    for _ in range(6):
        made.append(made[-1] * made[-1] + made[-1] * 0.3)
    total = made[0]
    for k in range(7):
        total = total + made[k * 3 % 7] * x[1]
    return [total]


def neighbours(x: Sequence[Any]) -> list[Any]:
    """Each round adds to the adjoints of three, of which the next has two."""
    total = x[3].sin()
    for a, b, c in zip(x, x[1:], x[2:]):
        total = total + a * b * c
    return [total]


def row(x: Sequence[Any], k: int, base: int, count: int) -> Any:
    """One of ``count`` inputs, that which x[k] says."""
    if isinstance(x[k], Number):
        return x[k].recorder.row(x[k], base, 1, count)
    return x[base + int(x[k].data)]


def apply(name: str, x: Sequence[Any]) -> Any:
    return x[0].recorder.record(name, *x) if isinstance(x[0], Number) else OPS[name].on(*x)


@pytest.mark.parametrize(
    "compute",
    [
        recurrence,
        flushed,
        outside_and_inside,
        chains,
        chain_of_another,
        rows_in_a_chain,
        round_of_its_own,
        start_in_a_list,
        lambda x: starts_of_inner_loops(x, again=False),
        lambda x: starts_of_inner_loops(x, again=True),
        active_later,
        out_of_order,
        neighbours,
        lambda x: [apply("mean", x) * apply("mean", x[:3])],
    ],
)
def test_contributions_arrive_in_the_order_of_the_engine(compute: Any) -> None:
    r = random.Random(3)
    check(compute, [[0.0, *(r.uniform(-2, 2) for _ in range(4))]])
    check(compute, [[r.uniform(-1, 1), *(r.uniform(-2, 2) for _ in range(4))] for _ in range(20)])


def test_rows_may_be_one_and_the_same() -> None:
    r = random.Random(3)
    points = [[3.0, 2.0, 1.0, 0.0, *(r.uniform(-1, 1) for _ in range(7))] for _ in range(20)]
    check(lambda x: [row(x, k, 4 + k, 4).sin() for k in range(4)], points)


def test_any_of_the_rows_may_be_wanted() -> None:
    tape = taped(lambda x: [row(x, 0, 1, 3).sin()], 4)
    compiled = program(tape, fold(tape), np.array([False, False, True, False]))
    workspace = Workspace(compiled)
    workspace.x[:], workspace.s[:] = [1.0, 0.1, 0.2, 0.3], 1.0
    assert run(compiled, workspace) == DONE
    assert workspace.gx.tolist() == [0.0, 0.0, math.cos(0.2), 0.0]


def test_constants_are_told_apart_by_their_bits() -> None:
    rows = (0.0, 1.0, -0.0), (-0.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, -0.0)
    check(lambda x: [x[0] / c for c in (0.0, -0.0, 0.0, -0.0, 0.0)], [[1.0]])
    check(lambda x: [y for a in rows for y in (x[0] * 2.0, *(x[0] / c for c in a))], [[1.0]])


def test_a_partial_of_zero_times_infinity_is_not_flat() -> None:
    check(lambda x: [x[0].copysign(x[1]) * x[2]], [[1.0, -2.0, math.inf], [1.0, -2.0, 3.0]])


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
    check(lambda x: [apply("sum", [apply("sum", x[:2]), *x[1:]])], [[1.0, 2.0, 3.0]])


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
    assert [*swept(tape, fold(tape), [[2.0, 3.0, 5.0]], [1.0, 10.0, 100.0, 1000.0])] == [
        ([6.0, 5.0, 6.0, 7.0], [303.0, 202.0, 10.0])
    ]


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
    for out in (3.0, -4.0, math.inf):
        workspace.x[0] = out
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


@pytest.mark.parametrize(
    "partial",
    [
        lambda x: 1.0 if x > 0.0 else 0.0,
        lambda x: 1.0 if x == 1.5 else 2.0 * x,
        lambda x: x and 1.0,
        lambda x: max(x, 0.0),
        lambda x: math.cos(x),
        lambda x: x.real,
    ],
)
def test_needs_of_a_rule_that_looks_at_its_numbers(partial: Callable[[Any], Any]) -> None:
    rule = Op("f", lambda xp, x: x, lambda xp, y, x: (partial(x),))
    with pytest.raises(NotWritable, match=r"LLVM of op 'f': expected .*, got"):
        needs(rule, (True,))


def test_needs_are_those_of_the_rule_declared_last() -> None:
    gate = Op("gate", lambda xp, x: x * x)
    for partial, one in ((1.0, True), (2.0, False)):
        gate.rule = lambda xp, y, x, p=partial: (p,)
        assert needs(gate, (True,)).one == (one,)


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
