"""Machine code written from rules, against the same rules in Python: equal to the last bit.

The ops, and where to try them, are read off ops.TABLE and op_cases.py: a new op is tested as soon
as it is declared.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import OPS, Op, Value, op
from autograd.backends.registers import PRIMITIVES, NotWritable
from autograd.ops import TABLE, evaluate, partials
from tests.rules import (
    PROGRAM,
    REFUSED,
    SOME,
    SPECIAL,
    WRAPPED,
    branching,
    kept_from,
    random_rule,
    tried,
    with_partials,
)

pytest.importorskip("llvmlite")

from autograd.compiler.emit import native
from autograd.compiler.program import (
    Compute,
    Constant,
    Index,
    Load,
    Loop,
    Program,
    Pull,
    Store,
    Workspace,
)


@pytest.fixture
def clean() -> Iterator[None]:
    """Forget the ops that a test declares."""
    before = set(OPS)
    yield
    for name in set(OPS) - before:
        del OPS[name]
        delattr(Value, name)


def program(rule: Op, arity: int, rows: int) -> Program:
    """For every row of inputs: y is what the op gives, gx its partials, at the y kept in v."""
    inputs = tuple(range(arity))
    loads = [Load(i, "x", Index(i, (arity,))) for i in inputs]
    targets = tuple(arity + i for i in inputs)
    y, kept, one = range(2 * arity, 2 * arity + 3)
    forward = [Compute(y, rule, inputs), Store("y", Index(0, (1,)), y)]
    reverse = [
        Load(kept, "s", Index(0, (1,))),
        Constant(one, 1.0),
        Pull(targets, rule, kept, inputs, one),
        *(Store("gx", Index(i, (arity,)), target) for i, target in enumerate(targets)),
    ]
    body = [Loop(rows, [*loads, *forward, *reverse])]
    return Program(
        body, arity * rows, rows, 0, 0, np.zeros(0), np.zeros(0, np.int32), has_gradient=True
    )


def compute(rule: Op, rows: Sequence[Sequence[float]], y: Sequence[float]) -> list[list[float]]:
    """Run an op's machine code on rows of inputs; its partials get the y that Python gave."""
    arity = len(rows[0])
    made = program(rule, arity, len(rows))
    workspace = Workspace(made)
    workspace.x[:] = np.asarray(rows, float).ravel()
    workspace.s[:] = y
    assert native(made)(workspace) == -1
    slopes = workspace.gx.reshape(len(rows), arity).tolist()
    return [[y, *row] for y, row in zip(workspace.y.tolist(), slopes)]


def in_python(rule: Op, x: Sequence[float]) -> list[float]:
    """The op and what it hands on of an adjoint of 1: partials, 0 for what it did not select."""
    y = evaluate(rule, x)
    slopes = partials(rule, y, x, [True] * len(x))
    return [y, *(0.0 if p is None or (rule.selects and p == 0.0) else p for p in slopes)]


def same(a: float, b: float) -> bool:
    """Equal bits, but for those of a nan."""
    return (a == b and math.copysign(1.0, a) == math.copysign(1.0, b)) or (a != a and b != b)


def agree(rule: Op, rows: Sequence[Sequence[float]]) -> None:
    expected = [in_python(rule, x) for x in rows]
    for x, answer, got in zip(rows, expected, compute(rule, rows, [e[0] for e in expected])):
        assert all(map(same, answer, got)), (
            f"{rule.name}{tuple(x)}: expected y, *partials = {answer}, got {got}"
        )


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_op_has_the_bits_of_python(row: Op):
    for rule, rows in tried(row):
        agree(rule, rows)


def dense(inputs: int, count: int) -> list[tuple[float, ...]]:
    """Numbers of all sizes, and many of the sizes that programs meet."""
    rng = random.Random(inputs)

    def draw() -> float:
        size = rng.choice((lambda: 10.0 ** rng.uniform(-320.0, 308.0), lambda: rng.uniform(0, 40)))
        return rng.choice((1.0, -1.0)) * size()

    return [tuple(draw() for _ in range(inputs)) for _ in range(count)]


