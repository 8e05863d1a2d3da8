"""Machine code of programs, against the interpreter of the same programs: equal bits.

Random programs have all kinds of statements, in loops in loops. What their forward part computes is
kept apart from adjoints, as in real ones: code may have other adjoints than the interpreter where
no gradient shows it (see emit.py).
"""

from __future__ import annotations

import gc
import math
import random
import re
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from autograd.compiler import emit, interpret
from autograd.compiler.emit import NOT_A_NUMBER, PROTOTYPE, ir_text, native
from autograd.compiler.needs import needs
from autograd.compiler.program import (
    Add,
    Block,
    Carry,
    Check,
    Choice,
    Compute,
    Constant,
    Index,
    Load,
    Loop,
    Program,
    Pull,
    Statement,
    Store,
    Workspace,
)
from autograd.ops import OPS

DONE, OUT_OF_RANGE = interpret.DONE, interpret.OUT_OF_RANGE
SIZE = 64  # of every array of a random program
CHOOSING = 12  # so many inputs, the first ones, may choose another


def program(body: list[Statement], **given: Any) -> Program:
    sizes: dict[str, Any] = {"inputs": 3, "outputs": 2, "values": 4, "adjoints": 4}
    arrays = {"constants": np.array([0.5, -2.0]), "table": np.array([2, 0, 1], np.int32)}
    return Program(body, **{**sizes, **arrays, "has_gradient": True, **given})


def workspace(made: Program, x: Any, s: Any = 1.0) -> Workspace:
    found = Workspace(made)
    found.x[:], found.s[:] = x, s
    return found


def run(body: list[Statement], x: Any, s: Any = 1.0, **given: Any) -> tuple[int, Workspace]:
    """Run as machine code, and compare with the interpreter."""
    made = program(body, **given)
    found, expected = workspace(made, x, s), workspace(made, x, s)
    status = native(made)(found)
    assert status == interpret.run(made, expected), str(made)
    if status == DONE:
        agree(found, expected, str(made))
    return status, found


def agree(found: Workspace, expected: Workspace, about: str) -> None:
    """Equal bits, but for those of a nan and the sign of a zero in the gradient."""
    for name in ("y", "v"):
        a, b = getattr(found, name), getattr(expected, name)
        same = (a == b) & (np.signbit(a) == np.signbit(b)) | np.isnan(a) & np.isnan(b)
        assert same.all(), f"{about}\n{name}: expected {b}, got {a}"
    assert np.array_equal(found.gx, expected.gx, equal_nan=True), (
        f"{about}\ngx: expected {expected.gx}, got {found.gx}"
    )


# ---- statements, one by one ----

FIRST, SECOND, THIRD = Index(0), Index(1), Index(2)


def test_loads_and_stores_in_every_array():
    status, found = run(
        [
            Load(0, "x", THIRD),
            Store("v", SECOND, 0),
            Load(1, "v", SECOND),
            Load(2, "c", SECOND),
            Compute(3, OPS["mul"], (1, 2)),
            Store("y", FIRST, 3),
            Load(4, "s", SECOND),
            Store("g", THIRD, 4),
            Store("g", THIRD, 4, adds=True),
            Load(5, "g", THIRD),
            Store("gx", FIRST, 5),
        ],
        [1.0, 2.0, 3.0],
        [10.0, 20.0],
    )
    assert status == DONE
    assert found.y.tolist() == [-6.0, 0.0] and found.gx.tolist() == [40.0, 0.0, 0.0]


def test_the_gradient_starts_at_zero_each_time():
    made = program([Load(0, "s", FIRST), Store("gx", FIRST, 0, adds=True)])
    code, found = native(made), workspace(made, 0.0)
    for _ in range(3):
        assert code(found) == DONE and found.gx.tolist() == [1.0, 0.0, 0.0]


