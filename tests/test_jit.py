"""`jit` against the same function run on Values: equal bits, whatever changes after compiling.

The oracle is always the engine: `eager` runs the plain function on fresh Values and calls
`backward()`, which shares nothing with tracing, folding or machine code.
"""

from __future__ import annotations

import copy
import dataclasses
import gc
import math
import pickle
import random
import struct
import subprocess
import sys
import threading
import warnings
from collections import deque, namedtuple
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context

import numpy as np
import pytest

import autograd
from autograd import (
    Value,
    detect_anomaly,
    draw,
    exp,
    grad,
    gradcheck,
    hessian,
    jit,
    log,
    no_grad,
    op,
    relu,
    softmax,
    tree,
    where,
)  # fmt: skip
from autograd.compiler import compiled as compiled_traces
from autograd.engine import graph
from nn import MLP, Module

pytest.importorskip("llvmlite")


def bits(x):
    """A float as its bits, but one zero and one nan."""
    return "nan" if math.isnan(x) else struct.pack("<d", x + 0.0 if x == 0.0 else x).hex()


def exact(x):
    """A float as its bits, the sign of zero included."""
    return "nan" if math.isnan(x) else struct.pack("<d", x).hex()


def eager(f, *x):
    """The number that f gives for plain floats, and its gradient: by the engine."""
    values = [Value(v) for v in x]
    y = f(*values)
    if not isinstance(y, Value):
        return float(y), [0.0] * len(x)
    y.backward()
    return y.data, [v.grad for v in values]


def outcome(f, *x):
    """What a call gives: a number, by its bits, or the kind of error."""
    try:
        y = f(*x)
    except ArithmeticError as error:
        return type(error)
    except TypeError as error:
        assert "complex" in str(error) or "j)" in str(error)
        return complex
    return complex if isinstance(y, complex) else exact(y)


def agree(f, compiled, *points):
    """A call equals the plain one at each point, value and gradient by all arguments the engine's."""
    for x in points:
        everything = tuple(range(len(x)))
        y, gradient = eager(f, *x)
        assert outcome(compiled, *x) == outcome(f, *x), x
        value, found = compiled.value_and_grad(*x, argnums=everything)
        assert exact(value) == exact(y), (x, value, y)
        assert [bits(g) for g in found] == [bits(g) for g in gradient], (x, found, gradient)


def traces(compiled):
    """How many traces were made."""
    return len(compiled.traces)


# ---- what is called, what comes back ----


def polynomial(x, y):
    return x * x * y + 3.0 * x - y / 7.0


def test_the_value_and_the_gradient_have_the_bits_of_eager():
    agree(polynomial, jit(polynomial), (2.0, 3.0), (0.1, 0.7), (-1e10, 1e-10), (0.0, -0.0))


def test_a_call_on_floats_gives_a_float():
    y = jit(polynomial)(2.0, 3.0)
    assert type(y) is float and exact(y) == exact(polynomial(2.0, 3.0))


def test_grad_takes_argnums_as_jax_does():
    f = jit(polynomial)
    dx, dy = eager(polynomial, 2.0, 3.0)[1]
    assert f.grad(2.0, 3.0) == dx
    assert f.grad(2.0, 3.0, argnums=1) == dy
    assert f.grad(2.0, 3.0, argnums=(1, 0)) == (dy, dx)
    assert f.grad(2.0, 3.0, argnums=-1) == dy
    assert f.grad(2.0, 3.0, argnums=[1]) == (dy,)


@pytest.mark.parametrize(
    "argnums, error", [(2, ValueError), ((0, 0), ValueError), ("x", TypeError)]
)
def test_argnums_that_make_no_sense_are_refused(argnums, error):
    with pytest.raises(error):
        jit(polynomial).grad(2.0, 3.0, argnums=argnums)


def test_keyword_arguments():
    f = jit(polynomial)
    assert f(2.0, y=3.0) == polynomial(2.0, 3.0)
    assert f(y=3.0, x=2.0) == polynomial(2.0, 3.0)
    assert f.grad(2.0, y=3.0) == eager(polynomial, 2.0, 3.0)[1][0]


def test_defaults_are_read_again():
    def f(x, scale=2.0):
        return x * scale

    g = jit(f)
    assert g(3.0) == 6.0
    assert g(3.0, 5.0) == 15.0
    assert g(3.0) == 6.0


def test_ints_and_numpy_numbers_are_numbers():
    f = jit(polynomial)
    expected = polynomial(2.0, 3.0)
    for x, y in [(2, 3), (2.0, 3), (np.float64(2.0), np.int64(3)), (np.float32(2.0), 3.0)]:
        assert f(x, y) == expected
        assert f.grad(x, y) == eager(polynomial, 2.0, 3.0)[1][0]


Point = namedtuple("Point", "x y")


@dataclasses.dataclass
class Circle:
    center: Point
    radius: float
    name: str = "circle"


def area(circle, factors):
    return circle.radius**2 * factors["pi"] + circle.center.x * circle.center.y + factors["list"][1]


def test_structures_of_arguments_come_back_as_gradients():
    f = jit(area)
    circle = Circle(Point(2.0, 3.0), 1.5)
    factors = {"pi": math.pi, "list": [1.0, (2.0)]}
    assert f(circle, factors) == area(circle, factors)
    by_circle, by_factors = f.grad(circle, factors, argnums=(0, 1))
    assert by_circle.center == Point(3.0, 2.0) and by_circle.radius == 2 * 1.5 * math.pi
    assert by_factors == {"pi": 2.25, "list": [0.0, 1.0]}


def test_results_keep_their_structure():
    f = jit(lambda x: {"a": [x, x * x], "b": (2.0, x + 1.0)})
    assert f(3.0) == {"a": [3.0, 9.0], "b": (2.0, 4.0)}


def test_arrays_in_and_out():
    def f(x):
        return (x * x).sum() + x[0, 1]

    x = np.arange(6.0).reshape(2, 3)
    value, gradient = jit(f).value_and_grad(x)
    assert value == (x * x).sum() + 1.0
    expected = 2 * x
    expected[0, 1] += 1.0
    assert isinstance(gradient, np.ndarray) and (gradient == expected).all()
    assert gradient.dtype == np.float64


def test_a_dict_of_arrays_and_an_empty_one():
    f = jit(lambda p, x: p["w"][0] * x[1] + p["b"][0, 1] + x.sum() + sum(p["none"]))
    p = {"w": np.array([2.0]), "b": np.ones((1, 2)), "none": np.zeros(0)}
    by_p, by_x = f.grad(p, np.array([3, 5]), argnums=(0, 1))
    assert by_p["w"].tolist() == [5.0] and by_p["b"].tolist() == [[0.0, 1.0]]
    assert by_p["none"].shape == (0,) and by_x.tolist() == [1.0, 3.0]


