"""Ops of one's own: declared in a few lines, used, differentiated, checked and copied like ours."""

from __future__ import annotations

import copy
import math
import pickle
import textwrap

import numpy as np
import pytest
from mpmath import mp

import autograd
from autograd import OPS, Op, Value, detect_anomaly, grad, gradcheck, hessian, jvp, op
from autograd.engine import local_partials


@op
def my_softsign(xp, x):
    """x / (1 + |x|)."""
    return x / (1 + xp.abs(x))


@my_softsign.partials
def _(xp, y, x):
    return (1 / (1 + xp.abs(x)) ** 2,)


@op(symbol="⊗")
def blend(xp, a, b, t=0.25):
    return a * t + b * (1 - t)


@blend.partials
def _(xp, y, a, b, t):
    return t, lambda: 1 - t, lambda: a - b


@op
def my_sinh(xp, x):
    return (xp.exp(x) - xp.exp(-x)) / 2


@my_sinh.partials
def _(xp, y, x):
    return ((xp.exp(x) + xp.exp(-x)) / 2,)


def test_an_op_in_a_few_lines_works_on_values_and_on_numbers():
    x = Value(-3.0, label="x")
    y = my_softsign(x)
    y.backward()
    assert (y.data, x.grad) == (-0.75, 1 / 16) and y.op is my_softsign is OPS["my_softsign"]
    assert my_softsign(-3) == my_softsign(np.float32(-3)) == -0.75
    assert type(my_softsign(-3)) is float
    assert repr(my_softsign) == "<op my_softsign>" and my_softsign.__doc__ == "x / (1 + |x|)."


def test_defaults_lambdas_and_symbols():
    a, b = Value(2.0), Value(6.0)
    y = blend(a, b)
    y.backward()
    assert (y.data, a.grad, b.grad, y.op.symbol, y._op) == (5.0, 0.25, 0.75, "⊗", "⊗")
    assert y.inputs == (a, b, 0.25) and list(local_partials(y)) == [0.25, 0.75, None]
    t = Value(0.5)
    blend(a, 6.0, t).backward()
    assert t.grad == -4.0
    assert blend(2.0, 6.0) == 5.0
    with pytest.raises(TypeError, match="blend: expected 2 to 3 inputs, got 1"):
        blend(a)


def test_an_op_over_any_number_of_inputs():
    @op
    def mean_square(xp, *x):
        return xp.sum(*(v * v for v in x)) / len(x)

    @mean_square.partials
    def _(xp, y, *x):
        return tuple(2 * v / len(x) for v in x)

    xs = [Value(float(i)) for i in range(1, 5)]
    y = mean_square(*xs)
    y.backward()
    assert y.data == 7.5 and [x.grad for x in xs] == [0.5, 1.0, 1.5, 2.0]
    assert hessian(lambda x: mean_square(*x))([1.0, 2.0]) == [[1.0, 0.0], [0.0, 1.0]]
    assert mean_square(3.0) == 9.0


def test_a_plain_function_of_ops_is_an_op_without_declaration():
    def swish(x):
        return x * autograd.sigmoid(x)

    x = Value(0.7)
    y = swish(x)
    y.backward()
    assert y.data == pytest.approx(autograd.silu(0.7), rel=1e-15)
    assert x.grad == pytest.approx(grad(autograd.silu)(0.7), rel=1e-15)
    assert gradcheck(swish, [0.7], order=2)


def test_an_op_may_use_another_op_of_ones_own():
    @op
    def doubled_softsign(xp, x):
        return 2 * xp.my_softsign(x)

    @doubled_softsign.partials
    def _(xp, y, x):
        return (2 * (1 - xp.abs(xp.my_softsign(x))) ** 2,)

    assert doubled_softsign(Value(3.0)).data == 1.5
    assert gradcheck(doubled_softsign, [0.4], order=3)
    with pytest.raises(AttributeError, match="no function and no op is named 'not_there'"):

        @op
        def uses_nothing(xp, x):
            return xp.not_there(x)

        uses_nothing(1.0)