def test_a_program_without_a_sweep_leaves_the_gradient_alone():
    made = program([Load(0, "x", FIRST), Store("y", FIRST, 0)], has_gradient=False)
    found = workspace(made, 7.0)
    found.gx[:] = math.nan
    assert native(made)(found) == DONE and np.isnan(found.gx).all()


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("trips, rounds", [(1, 1), (3, 3), (Index(2, lookup=FIRST), 4)])
def test_loops_hand_on_what_they_carry(down: bool, trips: int | Index, rounds: int):
    """Two numbers that change places, and a sum whose order shows."""
    carries = [Carry(2, 0, 3, 4), Carry(3, 1, 2, 5), Carry(6, 0, 8, 9)]
    body: list[Statement] = [
        Load(7, "x", Index(0, (1,))),
        Compute(10, OPS["div"], (6, 2)),
        Compute(8, OPS["sub"], (7, 10)),
    ]
    _, found = run(
        [
            Load(0, "c", FIRST),
            Load(1, "c", SECOND),
            Loop(trips, body, carries, down),
            *(Store("v", Index(k), register) for k, register in enumerate((4, 5, 9))),
        ],
        [1.0, 4.0, 9.0, 16.0],
        inputs=4,
    )
    swapped = rounds % 2 == 1
    assert found.v[:2].tolist() == ([-2.0, 0.5] if swapped else [0.5, -2.0])


def test_a_table_finds_what_is_not_in_line():
    body: list[Statement] = [
        Load(0, "x", Index(0, lookup=Index(0, (1,)))),
        Store("v", Index(0, (1,)), 0),
    ]
    _, found = run([Loop(3, body)], [1.0, 2.0, 3.0])
    assert found.v.tolist() == [3.0, 1.0, 2.0, 0.0]


@pytest.mark.parametrize("k, place", [(0.0, 1), (2.0, 5), (-1.0, 5), (-3.0, 1)])
def test_an_input_chooses_another(k: float, place: int):
    choice = Choice(FIRST, 2, 3)
    status, found = run(
        [
            Load(0, "x", SECOND, choice),
            Store("y", FIRST, 0),
            Load(1, "s", FIRST),
            Store("gx", SECOND, 1, adds=True, choice=choice),
        ],
        [k, 1.0, 2.0, 3.0, 4.0, 5.0],
        inputs=6,
    )
    assert status == DONE and found.y[0] == place and found.gx[place] == 1.0


@pytest.mark.parametrize("k", [2.9, -3.0, math.nan, 3.0, -4.0, 1e300, math.inf, -math.inf])
def test_an_index_out_of_range_is_reported(k: float):
    expected = DONE if math.isnan(k) or -3 <= k < 3 else OUT_OF_RANGE
    choice = Choice(FIRST, 1, 3)
    assert run([Load(0, "x", FIRST, choice), Store("y", FIRST, 0)], k)[0] == expected
    assert run([Load(0, "s", FIRST), Store("gx", FIRST, 0, choice=choice)], k)[0] == expected


@pytest.mark.parametrize("symbol", interpret.COMPARE)
@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("a, b", [(1.0, 2.0), (2.0, 1.0), (0.0, -0.0), (math.nan, 1.0)])
def test_a_guard_that_fails_stops_and_gives_its_number(
    symbol: str, taken: bool, a: float, b: float
):
    check = Check(symbol, taken, 0, 1, Index(7, (10,)))
    body: list[Statement] = [Load(0, "x", FIRST), Load(1, "x", Index(1, (1,))), check]
    status, _ = run([Loop(2, body)], [a, a, b])
    assert status in (DONE, 7, 17)
    status, _ = run([Load(0, "x", FIRST), Load(1, "x", SECOND), check], [a, b, 0.0])
    assert (status == DONE) == (interpret.COMPARE[symbol](a, b) == taken)
    assert status in (DONE, 7)


def test_blocks_know_the_counters_and_what_was_made_outside():
    inner = Block(
        [
            Load(2, "x", Index(0, (1, 1))),
            Compute(3, OPS["sub"], (2, 1)),
            Load(4, "c", FIRST),
            Loop(2, [Add(6, 5, 3)], [Carry(5, 4, 6, 7)]),
            Store("v", Index(0, (2, 1)), 7),
        ]
    )
    body: list[Statement] = [
        Load(0, "c", SECOND),
        Loop(2, [Load(1, "x", Index(0, (1,))), Loop(2, [inner])]),
    ]
    status, found = run(body, [1.0, 2.0, 4.0])
    assert status == DONE and found.v.tolist() == [0.5, 2.5, 0.5, 4.5]


