"""grad, value_and_grad, jacobian, hessian, hvp, jvp, vjp: against closed forms and mpmath."""

from __future__ import annotations

import math
import random
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

import autograd
from autograd import (
    Value,
    detect_anomaly,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    op,
    value_and_grad,
    vjp,
    where,
)
from nn import MLP

inf = math.inf
Point = namedtuple("Point", "x y")


def rosenbrock(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def rosenbrock_gradient(x):
    return [-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)]


def rosenbrock_hessian(x):
    return [[1200 * x[0] ** 2 - 400 * x[1] + 2, -400 * x[0]], [-400 * x[0], 200.0]]


# ---- values against closed forms ----


@pytest.mark.parametrize("x", [[1.0, 1.0], [-1.2, 1.0], [0.0, 0.0], [3.0, -2.0]])
def test_rosenbrocks_gradient_and_hessian(x):
    exact = pytest.approx(np.array(rosenbrock_hessian(x)), rel=1e-14)
    gradient = pytest.approx(rosenbrock_gradient(x), rel=1e-14)
    value, slopes = value_and_grad(rosenbrock)(x)
    assert value == rosenbrock(x) and slopes == gradient and grad(rosenbrock)(x) == slopes
    assert np.array(hessian(rosenbrock)(x)) == exact
    columns = [hvp(lambda a, b: rosenbrock([a, b]), x, v) for v in ([1.0, 0.0], [0.0, 1.0])]
    assert np.array(columns) == exact
    y, slope = jvp(lambda a, b: rosenbrock([a, b]), x, [0.5, -2.0])
    assert y == value and slope == pytest.approx(np.dot(slopes, [0.5, -2.0]), rel=1e-14)


def test_the_jacobian_of_polar_coordinates():
    polar = lambda p: [p[0] * autograd.cos(p[1]), p[0] * autograd.sin(p[1])]
    r, t = 2.0, 0.7
    expected = [[math.cos(t), -r * math.sin(t)], [math.sin(t), r * math.cos(t)]]
    assert np.array(jacobian(polar)([r, t])) == pytest.approx(np.array(expected), rel=1e-15)


SMOOTH = [  # name, the function on Values, the same on mpmath numbers
    ("exp-sin", lambda x: x.exp() * x.sin(), lambda x: mp.exp(x) * mp.sin(x)),
    ("tanh", lambda x: (2 * x).tanh(), lambda x: mp.tanh(2 * x)),
    ("rational", lambda x: (x**3 - 2 / x) / (1 + x * x), lambda x: (x**3 - 2 / x) / (1 + x * x)),
    ("x-to-the-x", lambda x: x**x, lambda x: x**x),
    ("power", lambda x: x**2.5 + x**-1.5, lambda x: x ** mp.mpf("2.5") + x ** mp.mpf("-1.5")),
    ("two-to-the-x", lambda x: 2**x, lambda x: mp.mpf(2) ** x),
    ("log-sqrt", lambda x: (x.sqrt() + 1).log(), lambda x: mp.log(mp.sqrt(x) + 1)),
    ("atan2", lambda x: autograd.atan2(x, 1 + x), lambda x: mp.atan2(x, 1 + x)),
    ("hypot", lambda x: autograd.hypot(x, 2.0), lambda x: mp.hypot(x, 2)),
    ("sigmoid", lambda x: x.sigmoid() * x, lambda x: x / (1 + mp.exp(-x))),
    (
        "logsumexp",
        lambda x: autograd.logsumexp([x, 2 * x]),
        lambda x: mp.log(mp.exp(x) + mp.exp(2 * x)),
    ),
    ("norm", lambda x: autograd.norm([x, x * x]), lambda x: mp.sqrt(x**2 + x**4)),
    ("erf", lambda x: x.erf(), mp.erf),
    ("lgamma", lambda x: x.lgamma(), mp.loggamma),
    ("selection", lambda x: where(x > 0, x**3, 0.0) * autograd.maximum(x, 0.1), lambda x: x**4),
]


@pytest.mark.parametrize("name, f, oracle", SMOOTH, ids=[row[0] for row in SMOOTH])
def test_derivatives_to_the_fifth_order(name, f, oracle):
    for x in (0.8, 1.3):
        g = f
        for order in range(1, 6):
            g = grad(g)
            with mp.workdps(60):
                expected = float(mp.diff(oracle, mp.mpf(x), order))
            assert g(x) == pytest.approx(expected, rel=2e-11), (name, order, x)