def test_an_array_result():
    f = jit(lambda x: x * 2.0)
    y = f(np.array([1.0, 2.0]))
    assert isinstance(y, np.ndarray) and y.dtype == np.float64 and y.tolist() == [2.0, 4.0]


def test_the_caller_owns_what_comes_back():
    f = jit(lambda x: (x * x).sum())
    first = f.grad(np.array([1.0, 2.0]))
    second = f.grad(np.array([5.0, 6.0]))
    assert first.tolist() == [2.0, 4.0] and second.tolist() == [10.0, 12.0]


def test_slices_and_other_dtypes_of_arrays():
    f = jit(lambda x: x[0] * 10.0 + x[1])
    x = np.arange(10.0)[2:8:3]
    assert f(x) == 25.0
    assert f(np.array([2, 5])) == 25.0
    assert f(np.array([2.0, 5.0], dtype=np.float32)) == 25.0


def test_jacobian():
    f = jit(lambda x: [x[0] * x[1], x[0] + x[1], 4.0])
    assert f.jacobian([2.0, 3.0]) == [[3.0, 2.0], [1.0, 1.0], [0.0, 0.0]]
    g = jit(lambda x, y: x * y)
    assert g.jacobian(2.0, 3.0, argnums=(0, 1)) == (3.0, 2.0)
    assert g.jacobian(2.0, 3.0) == 3.0


def test_jacobian_equals_the_eager_one():
    def f(x):
        return [exp(x[0]) * x[1], [x[1] / x[0], x[0]]]

    assert jit(f).jacobian([0.3, 0.7]) == autograd.jacobian(f)([0.3, 0.7])


def test_as_a_decorator_it_keeps_name_and_doc():
    @jit
    def square(x):
        """Square a number."""
        return x * x

    assert square.__name__ == "square" and square.__doc__ == "Square a number."
    assert "square" in repr(square)


def test_options_may_be_given_to_the_decorator():
    @jit(max_traces=3)
    def square(x):
        return x * x

    assert square(3.0) == 9.0


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="jit: expected a function"):
        jit(3.0)


def test_a_method():
    class Line:
        def __init__(self, slope):
            self.slope = slope

        @jit
        def at(self, x):
            return self.slope * x

    line = Line(2.0)
    assert line.at(3.0) == 6.0
    line.slope = 5.0
    assert line.at(3.0) == 15.0
    assert Line(7.0).at(2.0) == 14.0
    assert line.at.grad(3.0, argnums=1) == 5.0
    assert line.at.grad(3.0).slope == 3.0


# ---- what is differentiated by ----


def square_of_first(x):
    return x[0] ** 2


@pytest.mark.parametrize(
    "f, x, expected",
    [
        (lambda n: n**2, np.int64(3), 6.0),
        (square_of_first, [np.int64(3)], [6.0]),
        (square_of_first, (np.int32(3), True), (6.0, True)),
        (square_of_first, deque([3, 2.0], 2), deque([6.0, 0.0], 2)),
        (square_of_first, np.array([3, 2.0], dtype=object), np.array([6.0, 0.0])),
        (lambda x: x["a"].x ** 2, {"a": Point(3, 4)}, {"a": Point(6.0, 0.0)}),
        (
            lambda x: x[0] % 7.0 * x[0],
            [2**53 + 1],
            [autograd.grad(lambda x: x % 7.0 * x)(2**53 + 1)],
        ),
    ],
    ids=["np.int64", "list", "np.int32", "deque", "object array", "namedtuple", "large"],
)
def test_gradients_by_ints_are_those_by_floats(f, x, expected):
    for _ in range(3):
        found = jit(f).grad(x)
        assert type(found) is type(expected) and repr(found) == repr(expected)


@pytest.mark.parametrize(
    "x, y", [(3, 5), (np.array([3, 2]), np.array([5, 7]))], ids=["int", "array"]
)
@pytest.mark.parametrize("argnums", [0, (0,), np.int64(0)], ids=repr)
def test_a_bound_function_differentiates_by_ints(x, y, argnums):
    f = jit(lambda n: (n**2 * 1.5).sum() if isinstance(n, np.ndarray) else n**2 * 1.5)
    bound = f.lower(x).compile(argnums=argnums)
    for n in (x, y):
        value, gradient = bound(n)
        gradient = gradient[0] if type(argnums) is tuple else gradient
        assert value == np.sum(n**2 * 1.5) and np.array_equal(gradient, 3.0 * n)
    with pytest.raises(TypeError, match="compiled for"):
        bound(x * 1.0)


@dataclasses.dataclass
class Sized:
    count: int
    factor: float
    rest: object = None


@pytest.mark.parametrize(
    "sized, what",
    [
        (Sized(2, 3), r"3 in Sized\.factor; write 3\.0"),
        (Sized(2, np.int64(3)), r"Sized\.factor; write 3\.0"),
        ([Sized(2, 3.0, Sized(1, 1))], r"1 in Sized\.factor"),
        (Sized(2, 3.0, [4]), r"4 in a Sized"),
        (Sized(2, 3.0, np.array([4])), r"Sized\.rest; write x\.astype"),
    ],
    ids=["int", "np.int64", "nested", "list", "array"],
)
def test_a_gradient_by_ints_in_an_object_is_refused(sized, what):
    f = jit(lambda s, x: x * 2.0)
    with pytest.raises(TypeError, match=what):
        f.grad(sized, 1.0)
    assert f(sized, 1.0) == f.grad(sized, 1.0, argnums=1) == 2.0


def test_what_a_class_calls_an_int_is_a_setting():
    f = jit(lambda s: s.factor**2 * s.count)
    assert f.grad(Sized(2, 3.0, "x")) == Sized(2, 12.0, "x")


@pytest.mark.parametrize(
    "x", ["ab", None, True, ["a"], {"a": "b"}, Sized, np.array([True])], ids=repr
)
def test_what_holds_no_number_is_refused_at_every_call(x):
    f = jit(lambda a, s: a * 2.0)
    for _ in range(4):
        with pytest.raises(TypeError, match="made of numbers"):
            f.value_and_grad(2.0, x, argnums=1)
    with pytest.raises(TypeError, match="made of numbers"):
        f.lower(2.0, x).compile(argnums=1)
    assert f.grad(2.0, x) == 2.0


def test_what_is_empty_has_an_empty_gradient():
    f = jit(lambda x, y: y)
    for x in ([], {}, ((), [[]]), Module()):
        assert [f.grad(x, 1.0) for _ in range(4)] == [{} if isinstance(x, Module) else x] * 4


def test_argnums_of_every_kind_at_every_call():
    f = jit(lambda x, y: x * y)
    for _ in range(4):
        assert f(2.0, 5.0) == 10.0
        assert f.value_and_grad(2.0, 5.0, argnums=np.int64(1)) == (10.0, 2.0)
        assert f.jacobian(2.0, 5.0, argnums=[1]) == (2.0,)
        with pytest.raises(TypeError):
            f.value_and_grad(2.0, 5.0, argnums=None)


