"""JavaScript written from rules, run in Chromium: ops against Python, the runtime against mpmath.

The ops, and where to try them, are read off ops.TABLE and op_cases.py: a new op is tested as soon
as it is declared. Numbers go to the browser and come back in bulk, as the bytes of doubles.
"""

from __future__ import annotations

import base64
import math
import operator
import random
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpc, mpf

from autograd import OPS, Op, Value, op
from autograd.backends.js import LONGEST, NotWritable, runtime, write
from autograd.backends.registers import PRIMITIVES
from autograd.floats import LIBM, Ieee
from autograd.ops import IEEE, TABLE, evaluate, partials
from tests.op_cases import MAX, TINY
from tests.oracles import ORACLES
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

NEAR = 1e-12  # relative, ops in JavaScript against ops in Python
RUNTIME_NEAR = 2e-15  # relative, functions of the runtime against mpmath; measured: 9e-16
UNDERFLOW = 2 * TINY  # absolute: where numbers are subnormal they have no more digits

OPERATORS = {"mod": operator.mod, "floordiv": operator.floordiv, "pow": operator.pow}


@pytest.fixture
def clean() -> Iterator[None]:
    """Forget the ops that a test declares."""
    before = set(OPS)
    yield
    for name in set(OPS) - before:
        del OPS[name]
        delattr(Value, name)


# ---- running it ----


@pytest.fixture(scope="module")
def tab(chromium: Any) -> Iterator[Any]:
    page = chromium.new_page()
    yield page
    page.close()


LOOP = """
(job) => {
    "use strict";
    RUNTIME
    const functions = [FUNCTIONS];
    const bytes = Uint8Array.from(atob(job.numbers), (c) => c.charCodeAt(0));
    const numbers = new Float64Array(bytes.buffer);
    const [results, widths] = [[], []];
    let at = 0;
    functions.forEach((f, k) => {
        for (let row = 0; row < job.rows[k]; row++) {
            const y = [f(Array.from(numbers.subarray(at, at + job.widths[k])))].flat();
            for (const number of y) results.push(number);
            at += job.widths[k];
            widths[k] = y.length;
        }
    });
    let text = "";
    for (const byte of new Uint8Array(Float64Array.from(results).buffer)) {
        text += String.fromCharCode(byte);
    }
    return { numbers: btoa(text), widths };
}
"""


def compute(
    tab: Any, functions: Sequence[str], tables: Sequence[Sequence[Sequence[float]]]
) -> list[list[list[float]]]:
    """Run JavaScript functions of an array, each on the rows of its table; give rows of results."""
    flat = [x for table in tables for row in table for x in row]
    job = {
        "numbers": base64.b64encode(struct.pack(f"<{len(flat)}d", *flat)).decode(),
        "rows": [len(table) for table in tables],
        "widths": [len(table[0]) for table in tables],
    }
    script = LOOP.replace("RUNTIME", runtime()).replace("FUNCTIONS", ",\n".join(functions))
    answer = tab.evaluate(script, job)
    data = base64.b64decode(answer["numbers"])
    found = iter(struct.unpack(f"<{len(data) // 8}d", data))
    return [
        [[next(found) for _ in range(width)] for _ in table]
        for table, width in zip(tables, answer["widths"])
    ]


def forward_and_partials(written: str) -> str:
    """A JavaScript function of [y, *x]; y is what Python gave, and what the partials get."""
    return (
        "((op) => ([y, ...x]) => [op.forward(xp, x), ...op.partials(xp, y, x)])(\n" + written + ")"
    )


def in_python(rule: Op, x: Sequence[float]) -> list[float]:
    y = evaluate(rule, x)
    return [y, *partials(rule, y, x, [True] * len(x))]


def differ(a: float, b: float) -> float:
    """0 for equal numbers, nans included and zeros of two signs not; else the relative error."""
    if math.isnan(a) or math.isnan(b):
        return 0.0 if math.isnan(a) and math.isnan(b) else math.inf
    if a == b:
        return 0.0 if math.copysign(1.0, a) == math.copysign(1.0, b) else math.inf
    if math.isinf(a) or math.isinf(b):  # one may overflow where the other just does not
        return 0.0 if min(a, b) <= -MAX * (1 - NEAR) or max(a, b) >= MAX * (1 - NEAR) else math.inf
    return 0.0 if abs(a - b) <= UNDERFLOW else abs(a - b) / max(abs(a), abs(b))