def test_modes_nest_in_any_order():
    """d³/dx³ of x⁵ is 60x², whichever of the modes are combined."""
    forward = lambda f: lambda x: jvp(f, [x], [1.0])[1]
    reverse = lambda f: lambda x: vjp(f, x)[1](1.0)[0]
    for first in (forward, reverse, grad, jacobian):
        for second in (forward, reverse, grad, jacobian):
            for third in (forward, reverse, grad, jacobian, lambda f: value_and_grad(f)):
                result = third(second(first(lambda x: x**5)))(2.0)
                assert (result[1] if isinstance(result, tuple) else result) == 240.0


def test_mixed_derivatives_in_either_order():
    f = lambda x, y: (x * y).sin() * y**2
    a = grad(grad(f, 0), 1)(0.7, 1.3)
    b = grad(grad(f, 1), 0)(0.7, 1.3)
    with mp.workdps(40):
        exact = float(mp.diff(lambda x, y: mp.sin(x * y) * y**2, (0.7, 1.3), (1, 1)))
    assert a == pytest.approx(exact, rel=1e-13) and b == pytest.approx(exact, rel=1e-13)


# ---- perturbation confusion ----

CONFUSION = [  # (Siskind and Pearlmutter 2005, "Perturbation confusion and referential transparency")
    (lambda: grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0), 1.0),
    (lambda: grad(lambda x: x * grad(lambda y: x + y)(x))(1.0), 1.0),
    (lambda: grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0), 6.0),
    (lambda: grad(lambda x: grad(lambda y: x * y)(2.0))(3.0), 1.0),
    (lambda: grad(lambda x: grad(lambda y: x)(2.0) + x)(3.0), 1.0),
    (lambda: grad(lambda x: grad(lambda x: x * x)(x) * x)(3.0), 12.0),
    (lambda: grad(lambda x: x * grad(lambda y: grad(lambda z: x * y * z)(5.0))(4.0))(3.0), 6.0),
    (lambda: jvp(lambda x: x * jvp(lambda y: x + y, [1.0], [1.0])[1], [1.0], [1.0])[1], 1.0),
    (lambda: jvp(lambda x: x * grad(lambda y: x * y)(2.0), [3.0], [1.0])[1], 6.0),
    (lambda: grad(lambda x: x * jvp(lambda y: x * y, [2.0], [1.0])[1])(3.0), 6.0),
    (lambda: jvp(lambda x: jvp(lambda y: x * y, [x], [x])[1], [3.0], [1.0])[1], 6.0),
    (lambda: grad(lambda t: jvp(lambda y: y * y, [3.0], [t])[1])(7.0), 6.0),
    (lambda: grad(lambda c: vjp(lambda y: y * y, 3.0)[1](c)[0])(7.0), 6.0),
    (lambda: grad(lambda x: vjp(lambda y: x * y * y, x)[1](x)[0])(2.0), 6 * 4.0),
]


@pytest.mark.parametrize("compute, expected", CONFUSION)
def test_perturbations_are_not_confused(compute, expected):
    assert compute() == expected


def test_a_pullback_used_while_another_trace_runs():
    _, pull = vjp(lambda y: y**3, 2.0)
    assert grad(lambda x: x * pull(x)[0])(3.0) == 2 * 3.0 * 12.0
    assert pull(1.0) == pull(1.0) == (12.0,)


# ---- structures ----


def weighted(tree):
    """Σ k · x_k² over the numbers of a structure; its gradient is 2 k x_k."""
    leaves, _ = autograd.pytree.flatten(tree)
    return autograd.sum([k * x * x for k, x in enumerate(leaves, 1)])


STRUCTURES = [
    (2.0, 4.0),
    (3, 6.0),
    (True, 2.0),
    (np.float32(2), 4.0),
    ([1.0, 2.0], [2.0, 8.0]),
    ((1.0, [2.0, (3.0,)]), (2.0, [8.0, (18.0,)])),
    ({"b": 1.0, "a": 2.0}, {"b": 2.0, "a": 8.0}),
    ({"w": [1.0, 2.0], "b": {"c": 3.0}}, {"w": [2.0, 8.0], "b": {"c": 18.0}}),
    (Point(1.0, 2.0), Point(2.0, 8.0)),
    (OrderedDict(a=1.0, b=2.0), {"a": 2.0, "b": 8.0}),
    ([], []),
    ({1: 1.0, "a": 2.0}, {1: 2.0, "a": 8.0}),
]


