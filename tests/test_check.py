"""gradcheck: it passes what is right, names what is wrong, and admits what it cannot decide."""

from __future__ import annotations

import math

import pytest

import autograd
from autograd import Value, gradcheck, op
from autograd.check import difference

inf, nan = math.inf, math.nan


def declare(name, forward, *partials):
    """An op of that name, with these local derivatives."""
    made = op(
        type(lambda: 0)(
            forward.__code__, globals(), name, forward.__defaults__, forward.__closure__
        )
    )
    made.partials(lambda xp, y, *x: tuple(p(xp, *x) for p in partials))
    return made


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(
    "f, x",
    [
        (lambda a, b: (a * b).tanh() + b**3, [0.5, -1.5]),
        (lambda a: a.exp() / (1 + a * a), [0.3]),
        (lambda a, b: a * 2 + b, [1.0, 2.0]),  # its slopes are plain numbers
        (lambda a: 3.0 * a - 1.0, [7.0]),
        (lambda a, b: autograd.softmax([a, b, 1.0])[1].log(), [0.5, -1.5]),
        (autograd.lgamma, [2.5]),
        (autograd.hypot, [3.0, -4.0]),
        (lambda a, b: autograd.where(a > b, a * a, b), [2.0, 1.0]),
        (lambda a: autograd.floor(a) * a, [2.5]),
    ],
)
def test_right_derivatives_pass(f, x, order):
    assert gradcheck(f, x, order=order) is True


@pytest.mark.parametrize("x", [1e-300, 1e-5, 0.02, 1.0, 1e5, 1e200])
def test_the_step_fits_the_scale_of_the_point(x):
    assert (
        gradcheck(autograd.log, [x])
        and gradcheck(autograd.sqrt, [x])
        and gradcheck(lambda v: v / 3, [x])
    )


@pytest.mark.parametrize("k", [20 * math.pi, 100.0, 1000.0, -12345.6])
def test_fast_waves_do_not_deceive(k):
    """A step of a whole period would see a flat function, and pass or fail what is not so."""
    wave = lambda x: autograd.sin(k * x)
    assert gradcheck(wave, [1.0])
    wrong = declare(
        "wrong_wave", lambda xp, x: xp.sin(k * x), lambda xp, x: 0.9 * k * xp.cos(k * x)
    )
    flat = declare("flat_wave", lambda xp, x: xp.sin(k * x), lambda xp, x: 0.0 * x)
    for mistaken in (wrong, flat):
        with pytest.raises(AssertionError, match="wave at"):
            gradcheck(mistaken, [1.0])


def test_a_large_offset_is_no_false_alarm():
    for offset in (1e3, 1e6, 1e8):
        shifted = declare("shifted", lambda xp, x, c=offset: x + c, *[lambda xp, x, c: 1.0] * 2)
        assert gradcheck(shifted, [1.0]) and gradcheck(shifted, [1e-9])


@pytest.mark.parametrize("factor", [1.001, 0.5, -1.0, 0.0, inf, nan])
@pytest.mark.parametrize("x", [0.3, -2.0, 50.0])
def test_a_wrong_rule_is_named_with_point_expected_and_got(factor, x):
    wrong = declare("wrong_square", lambda xp, x: x * x, lambda xp, x: factor * 2 * x)
    with pytest.raises(AssertionError) as caught:
        gradcheck(wrong, [x])
    message = str(caught.value)
    assert message.startswith(f"gradcheck: op wrong_square at ({x!r}): d/d input 0: expected ")
    expected, got = message.split("expected ")[1].split(", got ")
    assert float(expected) == pytest.approx(2 * x, rel=1e-9) and got == repr(factor * 2 * x)


def test_an_op_is_found_deep_inside_and_at_the_point_where_it_is_used():
    wrong = declare("wrong_half", lambda xp, x: x / 2, lambda xp, x: 0.25 + 0 * x)
    with pytest.raises(
        AssertionError, match=r"op wrong_half at \(6.0\): d/d input 0: expected 0.5, got 0.25"
    ):
        gradcheck(lambda a: (wrong(a * 3.0) + a).exp(), [2.0])


