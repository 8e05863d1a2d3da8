"""What DESIGN promises of `backward()`, `data`, `no_grad`, `detach` and `detect_anomaly`."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import random
import struct
import weakref

import pytest

import autograd
from autograd import Value, detect_anomaly, grad, no_grad, op, where
from autograd.engine import UNSET, graph, local_partials

inf, nan = math.inf, math.nan


def bits(x):
    return struct.pack("d", x)


# ---- IEEE-754 ----

IEEE_ANSWERS = [
    (lambda: autograd.log(Value(0.0)), -inf),
    (lambda: autograd.log(Value(-0.0)), -inf),
    (lambda: autograd.log(Value(-1.0)), nan),
    (lambda: autograd.log1p(Value(-1.0)), -inf),
    (lambda: autograd.log2(Value(0.0)), -inf),
    (lambda: 1 / Value(0.0), inf),
    (lambda: 1 / Value(-0.0), -inf),
    (lambda: -1 / Value(0.0), -inf),
    (lambda: Value(0.0) / 0, nan),
    (lambda: Value(inf) / 0.0, inf),
    (lambda: Value(1.0) / -0.0, -inf),
    (lambda: autograd.sqrt(Value(-1.0)), nan),
    (lambda: autograd.sqrt(Value(-0.0)), -0.0),
    (lambda: autograd.exp(Value(1000.0)), inf),
    (lambda: autograd.exp(Value(-1000.0)), 0.0),
    (lambda: autograd.expm1(Value(1000.0)), inf),
    (lambda: autograd.exp2(Value(2000.0)), inf),
    (lambda: autograd.sinh(Value(-1000.0)), -inf),
    (lambda: autograd.cosh(Value(-1000.0)), inf),
    (lambda: autograd.sin(Value(inf)), nan),
    (lambda: autograd.asin(Value(2.0)), nan),
    (lambda: autograd.acosh(Value(0.5)), nan),
    (lambda: autograd.atanh(Value(1.0)), inf),
    (lambda: autograd.atanh(Value(-1.0)), -inf),
    (lambda: Value(-2.0) ** 0.5, nan),
    (lambda: Value(-8.0) ** (1 / 3), nan),
    (lambda: Value(0.0) ** 0, 1.0),
    (lambda: Value(nan) ** 0, 1.0),
    (lambda: 1.0 ** Value(nan), 1.0),
    (lambda: Value(0.0) ** -1, inf),
    (lambda: Value(-0.0) ** -1, -inf),
    (lambda: Value(-0.0) ** -2, inf),
    (lambda: Value(-1e200) ** 3, -inf),
    (lambda: Value(-inf) ** 0.5, inf),
    (lambda: Value(1e308) * 10, inf),
    (lambda: Value(5e-324) / 2, 0.0),
    (lambda: Value(1e-310) * 0.5, 5e-311),
    (lambda: Value(5.0) % 0, nan),
    (lambda: Value(5.0) // 0, inf),
    (lambda: Value(-5.0) // 0.0, -inf),
    (lambda: autograd.floor(Value(inf)), inf),
    (lambda: autograd.round(Value(nan)), nan),
    (lambda: autograd.ceil(Value(-0.5)), -0.0),
]


@pytest.mark.parametrize("compute, expected", IEEE_ANSWERS)
def test_no_op_raises_on_a_number(compute, expected):
    y = compute()
    assert bits(y.data) == bits(expected) or (expected != expected and y.data != y.data), y
    y.backward()  # nor does a backward pass


def test_plain_numbers_get_the_same_answers():
    assert autograd.log(0) == -inf and autograd.exp(1000) == inf
    assert type(autograd.exp(1)) is float and math.isnan(autograd.sqrt(-1))


# ---- backward, once and again ----


def test_gradient_of_a_reused_node_is_summed():
    x = Value(3.0)
    y = x * x
    z = y + y * x
    z.backward()
    assert (x.grad, y.grad) == (2 * 3 + 3 * 9, 1 + 3)


def test_leaf_gradients_accumulate_and_interior_ones_are_fresh():
    x = Value(3.0)
    y = x * x
    z = 2.0 * y
    for times in (1, 2, 3):
        z.backward()
        assert (x.grad, y.grad, z.grad) == (12.0 * times, 2.0, 1.0)


def test_two_outputs_add_up_at_the_leaves():
    x = Value(2.0)
    shared = x * 5.0
    a, b = shared + 1.0, shared * x
    a.backward()
    b.backward()
    assert x.grad == 5.0 + 2 * 5.0 * 2.0
    assert shared.grad == 2.0 and a.grad == 1.0


def test_an_output_inside_another_graph():
    x = Value(2.0)
    inner = x * x
    outer = inner * x
    outer.backward()
    inner.backward()
    assert x.grad == 12.0 + 4.0 and inner.grad == 1.0 and outer.grad == 1.0


def test_backward_of_a_leaf():
    x = Value(2.0)
    x.backward()
    x.backward(0.5)
    assert x.grad == 1.5


@pytest.mark.parametrize("seed", [2.0, -1, True, 0.0, inf])
def test_the_seed_scales_the_gradients(seed):
    x = Value(3.0)
    y = 5.0 * x
    y.backward(seed)
    assert x.grad == 5.0 * seed and y.grad == seed and x.has_grad
    y.backward(seed=1.0)
    assert y.grad == 1.0


def test_a_gradient_set_to_none_counts_as_none_yet():
    x = Value(3.0)
    x.grad = None
    (x * x).backward()
    assert x.grad == 6.0


def test_every_leaf_reached_has_a_gradient_though_it_be_zero():
    """As in PyTorch, where weight decay moves the weights of a dead neuron: its grad is not None."""
    w, x, b, far = Value(3.0), Value(-1.0), Value(0.5), Value(2.0)
    dead = (w * x - b * far.exp()).relu()
    y = dead * 2.0
    (y + 0.0).backward()
    assert all(v.has_grad and v.grad == 0.0 for v in (w, x, b, far))
    y.zero_grad()
    assert not any(v.has_grad for v in graph(y))


def test_zero_grad_forgets_all_below():
    x = Value(3.0)
    y = x * x
    z = y + 1.0
    z.backward()
    y.zero_grad()
    assert not x.has_grad and not y.has_grad and z.has_grad
    z.backward()
    assert x.grad == 6.0


# ---- order of accumulation ----


def brute_force_sweep(output):
    """Adjoints as DESIGN has them: newest consumer first, second operand before first, first stored."""
    nodes, stack = {}, [output]
    while stack:
        node = stack.pop()
        if id(node) not in nodes:
            nodes[id(node)] = node
            stack += [x for x in node.inputs if isinstance(x, Value)]
    adjoints = {id(output): 1.0}
    for node in sorted(nodes.values(), key=lambda v: -v._order):
        adjoint = adjoints.get(id(node), 0.0)
        if node.op is None or adjoint == 0.0:
            continue
        for x, p in reversed(list(zip(node.inputs, local_partials(node)))):
            if isinstance(x, Value):
                term = p * adjoint
                adjoints[id(x)] = adjoints[id(x)] + term if id(x) in adjoints else term
    return {key: adjoints.get(key, 0.0) for key in nodes}


@pytest.mark.parametrize("seed", range(30))
def test_gradients_are_those_of_the_promised_order_bit_for_bit(seed):
    rng = random.Random(seed)
    leaves = [Value(rng.gauss(0.0, 1.0)) for _ in range(4)]
    values = list(leaves)
    makers = [
        *(
            lambda a, b: a + b,
            lambda a, b: a - b,
            lambda a, b: a * b,
            lambda a, b: a / (b * b + 0.1),
        ),
        *(lambda a, b: a * 0.3, lambda a, b: 0.7 - a, lambda a, b: a.tanh(), lambda a, b: a * a),
        *(
            lambda a, b: autograd.sum([a, b, a]),
            lambda a, b: autograd.hypot(a, b),
            lambda a, b: a + a,
        ),
    ]
    for _ in range(60):
        values.append(rng.choice(makers)(rng.choice(values), rng.choice(values[-8:])))
    output = autograd.sum(values[-5:])
    expected = brute_force_sweep(output)
    for x in leaves:
        x.grad = 0.25  # a leaf's total is added once to what is there
    output.backward()
    for node in graph(output):
        e = 0.25 + expected[id(node)] if node.op is None else expected[id(node)]
        assert bits(node.grad) == bits(e), (node.op, e, node.grad)


def test_the_order_of_addition_can_be_seen():
    """1e16 + 1 + 1 is 1e16 from the left and 1e16 + 2 from the right."""
    x = Value(1.0)
    old, middle, new = x * 1e16, x * 1.0, x * 1.0
    (old + middle + new).backward()
    assert x.grad == 1e16 + 2
    x = Value(1.0)
    old, middle, new = x * 1.0, x * 1.0, x * 1e16
    (old + middle + new).backward()
    assert x.grad == 1e16
    x = Value(1e16)
    (x * x).backward()  # d/d second operand first; equal here
    assert x.grad == 2e16
    x = Value(3.0)
    autograd.dot([x, x, x], [1e16, 1.0, 1.0]).backward()
    assert x.grad == 1e16 + 2
    x = Value(3.0)
    autograd.dot([x, x, x], [1.0, 1.0, 1e16]).backward()
    assert x.grad == 1e16


@pytest.mark.parametrize("symbol", ["add", "sub", "mul"])
def test_the_fast_path_does_what_the_table_says(symbol):
    """The sweep spells out + - ×; with an anomaly detector it goes by the table."""
    op_, rng = autograd.OPS[symbol], random.Random(2)
    points = [0.0, -0.0, 1.0, -2.5, 1e-310, 1e300, rng.gauss(0, 1), rng.gauss(0, 1e10)]
    for a in points:
        for b in points:
            for seed in (1.0, -0.3, 1e-5):
                x, z = Value(a), Value(b)
                y = op_(x, z)
                y.backward(seed)
                expected = [p * seed for p in op_.partials(autograd.ops.FLOATS, y.data, a, b)]
                assert [x.grad, z.grad] == expected
                for left, right in ((x, b), (a, z)):
                    x.zero_grad(), z.zero_grad()
                    op_(left, right).backward(seed)
                    assert [x.grad, z.grad] == [
                        e if isinstance(t, Value) else 0.0 for e, t in zip(expected, (left, right))
                    ]
                x.zero_grad(), z.zero_grad()
                with detect_anomaly():
                    if math.isfinite(y.data):
                        op_(x, z).backward(seed)
                        assert [x.grad, z.grad] == expected


# ---- strong zero, and what was not chosen ----


def test_a_zero_adjoint_hands_on_nothing_through_any_op():
    x = Value(0.0)
    (0.0 * x.sqrt()).backward()
    assert x.grad == 0.0
    x = Value(0.0)
    y = x.log() * 0.0 + 3.0 * x  # -inf * 0 is nan, but its gradient is that of 3x
    y.backward()
    assert math.isnan(y.data) and x.grad == 3.0
    x = Value(1000.0)
    (x.exp() * 0.0).backward()
    assert x.grad == 0.0


@pytest.mark.parametrize("x", [-1.0, 0.0, nan])
@pytest.mark.parametrize("bad", [autograd.log, autograd.sqrt, lambda v: 1 / (v - v)])
def test_the_branch_not_taken_makes_no_nan(x, bad):
    v, w = Value(x), Value(2.0)
    for y in (where(False, bad(v), w), where(w > 0, w, bad(v)), where(Value(0.0), bad(v), w)):
        v.zero_grad(), w.zero_grad()
        y.backward()
        assert (v.grad, w.grad) == (0.0, 1.0)
    both = lambda v, w: where(w > 0, w * w, bad(v) * w)
    assert grad(both, (0, 1))(x, 2.0) == (0.0, 4.0)
    assert grad(lambda w: grad(lambda w: both(Value(x), w))(w))(2.0) == 2.0
    assert grad(lambda v: grad(both, 1)(v, 2.0))(x) == 0.0


SELECTIONS = [  # f, x, d f / d x; the adjoint that arrives at the selection is infinite
    (lambda x: 1 / x.relu(), -1.0, 0.0),
    (lambda x: 1 / (x.relu() - 0.0), -1.0, 0.0),
    (lambda x: 1 / autograd.maximum(x, 0.0), -1.0, 0.0),
    (lambda x: 1 / autograd.minimum(x, 0.0), 1.0, 0.0),
    (lambda x: 1 / autograd.clip(x, 0.0, 1.0), -1.0, 0.0),
    (lambda x: (autograd.clip(x, -1.0, 0.0) * 1.0).sqrt(), 2.0, 0.0),
    (lambda x: where(x > 0, x, 0.0).sqrt(), -1.0, 0.0),
    (lambda x: autograd.elu(x, 0.0).sqrt(), -1.0, 0.0),
    (lambda x: autograd.leaky_relu(x, 0.0).sqrt(), -1.0, 0.0),
]


@pytest.mark.parametrize("f, x, expected", SELECTIONS)
def test_not_even_an_infinite_adjoint_passes_what_was_not_chosen(f, x, expected):
    v = Value(x)
    f(v).backward()
    assert v.grad == expected
    assert grad(f)(x) == expected
    # ... and as a graph, to be differentiated again
    as_graph = grad(f)(Value(x))
    assert getattr(as_graph, "data", as_graph) == expected


def test_a_nan_adjoint_is_handed_on():
    x = Value(2.0)
    (x * x).backward(nan)
    assert math.isnan(x.grad)


# ---- assigning data ----


def test_assigning_data_and_a_fresh_forward_pass_is_how_one_trains():
    p = Value(5.0)
    for _ in range(50):
        loss = (p - 3.0) ** 2
        p.zero_grad()
        loss.backward()
        p.data -= 0.1 * p.grad
    assert p.data == pytest.approx(3.0, abs=1e-3)


def test_backward_through_a_stale_consumer_raises_names_the_value_and_touches_nothing():
    p, q = Value(2.0, label="p"), Value(3.0)
    q.grad = 0.75
    y = (p * q) * p
    y.backward()
    before = p.grad, q.grad
    p.data = 4.0
    for _ in range(2):
        with pytest.raises(
            RuntimeError, match=r"the data of 'p' was assigned after mul had used it"
        ):
            y.backward()
        assert (p.grad, q.grad) == before
    again = (p * q) * p
    again.backward()
    assert (p.grad, q.grad) == (before[0] + 2 * 4.0 * 3.0, before[1] + 16.0)


def test_after_an_error_what_was_computed_shows_no_gradient():
    p, q = Value(2.0), Value(3.0)
    old = q * q
    deep = (old * q) * q
    y = (p * deep) + deep
    y.backward()
    p.data = 1.0
    with pytest.raises(RuntimeError):
        y.backward()
    assert not any(v.has_grad for v in graph(y) if v.op is not None)
    deep.backward()
    assert old.grad == 9.0


def test_a_stale_leaf_without_a_label_is_shown():
    p = Value(2.0)
    y = autograd.sum([p, p, 1.0])
    p.data = 4.0
    with pytest.raises(RuntimeError, match=r"data of Value\(data=4.0, grad=0.0\) .*after sum had"):
        y.backward()


def test_assigning_the_same_number_counts_too():
    p = Value(2.0)
    y = p * p
    p.data = 2.0
    with pytest.raises(RuntimeError, match="compute the output again"):
        y.backward()


def test_a_graph_that_does_not_use_the_assigned_value_is_not_stale():
    p, q = Value(2.0), Value(3.0)
    y = q * q
    p.data = 4.0
    (y * p).backward()
    assert (p.grad, q.grad) == (9.0, 24.0)


def test_assigning_the_data_of_a_computed_value_is_noticed():
    x = Value(2.0)
    h = x * x
    h.label = "h"
    before = h * 3.0
    h.data = 5.0
    assert h.data == 5.0
    for y in (h, before, h * 2.0):
        with pytest.raises(
            RuntimeError, match=r"data of 'h' was assigned after mul had computed it"
        ):
            y.backward()
    assert not x.has_grad
    h.detach().backward()
    with no_grad():
        leaf = x * x
    leaf.data = 7.0
    (leaf * x).backward()
    assert x.grad == 7.0


# ---- no_grad, detach ----


def test_no_grad_makes_leaves():
    x = Value(3.0)
    with no_grad():
        y = x * x + autograd.exp(x) + sum([x, x]) + autograd.sum([x, x])
        z = -x
    assert y.inputs == z.inputs == () and y.op is None
    (y * x).backward()
    assert x.grad == y.data


def test_no_grad_as_a_decorator_nested_and_entered_twice():
    x = Value(3.0)

    @no_grad()
    def square(v):
        return v * v

    assert square(x).op is None and (x * x).op is not None
    mode = no_grad()
    with mode:
        with mode:
            assert (x * x).op is None
        assert (x * x).op is None
    assert (x * x).op is not None


def test_no_grad_ends_with_an_exception():
    x = Value(3.0)
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0  # noqa: B018
    assert (x * x).op is not None
    assert autograd.modes.watching == []


def test_backward_inside_no_grad_is_the_same():
    x = Value(3.0)
    y = x * x
    with no_grad():
        y.backward()
    assert x.grad == 6.0


def test_no_grad_keeps_nothing_alive():
    x = Value(3.0)
    y = x * x
    with no_grad():
        z = y * 2.0
    watch = weakref.ref(y)
    gc.disable()
    try:
        del y
        assert watch() is None and z.data == 18.0
    finally:
        gc.enable()


def test_detach_cuts():
    x = Value(3.0, label="x")
    y = x * x
    cut = y.detach()
    assert (cut.data, cut.op, cut.label) == (9.0, None, "") and x.detach().label == "x"
    (cut * x).backward()
    assert x.grad == 9.0 and not y.has_grad and cut.grad == 3.0


# ---- detect_anomaly ----


def here(offset=0):
    import inspect

    frame = inspect.currentframe().f_back
    return frame.f_code.co_filename, frame.f_lineno + offset


@pytest.mark.parametrize(
    "make, call",
    [
        (lambda x: autograd.log(x), r"log\(x=0.0\) gave -inf"),
        (lambda x: 1.0 / x, r"div\(1.0, x=0.0\) gave inf"),
        (lambda x: autograd.sqrt(x - 1.0), r"sqrt\(-1.0\) gave nan"),
        (lambda x: autograd.sum([x, 1e308, 1e308]), r"sum\(x=0.0, 1e\+308, 1e\+308\) gave inf"),
        (lambda x: autograd.prod([x, *[1.0] * 9, inf]), r"prod\(x=0.0, 1.0, .*, \.\.\.\) gave nan"),
        (lambda x: (x + 1000).exp(), r"exp\(1000.0\) gave inf"),
        (lambda x: Value(inf) - Value(inf), r"sub\(inf, inf\) gave nan"),
        (lambda x: x * inf, r"mul\(x=0.0, inf\) gave nan"),
    ],
)
def test_the_first_nan_or_inf_of_a_forward_pass_is_named(make, call):
    x = Value(0.0, label="x")
    with detect_anomaly(), pytest.raises(FloatingPointError, match=call + " in the forward pass"):
        make(x)


def test_what_only_passes_an_infinity_or_a_nan_on_is_not_blamed():
    with detect_anomaly():
        masked = Value(-inf) + 1.0
        assert autograd.exp(masked).data == 0.0
        assert (Value(inf) * 2.0).data == inf and math.isnan((Value(nan) + 1.0).data)


def test_the_users_own_line_is_named():
    def model(x):
        return autograd.softmax([x, autograd.log(x)])[0]

    with detect_anomaly(), pytest.raises(FloatingPointError) as caught:
        model(Value(0.0, label="x"))
    file, line = here(-4)
    assert f"at {file}, line {line}: return autograd.softmax(" in str(caught.value)


def test_a_line_behind_a_module_is_the_users():
    from nn import Neuron

    neuron = Neuron(1, activation="exp")
    for p in neuron.parameters():
        p.data = 1000.0
    with detect_anomaly(), pytest.raises(FloatingPointError) as caught:
        neuron([1.0])
    file, line = here(-1)
    assert f"at {file}, line {line}: neuron([1.0])" in str(caught.value)


def test_the_first_nan_or_inf_of_a_backward_pass_is_named():
    x = Value(0.0, label="x")
    with detect_anomaly():
        root = x.sqrt()
        root.label = "root"
        file, line = here(-2)
        y = root * 3.0
        with pytest.raises(FloatingPointError) as caught:
            y.backward()
    message = str(caught.value)
    assert "sqrt(x=0.0) = 0.0 (label 'root'): the backward pass, arriving with grad 3.0" in message
    assert "gave its inputs [inf]" in message
    assert f"at {file}, line {line}: root = x.sqrt()" in message
    assert not x.has_grad and not root.has_grad


def test_a_nan_in_a_backward_pass_is_named_by_its_line_too():
    with detect_anomaly():
        x = Value(nan, label="x")
        y = x.sin()
        line = here(-1)[1]
        with pytest.raises(FloatingPointError, match=rf"sin\(x=nan\).*\n  at .*line {line}: y ="):
            y.backward()


def test_an_overflowing_sum_at_a_leaf_is_named():
    x = Value(0.0, label="w")
    with detect_anomaly():
        y = x * 1e308 + x * 1e308
        with pytest.raises(FloatingPointError, match=r"leaf 0.0 \(label 'w'\).*added up to inf"):
            y.backward()
    assert not x.has_grad


def test_a_graph_made_outside_has_no_line():
    x = Value(0.0)
    y = x.sqrt()
    with detect_anomaly(), pytest.raises(FloatingPointError, match="made outside detect_anomaly"):
        y.backward()
    y.backward()  # off again
    assert x.grad == inf


def test_functional_derivatives_are_watched_too():
    with detect_anomaly():
        assert grad(lambda x: x * x)(3.0) == 6.0
        for derive in (grad, lambda f: lambda x: autograd.vjp(f, x)[1](1.0)):
            with pytest.raises(FloatingPointError, match=r"sqrt\(0.0\) = 0.0: the backward pass"):
                derive(lambda x: x.sqrt())(0.0)
        with pytest.raises(FloatingPointError, match=r"log\(0.0\) gave -inf in the forward pass"):
            grad(lambda x: x.log())(0.0)
        with pytest.raises(FloatingPointError, match="backward pass"):
            grad(grad(lambda x: x**1.5))(0.0)


def test_what_a_rule_computes_and_does_not_use_is_no_anomaly():
    """On Values both branches of a rule's where are computed: at 0, pow's makes an unused 0/0."""
    with detect_anomaly():
        assert grad(grad(lambda x: x**2))(0.0) == 2.0
        assert (
            autograd.hessian(lambda x: x[0] ** 2 + autograd.hypot(x[0], x[1]))([0.0, 1.0])[0][0]
            == 3.0
        )


def test_the_innermost_detector_and_decorator_count():
    @detect_anomaly()
    def f(x):
        return autograd.log(x)

    with pytest.raises(FloatingPointError):
        f(Value(0.0))
    with detect_anomaly() as outer, detect_anomaly() as inner:
        assert outer is not inner
        (Value(1.0) * 2.0).backward()
    assert f(Value(1.0)).data == 0.0 and autograd.log(Value(0.0)).data == -inf


def test_a_detector_keeps_no_graph_alive_and_remembers_nothing_of_the_dead():
    detector = detect_anomaly()
    gc.disable()
    try:
        with detector:
            x = Value(1.0)
            for _ in range(100):
                y = (x * 2.0).exp()
                y.backward()
            watch = weakref.ref(y)
            del y
        assert watch() is None and not detector._lines
    finally:
        gc.enable()


# ---- errors and interrupts inside a rule ----


@op
def hostile(xp, x):
    return x * 2.0


@hostile.partials
def _(xp, y, x):
    raise RAISED[-1]


RAISED = [ValueError("no")]


@pytest.mark.parametrize(
    "error", [LookupError("no"), KeyboardInterrupt(), MemoryError(), SystemExit()]
)
def test_an_exception_inside_a_rule_leaves_the_leaves_as_they_were(error):
    RAISED.append(error)
    x, w = Value(3.0), Value(5.0)
    w.grad = 0.5
    y = hostile(x * w) + w * w
    with pytest.raises(type(error)):
        y.backward()
    assert not x.has_grad and w.grad == 0.5
    assert all(v.grad is UNSET for v in graph(y) if v.op is not None)
    (w * w).backward()
    assert w.grad == 10.5
    with pytest.raises(type(error)):
        grad(lambda x: hostile(x))(1.0)
    RAISED.pop()


def test_an_exception_inside_a_forward_rule_comes_through():
    @op
    def refusing(xp, x):
        raise LookupError("not today")

    @refusing.partials
    def _(xp, y, x):
        return (0.0,)

    with pytest.raises(LookupError, match="not today"):
        refusing(Value(1.0))


def test_a_rule_may_run_a_backward_pass_of_its_own():
    """As an implicit function does: the outer sweep goes on undisturbed."""

    @op
    def own_sweep(xp, x):
        return x * x

    @own_sweep.partials
    def _(xp, y, x):
        t = Value(x)
        s = t * t
        s.backward()
        return (t.grad,)

    x = Value(3.0)
    a = x * 2.0
    y = own_sweep(a) * own_sweep(x) + a
    y.backward()
    assert x.grad == 12.0 * 9.0 * 2.0 + 6.0 * 36.0 + 2.0
    assert grad(own_sweep)(3.0) == 6.0


def test_backward_while_walking_the_graph():
    x = Value(2.0)
    y = (x * x).exp()
    for node in graph(y):
        node.backward()
    e = math.exp(4.0)
    assert x.grad == pytest.approx(1.0 + 4.0 + 4.0 * e, rel=1e-15)


def test_backward_from_what_was_computed_inside_no_grad_raises():
    x = Value(3.0, label="x")
    with no_grad():
        y = x * x
    for z in (y, copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        with pytest.raises(RuntimeError, match="computed inside no_grad"):
            z.backward()
    (y * x).backward()  # as part of something else it is a number
    assert x.grad == 9.0


def test_a_detached_parameter_is_no_parameter():
    label = Value(1.0, label=autograd.ParameterPath("w")).detach().label
    assert label == "w" and type(label) is str


def test_a_grad_of_none_counts_as_none():
    x = Value(2.0)
    x.grad = None
    assert not x.has_grad
    (x * 3.0).backward()
    assert x.grad == 3.0 and x.has_grad