@pytest.mark.parametrize("x, expected", STRUCTURES, ids=str)
def test_a_gradient_has_the_structure_of_its_argument(x, expected):
    result = grad(weighted)(x)
    assert result == expected and type(result) is type(expected)
    value, result = value_and_grad(weighted)(x)
    assert result == expected and type(value) is float
    assert vjp(weighted, x)[1](1.0) == (expected,)
    assert jvp(weighted, [x], [expected])[1] == sum(
        e * e for e in autograd.pytree.flatten(expected)[0]
    )


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 2, 2), (), (0,)])
def test_arrays_in_arrays_out(shape):
    size = int(np.prod(shape))
    x = np.arange(1.0, 1.0 + size).reshape(shape)
    result = grad(weighted)(x)
    assert type(result) is np.ndarray and result.dtype == float and result.shape == shape
    assert (result == 2 * np.arange(1.0, 1.0 + size).reshape(shape) * x).all()


def test_jacobians_of_arrays_are_arrays():
    a = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    x = np.array([0.5, -1.0])
    result = jacobian(lambda x: a @ x)(x)
    assert result.shape == (3, 2) and result.dtype == float and (result == a).all()
    result = jacobian(lambda m: np.array([[m[0, 0] * m[0, 1]], [m[1, 0]]]))(
        np.array([[2.0, 3.0], [4.0, 5.0]])
    )
    assert result.shape == (2, 1, 2, 2)
    assert (result[0, 0] == [[3.0, 2.0], [0.0, 0.0]]).all() and result[1, 0, 1, 0] == 1.0
    result = hessian(lambda x: x @ a.T @ a @ x)(x)
    assert result == pytest.approx(2 * a.T @ a, rel=1e-14) and result.shape == (2, 2)
    assert jacobian(lambda x: np.array([x[0] * x[1]]))([2.0, 3.0]).tolist() == [[3.0, 2.0]]


def test_jacobians_of_structures():
    f = lambda p: {"sum": p["a"] + p["b"][0], "products": (p["a"] * p["b"][0], 7.0)}
    result = jacobian(f)({"a": 2.0, "b": [3.0]})
    assert result == {
        "sum": {"a": 1.0, "b": [1.0]},
        "products": ({"a": 3.0, "b": [2.0]}, {"a": 0.0, "b": [0.0]}),
    }
    assert jacobian(lambda p: Point(p * p, p))(3.0) == Point(6.0, 1.0)
    assert hessian(lambda p: p.x * p.y**2)(Point(2.0, 3.0)) == Point(
        Point(0.0, 6.0), Point(6.0, 4.0)
    )
    assert jacobian(lambda x: [])(1.0) == []


def test_dicts_are_matched_by_key_not_by_order():
    f = lambda p: {"u": p["a"] * 2, "v": p["b"] * 3}
    y, pull = vjp(f, {"a": 1.0, "b": 10.0})
    assert y == {"u": 2.0, "v": 30.0}
    assert pull({"v": 1.0, "u": 0.0}) == pull({"u": 0.0, "v": 1.0}) == ({"a": 0.0, "b": 3.0},)
    y, dy = jvp(f, [{"a": 1.0, "b": 10.0}], [{"b": 1.0, "a": 0.0}])
    assert dy == {"u": 0.0, "v": 3.0}
    g = lambda p: p["a"] ** 2 * p["b"]
    assert hvp(g, [{"a": 2.0, "b": 3.0}], [{"b": 1.0, "a": 0.0}]) == [{"a": 4.0, "b": 0.0}]


def test_a_list_and_an_array_may_stand_for_each_other():
    x = np.array([1.0, 2.0])
    _, pull = vjp(lambda x: x * x, x)
    assert pull([1.0, 10.0])[0].tolist() == pull(np.array([1.0, 10.0]))[0].tolist() == [2.0, 40.0]
    assert jvp(lambda x: [x[0] * x[1]], [[2.0, 3.0]], [np.array([1.0, 0.0])])[1] == [3.0]


# ---- which argument ----


def product(x, y, z=1.0):
    return x * y**2 * z


@pytest.mark.parametrize(
    "argnums, expected",
    [
        (0, 9.0),
        (1, 12.0),
        (-1, 12.0),
        (np.int64(1), 12.0),
        ((0, 1), (9.0, 12.0)),
        ((1, 0), (12.0, 9.0)),
        ([0, -1], (9.0, 12.0)),
        ((0,), (9.0,)),
        ((), ()),
    ],
)
def test_argnums(argnums, expected):
    assert grad(product, argnums)(2.0, 3.0) == expected
    assert grad(product, argnums=argnums)(2.0, 3.0, z=1.0) == expected
    assert value_and_grad(product, argnums)(2.0, 3.0) == (18.0, expected)
    assert jacobian(product, argnums)(2.0, 3.0) == expected


def test_hessian_by_several_arguments():
    assert hessian(product, (0, 1))(2.0, 3.0) == ((0.0, 6.0), (6.0, 4.0))