def test_an_empty_result():
    f = jit(lambda x: [])
    for x in (2.0, Value(2.0)):
        assert f(x) == f.jacobian(x) == autograd.jacobian(lambda x: [])(x) == []


def test_a_result_that_is_returned_twice_is_one_value():
    def f(x):
        y = x * x
        return y, {"again": y}

    def ends(f):
        x = Value(3.0)
        y, others = f(x)
        (y * others["again"]).backward()
        return y is others["again"], y.grad, x.grad

    assert ends(jit(f)) == ends(f) == (True, 18.0, 108.0)


def test_a_gradient_inside_of_what_is_differentiated_or_compiled():
    cube = jit(lambda x: x**3)
    for _ in range(3):
        assert grad(lambda x: cube.grad(x))(2.0) == 12.0
        assert grad(lambda x: cube.jacobian(x, argnums=[0])[0])(2.0) == 12.0
    assert jit(lambda x: grad(cube)(x)).value_and_grad(2.0) == (12.0, 12.0)
    assert jit(lambda x: jit(lambda y: y**3 + x).grad(x)).value_and_grad(2.0) == (12.0, 12.0)
    with pytest.raises(RuntimeError, match=r"calls \.value_and_grad .* use autograd\.grad"):
        jit(lambda x: cube.value_and_grad(x)[1])(2.0)


# ---- called with Values ----


def test_a_class_derived_from_float_is_differentiated_by_as_a_float():
    class Metres(float):
        pass

    f = jit(lambda x, y: x * x * y)
    for x, y in ((2.5, 3.0), (3.5, 5.0), (4.5, 5.0)):
        assert f.value_and_grad(Metres(x), Metres(y)) == (x * x * y, 2 * x * y)
        assert f(Metres(x), y) == x * x * y


def test_called_with_values_it_fills_the_same_grads_as_eager():
    def f(x, y):
        return relu(x * y) + exp(x) / y

    compiled = jit(f)
    for x, y in [(0.3, 0.7), (-0.3, 0.7), (1e3, -2.0)]:
        a, b, c, d = Value(x), Value(y), Value(x), Value(y)
        z, expected = compiled(a, b), f(c, d)
        assert isinstance(z, Value) and exact(z.data) == exact(expected.data)
        z.backward()
        expected.backward()
        assert bits(a.grad) == bits(c.grad) and bits(b.grad) == bits(d.grad)


def test_backward_twice_accumulates():
    x = Value(3.0)
    y = jit(lambda x: x * x)(x)
    y.backward()
    y.backward()
    assert x.grad == 12.0


def test_a_seed():
    x = Value(3.0)
    jit(lambda x: x * x * 0.1)(x).backward(7.0)
    z = Value(3.0)
    (z * z * 0.1).backward(7.0)
    assert bits(x.grad) == bits(z.grad)


def test_a_compiled_value_is_a_node_among_others():
    square = jit(lambda x: x * x)
    x = Value(3.0)
    y = exp(square(x * 2.0)) + square(x)
    y.backward()
    z = Value(3.0)
    w = exp((z * 2.0) * (z * 2.0)) + z * z
    w.backward()
    assert y.data == w.data and math.isclose(x.grad, z.grad, rel_tol=1e-15)


def test_several_outputs_are_swept_in_one_go():
    def f(x, y):
        z = x * y
        return z + x, z / y, z

    compiled = jit(f)
    a, b, c, d = Value(0.3), Value(0.7), Value(0.3), Value(0.7)
    p, q, r = compiled(a, b)
    (p * q).backward()
    s, t, u = f(c, d)
    (s * t).backward()
    assert math.isclose(a.grad, c.grad, rel_tol=1e-15) and math.isclose(
        b.grad, d.grad, rel_tol=1e-15
    )
    r.backward()
    u.backward()
    assert math.isclose(a.grad, c.grad, rel_tol=1e-15) and math.isclose(
        b.grad, d.grad, rel_tol=1e-15
    )


def test_an_output_that_is_an_input():
    f = jit(lambda x, y: (x, x * y))
    assert f(2.0, 3.0) == (2.0, 6.0)
    x = Value(2.0)
    y, z = f(x, Value(3.0))
    assert y.data == 2.0
    (y * z).backward()
    assert x.grad == 12.0
    assert jit(lambda x: x).value_and_grad(4.0) == (4.0, 1.0)


def test_an_input_that_is_not_used():
    f = jit(lambda x, y: x * x)
    assert f.value_and_grad(3.0, 5.0, argnums=(0, 1)) == (9.0, (6.0, 0.0))
    x, y = Value(3.0), Value(5.0)
    f(x, y).backward()
    assert x.grad == 6.0 and y.grad == 0.0


def test_the_same_input_twice():
    f = jit(lambda x, y: x * y + x)
    x = Value(3.0)
    f(x, x).backward()
    assert x.grad == 7.0
    y, z = Value(3.0), Value(4.0)
    f(y, z).backward()
    assert (y.grad, z.grad) == (5.0, 3.0)
    f(x, x).backward()
    assert x.grad == 14.0
    assert f.grad(3.0, 3.0, argnums=(0, 1)) == (4.0, 3.0)


def test_an_adjoint_passes_a_loop_that_computes_nothing_wanted():
    def f(x, y):
        for _ in range(5):
            x = x + y * y
        return x

    assert jit(f).value_and_grad(1.0, 2.0) == (21.0, 1.0)


def test_a_constant_result():
    f = jit(lambda x: 4.0)
    assert f(1.0) == 4.0 and f.value_and_grad(1.0) == (4.0, 0.0)
    assert f(Value(1.0)).data == 4.0


def test_no_grad_records_nothing():
    x = Value(3.0)
    with no_grad():
        y = jit(lambda x: x * x)(x)
    assert y.data == 9.0 and y.inputs == ()


def test_data_assigned_after_use_is_noticed():
    x = Value(3.0)
    y = jit(lambda x: x * x)(x)
    x.data = 5.0
    with pytest.raises(RuntimeError, match="assigned after"):
        y.backward()


def test_the_derivatives_of_the_package_work_on_a_compiled_function():
    def f(x):
        return exp(x[0]) * x[1] ** 3 + x[0] * x[1]

    g = jit(f)
    x = [0.3, 0.7]
    assert grad(g)(x) == grad(f)(x)
    assert hessian(g)(x) == hessian(f)(x)
    assert grad(grad(jit(lambda x: x**3)))(2.0) == 12.0
    assert autograd.jvp(g, [x], [[1.0, 2.0]]) == pytest.approx(autograd.jvp(f, [x], [[1.0, 2.0]]))
    assert autograd.hvp(g, [x], [[1.0, 2.0]]) == autograd.hvp(f, [x], [[1.0, 2.0]])
    third = lambda h: grad(grad(grad(h)))(1.7)
    assert third(jit(lambda x: x**4)) == third(lambda x: x**4)