def test_a_guard_in_a_block_in_a_block_stops_everything():
    check = Check("<", True, 0, 1, Index(3, (1,)))
    inner = Block([Load(0, "x", Index(0, (1,))), Load(1, "c", FIRST), Block([check])])
    status, found = run([Loop(3, [inner]), Constant(9, 1.0), Store("y", FIRST, 9)], [0.0, 0.0, 1.0])
    assert status == 5 and found.y[0] == 0.0


# ---- zero adjoints ----


def root(seed: float = 1.0) -> list[Statement]:
    """sqrt(x0) + x1: at zero its slope is infinite."""
    return [
        Load(0, "x", FIRST),
        Compute(1, OPS["sqrt"], (0,)),
        Load(2, "s", FIRST),
        Pull((3,), OPS["sqrt"], 1, (None,), 2),
        Store("gx", FIRST, 3, adds=True),
        Load(4, "s", SECOND),
        Store("gx", SECOND, 4, adds=True),
    ]


def test_an_adjoint_of_zero_hands_on_nothing():
    made = program(root())
    code = native(made)
    for x, seed, slope in (
        (4.0, 1.0, 0.25),
        (0.0, 1.0, math.inf),
        (0.0, 0.0, 0.0),
        (-1.0, 0.0, 0.0),
        (4.0, 2.0, 0.5),
    ):
        found = workspace(made, x, [seed, 5.0])
        assert code(found) == DONE
        assert found.gx.tolist() == [slope, 5.0, 0.0]


def test_the_address_runs_the_code_that_looks_at_no_adjoint():
    made = program(root())
    code = native(made)
    function = PROTOTYPE(code.address)
    assert function(*workspace(made, 4.0).addresses) == DONE
    assert function(*workspace(made, 0.0, 0.0).addresses) == NOT_A_NUMBER


def test_adjoints_left_by_the_first_run_are_cleared():
    """g is added to, read and cleared; between, the first run meets a nan."""
    body: list[Statement] = [
        *root()[:4],
        Store("g", FIRST, 3, adds=True),
        Load(5, "g", FIRST),
        Store("gx", FIRST, 5),
    ]
    made = program(body)
    found = workspace(made, 0.0, 0.0)
    assert native(made)(found) == DONE and found.gx[0] == 0.0


def test_what_was_not_selected_gets_nothing_even_of_an_infinite_adjoint():
    body: list[Statement] = [
        Load(0, "x", FIRST),
        Load(1, "s", FIRST),
        Pull((2,), OPS["relu"], None, (0,), 1),
        Store("gx", FIRST, 2),
        Pull((None, 3, 4), OPS["where"], None, (0, None, None), 1),
        Store("gx", SECOND, 3),
        Store("gx", THIRD, 4),
    ]
    for x, slopes in ((-1.0, [0.0, math.inf, 0.0]), (0.0, [0.0, 0.0, math.inf])):
        _, found = run(body, x, math.inf)
        assert found.gx.tolist() == slopes


def test_a_rule_may_compute_with_inputs_that_no_wanted_partial_needs():
    """As numbers they would divide zero by zero."""
    body: list[Statement] = [
        Load(0, "x", FIRST),
        Load(1, "s", FIRST),
        Pull((2, None), OPS["hypot"], 0, (0, 0), 1),
        Pull((3, None), OPS["div"], None, (None, 0), 1),
        Store("gx", FIRST, 2),
        Store("gx", SECOND, 3),
    ]
    run(body, 2.0)


# ---- random programs ----

KINDS = (
    *("load", "store", "constant", "op", "op", "op", "pull", "pull", "pull", "add", "check"),
    *("loop", "loop", "block"),
)
COMPUTED = [OPS[name] for name in "add sub mul div exp relu where maximum tanh pow mod".split()]