def test_other_arguments_are_passed_on_as_they_are():
    f = lambda x, text, *rest, flag: x * len(text) * len(rest) if flag else x
    assert (
        grad(f)(2.0, "abc", None, {}, flag=True) == 6.0 and grad(f)(2.0, "abc", flag=False) == 1.0
    )


# ---- what f may do ----


def test_f_may_return_its_argument_a_constant_or_another_value():
    outside = Value(5.0)
    assert grad(lambda x: x)(3.0) == 1.0 and grad(lambda x: 7.0)(3.0) == 0.0
    assert value_and_grad(lambda x: 7)(3.0) == (7.0, 0.0)
    assert grad(lambda x: Value(2.0))(3.0) == 0.0
    value, slope = value_and_grad(lambda x: outside)(3.0)
    assert value is outside and slope == 0.0
    assert jvp(lambda x: [x, 2.0, outside], [3.0], [1.0]) == ([3.0, 2.0, 5.0], [1.0, 0.0, 0.0])
    assert vjp(lambda x: [x, x], 3.0)[1]([1.0, 10.0]) == (11.0,)
    assert jacobian(lambda x: [x, x * x, 1.0])(3.0) == [1.0, 6.0, 0.0]
    assert grad(lambda x, y: y)(1.0, 2.0) == 0.0


def test_an_output_that_is_inside_another_output():
    def f(x):
        a = x * x
        return [a, a * x, a]

    assert jacobian(f)(3.0) == [6.0, 27.0, 6.0]
    assert vjp(f, 3.0)[1]([1.0, 1.0, 1.0]) == (39.0,)
    assert jvp(f, [3.0], [1.0])[1] == [6.0, 27.0, 6.0]


def test_the_same_value_passed_twice_is_two_arguments():
    v = Value(3.0)
    for result in (
        grad(lambda x, y: x * y**2, (0, 1))(v, v),
        vjp(lambda x, y: x * y**2, v, v)[1](1.0),
    ):
        assert [r.data for r in result] == [9.0, 18.0]
    x = [v, v]
    assert [r.data for r in grad(lambda x: x[0] * x[1] ** 2)(x)] == [9.0, 18.0]
    assert x == [v, v] and x[0] is v  # the argument itself is left alone


def test_leaves_and_graphs_made_inside_f():
    def f(x):
        total, scale = Value(0.0), Value(2.0, label="scale")
        inner = scale * 3.0
        inner.backward()  # a backward pass inside is f's own business
        for _ in range(3):
            total = total + x * scale * inner.data
        total += scale.grad
        return total

    assert grad(f)(5.0) == 36.0 and type(grad(f)(5.0)) is float
    assert value_and_grad(f)(5.0) == (183.0, 36.0)


def test_f_may_set_the_data_of_its_variable():
    def f(x):
        x.data = 5.0
        return x * x

    assert value_and_grad(f)(1.0) == (25.0, 10.0)


def test_what_f_computed_and_then_set_is_refused():
    def f(x):
        y = x * x
        x.data = 5.0
        return y

    for derive in (grad(f), lambda x: jvp(f, [x], [1.0]), lambda x: vjp(f, x)[1](1.0)):
        with pytest.raises(RuntimeError, match="was assigned after mul had used it"):
            derive(1.0)


def test_a_pullback_does_not_mix_old_and_new():
    p = Value(2.0, label="p")
    _, pull = vjp(lambda x: x * p, 3.0)
    assert pull(1.0)[0].data == 2.0
    p.data = 100.0
    with pytest.raises(RuntimeError, match="the data of 'p' was assigned after mul had used it"):
        pull(1.0)


def test_no_grad_inside_f_is_a_constant():
    def f(x):
        with no_grad():
            c = x * x
        return c * x

    assert grad(f)(3.0) == 9.0 and grad(grad(f))(3.0) == 0.0
    assert grad(lambda x: x.detach() * x)(3.0) == 3.0