def test_the_hessian_of_what_chose():
    f = lambda x: where(x > 0.0, x**3, x * x) + relu(x)
    for x in (2.0, -2.0):
        assert hessian(jit(f))(x) == hessian(f)(x)


def test_graphs_with_compiled_nodes_are_copied_and_pickled():
    single, several = jit(lambda x, y: x * y), jit(lambda x, y: [x * y, x + y])
    x, y = Value(3.0), Value(5.0)
    a, b = several(x, y)
    for z, slopes in [(single(x, y), (5.0, 3.0)), (a * b, (55.0, 39.0))]:
        for twin in (copy.deepcopy(z), pickle.loads(pickle.dumps(z))):
            twin.backward()
            leaves = [node for node in graph(twin) if node.op is None]
            assert tuple(leaf.grad for leaf in leaves) == slopes
        assert x.grad == 0.0


def test_graphs_with_compiled_nodes_are_drawn():
    def area(x):
        return x * x if x > 0.0 else x

    y = jit(area)(Value(3.0)) * 2.0
    assert "area" in draw(y).source and "area" in str(tree(y))
    y.backward()
    assert "area" in draw(y).source


def test_gradcheck_looks_inside():
    assert gradcheck(jit(lambda x, y: exp(x) * y), [0.3, 0.7])
    with pytest.raises(AssertionError, match="op wrong_here"):
        gradcheck(jit(lambda x: wrong_here(x) + 1.0), [0.3])


# ---- any Python inside ----


def collatz_like(x):
    n = 0
    while x > 1.0:
        x = x / 2.0 if n % 2 else x / 3.0 + 0.1
        n += 1
    return x * n


def early(x, y):
    if x < 0.0:
        return -x
    if y > 1.0:
        return x * y
    return x + y


def first_below(x):
    for i in range(10):  # noqa: B007
        x = x * 0.7
        if x < 0.2:
            break
    return x * i


def builtins(x, y):
    values = sorted([x, y, x * y])
    return max(values) - min(values) * 2.0 + sum(values) + values[1] * abs(x)


def recursive(x, depth=4.0):
    return x if depth <= 0.0 else recursive(x * x - 0.3, depth - 1.0) + depth


def newton(x):
    guess = x
    while abs(guess * guess - x) > 1e-12:
        guess = 0.5 * (guess + x / guess)
    return guess


PROGRAMS = [
    (collatz_like, [(5.0,), (0.5,), (100.0,), (3.7,), (5.0,), (-1.0,)]),
    (early, [(-1.0, 0.0), (1.0, 2.0), (1.0, 0.5), (0.0, 1.0), (-0.0, 5.0), (math.nan, 2.0)]),
    (first_below, [(1.0,), (0.1,), (50.0,), (0.3,), (math.nan,)]),
    (builtins, [(1.0, 2.0), (2.0, 1.0), (-1.0, 0.5), (3.0, 3.0), (0.0, -1.0)]),
    (recursive, [(0.3,), (1.7,)]),
    (newton, [(2.0,), (9.0,), (1e6,), (0.01,)]),
]


@pytest.mark.parametrize("f, points", PROGRAMS, ids=[f.__name__ for f, _ in PROGRAMS])
def test_branches_crossed_after_compiling(f, points):
    compiled = jit(f)
    agree(f, compiled, *points)
    made = traces(compiled)
    agree(f, compiled, *reversed(points), *points)
    assert traces(compiled) == made  # every path is kept


def test_both_sides_of_every_guard():
    """Three branches one after the other: eight paths, whatever the order in which they come."""

    def f(x, y, z):
        a = x * y if x > 0.0 else x - y
        b = a * z if y > 0.0 else a + z
        return b / 3.0 if z > 0.0 else b * b

    compiled = jit(f)
    points = [(x, y, z) for x in (0.3, -0.3) for y in (0.7, -0.7) for z in (1.3, -1.3)]
    random.Random(0).shuffle(points)
    agree(f, compiled, *points)
    assert traces(compiled) == 2 * 8  # of calls, and of gradients
    agree(f, compiled, *points[::-1])
    assert traces(compiled) == 2 * 8


@pytest.mark.parametrize("symbol", ["<", "<=", ">", ">=", "==", "!="])
def test_every_comparison_at_and_beside_equality(symbol):
    scope = {}
    exec(f"def f(x, y):\n    return x * 2.0 if x {symbol} y else y * 3.0 + x", scope)
    agree(
        scope["f"],
        jit(scope["f"]),
        (1.0, 1.0),
        (1.0, 2.0),
        (2.0, 1.0),
        (math.nan, 1.0),
        (0.0, -0.0),
    )


def test_where_is_no_guard():
    f = jit(lambda x: where(x > 0.0, x * 2.0, x * 3.0))
    assert [f(1.0), f(-1.0)] == [2.0, -3.0] and traces(f) == 1
    assert [f.grad(1.0), f.grad(-1.0)] == [2.0, 3.0]


def test_the_branch_not_taken_makes_no_nan():
    f = lambda x: where(x > 0.0, log(x), x * 2.0)
    agree(f, jit(f), (1.0,), (0.0,), (-1.0,))


def test_trip_counts_from_arguments():
    def f(x, n):
        for _ in range(n):
            x = x * 1.1 + 0.1
        return x

    compiled = jit(f)
    for n in (3, 5, 0, 1, 3, 100):
        y, gradient = eager(lambda x, n=n: f(x, n), 2.0)
        assert compiled(2.0, n) == y and compiled.grad(2.0, n) == gradient[0]
    annotated = jit(lambda x, n: f(x, n))
    assert annotated(2.0, 2) == f(2.0, 2)


def test_loops_of_no_round():
    def f(xs, y):
        total = y
        for x in xs:
            total = total + x * y
        return total

    compiled = jit(f)
    for xs in ([], [2.0], [2.0, 3.0], [], [0.1] * 50):
        assert compiled(xs, 1.5) == f(xs, 1.5)
        gradient = compiled.grad(xs, 1.5, argnums=(0, 1))
        assert gradient == ([1.5] * len(xs), autograd.grad(f, 1)(xs, 1.5))


def test_a_caught_exception():
    def f(x):
        values = [x, x * 2.0]
        try:
            return values[2 if x > 0.0 else 1]
        except IndexError:
            return x * x

    agree(f, jit(f), (3.0,), (-3.0,), (4.0,))


def test_an_exception_reaches_the_caller_and_nothing_is_kept():
    def f(x):
        if x < 0.0:
            raise ValueError("negative")
        return x * x

    compiled = jit(f)
    assert compiled(2.0) == 4.0
    for _ in range(2):
        with pytest.raises(ValueError, match="negative"):
            compiled(-2.0)
    assert compiled(3.0) == 9.0 and traces(compiled) == 1