def agree(
    tab: Any, tables: Sequence[tuple[Op, Sequence[Sequence[float]]]], near: float = NEAR
) -> None:
    """Compare ops as JavaScript, on rows of inputs of one length, with the same ops in Python."""
    functions, expected, given = [], [], []
    for rule, rows in tables:
        functions.append(forward_and_partials(write(rule, len(rows[0]))))
        expected.append([in_python(rule, x) for x in rows])
        given.append([(answer[0], *x) for answer, x in zip(expected[-1], rows)])
    for (rule, rows), *columns in zip(tables, expected, compute(tab, functions, given)):
        for x, answer, got in zip(rows, *columns, strict=True):
            assert len(answer) == len(got), rule
            assert all(differ(a, b) <= near for a, b in zip(answer, got)), (
                f"{rule.name}{tuple(x)}: expected y, *partials = {answer}, got {got}"
            )


# ---- every op of the table ----


def test_every_op_computes_in_chromium_what_it_computes_in_python(tab: Any):
    agree(tab, [(op, rows) for row in TABLE for op, rows in tried(row)])


@pytest.mark.usefixtures("clean")
def test_what_is_written_is_safe_inside_a_script():
    @op(symbol="</script><!--")
    def nasty(xp, x):
        return xp.where(x < -0.0, -(0.0 - x) / -1.0, x - -2.0)

    nasty.partials(lambda xp, y, x: (1.0,))
    texts = [runtime(), write(nasty, 1)]
    texts += [write(with_partials(row, n), n) for row in TABLE for n in (1, 2, 3) if takes(row, n)]
    assert len(texts) > len(TABLE)
    for text in texts:
        assert not re.search(r"</|<!--|]]>", text) and "\u2028" not in text


def takes(row: Op, arity: int) -> bool:
    if row.defaults is None:
        return arity % getattr(row, "sequences", 1) == 0
    return row.least <= arity <= row.least + len(row.defaults)


# ---- the runtime ----


def test_the_runtime_has_what_registers_call_and_nothing_else(tab: Any):
    names = tab.evaluate(f"() => {{ {runtime()} return Object.keys(xp); }}")
    assert sorted(names) == sorted({*PRIMITIVES, *OPERATORS})


def drawn(inputs: int, count: int) -> list[tuple[float, ...]]:
    """All sizes; near 0 and 1, where exp and its kin over- and underflow, zeros of sin and cos."""
    rng = random.Random(inputs)

    def draw() -> float:
        sign = rng.choice((1.0, -1.0))
        return (
            sign
            * rng.choice(
                (
                    lambda: 10.0 ** rng.uniform(-323.0, 308.0),
                    lambda: 10.0 ** rng.uniform(-12.0, 3.0),
                    lambda: rng.uniform(0.0, 30.0),
                    lambda: 1.0 + rng.choice((1.0, -1.0)) * 10.0 ** rng.uniform(-16.0, 0.0),
                    lambda: (
                        rng.choice((708.4, 709.78, 710.4758600739439, 745.1)) + rng.gauss(0, 1e-3)
                    ),
                    lambda: rng.randrange(1, 10**6) * math.pi / 2,
                    lambda: rng.randrange(4000) / 4,
                )
            )()
        )

    return [tuple(draw() for _ in range(inputs)) for _ in range(count)]


def exact(name: str, x: Sequence[float]) -> float:
    """mpmath's answer to 50 digits; nan outside of the domain."""
    oracle = mp.log1p if name == "log1p" else ORACLES[name]
    with mp.workdps(50):
        y = oracle(*map(mpf, x))
        if isinstance(y, mpc):
            return float(y.real) if y.imag == 0 else math.nan
        return float(y)


SMOOTH = [name for name in (*LIBM, "pow") if name != "copysign"]
TIES = [(1.1641331313760412e16, 2.9045819748555655), (-6306398355892300.0, 1.7533668345504108)]
STEPS = [*sorted(PRIMITIVES - {*SMOOTH, "where"}), "mod", "floordiv"]