def test_exceptions_of_f_come_through():
    with pytest.raises(ZeroDivisionError):
        grad(lambda x: 1 // 0)(1.0)
    assert autograd.modes.watching == []


def test_grads_of_values_are_left_alone():
    w = Value(2.0)
    w.grad = 0.25
    x = Value(3.0)
    for result in (grad(lambda x: x * x * w)(x), jvp(lambda x: x * w, [x], [1.0])[1]):
        assert type(result) is Value
    hessian(lambda x: x * x * w)(x)
    assert w.grad == 0.25 and not x.has_grad


# ---- closures over Values and Modules ----


def test_what_depends_on_other_values_is_a_value():
    w = Value(2.0, label="w")
    value, slope = value_and_grad(lambda x: w * x**3)(4.0)
    assert (value.data, slope.data) == (128.0, 96.0)
    slope.backward()  # d/dw of 3 w x²
    assert w.grad == 48.0
    w.zero_grad()
    value.backward()
    assert w.grad == 64.0
    w.zero_grad()
    second = grad(grad(lambda x: w**2 * x**3))(4.0)
    second.backward()
    assert second.data == 96.0 and w.grad == 2 * 2.0 * 24.0


@pytest.mark.parametrize(
    "derivative",
    [
        lambda f, x: jvp(f, [x], [1.0])[1],
        lambda f, x: vjp(f, x)[1](1.0)[0],
        lambda f, x: jacobian(f)(x),
        lambda f, x: hvp(lambda x: f(x) * x, [x], [1.0])[0],
    ],
)
def test_every_derivative_stays_attached_to_the_values_it_depends_on(derivative):
    w = Value(2.0)
    result = derivative(lambda x: w * w * x * x, 3.0)
    result.backward()
    assert w.grad == pytest.approx(
        result.data
    )  # all are proportional to w², and 2 w / w² is 1 at 2


def test_arguments_that_are_values_give_values():
    x = Value(3.0)
    slope = grad(lambda x: x**3)(x)
    slope.backward()
    assert (slope.data, x.grad) == (27.0, 18.0)
    tangent = Value(2.0)
    _, dy = jvp(lambda x: x**3, [3.0], [tangent])
    dy.backward()
    assert (dy.data, tangent.grad) == (54.0, 27.0)
    cotangent = Value(2.0)
    (dx,) = vjp(lambda x: x**3, 3.0)[1](cotangent)
    dx.backward()
    assert (dx.data, cotangent.grad) == (54.0, 27.0)
    other = Value(5.0)
    slope = grad(lambda x, y: x * x * y)(3.0, other)
    slope.backward()
    assert (slope.data, other.grad) == (30.0, 6.0)


def test_a_gradient_penalty_on_a_model():
    """d/dw of (d model / dx)², against central differences: step 1e-5, error about 1e-10."""
    model = MLP(2, [3, 1], activation="tanh", rng=random.Random(5))
    x = [0.4, -0.9]

    def penalty():
        return sum(g * g for g in grad(lambda x: model(x))(x))

    value = penalty()
    value.backward()
    for p in model.parameters():
        got, p.data = p.grad, p.data + 1e-5
        above = penalty().data
        p.data -= 2e-5
        below = penalty().data
        p.data += 1e-5
        assert got == pytest.approx((above - below) / 2e-5, abs=1e-8)


def test_lists_of_parameters_as_an_argument():
    model = MLP(1, [1], rng=random.Random(0))
    w, b = model.parameters()
    slopes = grad(lambda ps: (ps[0] * 3.0 + ps[1]) ** 2)([w, b])
    expected = 2 * (w.data * 3 + b.data)
    assert [s.data for s in slopes] == pytest.approx([expected * 3, expected], rel=1e-14)
    assert not w.has_grad


def test_a_result_is_a_value_of_its_own():
    """d (w x) / d x is w: another Value than w itself, so that to assign to it changes no weight."""
    w = Value(2.0, label="w")
    for slope in (
        grad(lambda x: w * x)(3.0),
        jvp(lambda x: w * x, [3.0], [1.0])[1],
        jacobian(lambda x: [w * x])(3.0)[0],
        vjp(lambda x: x * 1.0, 3.0)[1](w)[0],
    ):
        slope.label = "slope"
        slope.backward()
        assert slope is not w and (slope.data, w.grad, w.label) == (2.0, 1.0, "w")
        w.zero_grad()
    with no_grad():
        assert grad(lambda x: w * x)(3.0) is not w


def test_a_variable_that_f_has_let_out_stays_attached():
    out = []

    def f(x):
        out.append(x)
        return x**3

    _, pull = vjp(f, 2.0)
    assert grad(lambda c: pull(c * out[0])[0])(5.0) == 24.0
    (slope,) = pull(out[0])  # 3x² x: its derivative by x is 9x²
    slope.backward()
    assert slope.data == 24.0 and out[0].grad == 36.0


def test_what_does_not_depend_on_the_variables_is_not_differentiated():
    @autograd.op
    def not_to_be_asked(xp, x):
        return x

    @not_to_be_asked.partials
    def _(xp, y, x):
        raise AssertionError("nobody wants to know")

    w, zero, three = Value(2.0), Value(0.0), Value(3.0)
    with detect_anomaly():  # nor is an infinite derivative by w or by the exponent an anomaly
        f = lambda x: x**three + zero.sqrt() + not_to_be_asked(w) + x ** Value(3.0)
        for slope in (grad(f)(-2.0), jvp(f, [-2.0], [1.0])[1], grad(f)(Value(-2.0))):
            assert slope.data == 24.0
    assert not w.has_grad and not zero.has_grad


def test_zeros_that_are_values_hand_on_nothing_too():
    assert vjp(lambda x: x.sqrt(), 0.0)[1](Value(0.0))[0].data == 0.0
    assert jvp(lambda x: x.sqrt(), [0.0], [Value(0.0)])[1].data == 0.0


@pytest.mark.parametrize("x", [0.0, Value(0.0)])
@pytest.mark.parametrize("chosen", [True, Value(1.0)])
def test_forward_mode_takes_nothing_from_the_branch_not_taken(x, chosen):
    y, slope = jvp(lambda x: where(chosen, 2 * x, x.log()), [x], [1.0])
    assert y == 0.0 and slope == 2.0
    tangent = jvp(lambda x: where(chosen, 2 * x, x.log()), [x], [Value(1.0)])[1]
    assert tangent.data == 2.0


# ---- inside no_grad ----


def test_derivatives_inside_no_grad_are_right_and_leave_no_graph():
    w = Value(2.0)
    with no_grad():
        assert grad(lambda x: x**3)(2.0) == 12.0
        assert grad(grad(lambda x: x**3))(2.0) == 12.0
        assert hvp(lambda a, b: a * a * b, [3.0, 2.0], [1.0, 0.0]) == [4.0, 6.0]
        assert jvp(lambda x: x**3, [2.0], [1.0]) == (8.0, 12.0)
        value, slope = value_and_grad(lambda x: w * x * x)(3.0)
        y, pull = vjp(lambda x: w * x * x, 3.0)
        results = [value, slope, y, *pull(1.0), *jvp(lambda x: w * x * x, [3.0], [1.0])]
        assert not autograd.modes.is_recording()
    assert [r.data for r in results] == [18.0, 12.0, 18.0, 12.0, 18.0, 12.0]
    assert all(type(r) is Value and r.inputs == () for r in results)
    assert pull(1.0)[0].op is not None  # the trace is there: outside, its results are attached
    with no_grad():
        assert vjp(lambda x: w * x, 3.0)[1](1.0)[0].op is None


# ---- agreement of a derivative as numbers and as a graph ----

KINKS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-200, 1e200, inf, -inf, math.nan]