@pytest.mark.parametrize("name", sorted({*PRIMITIVES, "pow", "mod", "floordiv"} - {"where"}))
def test_what_namespaces_supply_has_the_bits_of_python_everywhere(name: str):
    inputs = 1 if OPS[name].is_unary else 2
    rows = [*product(SPECIAL, repeat=inputs), *dense(inputs, 5000)]
    rows += [tuple(float(t) for t in x) for x in product(range(-6, 7), repeat=inputs)]
    agree(with_partials(OPS[name], inputs), rows)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(PROGRAM, st.lists(st.tuples(SOME, SOME), min_size=8, max_size=8))
def test_random_rules_have_the_bits_of_python(steps: Any, rows: Any):
    agree(random_rule(steps), rows)


# ---- ops of one's own ----


@pytest.mark.usefixtures("clean")
def test_ops_of_ones_own():
    @op
    def native_swish(xp, x, beta=1.5):
        return x * xp.sigmoid(beta * x)

    @native_swish.partials
    def _(xp, y, x, beta):
        slope = lambda of: of * xp.sigmoid(beta * x) * xp.sigmoid(-beta * x)
        return lambda: xp.sigmoid(beta * x) + slope(beta * x), lambda: x * slope(x)

    @op
    def native_reusing(xp, x):
        return xp.native_swish(xp.erf(x), 2) + xp.native_swish(x, beta=0.5) + xp.norm(x, 3)

    @native_reusing.partials
    def _(xp, y, x):
        return [xp.where(x, xp.native_swish(x, 2.0), y) + xp.norm(*(np.array([0.5, 0.25]) * x))]

    @op
    def native_operators(xp, a, b):
        c = xp.where((a > 0) & (b > 0) & (2 > 1) | (a == b), 2 * a % b, 2.5 // b)
        d = xp.where(abs(a) != 1, a**2 - 2**b, +a // 3) + xp.where(False, a, 1.0) / a
        return xp.where((a <= b) | (1 >= b), c, d % 7) - xp.where(2 > 1, b, 0.0) * -xp.where(
            True, -2, a
        )

    @native_operators.partials
    def _(xp, y, a, b):
        return np.float64(0.5) * a, xp.where(np.float64(0.5) < b, np.float64(1) + b, True)

    @op
    def native_constants(xp, x):
        return -2.5

    @native_constants.partials
    def _(xp, y, x):
        return (xp.where(x < 1, math.inf, xp.where(x < 2, -0.0, xp.where(x < 3, math.nan, 0.1))),)

    rng = random.Random(0)
    one = [(x,) for x in (*SPECIAL, *(rng.uniform(-5.0, 5.0) for _ in range(50)))]
    two = [*product(SPECIAL, repeat=2), *((x, rng.uniform(-5.0, 5.0)) for (x,) in one)]
    agree(native_swish, two)
    agree(native_reusing, one)
    agree(native_operators, two)
    agree(native_constants, one)


# ---- what cannot be written ----


@pytest.mark.parametrize("rule, match", REFUSED)
def test_a_rule_that_cannot_be_written_is_named(rule: Any, match: str):
    with pytest.raises(NotWritable, match=match):
        native(program(Op("f", rule, lambda xp, y, x: (1.0,)), 1, 1))
    with pytest.raises(NotWritable, match=match):
        native(program(Op("f", lambda xp, x: x, lambda xp, y, x: (lambda: rule(xp, x),)), 1, 1))


def test_registers_kept_from_another_run_are_refused():
    kept: list[Any] = []
    f = Op("f", kept_from(kept), lambda xp, y, x: (2.0 * kept[0],))
    with pytest.raises(NotWritable, match=r"op 'f': .*got one kept from another; compute what"):
        native(program(f, 1, 1))


@pytest.mark.parametrize("entries", [(1.0,), 1.0, None, (1.0, None), (1.0, 2.0, 3.0)])
def test_partials_of_the_wrong_kind_are_named(entries: Any):
    f = Op("f", lambda xp, a, b: a * b, lambda xp, y, a, b: entries)
    with pytest.raises(NotWritable, match=WRAPPED + r"TypeError: partials of op 'f': expected"):
        native(program(f, 2, 1))


def test_partials_that_are_not_there_say_so_themselves():
    for f, match in ((OPS["polygamma5"], "polygamma6"), (Op("f", branching), "no partials yet")):
        with pytest.raises(NotImplementedError, match=match) as caught:
            native(program(Op("g", lambda xp, x: x, f.rule), 1, 1))
        assert not isinstance(caught.value, NotWritable)