def test_helpers_closures_and_generators():
    def square(x):
        return x * x

    def f(x, y):
        add = lambda a: a + y
        return sum(square(add(v)) for v in (x, y, x * y)) + next(v for v in [x, y])

    agree(f, jit(f), (0.3, 0.7), (1.0, -1.0))


def test_a_tokens_row_is_an_input_and_not_a_trace():
    table = [[Value(i + 0.1 * j) for j in range(3)] for i in range(5)]

    def f(token, x):
        row = table[token]
        return row[0] * x + row[1] * row[2]

    compiled = jit(f)
    for token in (0, 3, 4, -1, 2):
        for row in table:
            for v in row:
                v.zero_grad()
        y, x = compiled(token, 2.0), f(token, 2.0)
        assert exact(y.data) == exact(x.data)
        y.backward()
        found = [[(v.grad, v.has_grad) for v in row] for row in table]
        for row in table:
            for v in row:
                v.zero_grad()
        x.backward()
        assert found == [[(v.grad, v.has_grad) for v in row] for row in table]
    assert traces(compiled) == 1
    for token in (5, -6):
        with pytest.raises(IndexError):
            compiled(token, 2.0)
    assert compiled(1, 2.0).data == f(1, 2.0).data


def test_a_compiled_function_inside_another():
    square = jit(lambda x: x * x if x > 0.0 else x)
    f = lambda x: square(x) + square(-x)
    plain = lambda x: (x * x if x > 0.0 else x) + (-x * -x if -x > 0.0 else -x)
    agree(plain, jit(f), (3.0,), (-2.0,))


def test_detach():
    f = lambda x: x * x.detach() if isinstance(x, Value) else x * x
    assert jit(lambda x: x * x.detach()).grad(3.0) == 3.0
    x = Value(3.0)
    jit(f)(x).backward()
    assert x.grad == 3.0


# ---- no stale capture ----

SCALE = 2.0
TABLE = [1.0, 2.0]
SETTINGS = {"power": 2.0, "offset": 0.5}


def scaled(x):
    return x * SCALE + TABLE[1] * SETTINGS["offset"]


def test_globals_that_change(monkeypatch):
    f = jit(scaled)
    agree(scaled, f, (3.0,))
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    agree(scaled, f, (3.0,))
    monkeypatch.setitem(TABLE, 1, 7.0) if hasattr(TABLE, "keys") else TABLE.__setitem__(1, 7.0)
    agree(scaled, f, (3.0,))
    monkeypatch.setitem(SETTINGS, "offset", 11.0)
    agree(scaled, f, (3.0,))
    TABLE[1] = 2.0
    monkeypatch.setitem(globals(), "SCALE", Value(4.0))
    assert f(3.0).data == 3.0 * 4.0 + 2.0 * 11.0
    assert traces(f) == 3  # of calls, of gradients, and with a Value


def test_a_global_function_that_is_replaced(monkeypatch):
    monkeypatch.setitem(globals(), "helper", lambda x: x * 2.0)
    f = jit(lambda x: helper(x) + 1.0)  # noqa: F821
    assert f(3.0) == 7.0
    monkeypatch.setitem(globals(), "helper", lambda x: x * 5.0)
    assert f(3.0) == 16.0


def test_closures_that_change():
    scale = 2.0

    def f(x):
        return x * scale

    compiled = jit(f)
    assert compiled(3.0) == 6.0 and compiled.grad(3.0) == 2.0
    scale = 7.0
    assert compiled(3.0) == 21.0 and compiled.grad(3.0) == 7.0
    assert traces(compiled) == 2  # of calls, and of gradients


def test_lists_that_grow_and_shrink():
    weights = [1.0, 2.0]
    f = jit(lambda x: sum(w * x for w in weights))
    assert f(2.0) == 6.0
    weights.append(10.0)
    assert f(2.0) == 26.0
    weights[0] = 5.0
    assert f(2.0) == 34.0
    del weights[1:]
    assert f(2.0) == 10.0
    weights.append(2.0)
    assert f(2.0) == 14.0


def test_attributes_and_dataclasses_that_change():
    circle = Circle(Point(2.0, 3.0), 1.5)
    f = jit(lambda x: circle.radius * x + circle.center.y)
    assert f(2.0) == 6.0
    circle.radius = 3.0
    assert f(2.0) == 9.0
    circle.center = Point(0.0, 100.0)
    assert f(2.0) == 106.0


def test_a_switch_that_changes():
    options = {"square": True}
    f = jit(lambda x: x * x if options["square"] else x)
    assert f(3.0) == 9.0
    options["square"] = False
    assert f(3.0) == 3.0
    options["square"] = True
    assert f(3.0) == 9.0


def test_a_value_read_from_outside_gets_its_gradient():
    w = Value(2.0, label="w")
    f = jit(lambda x: w * x * x)
    y = f(3.0)
    y.backward()
    assert y.data == 18.0 and w.grad == 9.0
    w.data = 5.0
    assert f(3.0).data == 45.0
    assert f.value_and_grad(3.0) == (45.0, 30.0)


class Affine(Module):
    def __init__(self):
        self.slope, self.offset = Value(2.0), Value(1.0)

    def __call__(self, x):
        return self.slope * x + self.offset


def test_a_module_as_argument():
    model = MLP(2, [3, 1], rng=0)
    other = copy.deepcopy(model)

    def loss(model, xs):
        return sum(relu(model([x, 1.0]) * -1.0 + 1.0) for x in xs)

    f = jit(loss)
    value, gradient = f.value_and_grad(model, [0.3, 0.7])
    expected = loss(other, [0.3, 0.7])
    expected.backward()
    assert exact(value) == exact(expected.data)
    assert list(gradient) == [name for name, _ in other.named_parameters()]
    assert [bits(g) for g in gradient.values()] == [bits(p.grad) for p in other.parameters()]
    assert not any(p.has_grad for p in model.parameters())

    f(model, [0.3, 0.7]).backward()
    assert [bits(p.grad) for p in model.parameters()] == [bits(p.grad) for p in other.parameters()]


def test_a_module_changed_after_compiling():
    model = Affine()
    f = jit(lambda x: model(x) * 2.0)
    assert f(3.0).data == 14.0
    model.slope.data = 10.0
    assert f(3.0).data == 62.0
    model.offset = Value(5.0)
    assert f(3.0).data == 70.0
    model.offset = model.slope
    y = f(3.0)
    assert y.data == 80.0
    model.zero_grad()
    y.backward()
    assert model.slope.grad == 8.0