@pytest.mark.parametrize(
    "op", [row for row in autograd.ops.TABLE if row.name != "polygamma5"], ids=repr
)
@pytest.mark.parametrize(
    "outer", [lambda y: y, lambda y: 1 / y, lambda y: y.sqrt(), lambda y: y * 0.0 + 1.0], ids="yrs0"
)
def test_a_gradient_as_a_graph_has_the_same_numbers(op, outer):
    """Of every op, at kinks and infinities, under adjoints that are infinite, nan or zero."""
    rng = random.Random(3)
    n = 2 if op.defaults is None else op.least + len(op.defaults)
    for _ in range(60):
        x = [rng.choice(KINKS) for _ in range(n)]
        f = lambda *v: outer(op.on(*v) + 0.0)
        argnums = tuple(range(n))
        numbers = grad(f, argnums)(*x)
        as_graph = [getattr(g, "data", g) for g in grad(f, argnums)(*map(Value, x))]
        assert repr([g + 0.0 for g in numbers]) == repr([g + 0.0 for g in as_graph]), x
        leaves = [Value(v) for v in x]
        f(*leaves).backward()
        assert repr([v.grad + 0.0 for v in leaves]) == repr([g + 0.0 for g in numbers]), x


# ---- identities, over random functions ----


def network(weights, x):
    """Something smooth and tangled: R^len(x) -> R^3."""
    w = iter(weights)
    h = list(x)
    for _ in range(4):
        a, b = h[-1], h[0]
        h.append((a * next(w) + b).tanh() + autograd.hypot(a, 2 + b.sin()) * next(w))
        h = [*h[1:], (h[1] * h[-1]).sin() - next(w) * h[0] / (1 + b * b)]
    return h[-3:]