class Draw:
    """Draws a program.

    primal, adjoint    the registers that may be read where a statement will stand
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0
        self.depth = 0

    def new(self, registers: list[int]) -> int:
        self.count += 1
        registers.append(self.count)
        return self.count

    def program(self) -> Program:
        rng = self.random
        everywhere = Index(0, (1,))
        clear = [Store("y", everywhere, 0), Store("v", everywhere, 0)]
        body: list[Statement] = [Constant(0, 0.0), Loop(SIZE, [*clear])]
        body += self.body([], [], rng.randrange(4, 14))
        constants = np.array([rng.choice((0.0, -0.0, 1.5, -2.0)) for _ in range(SIZE)])
        table = np.array([rng.randrange(4) for _ in range(SIZE)], np.int32)
        return Program(body, SIZE, SIZE, SIZE, SIZE, constants, table, has_gradient=True)

    def workspace(self, made: Program) -> Workspace:
        """Ordinary and special numbers; those that choose are integers."""
        rng = self.random
        integers = [float(rng.choice((*range(-4, 4), 4 if rng.random() < 0.1 else 0)))
                    for _ in range(CHOOSING)]  # fmt: skip
        special = (0.0, -0.0, 1.0, math.inf, math.nan, 1e-310, 800.0)
        drawn = [rng.choice((rng.gauss(0.0, 1.0), rng.choice(special))) for _ in range(2 * SIZE)]
        return workspace(made, integers + drawn[CHOOSING:SIZE], drawn[SIZE:])

    def index(self) -> Index:
        rng = self.random
        strides = tuple(rng.choice((0, 0, 1, 1, 2)) for _ in range(self.depth))
        return Index(rng.randrange(5), strides, self.lookup() if rng.random() < 0.2 else None)

    def lookup(self) -> Index:
        return Index(self.random.randrange(3), (1,) * self.random.randrange(self.depth + 1))

    def choice(self) -> Choice | None:
        rng = self.random
        if rng.random() < 0.7:
            return None
        return Choice(Index(rng.randrange(3), (1,) * self.depth), rng.randrange(3), 4)

    def body(self, primal: list[int], adjoint: list[int], length: int) -> list[Statement]:
        """Statements; the registers that they make are appended to those given."""
        body: list[Statement] = [
            Load(self.new(primal), "x", self.index()),
            Load(self.new(adjoint), "s", self.index()),
        ]
        for _ in range(length):
            body += self.statement(primal, adjoint)
        body.append(Store(self.random.choice("yv"), self.index(), primal[-1]))
        body.append(Store("gx", self.index(), adjoint[-1], True, self.choice()))
        return body

    def statement(self, primal: list[int], adjoint: list[int]) -> list[Statement]:
        rng = self.random
        a, b, c = rng.choices(primal, k=3)
        g, h = rng.choices(adjoint, k=2)
        op = rng.choice(COMPUTED)
        inputs = (a, b, c)[: op.least]
        match rng.choice(KINDS):
            case "load":
                array = rng.choice("xvcsg")
                choice = self.choice() if array == "x" else None
                target = self.new(adjoint if array in "sg" else primal)
                return [Load(target, array, self.index(), choice)]
            case "store":
                array, source = rng.choice((("y", a), ("v", b), ("g", g), ("gx", h)))
                return [Store(array, self.index(), source, rng.random() < 0.5)]
            case "constant":
                number = rng.choice((0.0, -0.0, 1.0, 2.0, 0.1, math.inf))
                return [Constant(self.new(primal), number)]
            case "op":
                return [Compute(self.new(primal), op, inputs)]
            case "pull":
                wanted = tuple(rng.random() < 0.8 for _ in inputs)
                need = needs(op, wanted)
                x = tuple(v if needed else None for v, needed in zip(inputs, need.x))
                targets = tuple(self.new(adjoint) if w else None for w in wanted)
                return [Pull(targets, op, c if need.y else None, x, g)]
            case "add":
                return [Add(self.new(adjoint), g, h)]
            case "check" if rng.random() < 0.2:
                symbol = rng.choice(list(interpret.COMPARE))
                return [Check(symbol, rng.random() < 0.5, a, b, self.index())]
            case "loop" if self.depth < 3:
                return [self.loop(primal, adjoint)]
            case "block" if self.depth < 3:
                return [Block(self.body([*primal], [*adjoint], rng.randrange(1, 5)))]
        return []

    def loop(self, primal: list[int], adjoint: list[int]) -> Loop:
        rng = self.random
        trips = rng.choice((1, 2, 3, 4, Index(1, lookup=self.lookup())))
        inside = {"primal": [*primal], "adjoint": [*adjoint]}
        outside = {"primal": primal, "adjoint": adjoint}
        kinds = [rng.choice(("primal", "adjoint")) for _ in range(rng.randrange(4))]
        starts = [(kind, rng.choice(outside[kind]), self.new(inside[kind])) for kind in kinds]
        self.depth += 1
        body = self.body(inside["primal"], inside["adjoint"], rng.randrange(1, 6))
        self.depth -= 1
        carries = []
        for kind, initial, register in starts:
            following = rng.choice(inside[kind][len(outside[kind]) :])
            carries.append(Carry(register, initial, following, self.new([])))
        for (kind, _, _), carry in zip(starts, carries):
            outside[kind].append(carry.final)
        return Loop(trips, body, carries, rng.random() < 0.5)


@pytest.mark.parametrize("seed", range(200))
def test_random_programs_run_as_interpreted(seed: int, monkeypatch: pytest.MonkeyPatch):
    draw = Draw(seed)
    monkeypatch.setattr(emit, "LEVELS", ((math.inf, (0, 1, 3, 3)[seed % 4]),))
    made = draw.program()
    code = native(made)
    for _ in range(5):
        found = draw.workspace(made)
        expected = Workspace(made)
        expected.x[:], expected.s[:] = found.x, found.s
        status = code(found)
        assert status == interpret.run(made, expected), str(made)
        if status == DONE:
            agree(found, expected, str(made))


# ---- living together ----


def polynomial(terms: int) -> Program:
    """A program of many different statements: x0 ** 0 + x0 ** 1 + ..."""
    body: list[Statement] = [Load(0, "x", FIRST), Constant(1, 0.0)]
    for k in range(terms):
        constant, power = 3 * k + 2, 3 * k + 3
        body += [Constant(constant, float(k)), Compute(power, OPS["pow"], (0, constant))]
        body += [Compute(power + 1, OPS["add"], (3 * k + 1, power))]
    return program([*body, Store("y", FIRST, 3 * terms + 1)], has_gradient=False)


def test_threads_compile_and_run_at_once():
    programs = [polynomial(terms) for terms in range(1, 17)]
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(native, programs))
        for terms, (made, code) in enumerate(zip(programs, codes), 1):
            spaces = [workspace(made, x) for x in (0.5, 2.0)] * 4
            assert set(pool.map(code, spaces)) == {DONE}
            assert spaces[1].y[0] == 2.0**terms - 1.0


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="it reads what Linux says")
def test_code_that_is_no_longer_used_is_freed():
    made = polynomial(40)
    native(made)
    gc.collect()
    before = resident()
    for _ in range(100):
        engine = weakref.ref(native(made)._engines[0])
        assert engine() is None
    assert resident() - before < 4e6


def resident() -> float:
    """Bytes of memory in use."""
    return float(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_an_interrupted_compilation_leaves_nothing(monkeypatch: pytest.MonkeyPatch):
    made = program(root())
    code = native(made)
    with monkeypatch.context() as patch:
        patch.setattr(OPS["sqrt"], "rule", interrupt)
        with pytest.raises(KeyboardInterrupt):
            native(made)
        with pytest.raises(KeyboardInterrupt):
            code(workspace(made, 0.0, 0.0))
    found = workspace(made, 0.0, 0.0)
    assert code(found) == DONE and found.gx.tolist() == [0.0, 0.0, 0.0]


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


# ---- the text ----


def test_nothing_in_the_text_gives_up_bits():
    text = ir_text(polynomial(5))
    assert text.count("call double @libm.pow") == 5
    assert not re.search(r"@llvm\.(exp|log|sin|cos|tan|pow|fma)", text)  # of its own digits
    assert not re.search(r"\b(fast|contract|reassoc|nnan|ninf|nsz|arcp|afn|fmuladd)\b", text)


def test_the_text_grows_with_the_program_and_not_with_its_rounds():
    body: list[Statement] = [Load(0, "x", Index(0, (0,))), Store("y", FIRST, 0, adds=True)]
    few, many = (ir_text(program([Loop(trips, body)])) for trips in (2, 1_000_000))
    assert len(many) - len(few) < 20
    short, long, longer = (len(ir_text(polynomial(n))) for n in (100, 200, 300))
    assert longer - long == pytest.approx(long - short, rel=0.05)
