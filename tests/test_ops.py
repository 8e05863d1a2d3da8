"""Every op of the table against mpmath, NumPy and values pinned by hand; see op_cases.py."""

from __future__ import annotations

import inspect
import math
from itertools import product
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import autograd
from autograd import CONVENTIONS, OPS, Value, detect_anomaly, grad, hessian
from autograd.engine import local_partials
from autograd.floats import Ieee
from autograd.ops import FLOATS, GRAPH, IEEE, TABLE, chosen, evaluate
from tests.op_accuracy import KINDS, Finding, measure, points
from tests.op_cases import CASES, SECOND, Case

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.op)


def test_every_op_has_a_case():
    assert [case.op for case in CASES] == [row.name for row in TABLE]


def test_accuracy_table_lists_every_op():
    table = (Path(__file__).parent / "OP_ACCURACY.md").read_text(encoding="utf-8")
    assert all(f"| {case.op} |" in table for case in CASES), "run python -m tests.op_accuracy"


@each_case
def test_op_agrees_with_mpmath(case: Case):
    report = measure(case)
    assert report.count["value"] > 0
    if len(case.boxes[0]) == 1:
        assert not report.unanswered, f"{case.op}: pin these: {report.unanswered}"
    for kind in KINDS:
        worst: Finding = getattr(report, kind)
        bound = SECOND if kind == "second" else case.ulp
        assert worst.error <= bound, f"{case.op}, {kind}: {worst}"


@each_case
def test_op_meets_its_pinned_values(case: Case):
    op = OPS[case.op]
    for x, output, partials in case.pinned:
        got = evaluate(op, x)
        assert same(got, output), f"{case.op}{x}: expected {output!r}, got {got!r}"
        if not all(p is None for p in partials):
            found = local_partials(op.on(*map(Value, x)))
            for expected, slope in zip(partials, found, strict=True):
                agrees = expected is None or same(slope, expected) or slope == expected == 0.0
                assert agrees, f"{case.op}{x}: expected partials {partials}, got {found}"


@each_case
def test_infinities_of_one_input_are_pinned(case: Case):
    if len(case.boxes[0]) == 1:
        assert {(math.inf,), (-math.inf,)} <= {pin.inputs for pin in case.pinned}