SIZE = st.floats(-1.0, 1.0, allow_subnormal=False)
vectors = lambda n: st.lists(SIZE, min_size=n, max_size=n)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(vectors(12), vectors(3), vectors(3), vectors(3))
def test_forward_and_reverse_mode_are_transposes(weights, x, v, w):
    f = lambda *x: network(weights, x)
    along = jvp(f, x, v)[1]
    back = vjp(f, *x)[1](w)
    scale = (
        1.0 + sum(abs(a * b) for a, b in zip(w, along)) + sum(abs(a * b) for a, b in zip(back, v))
    )
    assert abs(np.dot(w, along) - np.dot(back, v)) <= 1e-12 * scale
    # ... and both are the derivative. Central differences: f''' stays below 10,000, so 2e-7 off.
    h = 1e-5
    above, below = (f(*map(Value, np.add(x, np.multiply(s * h, v)))) for s in (1, -1))
    for a, b, slope in zip(above, below, along):
        assert (a.data - b.data) / (2 * h) == pytest.approx(slope, rel=1e-5, abs=1e-5)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(vectors(12), vectors(3), vectors(3))
def test_hessians_are_symmetric_and_hvp_is_their_product(weights, x, v):
    f = lambda x: network(weights, x)[-1]
    h = np.array(hessian(f)(x))
    scale = 1.0 + np.abs(h).max()
    assert np.abs(h - h.T).max() <= 1e-11 * scale
    product = hvp(lambda *x: f(x), x, v)
    assert np.abs(h @ v - product).max() <= 1e-11 * scale
    step = 1e-5
    above, below = (np.array(grad(f)(list(np.add(x, np.multiply(s * step, v))))) for s in (1, -1))
    assert (above - below) / (2 * step) == pytest.approx(np.array(product), rel=1e-4, abs=1e-4)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(vectors(12), vectors(3))
def test_jacobian_rows_are_pullbacks_and_columns_pushforwards(weights, x):
    f = lambda *x: network(weights, x)
    rows = jacobian(lambda x: f(*x))(x)
    unit = np.eye(3).tolist()
    assert rows == [list(vjp(f, *x)[1](e)) for e in unit]
    columns = [jvp(f, x, e)[1] for e in unit]
    assert np.array(columns).T == pytest.approx(np.array(rows), rel=1e-11, abs=1e-11)


# ---- errors ----

ERRORS = [
    (TypeError, r"grad: \S+ must return one scalar, got 2 numbers in a list; use jacobian",
     lambda: grad(lambda x: [x, x])(1.0)),
    (TypeError, r"got 1 numbers in a dict; use jacobian", lambda: grad(lambda x: {"y": x})(1.0)),
    (TypeError, r"result of \S+: expected a real number, got None", lambda: grad(lambda x: None)(1.0)),
    (TypeError, r"result of \S+: expected a real number, got the string",
     lambda: grad(lambda x: "y")(1.0)),
    (TypeError, r"argument 0 of \S+: expected a real number, got the string '1'",
     lambda: grad(lambda x: x)("1")),
    (TypeError, r"argument 1 of \S+: expected a real number, got None",
     lambda: grad(lambda x, y: x, 1)(1.0, [None])),
    (TypeError, r"argument 0 of \S+: .* complex number", lambda: grad(lambda x: x)([1j])),
    (ValueError, r"argnums=2: product was called with 2 positional arguments; count them from 0",
     lambda: grad(product, 2)(1.0, 2.0)),
    (ValueError, r"argnums=\(0, -3\)", lambda: grad(product, (0, -3))(1.0, 2.0)),
    (ValueError, r"argnums=0: product was called with 0 positional",
     lambda: grad(product)(x=1.0, y=2.0)),
    (ValueError, r"argnums=\(0, 0\) names an argument of product twice",
     lambda: grad(product, (0, 0))(1.0, 2.0)),
    (ValueError, r"argnums=\(1, -1\) names an argument", lambda: grad(product, (1, -1))(1.0, 2.0)),
    (TypeError, "interpreted as an integer", lambda: grad(product, "x")(1.0, 2.0)),
    (TypeError, "interpreted as an integer", lambda: grad(product, 1.0)(1.0, 2.0)),
    (ValueError, r"vjp: the cotangent must be like the result: expected 2 numbers, got 3",
     lambda: vjp(lambda x: [x, x], 1.0)[1]([1.0, 2.0, 3.0])),
    (ValueError, r"vjp: .* expected 1 numbers, got 0", lambda: vjp(lambda x: x, 1.0)[1]([])),
    (ValueError, r"vjp: .*expected a dict with keys \['a', 'b'\], got {'a': 1.0, 'c': 1.0}",
     lambda: vjp(lambda x: {"a": x, "b": x}, 1.0)[1]({"a": 1.0, "c": 1.0})),
    (ValueError, r"vjp: .*expected a dict with keys \['a'\], got \[1.0\]",
     lambda: vjp(lambda x: {"a": x}, 1.0)[1]([1.0])),
    (TypeError, "vjp: cotangent: expected a real number, got None",
     lambda: vjp(lambda x: x, 1.0)[1](None)),
    (ValueError, r"jvp: primals and tangents must be of the same length.*got 2 and 1",
     lambda: jvp(product, [1.0, 2.0], [1.0])),
    (ValueError, r"jvp: the tangents must be like the primals: expected 2 numbers, got 1",
     lambda: jvp(lambda x: x[0], [[1.0, 2.0]], [1.0])),
    (TypeError, r"jvp: primals and tangents must be lists or tuples .* got float and int; put a single",
     lambda: jvp(lambda x: x, 1.0, 1)),
    (TypeError, "jvp: tangent: expected a real number, got the string",
     lambda: jvp(lambda x: x, [1.0], ["1"])),
    (ValueError, r"hvp: x and v must be of the same length.*got 2 and 1",
     lambda: hvp(product, [1.0, 2.0], [1.0])),
    (TypeError, r"hvp: x and v must be lists or tuples .* got float and float",
     lambda: hvp(lambda x: x, 1.0, 1.0)),
    (TypeError, r"hessian|must return one scalar", lambda: hessian(lambda x: [x])(1.0)),
]  # fmt: skip