class Scaled(Module):
    def __init__(self, seed):
        self.inner, self.scale, self.steps = MLP(2, [3, 1], rng=seed), 0.5, 2
        self.options = {"shift": Value(0.25), "on": True}

    def __call__(self, x):
        y = self.inner(x) * self.scale
        for _ in range(self.steps):
            y = y * y + self.options["shift"]
        return y if self.options["on"] else y * 2.0


def tie(m):
    m.inner.layers[0].neurons[0].w[0] = m.inner.layers[0].neurons[1].w[0]


def freeze(m):
    m.inner.layers[0].neurons[0].w[0] = 0.5


def test_a_module_that_changes_between_calls():
    """Its numbers are read anew only where it holds other objects."""

    def loss(m, x, target):
        return (m(x) - target) ** 2

    def expected(m, x):
        m.zero_grad()
        y = loss(m, x, 1.0)
        y.backward()
        return y.data, {name: p.grad for name, p in m.named_parameters()}

    compiled, model, other = jit(loss), Scaled(0), Scaled(1)
    changes = [
        lambda m: [setattr(p, "data", p.data * 1.5) for p in m.parameters()],
        lambda m: setattr(m, "scale", 0.75),
        lambda m: setattr(m, "steps", 3),
        lambda m: m.options.update(shift=Value(-0.5)),
        lambda m: m.options.update(on=False),
        lambda m: setattr(m.inner.layers[1].neurons[0], "b", Value(0.125)),
        lambda m: m.inner.layers[0].neurons.reverse(),
        tie,
        freeze,
        lambda m: setattr(m, "extra", Value(3.0)),
        lambda m: delattr(m, "extra"),
    ]
    for change in [lambda m: None, *changes]:
        change(model)
        for m, x in zip([model, model, model, other, other, model], [[0.3, -0.4], [1.5, 2.0]] * 3):
            assert compiled.value_and_grad(m, x, 1.0) == expected(m, x)
            m.zero_grad()


def test_training_is_the_same_as_eager():
    model, twin = MLP(2, [4, 1], rng=0), MLP(2, [4, 1], rng=0)
    xs, ys = [[0.1, 0.2], [-0.5, 0.3], [0.7, -0.9]], [1.0, -1.0, 1.0]

    def loss(model, xs, ys):
        return sum(relu(1.0 - y * model(x)) for x, y in zip(xs, ys)) / len(xs)

    compiled = jit(loss)
    for _ in range(20):
        for f, m in ((compiled, model), (loss, twin)):
            m.zero_grad()
            f(m, xs, ys).backward()
            for p in m.parameters():
                p.data -= 0.1 * p.grad
    assert [exact(p.data) for p in model.parameters()] == [exact(p.data) for p in twin.parameters()]


# ---- numbers ----


SPECIAL = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 5e-324, -1e-310, 1e308, 1e16, 0.1]


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: x * y + x,
        lambda x, y: x / y,
        lambda x, y: x**y,
        lambda x, y: x % y,
        lambda x, y: x // y,
        lambda x, y: (x + 1e16) - 1e16 + y * 0.0,
        lambda x, y: relu(x) * exp(y),
        lambda x, y: where(x > y, log(x), y) * 1e-300,
        lambda x, y: autograd.maximum(x, y) - autograd.minimum(x, y),
        lambda x, y: (x if x == x else y * 2.0) - abs(y),
    ],
    ids=[
        "mul",
        "div",
        "pow",
        "mod",
        "floordiv",
        "cancel",
        "relu-exp",
        "where-log",
        "max-min",
        "nan",
    ],
)
def test_special_numbers(f):
    agree(f, jit(f), *((x, y) for x in SPECIAL for y in SPECIAL))


def test_nothing_is_reassociated():
    f = jit(lambda x: (x + 1e16) - 1e16)
    assert f(1.0) == 0.0 and f(3.0) == 4.0
    g = jit(lambda x, y, z: x * y + z)  # a contraction would keep the product's low bits
    x, y = 1.0 + 2**-30, 1.0 - 2**-30
    assert g(x, y, -1.0) == x * y - 1.0 == 0.0


def test_subnormals_are_kept():
    assert jit(lambda x: x * 0.5)(1e-323) == 5e-324
    assert jit(lambda x: x * 0.5).grad(1e-323) == 0.5


@op
def softsign_here(xp, x):
    return x / (1 + xp.abs(x))


@softsign_here.partials
def _(xp, y, x):
    return (1 / (1 + xp.abs(x)) ** 2,)


@op
def wrong_here(xp, x):
    return x * x


@wrong_here.partials
def _(xp, y, x):
    return (3.0 * x,)


def test_ops_of_the_user():
    f = lambda x: softsign_here(x * 2.0) + x
    agree(f, jit(f), (0.3,), (-5.0,), (0.0,))


def test_softmax_and_special_functions():
    def f(x, y):
        a, b, c = softmax([x, y, x * y])
        return a * autograd.erf(b) + autograd.lgamma(c + 1.0) + autograd.digamma(x * x + 0.5)

    agree(f, jit(f), (0.3, 0.7), (30.0, -2.0), (-1.5, 1.5))


# ---- SciPy ----


def rosenbrock(x):
    return sum(100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2 for a, b in pairwise(x))


def test_scipy_minimises_it_as_it_stands():
    optimize = pytest.importorskip("scipy.optimize")
    f = jit(rosenbrock)
    x0 = np.array([0.5, 1.0, 0.5, 2.0])
    found = optimize.minimize(f.value_and_grad, x0, jac=True, method="L-BFGS-B")
    expected = optimize.minimize(optimize.rosen, x0, jac=optimize.rosen_der, method="L-BFGS-B")
    assert found.success and np.allclose(found.x, 1.0, atol=1e-4)
    assert abs(found.nit - expected.nit) <= 3
    assert traces(f) == 1


# ---- refusals ----


@pytest.mark.parametrize(
    "bad", ["text", None, object(), [1.0, "text"]], ids=["text", "None", "object", "list"]
)
def test_a_result_that_is_no_number_is_refused(bad):
    f = jit(lambda x: bad)
    with pytest.raises(TypeError, match="return"):
        f(1.0)
    assert traces(f) == 0


def test_a_gradient_needs_one_number():
    with pytest.raises(TypeError, match="jacobian"):
        jit(lambda x: [x, x]).grad(1.0)


def test_a_gradient_by_what_holds_no_number_is_refused():
    with pytest.raises(TypeError, match="number"):
        jit(lambda name, x: x).grad("name", 1.0)


def test_random_numbers_are_refused():
    with pytest.raises(RuntimeError, match="random"):
        jit(lambda x: x * random.random())(1.0)
    with pytest.raises(RuntimeError, match="random"):
        jit(lambda x: x * np.random.rand())(1.0)