def test_the_runtime_agrees_with_mpmath_and_c99(tab: Any):
    """mpmath says what an ordinary number gives; for zeros, infinities and nan Python does."""
    tables = []
    for name in (*SMOOTH, *STEPS):
        inputs = 1 if name not in OPERATORS and OPS[name].is_unary else 2
        tables.append([*product(SPECIAL, repeat=inputs), *drawn(inputs, 800)])
        tables[-1] += TIES if inputs == 2 else []
    functions = [f"(x) => xp.{name}(...x)" for name in (*SMOOTH, *STEPS)]
    for name, table, results in zip((*SMOOTH, *STEPS), tables, compute(tab, functions, tables)):
        for x, (got,) in zip(table, results):
            expected = float(OPERATORS.get(name, getattr(IEEE, name))(*map(Ieee, x)))
            if name in SMOOTH and all(t != 0.0 and math.isfinite(t) for t in (*x, expected)):
                expected = exact(name, x)
            near = RUNTIME_NEAR if name in SMOOTH else 0.0
            assert differ(got, expected) <= near, f"{name}{x}: expected {expected!r}, got {got!r}"


def test_erfc_keeps_its_digits_to_the_end(tab: Any):
    xs = [k / 64 for k in range(-400, 1760)] + [math.nextafter(6.0, t) for t in (0.0, 9.0)]
    (tail,) = compute(tab, ["([x]) => xp.erfc(x)"], [[(x,) for x in xs]])
    assert min(y for (y,) in tail if y) < 1e-300
    for x, (y,) in zip(xs, tail):
        assert differ(y, exact("erfc", (x,))) <= RUNTIME_NEAR, x


# ---- ops of one's own ----