@pytest.mark.parametrize("error, match, call", ERRORS)
def test_misuse_is_explained(error, match, call):
    with pytest.raises(error, match=match):
        call()
    assert autograd.modes.watching == []


def test_a_captured_leaf_assigned_inside_f_is_not_detached_in_silence():
    w = Value(5.0)

    def f(x):
        w.data = 2.0
        return x * w

    slope = grad(f)(3.0)
    slope.backward()
    assert slope.data == 2.0 and w.grad == 1.0


def test_data_assigned_inside_f_after_use_is_refused_off_the_path_too():
    w = Value(5.0, label="w")

    def f(x):
        h = w * w
        w.data = 2.0
        return x * h

    with pytest.raises(RuntimeError, match="the data of 'w' was assigned"):
        grad(f)(3.0)


@pytest.mark.parametrize("derivative", [grad, value_and_grad, jacobian, hessian])
def test_what_is_no_function_is_refused_at_once(derivative):
    with pytest.raises(TypeError, match=r"expected a function, got 3.0; write"):
        derivative(3.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: jvp(lambda w: w[0][2], [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]], [[[0.0, 0.0]] * 3]),
        lambda: jvp(lambda w: w[0][1], [np.ones((2, 3))], [np.ones((3, 2))]),
        lambda: jvp(lambda w: w[0][1], [np.ones((2, 3))], [np.ones(6)]),
        lambda: vjp(lambda x: [[x, x], [x, x]], 1.0)[1]([1.0, 1.0, 1.0, 1.0]),
        lambda: vjp(lambda x: [x, x], 1.0)[1]({"a": 1.0, "b": 2.0}),
        lambda: hvp(lambda w: w[0][0] ** 2, [[[1.0, 2.0]]], [[[1.0], [2.0]]]),
    ],
)
def test_another_structure_of_the_same_size_is_refused(call):
    with pytest.raises(ValueError, match=r"in another structure|numbers, got"):
        call()


def test_the_hessian_of_a_matrix_has_its_shape_twice():
    f = lambda w: (w[0, 0] * w[1, 2]) ** 2
    h = hessian(f)(np.arange(1.0, 7.0).reshape(2, 3))
    assert h.shape == (2, 3, 2, 3) and h[0, 0, 0, 0] == 2 * 36.0 and h[0, 0, 1, 2] == 4 * 6.0


@pytest.mark.parametrize("f", [lambda v: autograd.norm(v), lambda v: autograd.hypot(*v)])
def test_second_derivatives_of_a_length_at_zero_are_zero(f):
    assert hessian(f)([0.0, 0.0]) == [[0.0, 0.0], [0.0, 0.0]]
    assert hvp(lambda *v: f(v), [0.0, 0.0], [1.0, 1.0]) == [0.0, 0.0]


def test_a_pullback_after_an_assignment_off_the_path_raises_too():
    w = Value(2.0, label="w")
    _, pullback = vjp(lambda x: x * (w * w), 1.0)
    w.data = 9.0
    with pytest.raises(RuntimeError, match="data of 'w' was assigned"):
        pullback(1.0)


def test_a_rule_on_values_may_divide_by_a_literal_zero():
    @op
    def logged(xp, x):
        return xp.log(xp.where(x > 0.0, x, 0.0))

    @logged.partials
    def _(xp, y, x):
        return (1.0 / xp.where(x > 0.0, x, 0.0),)

    w = Value(1.0)
    assert grad(logged)(-1.0) == math.inf and grad(grad(logged))(-1.0) == 0.0
    assert grad(lambda x: logged(x) * w)(-1.0).data == math.inf