def test_mutation_of_arguments_and_captures_is_refused():
    seen = []

    def remembers(x):
        seen.append(x)
        return x

    def sorts(xs):
        xs.sort()
        return xs[0]

    with pytest.raises(RuntimeError, match=r"test_jit\.py"):
        jit(remembers)(1.0)
    xs = [3.0, 1.0]
    with pytest.raises(RuntimeError, match=r"test_jit\.py"):
        jit(sorts)(xs)
    assert xs == [3.0, 1.0] and seen == []


def test_an_array_of_another_length_is_another_structure():
    f = jit(lambda xs: sum(x * x for x in xs))
    assert f(np.ones(3)) == 3.0 and f(np.ones(4)) == 4.0 and f([1.0, 2.0]) == 5.0
    assert traces(f) == 3
    bound = f.lower(np.ones(3)).compile()
    with pytest.raises((TypeError, ValueError), match="3"):
        bound(np.ones(4))


def test_a_wrong_call_is_pythons_own_error():
    f = jit(polynomial)
    with pytest.raises(TypeError, match="missing"):
        f(1.0)
    with pytest.raises(TypeError, match=r"unexpected|got"):
        f(1.0, 2.0, z=3.0)
    assert f(1.0, 2.0) == polynomial(1.0, 2.0)


# ---- how many traces ----


def test_traces_are_bounded_and_then_it_runs_eagerly():
    def f(x, n):
        total = x
        while total < n:
            total = total + x
        return total * x

    compiled = jit(f, max_traces=4)
    with pytest.warns(RuntimeWarning, match=r"test_jit\.py:\d+.*total < n") as caught:
        for n in range(1, 12):
            y, (dx, dn) = eager(f, 1.0, float(n))
            assert compiled(1.0, float(n)) == y
            assert compiled.value_and_grad(1.0, float(n), argnums=(0, 1)) == (y, (dx, dn))
    assert len(caught) == 1 and traces(compiled) == 4
    x = Value(1.0)
    compiled(x, 20.0).backward()
    z = Value(1.0)
    f(z, 20.0).backward()
    assert x.grad == z.grad


HERE = Circle(Point(2.0, 3.0), 1.5)


class Numbers(list):
    """A list of the user's own kind."""


@pytest.mark.parametrize(
    "f, args",
    [
        (lambda x, n: x * (2.0 if isinstance(n, int) else 3.0), (3.0, 2)),
        (lambda x, n: x * {1: 10.0, 2: 20.0}[n], (3.0, 2)),
        (lambda x, n: x * (n * n * n % 1000), (3.0, 2**21 + 1)),
        (lambda x, n: x[n] * 2.0, ([3.0, 4.0], -1)),
        (lambda x, o: x * o.radius if o is HERE else x, (3.0, HERE)),
        (lambda x, v: x * len(v) if type(v) is Numbers else x, (3.0, Numbers([1.0]))),
        (
            lambda x, v: x[0] * 2.0 if type(x) is list and type(v) is dict else x[1],
            ([3.0], {"a": 1.0}),
        ),
        (lambda x, v: v.append(2.0) or x * sum(v), (3.0, [1.0])),
        (lambda x, v: x * next(v), (3.0, iter([2.0]))),
    ],
    ids="isinstance key modulo index identity class type mutation iterator".split(),
)
@pytest.mark.parametrize("way", [None, "value_and_grad"])
@pytest.mark.filterwarnings("ignore:jit")
def test_where_it_runs_eagerly_only_what_is_differentiated_by_is_replaced(f, args, way):
    ours, theirs = copy.copy(args[1]), copy.copy(args[1])
    ours, theirs = (HERE, HERE) if args[1] is HERE else (ours, theirs)
    function = jit(f, max_traces=0)
    if way is None:
        assert function(args[0], ours) == f(args[0], theirs)
    else:
        assert function.value_and_grad(args[0], ours) == autograd.value_and_grad(f)(args[0], theirs)
    if isinstance(ours, list | dict):
        assert ours == theirs


def test_where_it_is_watched_ints_stay_ints():
    f = jit(lambda x, n: log(x) * {2: 1.0}[n])
    with detect_anomaly():
        assert f(1.0, 2) == 0.0 and f.value_and_grad(1.0, 2) == (0.0, 1.0)
        with pytest.raises(FloatingPointError, match="log"):
            f(0.0, 2)


@pytest.mark.filterwarnings("ignore:jit")
@pytest.mark.parametrize("x", [0.0, -0.0, -1.0, 2.0, 300.0], ids=str)
def test_where_it_runs_eagerly_it_does_what_compiled_code_does(x):
    for f in (lambda x: 1 / x, lambda x: x**0.5, lambda x: 10.0 ** (x * 2.0), lambda x: x % 0.0):
        assert outcome(jit(f, max_traces=0), x) == outcome(jit(f), x) == outcome(f, x)
    assert jit(lambda x: x.exp(), max_traces=0)(x) == jit(lambda x: x.exp())(x)  # of Values


@pytest.mark.filterwarnings("ignore:jit")
def test_calls_that_make_no_trace_leave_nothing_behind():
    f = jit(lambda x, text: x * 2.0, max_traces=1)
    g = jit(lambda x, text: text)
    for i in range(20):
        assert f(1.0, str(i)) == 2.0
        with pytest.raises(TypeError):
            g(1.0, str(i))
    assert len(f._candidates) == 1 and not g._candidates