SPECIAL_POINTS = [0.0, -0.0, 1.0, -2.5, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("case", [case for case in CASES if case.numpy], ids=lambda case: case.op)
def test_op_answers_as_numpy_at_zeros_infinities_and_nan(case: Case):
    numpy_function: Any = getattr(np, case.numpy)
    for x in product(SPECIAL_POINTS, repeat=len(case.boxes[0])):
        with np.errstate(all="ignore"):
            expected = float(numpy_function(*(np.float64(v) for v in x)))
        got = evaluate(OPS[case.op], x)
        if math.isfinite(expected) and expected != 0.0:  # finite answers are mpmath's to judge
            assert math.isclose(got, expected, rel_tol=1e-14), f"{case.op}{x}"
        else:
            tie = case.op in ("maximum", "minimum", "clip") and got == expected == 0.0
            assert same(got, expected) or tie, f"{case.op}{x}: expected {expected}, got {got}"


SELECTING = ("where", "leaky_relu", "elu")  # a nan that is not selected is not in the answer
UNLIKE_NUMPY = [case for case in CASES if not case.numpy and case.op not in SELECTING]


@pytest.mark.parametrize("case", UNLIKE_NUMPY, ids=lambda case: case.op)
def test_nan_gives_nan(case: Case):
    n = len(case.boxes[0])
    for i in range(n):
        x = [math.nan if i == j else 1.0 for j in range(n)]
        assert math.isnan(evaluate(OPS[case.op], x)), f"{case.op}{x}"


@each_case
def test_forward_of_every_namespace_is_the_same_to_the_last_bit(case: Case):
    """Floats, IEEE floats and Values run one rule: on Values its ops are recorded one by one."""
    op = OPS[case.op]
    for x in list(points(case))[:80] + [pin.inputs for pin in case.pinned]:
        expected = evaluate(op, x)
        assert same(float(op.forward(IEEE, *map(Ieee, x))), expected), (
            f"{case.op}{x} on IEEE floats"
        )
        if op.name not in vars(type(FLOATS)):  # those are the machine's, not a formula
            y = op.forward(GRAPH, *map(Value, x))
            assert same(y.data if isinstance(y, Value) else float(y), expected), f"{case.op}{x}"


@each_case
def test_partials_of_every_namespace_are_the_same_to_the_last_bit(case: Case):
    op = OPS[case.op]
    for x in list(points(case))[:40] + [pin.inputs for pin in case.pinned]:
        leaves = [Value(v) for v in x]
        node = op.on(*leaves) if x else None
        if node is None or op.name == "polygamma5":
            continue
        expected = local_partials(node)
        on_values = chosen(op, op.partials(GRAPH, node, *leaves), [True] * len(x))
        got = [p.data if isinstance(p, Value) else float(p) for p in on_values]
        assert all(map(same, got, expected)), f"{case.op}{x}: floats {expected}, Values {got}"


def same(a: float, b: float) -> bool:
    """Equal to the bit; any nan is a nan."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b and math.copysign(1.0, a) == math.copysign(1.0, b)


# ---- where the naive formula fails ----


@pytest.mark.parametrize(
    "f, x, slope",
    [
        (autograd.tanh, 20.0, 1.6993417021166355e-17),  # 1 - y*y would be 0
        (autograd.sigmoid, 40.0, 4.248354255291589e-18),  # y (1 - y): 0
        (autograd.expm1, -50.0, 1.9287498479639178e-22),  # y + 1: 0
        (autograd.log1p, 1e-20, 1.0),
        (autograd.softplus, -745.0, 5e-324),
        (lambda x: 1.0 / x, 1e-200, -math.inf),
        (lambda x: x / 1e-200, 3.0, 1e200),
        (lambda x: autograd.hypot(x, 4e200), 3e200, 0.6),
        (lambda x: autograd.norm([x, 4e-320]), 3e-320, 0.6),
        (lambda x: autograd.logsumexp([x, 1000.0]), 1000.0, 0.5),
        (autograd.atan, 1e160, 1e-320),
    ],
)
def test_derivative_where_the_naive_formula_fails(f: Any, x: float, slope: float):
    got = grad(f)(x)
    assert got == pytest.approx(slope, rel=1e-15, abs=0.0) or got == slope


def test_softplus_and_log1p_keep_their_small_values():
    assert autograd.softplus(-40.0) == 4.248354255291589e-18
    assert autograd.log1p(1e-20) == 1e-20
    assert autograd.logsumexp([0.0, -40.0]) == 4.248354255291589e-18


def test_quotient_at_tiny_denominators():
    a, b = Value(3.0), Value(1e-200)
    (a / b).backward()
    assert (a.grad, b.grad) == (1e200, -math.inf)


def test_lgamma_differentiates_five_times():
    f: Any = autograd.lgamma
    for _ in range(6):
        f = grad(f)
    # ψ5(1) = 120 ζ(6)
    assert f(1.0) == pytest.approx(120 * math.pi**6 / 945, rel=1e-14)
    with pytest.raises(NotImplementedError, match="polygamma6"):
        grad(f)(1.0)


def test_gamma_is_exact_for_integers_up_to_23():
    assert [autograd.gamma(float(n)) for n in range(1, 24)] == [
        math.factorial(n - 1) for n in range(1, 24)
    ]


def test_square_with_a_constant_exponent_takes_no_logarithm():
    with detect_anomaly():  # log of a negative number would be reported
        x = Value(-3.0)
        (x**2).backward()
    assert x.grad == -6.0


def test_exponent_zero_still_has_a_mixed_second_derivative():
    # d²/dx dn x**n = (1 + n log x) x**(n - 1), which is 1/x at n = 0
    assert hessian(lambda v: v[0] ** v[1])([2.0, 0.0])[0][1] == 0.5


# ---- conventions ----


@pytest.mark.parametrize("row", CONVENTIONS, ids=lambda row: row.expression)
def test_convention(row: Any):
    names = dict(OPS)
    leaves = {name: Value(x) for name, x in row.at.items()}
    y = eval(row.expression, {**names, **leaves, "inf": math.inf, "nan": math.nan})
    assert same(y.data, row.value)
    y.backward()
    got = {name: leaf.grad for name, leaf in leaves.items()}
    assert all(
        same(got[name], slope) or got[name] == slope for name, slope in row.slopes.items()
    ), got


# ---- what has no row of its own ----


@pytest.mark.parametrize(
    "x",
    [(0.0, 0.0), (1e17, 1e17), (1e6, 1e6 + 1), (1000.0, 1001.0), (-5.0, 0.5, 3.25), (1e300, 0.0)],
)
def test_softmax_is_right_however_large_its_inputs(x: tuple[float, ...]):
    with mpmath.workdps(50):
        powers = [mpmath.exp(mpmath.mpf(v) - mpmath.mpf(max(x))) for v in x]
        exact = [p / mpmath.fsum(powers) for p in powers]
        slopes = [[s * ((i == j) - exact[j]) for j in range(len(x))] for i, s in enumerate(exact)]
    on_values = [y.data for y in autograd.softmax([Value(v) for v in x])]
    assert on_values == autograd.softmax(x) == pytest.approx([float(e) for e in exact], rel=2e-15)
    jacobian = autograd.jacobian(autograd.softmax)(list(x))
    for row, exact_row in zip(jacobian, slopes):
        assert row == pytest.approx([float(e) for e in exact_row], rel=1e-14, abs=1e-16)


def test_softmax_of_plain_numbers_is_plain_and_of_nothing_is_nothing():
    assert {type(y) for y in autograd.softmax([1, 2.5])} == {float}
    assert autograd.softmax([]) == []
    assert all(map(math.isnan, autograd.softmax([-math.inf, -math.inf])))


@pytest.mark.parametrize("x", [(-math.inf, math.nan), (math.nan, -math.inf), (math.inf, math.nan)])
def test_logsumexp_does_not_lose_a_nan(x: tuple[float, ...]):
    assert math.isnan(autograd.logsumexp(x))


@pytest.mark.parametrize("x", [(5e-324, 5e-324), (1e-318, 2e-318), (3e-320, -4e-320, 1e-322)])
def test_the_slopes_of_a_subnormal_norm_are_right(x: tuple[float, ...]):
    leaves = [Value(v) for v in x]
    autograd.norm(leaves).backward()
    with mpmath.workdps(50):
        length = mpmath.sqrt(mpmath.fsum(mpmath.mpf(v) ** 2 for v in x))
        assert [v.grad for v in leaves] == pytest.approx([float(mpmath.mpf(v) / length) for v in x])


def test_inputs_can_be_given_by_name():
    assert autograd.leaky_relu(-2.0, slope=0.5) == -1.0
    assert Value(-2.0).leaky_relu(slope=0.5).data == -1.0
    assert autograd.clip(5.0, high=1.0, low=0.0) == Value(5.0).clip(high=1.0, low=0.0).data == 1.0
    with pytest.raises(
        TypeError, match=r"clip\(x, low, high\): missing a required argument: 'high'"
    ):
        autograd.clip(5.0, 0.0, top=1.0)
    with pytest.raises(
        TypeError, match=r"clip\(x, low, high\): missing a required argument: 'low'"
    ):
        autograd.clip(5.0, high=1.0)


def test_a_signature_shows_the_inputs():
    assert str(inspect.signature(autograd.clip)) == "(x, low, high)"
    assert str(inspect.signature(autograd.elu)) == "(x, alpha=1.0)"
