"""What the backends are tried on: every op with rows of inputs, random rules, rules they refuse."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st

from autograd import Op, Value
from autograd.ops import partials
from tests.op_accuracy import points
from tests.op_cases import CASES, MAX, TINY

SIZES = (0.0, TINY, 1e-310, 1e-200, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 1e22, 2.0**60, MAX, math.inf)
SPECIAL = [*SIZES, *(-x for x in SIZES), math.nan]


def tried(row: Op) -> Iterator[tuple[Op, list[tuple[float, ...]]]]:
    """The op with rows of inputs: those of its case, and special numbers in all places."""
    rng = random.Random(row.name)
    found = [x for case in CASES if case.op == row.name for x in points(case, per_box=40)]
    found += [pin.inputs for case in CASES if case.op == row.name for pin in case.pinned]
    if row.defaults is None:
        arities = [getattr(row, "sequences", 1) * n for n in (1, 2, 3)]
    else:
        arities = [row.least + len(row.defaults)]
    for n in arities:
        if n < 3:
            found += product(SPECIAL, repeat=n)
        found += [tuple(rng.choices(SPECIAL, k=n)) for _ in range(300)]
        found += [tuple(rng.uniform(-4.0, 4.0) for _ in range(n)) for _ in range(100)]
    for n in sorted({len(x) for x in found}):
        yield with_partials(row, n), [x for x in found if len(x) == n]


def with_partials(row: Op, arity: int) -> Op:
    """The op; if its derivative is not declared, its forward with partials of 0."""
    x = row.complete((1.0,) * arity)
    try:
        partials(row, 1.0, x, [True] * len(x))
    except NotImplementedError:
        return Op(row.name, row.forward, lambda xp, y, *x: (0.0,) * len(x))
    return row


# Steps that are exact on every machine: what comes out must be the same to the last bit.
MOVES: tuple[Callable[..., Any], ...] = (
    lambda xp, a, b, c, k: a + b,
    lambda xp, a, b, c, k: a - b,
    lambda xp, a, b, c, k: a * b,
    lambda xp, a, b, c, k: a / b,
    lambda xp, a, b, c, k: a % b,
    lambda xp, a, b, c, k: a // b,
    lambda xp, a, b, c, k: k + a * k,
    lambda xp, a, b, c, k: k - a,
    lambda xp, a, b, c, k: k / a,
    lambda xp, a, b, c, k: k % a,
    lambda xp, a, b, c, k: k // a,
    lambda xp, a, b, c, k: -a,
    lambda xp, a, b, c, k: xp.sqrt(a),
    lambda xp, a, b, c, k: xp.floor(a) + xp.ceil(b) - xp.trunc(c),
    lambda xp, a, b, c, k: xp.round(a),
    lambda xp, a, b, c, k: xp.abs(a),
    lambda xp, a, b, c, k: xp.copysign(a, b),
    lambda xp, a, b, c, k: xp.where(a, b, c),
    lambda xp, a, b, c, k: xp.where(a < b, b, c),
    lambda xp, a, b, c, k: xp.where(k >= a, k, c),
    lambda xp, a, b, c, k: xp.where((a > b) & (b <= k) | (a == c), b, k),
    lambda xp, a, b, c, k: xp.where(a != b, xp.where(k > 0, c, k), a),
    lambda xp, a, b, c, k: xp.relu(a) + xp.sign(b),
    lambda xp, a, b, c, k: xp.maximum(xp.minimum(a, b), k),
    lambda xp, a, b, c, k: xp.clip(a, k, b),
    lambda xp, a, b, c, k: xp.norm(a, b, c),
    lambda xp, a, b, c, k: xp.hypot(a, k),
    lambda xp, a, b, c, k: xp.softsign(a),
    lambda xp, a, b, c, k: xp.prod(a, b, k),
)
INDEX = st.integers(0, 99)
PROGRAM = st.lists(
    st.tuples(st.sampled_from(MOVES), INDEX, INDEX, INDEX, st.floats(width=64)),
    min_size=1,
    max_size=25,
)
SOME = st.one_of(st.sampled_from(SPECIAL), st.floats(-8.0, 8.0), st.floats())


def random_rule(program: Any) -> Op:
    """The op whose rules do the steps that PROGRAM drew."""

    def results(xp: Any, *x: Any) -> list[Any]:
        found = list(x)
        for move, i, j, k, constant in program:
            a, b, c = (found[-1 - n % len(found)] for n in (i, j, k))
            found.append(move(xp, a, b, c, constant))
        return found

    def slopes(xp: Any, y: Any, *x: Any) -> Any:
        found = results(xp, y, *x)
        return found[-1], lambda: found[len(found) // 2]

    return Op("random_rule", lambda xp, *x: results(xp, *x)[-1], slopes)


# ---- what cannot be written ----


def branching(xp, x):
    return x if x > 0 else -x


def kept_from(kept: list[Any]) -> Callable[..., Any]:
    def rule(xp, x):
        kept.append(x * x)
        return kept[0] + x

    return rule


WRAPPED = "of op 'f': expected a rule that runs on registers, got "

REFUSED = [  # a rule, how the error reads
    (branching, r"op 'f': .*got a Python choice .*; write xp\.where\(condition, a, b\)"),
    (lambda xp, x: max(x, 0.0), r"op 'f': .*Python choice .*xp\.maximum\(a, b\)"),
    (lambda xp, x: x and 1.0, r"op 'f': .*Python choice"),
    (lambda xp, x: 1.0 if x in (0.0, 1.0) else x, r"op 'f': .*Python choice"),
    (lambda xp, x: math.exp(x), r"op 'f': .*math on a register; write xp\.exp\(x\)"),
    (lambda xp, x: float(x), r"op 'f': .*got float\(\)"),
    (lambda xp, x: (x > 0) * x, r"op 'f': .*got a comparison; write xp\.where"),
    (lambda xp, x: xp.exp(x > 0), r"op 'f': .*got a comparison"),
    (lambda xp, x: x > 0, r"op 'f': .*got a comparison"),
    (lambda xp, x: xp.where((x > 0) == (x > 1), x, 1.0), r"op 'f': .*got a comparison"),
    (lambda xp, x: xp.log(x, 2.0), WRAPPED + "TypeError: log: expected 1 input, got 2; use"),
    (lambda xp, x: xp.not_there(x), WRAPPED + ".*no op is named 'not_there'"),
    (lambda xp, x: x.real, WRAPPED + "AttributeError: 'Register' object has no.*'real'"),
    (lambda xp, x: round(x), WRAPPED + r"TypeError.*__round__.*xp\.NAME\(\.\.\.\)"),
    (lambda xp, x: sum(range(x)), WRAPPED + "TypeError.*interpreted as an integer"),
    (lambda xp, x: np.exp(x), WRAPPED + "TypeError.*ufunc"),
    (lambda xp, x: x * "2", WRAPPED + "TypeError.*a real number, got the string '2'"),
    (lambda xp, x: Value(2.0) * x, WRAPPED + "TypeError"),
    (lambda xp, x: None, WRAPPED + "TypeError.*expected a .*number.*, got None"),
    (lambda xp, x: 1.0 / 0.0 * x, WRAPPED + "ZeroDivisionError"),
]