def test_an_interrupted_sweep_gives_its_workspace_back(monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    f = jit(lambda x: [x, x * x])
    f.jacobian(2.0)
    (made,) = f.traces
    monkeypatch.setattr(compiled_traces.Run, "sweep", interrupted)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            f.jacobian(2.0)
    assert len(made.run((0,))._idle) == 1


def test_explain_compiles_says_why():
    def f(x):
        if x < 0.0:
            return -x
        return x

    compiled = jit(f)
    assert "nothing" in compiled.explain_compiles()
    compiled(1.0)
    compiled(-1.0)
    compiled([1.0][0])
    text = compiled.explain_compiles()
    assert "2 traces" in text and "x < 0" in text and "test_jit.py" in text
    with pytest.raises(TypeError):
        compiled("text")


# ---- lower ----


def summed(xs, w):
    total = 0.0
    for x in xs:
        total = total + x * w
    return exp(total)


def test_lower_shows_the_loops():
    text = str(jit(summed).lower([1.0] * 16, 2.0))
    assert "×16" in text or "× 16" in text or "×15" in text or "× 15" in text
    assert "exp" in text and "test_jit.py" in text


def test_a_bound_function_is_the_same_function():
    f = jit(polynomial)
    bound = f.lower(1.0, 2.0).compile()
    both = f.lower(1.0, 2.0).compile(argnums=(0, 1))
    for x in [(2.0, 3.0), (0.1, -0.7), (math.inf, 1.0)]:
        y, gradient = eager(polynomial, *x)
        assert exact(bound(*x)) == exact(y)
        value, found = both(*x)
        assert exact(value) == exact(y) and [bits(g) for g in found] == [bits(g) for g in gradient]
    assert f.lower(1.0, 2.0).compile(argnums=1)(2.0, 3.0)[1] == eager(polynomial, 2.0, 3.0)[1][1]


def test_a_bound_function_takes_the_long_way_where_a_guard_fails():
    bound = jit(lambda x: x * x if x > 0.0 else -x).lower(1.0).compile()
    assert [bound(x) for x in (3.0, -3.0, np.float64(2.0))] == [9.0, 3.0, 4.0]


@pytest.mark.parametrize(
    "args", [(3,), ("text",), (), (1.0, 2.0), ([1.0],), (Value(1.0),)], ids=str
)
def test_a_bound_function_refuses_what_it_was_not_bound_for(args):
    bound = jit(lambda x: x * x).lower(1.0).compile()
    with pytest.raises(TypeError, match=r"compiled for, .float."):
        bound(*args)
    with pytest.raises(TypeError, match="compiled for"):
        bound(x=1.0)
    assert bound(3.0) == 9.0


def test_a_bound_function_lives_by_itself():
    bound = jit(lambda x: x * x).lower(1.0).compile(argnums=0)
    gc.collect()
    assert bound(3.0) == (9.0, 6.0)
    box = [bound]
    box.append(box)
    del bound, box
    gc.collect()


def test_a_bound_function_follows_captures():
    scale = 2.0

    def f(x):
        return x * scale

    bound = jit(f).lower(1.0).compile()
    assert bound(3.0) == 6.0
    scale = 5.0
    assert bound(3.0) == 15.0


# ---- modes ----


def test_anomalies_are_found_inside():
    f = jit(lambda x: log(x))
    assert f(0.0) == -math.inf
    with detect_anomaly(), pytest.raises(FloatingPointError, match="log"):
        f(0.0)


# ---- threads, processes, memory ----


def test_two_threads_compile_at_once():
    def work(f, out, start):
        start.wait()
        for x in (0.5, -0.5, 3.0):
            out.append((f(x), f.value_and_grad(x)))

    def g(x):
        return exp(x) if x > 0.0 else x * x

    for _ in range(3):
        f, outs, start = jit(g), [[] for _ in range(4)], threading.Barrier(4)
        threads = [threading.Thread(target=work, args=(f, out, start)) for out in outs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expected = [(eager(g, x)[0], (eager(g, x)[0], eager(g, x)[1][0])) for x in (0.5, -0.5, 3.0)]
        assert all(out == expected for out in outs)
        assert traces(f) == 4  # two ways, of calls and of gradients


def test_threads_do_not_mix_their_numbers():
    f = jit(lambda xs: sum(x * x for x in xs))
    f.grad([0.0] * 100)
    bad = []

    def work(k):
        for i in range(200):
            x = float(k * 1000 + i)
            if f.grad([x] * 100) != [2 * x] * 100:
                bad.append(x)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bad == []


@jit
def pickled(x, y):
    return x * y if x > 0.0 else y


def test_pickling():
    assert pickled(2.0, 3.0) == 6.0
    assert pickle.loads(pickle.dumps(pickled)) is pickled
    wrapped = jit(polynomial)
    wrapped(1.0, 2.0)
    loaded = pickle.loads(pickle.dumps(wrapped))
    assert loaded(2.0, 3.0) == polynomial(2.0, 3.0) and traces(loaded) == 1
    assert copy.deepcopy(wrapped)(2.0, 3.0) == polynomial(2.0, 3.0)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_process_pool(method):
    pickled(2.0, 3.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        with ProcessPoolExecutor(2, get_context(method)) as pool:
            assert list(pool.map(pickled, [1.0, -1.0, 2.0], [5.0, 6.0, 7.0])) == [5.0, 6.0, 14.0]
            assert pool.submit(pickled.grad, 2.0, 3.0).result() == 3.0


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_flat_over_recompiles():
    def recompile():
        f = jit(lambda x, y: exp(x) * y + x / y)
        f.value_and_grad(1.0, 2.0, argnums=(0, 1))
        f(Value(1.0), 2.0).backward()

    for _ in range(60):
        recompile()
    gc.collect()
    before = resident()
    for _ in range(240):
        recompile()
    gc.collect()
    assert resident() - before < 8e6  # 240 engines of over 100 kB each would be 24 MB


def test_nothing_is_kept_when_compiling_is_interrupted(monkeypatch):
    f = jit(polynomial)
    genuine = compiled_traces.Run

    def interrupted(*args):
        raise KeyboardInterrupt

    for _ in range(2):
        monkeypatch.setattr(compiled_traces, "Run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            f(2.0, 3.0)
        assert traces(f) == 0
    monkeypatch.setattr(compiled_traces, "Run", genuine)
    assert f(2.0, 3.0) == polynomial(2.0, 3.0)
    assert traces(f) == 1


# ---- without llvmlite ----

WITHOUT = """
import sys, warnings
sys.modules["llvmlite"] = None
from autograd import Value, jit, exp

@jit
def f(x, y):
    return exp(x[0]) * y + x[1] if y > 0.0 else x[0] / y

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(f([0.0, 1.0], 2.0), f([1.0, 1.0], -4.0), f([1.0, 1.0], -2.0))
    print(f.value_and_grad([0.0, 1.0], 2.0, argnums=(0, 1)), f.jacobian([0.0, 1.0], 2.0))
    x = Value(0.0)
    f([x, 1.0], 2.0).backward()
    print(x.grad)
    print(jit(lambda x, n: x * {2: 5.0}[n]).value_and_grad(3.0, 2))
print(len(caught), caught[0].category.__name__, caught[0].message, caught[0].filename)
print(caught[0].lineno)
"""


def test_without_llvmlite_it_runs_eagerly_and_says_so_once():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "3.0 -0.25 -0.5"
    assert lines[1] == "(3.0, ([2.0, 1.0], 1.0)) [2.0, 1.0]"
    assert lines[2] == "2.0"
    assert lines[3] == "(15.0, 5.0)"
    assert lines[4].startswith("1 RuntimeWarning") and "foldgrad[jit]" in lines[4]
    assert (
        lines[4].endswith("<string>")
        and "f([0.0, 1.0], 2.0)" in WITHOUT.splitlines()[int(lines[5]) - 1]
    )


def test_importing_autograd_loads_neither_numpy_nor_llvmlite():
    code = "import sys, autograd; print([m for m in ('numpy', 'llvmlite') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_sums_of_growing_lengths_are_loops_of_one_kind():
    def total(x):
        sums = [autograd.sum(x[: n + 1]) for n in range(12)]
        return autograd.sum(v * v for v in sums)

    x = [0.1 * k - 0.3 for k in range(12)]
    f = jit(total)
    value, gradient = autograd.value_and_grad(total)(x)
    assert f.value_and_grad(x) == (value, gradient)
    assert "Σ" not in str(f.lower(x))