# ---- second derivatives ----


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "f, oracle",
    [
        (my_softsign, lambda x: x / (1 + x)),
        (my_sinh, mp.sinh),
        (lambda x: my_sinh(x) ** 2, lambda x: mp.sinh(x) ** 2),
    ],
)
def test_higher_derivatives_of_a_users_op(f, oracle, order):
    derivative = f
    for _ in range(order):
        derivative = grad(derivative)
    with mp.workdps(50):
        expected = float(mp.diff(oracle, mp.mpf(0.7), order))
    assert derivative(0.7) == pytest.approx(expected, rel=1e-12)


def test_the_second_derivative_that_pytorchs_custom_functions_get_wrong_in_silence():
    """A `torch.autograd.Function` that saves exp(x) and exp(-x), made in its forward, for backward.

    They are no longer connected to x: torch 2.13, asked for d²/dx² sinh(x)² at 0.7 through

        class Sinh(torch.autograd.Function):
            def forward(ctx, x): p, m = exp(x), exp(-x); ctx.save_for_backward(p, m); return (p - m) / 2
            def backward(ctx, g): p, m = ctx.saved_tensors; return g * (p + m) / 2

    gives 3.1508984653931407, which is 2 cosh², without an error. Right is 2 cosh(2x).
    """
    torch_says = 3.1508984653931407
    ours = grad(grad(lambda x: my_sinh(x) ** 2))(0.7)
    assert ours == pytest.approx(2 * math.cosh(1.4), rel=1e-14)
    assert abs(ours - torch_says) > 1.0 and torch_says == pytest.approx(2 * math.cosh(0.7) ** 2)


def test_forward_mode_and_mixed_derivatives_of_a_users_op():
    assert jvp(lambda x: my_sinh(x * 2), [0.3], [1.0])[1] == pytest.approx(
        2 * math.cosh(0.6), rel=1e-15
    )
    assert hessian(lambda p: blend(p[0], p[1], p[2]))([1.0, 2.0, 0.3]) == [
        [0.0, 0.0, 1.0],
        [0.0, 0.0, -1.0],
        [1.0, -1.0, 0.0],
    ]


# ---- IEEE ----


def test_a_rule_needs_no_guard_against_exceptions():
    @op
    def entropy(xp, p):
        return -p * xp.log(p)

    @entropy.partials
    def _(xp, y, p):
        return (-xp.log(p) - 1 / (1 + 0 * p),)

    x = Value(0.0)
    y = entropy(x)
    y.backward()
    assert math.isnan(y.data) and x.grad == math.inf
    assert math.isnan(entropy(-1.0))

    @op
    def pole(xp, x):
        return 1 / x + (x - 1) ** 0.5 * 0 + x**-2 + 2**x + 7 % x + 7 // x

    assert math.isnan(pole(0.0)) and math.isnan(pole(0.5)) and pole(math.inf) != pole(math.inf)


def test_integers_and_numpy_numbers_in_a_rule_become_floats():
    @op
    def odd_types(xp, x):
        return xp.where(x > 0, np.float64(2) * x, 1)

    @odd_types.partials
    def _(xp, y, x):
        return [xp.where(x > 0, np.float32(2), 0)]

    for x, y, slope in ((3.0, 6.0, 2.0), (-3.0, 1.0, 0.0)):
        v = Value(x)
        result = odd_types(v)
        result.backward()
        assert (result.data, v.grad) == (y, slope) and type(result.data) is type(v.grad) is float
        assert grad(odd_types)(x) == slope and grad(grad(odd_types))(x) == 0.0


# ---- mistakes ----