def test_a_wrong_second_derivative_is_found():
    wrong = declare("wrong_slope", lambda xp, x: x**3, lambda xp, x: xp.stop_here(x))
    stop = declare("stop_here", lambda xp, x: 3 * x * x, lambda xp, x: 0.0 * x)
    assert gradcheck(wrong, [2.0])
    with pytest.raises(
        AssertionError, match=r"op stop_here at \(2.0\): d/d input 0: expected 12.0, got 0.0"
    ):
        gradcheck(wrong, [2.0], order=2)
    assert stop(1.0) == 3.0


def test_where_a_function_is_not_defined_the_message_says_so():
    half_line = declare("half_line", lambda xp, x: xp.log(x), lambda xp, x: 1 / x)
    with pytest.raises(
        AssertionError, match=r"at \(-1.0\): .* expected nan, got -1.0 .*do not settle"
    ):
        gradcheck(half_line, [-1.0])
    nowhere = declare("nowhere", lambda xp, x: xp.sqrt(-1 - x * x), lambda xp, x: nan * x)
    assert gradcheck(nowhere, [1.0])


def test_what_jumps_everywhere_is_not_passed():
    """The quotients tell nothing there: neither a right nor a wrong rule may be waved through."""
    noise = declare("noise", lambda xp, x: xp.sin(x * 1e12), lambda xp, x: 5.0 + 0 * x)
    with pytest.raises(AssertionError, match="op noise"):
        gradcheck(noise, [1.0])
    jump = declare("jump", lambda xp, x: xp.where(x >= 1, 1.0, 0.0), lambda xp, x: 0.0 * x)
    with pytest.raises(AssertionError, match=r"do not settle: ±\S+; a kink\?"):
        gradcheck(jump, [1.0])


def test_many_inputs_are_shortened():
    with pytest.raises(AssertionError, match=r"at \(1.0, 1.0, .*, \.\.\.\): d/d input 0"):
        many = declare("many", lambda xp, *x: xp.sum(*x), *[lambda xp, *x: 2.0] * 12)
        gradcheck(many, [1.0] * 12)


def test_misuse():
    with pytest.raises(
        TypeError, match=r"f must return a Value that depends on its arguments, got 3.0"
    ):
        gradcheck(lambda x: 3.0, [1.0])
    with pytest.raises(TypeError, match=r"gradcheck: x: expected a real number, got the string"):
        gradcheck(lambda x: x, ["1"])
    with pytest.raises(
        TypeError, match=r"gradcheck: x must be a list of f's inputs, got 1.0; write \[1.0\]"
    ):
        gradcheck(lambda x: x, 1.0)


def test_the_functions_own_values_are_left_alone():
    w = Value(2.0)
    assert gradcheck(lambda x: x * w * w, [3.0], order=2)
    assert not w.has_grad and w.data == 2.0


@pytest.mark.parametrize(
    "f, slope",
    [
        (math.exp, lambda x: math.exp(x)),
        (math.tan, lambda x: 1 + math.tan(x) ** 2),
        (lambda x: x**30, lambda x: 30 * x**29),
        (lambda x: 1e8 + x, lambda x: 1.0),
        (lambda x: 1.0 + x, lambda x: 1.0),
        (lambda x: math.sin(20 * math.pi * x), lambda x: 20 * math.pi * math.cos(20 * math.pi * x)),
    ],
)
def test_differences_and_the_error_they_admit(f, slope):
    for x in (1.0, 1.3, 0.01, -0.7, 1e-17):
        got, error = difference(f, x)
        assert abs(got - slope(x)) <= 2 * error + 1e-9 * abs(slope(x))
        assert error <= 1e-6 * max(1.0, abs(slope(x)))


@pytest.mark.parametrize("scale", [1e-7, 1e-12, 1e-30])
def test_a_wrong_sign_is_found_however_small_the_function_is(scale):
    @op
    def tiny(xp, x):
        return scale * xp.sin(x)

    tiny.partials(lambda xp, y, x: (-scale * xp.cos(x),))
    with pytest.raises(AssertionError, match="op tiny"):
        gradcheck(tiny, [0.3])
