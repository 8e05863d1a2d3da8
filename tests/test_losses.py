"""Losses against mpmath at 50 digits: values and derivatives, far out too; what they refuse."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

from autograd import Value, grad, jit, no_grad
from nn import (
    binary_cross_entropy,
    cross_entropy,
    half_mean_squared_error,
    hinge,
    huber,
    squared_error,
)

ULP = 2.0**-52
numbers = st.floats(-1e6, 1e6)
logits = st.one_of(st.floats(-50, 50), st.sampled_from([-1000.0, -40.0, 0.0, 40.0, 1000.0]))


@pytest.fixture(autouse=True)
def fifty_digits():
    with mpmath.workdps(50):
        yield


def close(got, exact, ulps, scale=0.0):
    """Within so many ulps of the exact value (or of ``scale``), or both below the normal range."""
    return abs(got - exact) <= ulps * ULP * max(abs(exact), scale) + 1e-300


def value_and_gradient(loss, y, target):
    leaves = [Value(x) for x in y]
    error = loss(leaves if len(leaves) > 1 else leaves[0], target)
    error.backward()
    return error.data, [v.grad for v in leaves]


# ---- squared errors ----


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=6))
def test_squared_error_is_half_the_squared_distance_and_its_partials_the_errors(pairs):
    y, target = zip(*pairs)
    value, gradient = value_and_gradient(squared_error, y, target)
    exact = sum((mpf(a) - mpf(b)) ** 2 for a, b in pairs) / 2
    assert close(value, exact, 2 * len(pairs))
    assert gradient == [a - b for a, b in pairs]  # y - y', to the bit


@given(numbers, numbers)
def test_squared_error_of_scalars(y, target):
    value, gradient = value_and_gradient(squared_error, [y], target)
    assert value == 0.5 * ((y - target) * (y - target))
    assert gradient == [y - target]


def test_the_target_gets_the_opposite_gradient():
    target = Value(1.0)
    squared_error(Value(3.0), target).backward()
    assert target.grad == -2.0


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6))
def test_half_mean_squared_error_is_the_mean_of_squared_errors(pairs):
    ys = [Value(a) for a, _ in pairs]
    error = half_mean_squared_error(ys, [b for _, b in pairs])
    error.backward()
    n = len(pairs)
    exact = sum((mpf(a) - mpf(b)) ** 2 for a, b in pairs) / (2 * n)
    assert close(error.data, exact, 2 * n)
    for y, (a, b) in zip(ys, pairs):
        assert close(y.grad, (mpf(a) - mpf(b)) / n, 4, scale=abs(a) / n)


def test_half_mean_squared_error_of_examples_with_several_outputs_worked_by_hand():
    ys = [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]
    error = half_mean_squared_error(ys, [[0.0, 2.0], [1.0, 1.0]])
    error.backward()
    assert error.data == (1 + 0 + 4 + 9) / 2 / 2  # over the 2 examples, not the 4 outputs
    assert [[y.grad for y in row] for row in ys] == [[0.5, 0.0], [1.0, 1.5]]


def test_half_mean_squared_error_takes_arrays():
    error = half_mean_squared_error(np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2)))
    assert error == 7.5


def test_plain_numbers_are_as_good_as_values():
    assert squared_error(3.0, 1.0) == 2.0
    assert squared_error(1e200, 0.0) == math.inf  # IEEE's answer, no OverflowError
    assert huber(3.0, 1.0) == 1.5
    assert binary_cross_entropy(1000.0, 1) == 0.0


# ---- hinge ----


@pytest.mark.parametrize(
    ("y", "label", "value", "slope"),
    [
        (0.25, 1, 0.75, -1.0),
        (0.25, -1, 1.25, 1.0),
        (2.0, 1, 0.0, 0.0),
        (-2.0, -1.0, 0.0, 0.0),
        (1.0, 1, 0.0, 0.0),  # the kink: relu'(0) = 0
        (-1000.0, 1, 1001.0, -1.0),
        (math.inf, 1, 0.0, 0.0),
    ],
)
def test_hinge(y, label, value, slope):
    assert value_and_gradient(hinge, [y], label) == (value, [slope])


# ---- cross-entropies ----


@given(logits, st.sampled_from([0, 1, 0.0, 1.0, 0.25, 0.9, True]))
def test_binary_cross_entropy_is_right_for_any_logit(z, label):
    value, (slope,) = value_and_gradient(binary_cross_entropy, [z], label)
    p, q = 1 / (1 + mpmath.exp(-mpf(z))), 1 / (1 + mpmath.exp(mpf(z)))
    y = mpf(label)
    assert close(value, -y * mpmath.log(p) - (1 - y) * mpmath.log(q), 8)
    if label in (0, 1):
        assert close(slope, -q if label else p, 8)
    else:  # a difference, (1 - y)·p - y·q: right to the last digits of its terms
        assert close(slope, p - y, 8, scale=1)


@pytest.mark.parametrize("label", [0, 1])
def test_binary_cross_entropy_of_infinite_logits(label):
    right, wrong = (math.inf, -math.inf) if label else (-math.inf, math.inf)
    assert value_and_gradient(binary_cross_entropy, [right], label) == (0.0, [0.0])
    assert binary_cross_entropy(Value(wrong), label).data == math.inf


@given(st.lists(logits, min_size=2, max_size=6), st.data())
def test_cross_entropy_is_right_for_any_logits(z, data):
    label = data.draw(st.integers(0, len(z) - 1))
    value, gradient = value_and_gradient(cross_entropy, z, label)
    powers = [mpmath.exp(mpf(x)) for x in z]
    total = mpmath.fsum(powers)
    others = mpmath.fsum(powers[:label] + powers[label + 1 :])  # no difference: it would cancel
    # Subtracting logits rounds them, by half an ulp of the largest: an absolute error in each
    # exponent, so a relative one in each probability.
    rounding = max(1.0, *(abs(a - b) for a in z for b in z))
    assert close(value, mpmath.log1p(others / powers[label]), 8 * rounding)
    for j, g in enumerate(gradient):
        exact = -others / total if j == label else powers[j] / total
        assert close(g, exact, (8 + 2 * len(z)) * rounding)


def test_cross_entropy_at_logits_of_a_thousand():
    assert value_and_gradient(cross_entropy, [1000.0, -1000.0], 0) == (0.0, [0.0, 0.0])
    assert value_and_gradient(cross_entropy, [1000.0, -1000.0], 1) == (2000.0, [1.0, -1.0])
    assert cross_entropy([Value(0.0), Value(-40.0)], 0).data == math.exp(-40)


def test_cross_entropy_takes_masked_classes():
    value, gradient = value_and_gradient(cross_entropy, [0.0, -math.inf, 0.0], 2)
    assert value == pytest.approx(math.log(2), rel=1e-15)
    assert gradient == [0.5, 0.0, -0.5]
    assert cross_entropy([Value(-math.inf), Value(3.0)], 1).data == 0.0


def test_cross_entropy_of_two_classes_is_binary_cross_entropy_of_their_difference():
    for z in (-1000.0, -3.0, 0.0, 0.5, 40.0):
        assert cross_entropy([0.0, z], 1) == binary_cross_entropy(z, 1)


@pytest.mark.parametrize("label", [1, 1.0, True, np.int64(1), np.float64(1.0)])
def test_class_labels_may_be_any_whole_number(label):
    assert cross_entropy([0.0, 5.0], label) == cross_entropy([0.0, 5.0], 1)


# ---- huber ----


@given(numbers, numbers, st.floats(0.1, 10))
def test_huber_is_quadratic_within_delta_and_linear_beyond(y, target, delta):
    error = Value(y)
    huber_loss = huber(error, target, delta)
    huber_loss.backward()
    e, d = mpf(y - target), mpf(delta)
    assert close(huber_loss.data, e**2 / 2 if abs(e) <= d else d * (abs(e) - d / 2), 4)
    assert error.grad == max(-delta, min(delta, y - target))


@pytest.mark.parametrize(
    ("y", "value", "slope"),
    [
        ([0.5], 0.125, [0.5]),
        ([1.0], 0.5, [1.0]),  # where the two meet
        ([-3.0], 2.5, [-1.0]),
        ([0.0], 0.0, [0.0]),
        ([1e200], 1e200, [1.0]),  # whose square overflows
        ([0.5, -3.0], 2.625, [0.5, -1.0]),
    ],
)
def test_huber_with_pytorchs_delta_of_1(y, value, slope):
    target = [0.0] * len(y) if len(y) > 1 else 0.0
    assert value_and_gradient(huber, y, target) == (value, slope)


def test_losses_have_second_derivatives():
    assert grad(grad(lambda y: squared_error(y, 1.0)))(5.0) == 1.0
    assert [grad(grad(lambda y: huber(y, 0.0)))(y) for y in (0.0, 0.5, 3.0)] == [1.0, 1.0, 0.0]
    second = grad(grad(lambda z: binary_cross_entropy(z, 1)))(0.3)
    p = 1 / (1 + math.exp(-0.3))
    assert second == pytest.approx(p * (1 - p), rel=1e-14)


# ---- what they refuse ----


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: squared_error([1.0, 2.0], [1.0]),
            ValueError,
            r"squared_error: .*2 numbers .*got 1",
        ),
        (lambda: squared_error([1.0], 1.0), ValueError, r"got a sequence of 1 and a scalar; give"),
        (lambda: huber(1.0, [1.0, 2.0]), ValueError, r"huber: .*a scalar and a sequence of 2"),
        (lambda: squared_error(1.0, "Adelie"), TypeError, r"to be numbers, got 'Adelie'; .*number"),
        (lambda: squared_error([1.0], "A"), TypeError, r"squared_error: .*numbers, got 'A'"),
        (lambda: squared_error([1.0, 2.0], [1.0, "2"]), TypeError, r"numbers, got '2'"),
        (lambda: huber(1.0, None), TypeError, r"huber: .*numbers, got None; leave out"),
        (lambda: huber(1.0, 1.0, 0.0), ValueError, r"huber: expected delta > 0, got 0.0"),
        (lambda: huber(1.0, 1.0, math.nan), ValueError, r"huber: expected delta > 0, got nan"),
        (lambda: half_mean_squared_error([], []), ValueError, r"at least one example, got none"),
        (lambda: half_mean_squared_error([1.0], [1.0, 2.0]), ValueError, r"1 targets, .*got 2"),
        (lambda: hinge(1.0, 0), ValueError, r"hinge: expected the label -1 or 1, got 0; code"),
        (lambda: hinge(1.0, "Adelie"), ValueError, r"hinge: .*got 'Adelie'"),
        (lambda: hinge([1.0, 2.0], 1), ValueError, r"hinge: expected one output, got 2; end"),
        (
            lambda: binary_cross_entropy(1.0, -1),
            ValueError,
            r"from 0 to 1, got -1.0; for labels -1",
        ),
        (lambda: binary_cross_entropy(1.0, 2), ValueError, r"several classes cross_entropy"),
        (lambda: binary_cross_entropy(1.0, math.nan), ValueError, r"from 0 to 1, got nan"),
        (
            lambda: binary_cross_entropy(1.0, "yes"),
            TypeError,
            r"label: expected a real number, got",
        ),
        (lambda: binary_cross_entropy([1.0], 1), ValueError, r"expected one output, got 1"),
        (lambda: cross_entropy([1.0, 2.0], 2), ValueError, r"from 0 to 1, .*got 2; number"),
        (lambda: cross_entropy([1.0, 2.0], -1), ValueError, r"from 0 to 1, .*got -1"),
        (lambda: cross_entropy([1.0, 2.0], 0.5), ValueError, r"got 0.5"),
        (lambda: cross_entropy([1.0, 2.0], math.nan), ValueError, r"got nan"),
        (lambda: cross_entropy([1.0, 2.0], "Adelie"), ValueError, r"got 'Adelie'"),
        (lambda: cross_entropy([1.0], 0), ValueError, r"at least two logits, got \[1.0\]; for one"),
        (lambda: cross_entropy(Value(1.0), 0), ValueError, r"at least two logits, got Value"),
    ],
)
def test_lengths_and_labels_that_make_no_sense_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_without_recording_a_loss_is_a_leaf():
    with no_grad():
        assert squared_error(Value(3.0), 1.0).op is None


# ---- compiled: one trace for all labels, and the bits of the plain loss ----


wild = st.one_of(logits, st.sampled_from([math.inf, -math.inf, -0.0, 5e-324, 1e308]))


@pytest.mark.parametrize(
    ("loss", "labels", "width"),
    [
        (hinge, [-1, 1], 1),
        (hinge, [-1.0, 1.0], 1),
        (binary_cross_entropy, [0, 1], 1),
        (binary_cross_entropy, [0.0, 1.0, 0.25], 1),
        (cross_entropy, [0, 1, 2], 3),
        (cross_entropy, [0.0, 1.0, 2.0], 3),
    ],
)
def test_a_compiled_loss_needs_one_trace_for_all_labels(loss, labels, width):
    @jit
    def total(z, targets):
        rows = [z[i : i + width] for i in range(0, len(z), width)]
        return sum(loss(r if width > 1 else r[0], t) for r, t in zip(rows, targets))

    def same_bits(data, numbers):
        z = data.draw(st.lists(numbers, min_size=4 * width, max_size=4 * width))
        targets = data.draw(st.lists(st.sampled_from(labels), min_size=4, max_size=4))
        leaves = [Value(x) for x in z]
        plain = total.function(leaves, targets)
        plain.backward()
        value, gradient = total.value_and_grad(z, targets)
        assert bits([value, *gradient]) == bits([plain.data, *(v.grad for v in leaves)])

    few = settings(max_examples=30, deadline=None)
    few(given(st.data(), st.just(logits))(same_bits))()
    assert len(total.traces) == 1
    few(given(st.data(), st.just(wild))(same_bits))()
    with pytest.raises(ValueError, match=r"expected .*label"):
        total([0.0] * 4 * width, [labels[0], labels[1], 5, labels[0]])


def bits(numbers):
    return [x.hex() if x else 0.0 for x in map(float, numbers)]