def test_forgetting_the_partials_says_what_to_write():
    @op
    def undeclared(xp, a, b, *more):
        return a * b

    advice = (
        "op 'undeclared' has no partials yet; declare them as\n\n"
        "    @undeclared.partials\n"
        "    def _(xp, y, a, b, *more):   # y is what undeclared gave\n"
        "        return (<d undeclared / d a>, <d undeclared / d b>, <d undeclared / d *more>,)"
    )
    with pytest.raises(NotImplementedError) as caught:
        undeclared(Value(1.0), 2.0)
    assert advice in str(caught.value)
    assert undeclared(3.0, 2.0) == 6.0  # numbers need none

    @undeclared.partials
    def _(xp, y, a, b, *more):
        return b, a, *(0.0 for _ in more)

    assert grad(undeclared)(3.0, 2.0) == 2.0


@pytest.mark.parametrize(
    "partials, match",
    [
        (
            lambda xp, y, a, b: (b,),
            r"partials of op 'mistaken': expected a tuple of 2, .* got \(2.0,\)",
        ),
        (lambda xp, y, a, b: (b, a, 1.0), "expected a tuple of 2, one per input"),
        (lambda xp, y, a, b: b, "expected a tuple of 2, one per input, got 2.0"),
        (lambda xp, y, a, b: None, "expected a tuple of 2, one per input, got None"),
        (lambda xp, y, a, b: (b, "a"), "a partial of op 'mistaken': .* got the string 'a'"),
        (lambda xp, y, a, b: (b, 1j), "a partial of op 'mistaken': .* complex"),
        (lambda xp, y, a, b: (b, lambda: [a]), "a partial of op 'mistaken': .* got list"),
    ],
)
def test_wrong_partials_are_named(partials, match):
    @op
    def mistaken(xp, a, b):
        return a * b

    mistaken.partials(partials)
    a, b = Value(3.0), Value(2.0)
    with pytest.raises(TypeError, match=match):
        mistaken(a, b).backward()
    assert not a.has_grad and not b.has_grad
    with pytest.raises(TypeError, match=match.replace("2.0", ".*")):
        grad(mistaken, (0, 1))(Value(3.0), Value(2.0))


@pytest.mark.parametrize(
    "partials, match",
    [
        (
            lambda xp, y, x: 2 * x,
            "partials of op 'lone': expected a tuple of 1, one per input, got 6.0",
        ),
        (lambda xp, y, x: (2 * x, 1.0), "partials of op 'lone': expected a tuple of 1"),
        (lambda xp, y, x: (), "partials of op 'lone': expected a tuple of 1"),
        (
            lambda xp, y, x: None,
            "partials of op 'lone': expected a tuple of 1, one per input, got None",
        ),
        (lambda xp, y, x: ("x",), "a partial of op 'lone': .* got the string"),
    ],
)
def test_wrong_partials_of_an_op_of_one_input_are_named(partials, match):
    @op
    def lone(xp, x):
        return x * x

    lone.partials(partials)
    with pytest.raises(TypeError, match=match):
        lone(Value(3.0)).backward()


@pytest.mark.parametrize(
    "result, match",
    [
        ((1.0, 2.0), "the result of op 'mistaken': expected a real number, got tuple"),
        (None, "the result of op 'mistaken': expected a real number, got None"),
        ("1", "the result of op 'mistaken': .* got the string"),
        (Value(1.0), "the result of op 'mistaken': expected a real number, got a Value"),
    ],
)
def test_results_that_are_no_numbers_are_refused(result, match):
    @op
    def mistaken(xp, x):
        return result

    mistaken.partials(lambda xp, y, x: (0.0,))
    for x in (Value(1.0), 1.0):
        with pytest.raises(TypeError, match=match):
            mistaken(x)


def test_an_error_in_a_rule_is_the_users_to_see():
    @op
    def mistyped(xp, x):
        return x * x

    @mistyped.partials
    def _(xp, y, x):
        return (2 * x.dta,)

    with pytest.raises(AttributeError, match="dta"):
        mistyped(Value(1.0)).backward()