@pytest.mark.usefixtures("clean")
def test_ops_of_ones_own(tab: Any):
    @op
    def js_swish(xp, x, beta=1.5):
        return x * xp.sigmoid(beta * x)

    @js_swish.partials
    def _(xp, y, x, beta):
        slope = lambda of: of * xp.sigmoid(beta * x) * xp.sigmoid(-beta * x)
        return lambda: xp.sigmoid(beta * x) + slope(beta * x), lambda: x * slope(x)

    @op
    def js_reusing(xp, x):
        return xp.js_swish(xp.erf(x), 2) + xp.js_swish(x, beta=0.5) + xp.norm(x, 3, xp.gamma(x))

    @js_reusing.partials
    def _(xp, y, x):
        return [xp.where(x, xp.js_swish(x, 2.0), y) + xp.norm(*(np.array([0.5, 0.25]) * x))]

    @op
    def js_mean_square(xp, *x):
        return xp.sum(*(v**2 for v in x)) / len(x)

    @js_mean_square.partials
    def _(xp, y, *x):
        return tuple(2 * v / len(x) for v in x)

    @op
    def js_operators(xp, a, b):
        c = xp.where((a > 0) & (b > 0) & (2 > 1) | (a == b), 2 * a % b, 2.5 // b)
        d = xp.where(abs(a) != 1, a**2 - 2**b, +a // 3) + xp.where(False, a, 1.0) / a
        return xp.where((a <= b) | (1 >= b), c, d % 7) - xp.where(2 > 1, b, 0.0) * -xp.where(
            True, -2, a
        )

    @js_operators.partials
    def _(xp, y, a, b):
        return np.float64(0.5) * a, xp.where(np.float64(0.5) < b, np.float64(1) + b, True)

    @op
    def js_constants(xp, x):
        return x

    @js_constants.partials
    def _(xp, y, x):
        return (xp.where(x < 1, math.inf, xp.where(x < 2, -0.0, xp.where(x < 3, math.nan, 0.1))),)

    rng = random.Random(0)
    rows = {
        n: [
            *(tuple(rng.choices(SPECIAL, k=n)) for _ in range(50)),
            *(tuple(rng.uniform(-5.0, 5.0) for _ in range(n)) for _ in range(50)),
        ]
        for n in (1, 2, 7)
    }
    agree(
        tab,
        [
            (js_swish, rows[2]),
            (js_reusing, rows[1]),
            (js_mean_square, rows[1]),
            (js_mean_square, rows[7]),
            (js_operators, [*product(SPECIAL, repeat=2), *rows[2]]),
            (js_constants, [(0.0,), (1.0,), (2.0,), (3.0,)]),
        ],
    )
    (left_out,) = compute(tab, [forward_and_partials(write(js_swish, 1))], [[(1.0, 0.7)]])
    answer = in_python(js_swish, (0.7, 1.5))[:2]  # a default that is left out has no partial
    assert left_out == [[pytest.approx(y, rel=1e-15) for y in answer]]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(PROGRAM, st.lists(st.tuples(SOME, SOME), min_size=8, max_size=8))
def test_random_rules_agree_to_the_last_bit(tab: Any, program: Any, rows: Any):
    rule = random_rule(program)
    agree(tab, [(rule, rows)], near=0.0)


# ---- what cannot be written ----


@pytest.mark.parametrize("rule, match", REFUSED)
def test_a_rule_that_cannot_be_written_is_named(rule: Any, match: str):
    with pytest.raises(NotWritable, match=match):
        write(Op("f", rule, lambda xp, y, x: (1.0,)), 1)
    with pytest.raises(NotWritable, match=match):
        write(Op("f", lambda xp, x: x, lambda xp, y, x: (lambda: rule(xp, x),)), 1)


def test_registers_kept_from_another_run_are_refused():
    kept: list[Any] = []
    f = Op("f", kept_from(kept), lambda xp, y, x: (2.0 * kept[0],))
    with pytest.raises(NotWritable, match=r"op 'f': .*got one kept from another; compute what"):
        write(f, 1)


@pytest.mark.parametrize("entries", [(1.0,), 1.0, None, (1.0, None), (1.0, 2.0, 3.0)])
def test_partials_of_the_wrong_kind_are_named(entries: Any):
    f = Op("f", lambda xp, a, b: a * b, lambda xp, y, a, b: entries)
    with pytest.raises(NotWritable, match=WRAPPED + r"TypeError: partials of op 'f': expected"):
        write(f, 2)


def test_a_partial_that_is_in_no_tuple_is_shown():
    f = Op("f", lambda xp, x: x, lambda xp, y, x: 2.0 * x)
    with pytest.raises(NotWritable, match=r"a tuple of 1, one per input, got <register t1>"):
        write(f, 1)


def test_partials_that_are_not_there_say_so_themselves():
    for f, match in ((OPS["polygamma5"], "polygamma6"), (Op("f", branching), "no partials yet")):
        with pytest.raises(NotImplementedError, match=match) as caught:
            f.partials(None, None, None)
        assert not isinstance(caught.value, NotWritable)
    with pytest.raises(NotImplementedError, match="polygamma6") as caught:
        write(OPS["polygamma5"], 1)
    assert not isinstance(caught.value, NotWritable)


def test_a_wrong_number_of_inputs_is_refused():
    with pytest.raises(NotWritable, match="clip: expected 3 inputs, got 2"):
        write(OPS["clip"], 2)


# ---- size ----


def lines(rule: Callable[..., Any]) -> int:
    """How many operations are written for a forward rule of one input."""
    return write(Op("f", rule, lambda xp, y, x: (1.0,)), 1).count("const ")


@pytest.mark.parametrize(
    "step, operations",
    [(lambda v: v * v, 1), (lambda v: v + v, 1), (lambda v: (v + v) * (v - 1.0), 3)],
)
def test_code_is_linear_in_the_operations_of_a_rule(step: Any, operations: int):
    def repeated(xp, x):
        for _ in range(200):
            x = step(x)
        return x

    assert lines(repeated) == 200 * operations


def test_what_is_written_already_is_not_written_again():
    once = lines(lambda xp, x: xp.sech2(x))
    assert lines(lambda xp, x: xp.sech2(x) * xp.sech2(x) + xp.square(xp.sech2(x))) == once + 2
    assert lines(lambda xp, x: xp.exp(x) / (1.0 + xp.exp(x)) + (1.0 + xp.exp(x))) == 4


@pytest.mark.parametrize("name", [row.name for row in TABLE if row.defaults is None])
def test_sequences_are_linear_in_their_length(name: str):
    short, long, longer = (write(OPS[name], n).count("\n") for n in (200, 400, 600))
    assert longer - long == long - short


def test_the_longest_function_runs_and_a_longer_one_is_refused(tab: Any):
    longest = write(OPS["sum"], LONGEST)
    (((y, *slopes),),) = compute(tab, [forward_and_partials(longest)], [[[0.0, *[0.5] * LONGEST]]])
    assert y == LONGEST / 2 and slopes == [1.0] * LONGEST
    with pytest.raises(NotWritable, match=r"op 'sum': expected at most 50,000 .*got 50,001; apply"):
        write(OPS["sum"], LONGEST + 1)