def test_a_built_in_name_is_refused():
    for name in ("exp", "add", "sum"):
        with pytest.raises(
            ValueError, match=rf"op: expected a name of its own, got '{name}'.*choose another"
        ):
            exec(f"@op\ndef {name}(xp, x): return x", {"op": op})
    assert grad(autograd.exp)(0.0) == 1.0


def test_declaring_again_replaces_the_op_and_old_graphs_keep_theirs():
    def declare(factor):
        @op
        def redefined(xp, x):
            return factor * x

        @redefined.partials
        def _(xp, y, x):
            return (factor,)

        return redefined

    first, x = declare(2.0), Value(1.0)
    old = first(x)
    second = declare(3.0)
    assert OPS["redefined"] is second and second is not first
    old.backward()
    assert x.grad == 2.0 and second(1.0) == 3.0 and first(1.0) == 2.0
    second.partials = lambda xp, y, x: (30.0,)
    assert grad(second)(1.0) == 30.0


def test_an_op_without_the_decorator():
    cube = Op("cube_by_hand", lambda xp, x: x**3, lambda xp, y, x: (3 * x**2,), "x³")
    assert grad(cube)(2.0) == 12.0 and cube.symbol == "x³" and "cube_by_hand" not in OPS


# ---- everything else works with it ----


def test_gradcheck_catches_a_wrong_rule():
    @op
    def wrong(xp, a, b):
        return a * a * b

    @wrong.partials
    def _(xp, y, a, b):
        return 2 * a * b, a * b  # the second should be a * a

    with pytest.raises(
        AssertionError, match=r"op wrong at \(3.0, 5.0\): d/d input 1: expected 9.0, got 15.0"
    ):
        gradcheck(wrong, [3.0, 5.0])
    with pytest.raises(AssertionError, match=r"op wrong at \(3.0, 5.0\)"):
        gradcheck(lambda a, b: (wrong(a, b) + 1.0).log(), [3.0, 5.0])


def test_a_users_op_is_drawn_with_its_symbol():
    from autograd import draw

    assert "⊗" in draw(blend(Value(1.0), Value(2.0))).source


def test_a_users_op_is_named_by_the_anomaly_detector():
    with detect_anomaly(), pytest.raises(FloatingPointError, match=r"my_sinh\(x=1000.0\) gave inf"):
        my_sinh(Value(1000.0, label="x"))


def test_a_users_op_is_copied_and_pickled():
    x = Value(0.5)
    y = my_softsign(x)
    for twin in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        twin.backward()
        assert twin.op is my_softsign and twin.inputs[0].grad == 1 / 2.25
    assert pickle.loads(pickle.dumps(my_softsign)) is my_softsign


def test_numpy_arrays_through_a_users_op():
    xs = np.array([Value(1.0), Value(-1.0)])
    ys = np.vectorize(my_softsign, otypes=[object])(xs)
    assert [y.data for y in ys] == [0.5, -0.5]


# ---- what a rule may meet on the way ----


@pytest.mark.parametrize(
    "forward",
    [
        lambda xp, x: xp.exp(x**0.5),
        lambda xp, x: xp.abs(x**0.5),
        lambda xp, x: xp.where(x**0.5 > 1, 1.0, x**0.5),
        lambda xp, x: (x**0.5) % 1,
    ],
)
def test_a_root_of_a_negative_number_inside_a_rule_is_nan(forward):
    @op
    def rooted(xp, x):
        return forward(xp, x)

    rooted.partials(lambda xp, y, x: (forward(xp, x),))
    x = Value(-2.0)
    y = rooted(x)
    y.backward()
    assert math.isnan(y.data) and math.isnan(x.grad)


def test_none_for_a_partial_is_refused():
    @op
    def half_done(xp, a, b):
        return a * b

    half_done.partials(lambda xp, y, a, b: (b, None))
    with pytest.raises(
        TypeError, match="partials of op 'half_done': expected a number for input 1, got None"
    ):
        half_done(Value(3.0), Value(2.0)).backward()


def test_a_rule_on_values_does_not_raise_on_a_number_either():
    @op
    def logs(xp, x, base):
        return xp.log(x) / xp.log(base)

    @logs.partials
    def _(xp, y, x, base):
        return 1 / xp.log(base) / x, -y / (base * xp.log(base))

    f = lambda x: logs(x, 1.0)
    assert grad(f)(2.0) == math.inf
    assert grad(f)(Value(2.0)).data == math.inf


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "round", "sign", "step"])
def test_a_step_has_no_derivative_under_an_infinite_adjoint_either(name):
    """PyTorch 2.13: d (1 / floor(x)) / dx at 0.5 is 0, for what arrives is multiplied by nothing."""
    step = OPS[name]
    x = {"ceil": -0.5, "step": -0.5, "sign": 0.0}.get(name, 0.5)
    assert step(x) == 0.0 and grad(lambda x: 1 / step(x))(x) == 0.0
    assert grad(lambda x: (x - 0.5) // 7.0 * 0.0 + 1 / ((x - 0.5) // 7.0))(1.0) == 0.0


def test_an_integer_beyond_all_floats_is_infinite():
    assert Value(10**400).data == math.inf and (Value(1.0) - 10**400).data == -math.inf
    assert autograd.exp(-(10**400)) == 0.0


@pytest.mark.parametrize("bad", [5, lambda: 1.0, lambda x: x, len])
def test_what_does_not_take_xp_is_refused_when_declared(bad):
    with pytest.raises(TypeError, match="op: expected a function of xp and the inputs, got"):
        op(bad)


@pytest.mark.parametrize(
    "declare",
    [lambda: op(lambda xp, x: x), lambda: exec("@op\ndef arctan(xp, x): return x", {"op": op})],
)
def test_a_name_that_is_none_or_numpys_is_refused(declare):
    with pytest.raises(ValueError, match="op: expected a name of its own, got"):
        declare()


def test_a_copy_of_an_op_is_the_op_also_when_it_was_declared_anew():
    @op
    def copied(xp, x):
        return 2.0 * x

    first = copied
    exec("@op\ndef copied(xp, x): return 5.0 * x", {"op": op, "__name__": "elsewhere"})
    assert copy.copy(first) is copy.deepcopy(first) is first is not OPS["copied"]


def test_a_pickle_does_not_come_back_with_another_op_of_the_same_name():
    @op
    def twin(xp, x):
        return 2.0 * x

    twin.partials(lambda xp, y, x: (2.0,))
    saved = pickle.dumps(twin(Value(1.0)))
    assert pickle.loads(saved).data == 2.0
    exec("@op\ndef twin(xp, x): return 5.0 * x", {"op": op, "__name__": "elsewhere"})
    with pytest.raises(
        LookupError, match=r"expected the op 'twin' that .*got that of elsewhere.twin"
    ):
        pickle.loads(saved)


def test_partials_can_be_declared_again():
    @op
    def rerun(xp, x):
        return 3.0 * x

    for slope in (1.0, 3.0):

        @rerun.partials
        def _(xp, y, x, slope=slope):
            return (slope,)

    assert grad(rerun)(1.0) == 3.0


def test_the_advice_is_python_when_an_input_is_called_y():
    @op
    def planar(xp, x, y):
        return x + y

    with pytest.raises(NotImplementedError) as caught:
        planar(Value(1.0), 2.0)
    code = (
        str(caught.value)
        .split("\n\n")[1]
        .replace("<d planar / d x>", "1")
        .replace("<d planar / d y>", "1")
    )
    exec(textwrap.dedent(code), {"planar": planar})
    assert grad(planar)(1.0, 2.0) == 1.0
