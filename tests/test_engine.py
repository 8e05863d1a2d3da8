"""`Value` as a number: operators, comparisons, formats, micrograd's surface, bad input.

v, w    Values            x    a plain number, Python's or NumPy's
"""

from __future__ import annotations

import copy
import itertools
import math
import operator
import random
import struct
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import autograd
from autograd import Value
from autograd.engine import graph, local_partials
from nn import MLP, Neuron

inf, nan = math.inf, math.nan


def same_float(a, b):
    """Equal to the bit, but for which nan it is."""
    return struct.pack("d", a) == struct.pack("d", b) or (a != a and b != b)


# ---- operators with whatever stands on the other side ----

OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
NUMBERS = [
    *(3, 3.0, True, False, Fraction(3, 2), 2**60),
    *(np.float64(3), np.float32(0.1), np.float16(1.5), np.longdouble(3)),
    *(np.int64(3), np.int8(-3), np.uint8(3), np.bool_(True)),
]


@pytest.mark.parametrize("symbol", OPERATORS)
@pytest.mark.parametrize("x", NUMBERS, ids=lambda x: f"{type(x).__name__}-{x}")
def test_every_operator_takes_any_real_number_on_either_side(symbol, x):
    function, plain = OPERATORS[symbol], float(x)
    for left, right, expected in (
        (Value(2.5), x, function(Value(2.5), Value(plain))),
        (x, Value(2.5), function(Value(plain), Value(2.5))),
    ):
        result = function(left, right)
        assert type(result) is Value
        with np.errstate(all="ignore"):
            oracle = function(*(np.float64(getattr(t, "data", t)) for t in (left, right)))
        assert same_float(result.data, float(oracle)), (left, symbol, right)
        assert same_float(result.data, expected.data)
        assert [t for t in result.inputs if type(t) is float] == [plain]


SPECIAL = [
    *(0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 2.5, 0.1, 1e16, 2.0**53 + 1.0),
    *(5e-324, -1e-320, 1e-200, 1e200, -1e200, 1.7e308, inf, -inf, nan),
]


@pytest.mark.parametrize("symbol", OPERATORS)
def test_every_operator_answers_as_ieee_754_does(symbol):
    """NumPy's float64 is the oracle: it goes to the machine and to C's pow."""
    function = OPERATORS[symbol]
    for a, b in itertools.product(SPECIAL, SPECIAL):
        with np.errstate(all="ignore"):
            expected = float(function(np.float64(a), np.float64(b)))
        for got in (
            function(Value(a), Value(b)),
            function(Value(a), b),
            function(a, Value(b)),
        ):
            assert same_float(got.data, expected), f"{a} {symbol} {b}: {expected}, got {got.data}"


@pytest.mark.parametrize(
    "a, b", [(7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (1.0, 0.1), (-1.0, inf), (0.0, -3.0)]
)
def test_divmod_is_the_quotient_and_the_remainder_of_floor_division(a, b):
    for left, right in ((Value(a), Value(b)), (Value(a), b), (a, Value(b))):
        got = divmod(left, right)
        assert [v.data for v in got] == list(divmod(a, b))
        assert all(type(v) is Value for v in got)


@pytest.mark.parametrize("symbol", OPERATORS)
@pytest.mark.parametrize("constant", [2.0, 2, np.float64(2)])
def test_operands_stay_in_the_order_in_which_they_were_written(symbol, constant):
    v, w, function = Value(3.0), Value(5.0), OPERATORS[symbol]
    for left, right in ((v, w), (v, constant), (constant, v)):
        a, b = function(left, right).inputs
        assert all(x is y or (type(y) is float and y == 2.0) for x, y in ((left, a), (right, b)))


def test_unary_operators():
    v = Value(-2.5)
    assert (-v).data == 2.5 and (+v) is v and abs(v).data == 2.5
    assert math.floor(v).data == -3.0 and math.ceil(v).data == -2.0 and math.trunc(v).data == -2.0
    assert same_float((-Value(0.0)).data, -0.0)


@pytest.mark.parametrize("x", [0.5, 1.5, 2.5, -0.5, -0.4, 0.0, -0.0, 1e300, inf, -inf, nan])
def test_rounding_to_an_integer_is_half_to_even_and_keeps_the_sign_of_zero(x):
    assert same_float(round(Value(x)).data, float(np.rint(x)))


@pytest.mark.parametrize("digits", [-2, -1, 0, 1, 2, 3])
@pytest.mark.parametrize("x", [1234.5678, -0.125, 2.675, 15.0, 0.0, inf, nan])
def test_rounding_to_decimals_is_numpys(x, digits):
    with np.errstate(all="ignore"):
        assert same_float(round(Value(x), digits).data, float(np.round(x, digits)))


@pytest.mark.parametrize(
    "x, digits", [(1e308, 2), (1.7e308, 300), (1.0, 400), (1.0, -400), (0.1, 25), (-3.25, 290)]
)
def test_rounding_never_overflows(x, digits):
    """NumPy's formula gives inf or nan here; Python's own rounding is right."""
    assert round(Value(x), digits).data == pytest.approx(round(x, digits), rel=1e-15, abs=0.0)


def test_the_number_of_decimals_is_an_integer():
    assert (
        round(Value(1.234), np.int64(2)).data == 1.23 and round(Value(1e308), np.int64(2)) == 1e308
    )
    with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
        round(Value(1.234), 2.0)


def test_rounding_has_no_derivative():
    for digits in (None, 0, 2, -1, 300):
        v = Value(123.456)
        round(v, digits).backward()
        assert v.grad == 0.0 and v.has_grad


def test_augmented_assignment_makes_a_new_node_and_leaves_the_old_one():
    v = w = Value(3.0)
    for augment in ("w += 1", "w -= 2.0", "w *= v", "w /= 4", "w **= 2", "w //= 1", "w %= 100"):
        names = {"v": v, "w": w}
        exec(augment, names)
        w = names["w"]
        assert w is not v
    assert w.data == ((3.0 + 1 - 2) * 3 / 4) ** 2 // 1 % 100 and v.data == 3.0


def test_sum_of_a_list_and_of_a_generator():
    xs = [Value(float(i)) for i in range(10)]
    for total in (sum(xs), sum(x for x in xs), autograd.sum(xs), autograd.sum(x for x in xs)):
        assert total.data == 45.0
        total.backward()
    assert [x.grad for x in xs] == [4.0] * 10


@pytest.mark.parametrize("other", ["a", None, 1j, [1.0], (1.0,), {}, Decimal(1), object()])
@pytest.mark.parametrize("symbol", OPERATORS)
def test_operators_refuse_what_is_no_real_number(symbol, other):
    for left, right in ((Value(1.0), other), (other, Value(1.0))):
        with pytest.raises(TypeError):
            OPERATORS[symbol](left, right)


def test_pow_with_a_modulus_is_refused_and_not_ignored():
    with pytest.raises(TypeError):
        pow(Value(2.0), 3, 5)


# ---- NumPy ----


def test_arrays_of_values():
    v, w = Value(2.0), Value(3.0)
    values, numbers = np.array([v, w]), np.array([1.0, 10.0])
    assert [x.data for x in values * numbers] == [2.0, 30.0]
    assert [x.data for x in numbers - values] == [-1.0, 7.0]
    assert [x.data for x in v * numbers] == [2.0, 20.0]
    assert [x.data for x in numbers / v] == [0.5, 5.0]
    assert np.dot(values, numbers).data == (values @ numbers).data == 32.0
    assert values.sum().data == 5.0 and values.mean().data == 2.5
    assert np.array([[v, w]]).T.shape == (2, 1)


NUMPY_FUNCTIONS = (
    "exp expm1 exp2 log log1p log2 log10 sqrt cbrt square reciprocal sin cos tan sinh cosh tanh "
    "arcsin arccos arctan arcsinh arctanh floor ceil trunc rint fabs absolute negative"
).split()


@pytest.mark.parametrize("name", NUMPY_FUNCTIONS)
def test_numpy_functions_take_values_and_arrays_of_them(name):
    function = getattr(np, name)
    expected = float(function(0.7))
    assert function(Value(0.7)).data == pytest.approx(expected, rel=1e-15)
    (got,) = function(np.array([Value(0.7)]))
    assert type(got) is Value and got.data == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("name", ["hypot", "arctan2", "remainder", "power"])
def test_numpy_functions_of_two_arguments(name):
    function = getattr(np, name)
    (got,) = function(np.array([Value(0.7)]), np.array([-1.2]))
    assert type(got) is Value and got.data == pytest.approx(float(function(0.7, -1.2)), rel=1e-15)
    assert function(Value(0.7), -1.2).data == got.data


# ---- comparisons, truth, hashing, formats ----


@pytest.mark.parametrize("symbol", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons_are_by_value_and_give_bools(symbol):
    compare = getattr(operator, symbol)
    for a, b in itertools.product([0.0, -0.0, 1.0, -1.0, inf, nan], repeat=2):
        expected = compare(a, b)
        others = [Value(b), b, np.float64(b)]
        if b == b and abs(b) < inf:
            others += [int(b), Fraction(b)]
        for other in others:
            assert compare(Value(a), other) is expected
            assert bool(compare(other, Value(a))) is compare(b, a)


def test_comparison_with_large_integers_is_exact():
    v = Value(2.0**53)
    assert v < 10**400 and v > -(10**400) and v != 10**400 and 10**400 > v
    assert v == 2**53 and v != 2**53 + 1 and v < 2**53 + 1 and 2**53 + 1 > v
    assert max(v, 10**400) == 10**400 and sorted([10**400, v, 0])[1] is v


def test_comparison_with_what_is_no_number():
    v = Value(1.0)
    assert v != "a" and v != None and v != [1.0]  # noqa: E711
    for other in ("a", None, 1j, [1.0]):
        with pytest.raises(TypeError, match="not supported"):
            v < other  # noqa: B015


def test_hash_is_by_identity_so_equal_values_are_different_keys():
    v, w = Value(1.0), Value(1.0)
    assert v == w and len({v, w}) == 2 and {v: "v"}.get(w) is None
    v.data = 5.0
    assert v in {v, w}
    a = Value(nan)
    assert a in {a} and a in [a] and Value(nan) not in [a]


def test_membership_in_a_list_is_by_value():
    assert Value(2.0) in [1.0, Value(2.0)] and Value(3.0) not in [1.0, Value(2.0)]
    assert [1.0, Value(2.0), 3].index(Value(3.0)) == 2


def test_sorting_minimum_and_maximum_give_the_values_themselves():
    vs = [Value(x) for x in (3.0, -1.0, 2.0)]
    assert [v.data for v in sorted(vs)] == [-1.0, 2.0, 3.0]
    assert max(vs) is vs[0] and min(*vs, 5.0) is vs[1] and max(vs[1], -7) is vs[1]
    assert sorted([np.float64(3), Value(2.0), 1]) == [1, 2, 3]
    max(vs).backward()
    assert [v.grad for v in vs] == [1.0, 0.0, 0.0]


def test_truth_is_that_of_the_number():
    for x in (0.0, -0.0, 1.0, -2.0, 5e-324, inf, nan):
        assert bool(Value(x)) is bool(x)


@pytest.mark.parametrize("spec", [".3f", "8.2f", "+.1e", "g", "010.4f", "%", ","])
def test_formats_are_those_of_floats(spec):
    assert format(Value(1234.5678), spec) == format(1234.5678, spec)


def test_repr_and_empty_format():
    v = Value(1.5, label="w")
    assert repr(v) == f"{v}" == str(v) == "Value(data=1.5, grad=0.0, label='w')"
    assert repr(Value(-2)) == "Value(data=-2.0, grad=0.0)"


# ---- methods ----


def test_every_op_is_a_function_and_a_method_of_the_same_answer():
    rng = random.Random(1)
    for op in autograd.OPS.values():
        if op.name not in autograd.ops.BUILT_IN or isinstance(op, autograd.ops.SequenceOp):
            continue
        x = [rng.uniform(0.1, 0.9) for _ in range(op.least)]
        first, *rest = [Value(t) for t in x]
        by_method, by_function, plain = getattr(first, op.name)(*rest), op(first, *rest), op(*x)
        assert same_float(by_method.data, plain) and same_float(by_function.data, plain), op
        assert by_method.op is op and by_method.inputs == by_function.inputs
        if op.name != "polygamma5":  # the last of its family: its partial is not declared
            assert repr(local_partials(by_method)) == repr(local_partials(by_function))


def test_methods_at_special_points_answer_as_the_functions():
    for op in autograd.ops.TABLE:
        if op.least == 1 and not op.defaults and op.defaults is not None:
            for x in SPECIAL:
                assert same_float(getattr(Value(x), op.name)().data, op(x)), (op, x)


def test_a_wrong_number_of_inputs_is_refused():
    with pytest.raises(TypeError, match=r"exp: expected 1 input, got 2"):
        autograd.exp(Value(1.0), 2.0)
    with pytest.raises(TypeError, match=r"hypot: expected 2 inputs, got 1"):
        autograd.hypot(Value(1.0))
    with pytest.raises(TypeError, match=r"leaky_relu: expected 1 to 2 inputs, got 3"):
        autograd.leaky_relu(1.0, 2.0, 3.0)
    with pytest.raises(TypeError, match=r"clip: expected 3 inputs, got 2"):
        Value(1.0).clip(0.0)


def test_default_inputs_are_constants():
    y = Value(-1.0).leaky_relu()
    assert y.data == -0.01 and y.inputs == (-1.0, 0.01)
    assert Value(-1.0).leaky_relu(0.5).data == -0.5


def test_sequences_of_no_one_and_many_values():
    v = Value(3.0)
    assert autograd.sum([]) == 0.0 and autograd.prod([]) == 1.0 and autograd.norm([]) == 0.0
    assert autograd.logsumexp([]) == -inf and autograd.softmax([]) == []
    assert autograd.sum([v]).inputs == (v,) and autograd.dot([v], [2.0]).data == 6.0
    assert autograd.norm([v, 4.0]).data == 5.0 and autograd.mean((v, 4, True)).data == 8 / 3
    for error, match, call in (
        (TypeError, "sum: expected 1 sequence of numbers, got Value", lambda: autograd.sum(v)),
        (TypeError, "sum: expected 1 sequence .* got float, float", lambda: autograd.sum(1.0, 2.0)),
        (TypeError, "dot: expected 2 sequences", lambda: autograd.dot([v])),
        (
            ValueError,
            r"dot: expected sequences of one length, got lengths \[1, 2\]",
            lambda: autograd.dot([v], [1, 2]),
        ),
        (ValueError, "mean: expected at least one number", lambda: autograd.mean([])),
        (TypeError, "sum: expected a real number, got list", lambda: autograd.sum([[v]])),
    ):
        with pytest.raises(error, match=match):
            call()


# ---- what a Value is made of ----


@pytest.mark.parametrize("x", NUMBERS, ids=lambda x: f"{type(x).__name__}-{x}")
def test_data_is_a_float_whatever_number_it_was_made_from(x):
    v = Value(x)
    assert type(v.data) is float and v.data == float(x)
    v.data = x
    assert type(v.data) is float


def test_attributes_of_a_leaf_and_of_a_computed_value():
    v = Value(2.0, label="v")
    assert (v.label, v.op, v.inputs, v.has_grad, v.grad) == ("v", None, (), False, 0.0)
    y = v * 3
    assert (y.label, y.op.name, y.op.symbol, y.has_grad) == ("", "mul", "×", False)
    assert y.inputs[0] is v and type(y.inputs[1]) is float
    y.label = "y"
    y.backward()
    assert v.has_grad and y.has_grad and y.label == "y"
    v.grad = 0.0
    assert v.has_grad  # assigned
    v.zero_grad()
    assert not v.has_grad and v.grad == 0.0
    with pytest.raises(AttributeError):
        v.dat = 3.0  # no attribute is made by a slip of the pen


def test_graph_lists_leaves_and_then_the_rest_from_old_to_new():
    x, w = Value(1.0, label="x"), Value(2.0, label="w")
    a = x * w
    b = a + x
    y = a * b
    assert [id(v) for v in graph(y)] == [id(v) for v in (x, w, a, b, y)]
    assert [id(v) for v in graph(b, y, b)] == [id(v) for v in (x, w, a, b, y)]
    assert graph(x) == [x] and graph() == []


def test_local_partials_are_none_for_constants():
    v, w = Value(3.0), Value(4.0)
    assert list(local_partials(v * w)) == [4.0, 3.0]
    assert list(local_partials(v * 5.0)) == [5.0, None]
    assert list(local_partials(5.0 / v)) == [None, -5.0 / 9.0]
    assert list(local_partials(autograd.clip(v, 0.0, w))) == [1.0, None, 0.0]
    assert list(local_partials(v)) == []


# ---- micrograd ----


def test_micrograds_readme_example():
    a, b = Value(-4.0), Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    assert f"{g.data:.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad:.4f}" == "138.8338" and f"{b.grad:.4f}" == "645.5773"
    # PyTorch 2.13, float64
    assert g.data == pytest.approx(24.70408163265306, rel=1e-15)
    assert a.grad == pytest.approx(138.83381924198252, rel=1e-15)
    assert b.grad == pytest.approx(645.5772594752186, rel=1e-15)


def test_micrograds_sanity_check():
    x = Value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    y.backward()
    assert (y.data, x.grad) == (-20.0, 46.0)  # PyTorch 2.13, float64


PYTORCH_UNARY = [  # x, y, dy/dx by PyTorch 2.13, float64
    ("tanh", -1.0, -0.7615941559557649, 0.41997434161402614),
    ("tanh", 0.123, 0.12238344189440876, 0.9850222931500778),
    ("tanh", 2.0, 0.9640275800758169, 0.07065082485316443),
    ("exp", -1.0, 0.36787944117144233, 0.36787944117144233),
    ("exp", 0.123, 1.1308844209474893, 1.1308844209474893),
    ("exp", 2.0, 7.38905609893065, 7.38905609893065),
]


@pytest.mark.parametrize("name, x, y, slope", PYTORCH_UNARY)
def test_micrograds_unary_functions(name, x, y, slope):
    v = Value(x)
    result = getattr(Value, name)(v)
    result.backward()
    assert result.data == pytest.approx(y, rel=1e-15)
    assert v.grad == pytest.approx(slope, rel=1e-14)


DRAW_DOT = """
from graphviz import Digraph
from micrograd.engine import Value

def trace(root):
    nodes, edges = set(), set()
    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)
    build(root)
    return nodes, edges

def draw_dot(root, format='svg', rankdir='LR'):
    assert rankdir in ['LR', 'TB']
    nodes, edges = trace(root)
    dot = Digraph(format=format, graph_attr={'rankdir': rankdir})

    for n in nodes:
        dot.node(name=str(id(n)), label = "{ data %.4f | grad %.4f }" % (n.data, n.grad), shape='record')
        if n._op:
            dot.node(name=str(id(n)) + n._op, label=n._op)
            dot.edge(str(id(n)) + n._op, str(id(n)))

    for n1, n2 in edges:
        dot.edge(str(id(n1)), str(id(n2)) + n2._op)

    return dot
"""


def test_micrograds_draw_dot_runs_after_changing_only_the_import():
    names = {}
    exec(DRAW_DOT.replace("micrograd.engine", "autograd.engine"), names)
    x = Value(1.0)
    y = (x * 2 + 1).relu()
    y.backward()
    source = names["draw_dot"](y).source
    # x, 2, x*2, 1, x*2+1, relu: six cards, three ops, each with an edge out and one per input in
    assert source.count("shape=record") == 6 and source.count("->") == 3 + 5
    for text in ("data 1.0000 | grad 2.0000", "data 3.0000 | grad 1.0000", "label=ReLU"):
        assert text in source
    neuron = Neuron(2, rng=random.Random(1337))
    output = neuron([Value(1.0), Value(-2.0)])
    output.backward()
    assert names["draw_dot"](output).source.count("shape=record") >= 8


def test_names_of_ops_as_micrograd_has_them():
    v, w = Value(2.0), Value(3.0)
    assert [n._op for n in (v, v + w, v * w, v**2, v**-1, v**0.5, v.relu(), v.tanh(), v.exp())] == [
        *("", "+", "*", "**2", "**-1", "**0.5", "ReLU", "tanh", "exp")
    ]
    assert (v - w)._op == "-" and (v / w)._op == "/" and (-v)._op == "-" and (v**w)._op == "^"


def lecture_neuron():
    """The neuron of the lecture: its nodes by name, and its output."""
    x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
    w1, w2 = Value(-3.0, label="w1"), Value(1.0, label="w2")
    b = Value(6.8813735870195432, label="b")
    x1w1, x2w2 = x1 * w1, x2 * w2
    x1w1x2w2 = x1w1 + x2w2
    n = x1w1x2w2 + b
    o = n.tanh()
    return o, n, b, x1w1x2w2, x2w2, x1w1, (x1, w1, x2, w2)


def check_lecture_neuron(o, n, leaves):
    assert o.data == pytest.approx(0.7071067811865476, abs=1e-15)
    assert n.grad == pytest.approx(0.5, abs=1e-15)
    assert [v.grad for v in leaves] == pytest.approx([-1.5, 1.0, 0.5, 0.0], abs=1e-14)


def test_the_lectures_backward_calls_by_hand():
    o, n, b, x1w1x2w2, x2w2, x1w1, leaves = lecture_neuron()
    o.grad = 1.0
    for node in (o, n, b, x1w1x2w2, x2w2, x1w1):
        node._backward()
    check_lecture_neuron(o, n, leaves)


def test_the_lectures_topological_order_by_hand():
    o, n, *_, leaves = lecture_neuron()
    topo, visited = [], set()

    def build_topo(v):
        if v not in visited:
            visited.add(v)
            for child in v._prev:
                build_topo(child)
            topo.append(v)

    build_topo(o)
    o.grad = 1.0
    for node in reversed(topo):
        node._backward()
    check_lecture_neuron(o, n, leaves)
    assert len(topo) == 10


def test_the_lectures_neuron_by_backward():
    o, n, *_, leaves = lecture_neuron()
    o.backward()
    check_lecture_neuron(o, n, leaves)


def test_the_lectures_tanh_from_exponentials():
    o, n, *_, leaves = lecture_neuron()
    e = (2 * n).exp()
    o = (e - 1) / (e + 1)
    o.backward()
    check_lecture_neuron(o, n, leaves)


def test_one_step_by_hand_hands_on_what_a_sweep_does():
    """A zero gradient hands on nothing, and nothing passes to what was not chosen."""
    v = Value(0.0)
    y = v.sqrt()
    y._backward()
    assert v.grad == 0.0
    y.grad = 1.0
    y._backward()
    assert v.grad == inf
    v = Value(-1.0)
    y = v.relu()
    y.grad = inf
    y._backward()
    assert v.grad == 0.0


def test_prev_holds_the_constants_as_values():
    v = Value(2.0)
    assert [p.data for p in (v * 3.0)._prev] == [2.0, 3.0] and (v * 3.0)._prev[0] is v
    assert v._prev == ()


def test_micrograds_training_loop_runs():
    model = MLP(3, [4, 4, 1], rng=random.Random(0))
    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    losses = []
    for _ in range(60):
        loss = sum((model(x) - y) ** 2 for x, y in zip(xs, ys))
        for p in model.parameters():
            p.grad = 0.0
        loss.backward()
        for p in model.parameters():
            p.data += -0.02 * p.grad
        losses.append(loss.data)
    assert losses[-1] < 0.1 * losses[0]


# ---- bad input ----

BAD_DATA = [
    (None, TypeError, "Value: expected a real number, got None"),
    (Value(1.0), TypeError, r"got a Value; it is one already \(use .data .*.detach\(\)"),
    ("3", TypeError, r"got the string '3'; use float\('3'\)"),
    (1j, TypeError, "got the complex number 1j; foldgrad is real"),
    (np.complex128(1), TypeError, "got the complex number"),
    (np.array([1.0]), TypeError, r"got a NumPy array; a Value is one scalar .*array.item\(\)"),
    (np.array(1.0), TypeError, "got a NumPy array"),
    ([1.0], TypeError, r"got list \[1.0\]"),
    ({}, TypeError, r"got dict {}"),
    (b"3", TypeError, "got bytes b'3'"),
    (Decimal("1.5"), TypeError, r"got Decimal Decimal\('1.5'\)"),
]


@pytest.mark.parametrize("data, error, match", BAD_DATA, ids=lambda x: type(x).__name__)
def test_bad_data_is_refused_with_advice(data, error, match):
    with pytest.raises(error, match=match):
        Value(data)
    v = Value(7.0, label="v")
    with pytest.raises(error, match=match.replace("Value: ", "data of 'v': ")):
        v.data = data
    assert v.data == 7.0
    if not isinstance(data, Value):
        with pytest.raises(error, match=match.replace("Value: ", "exp: ")):
            autograd.exp(data)
    with pytest.raises(error, match=match.replace("Value: ", "backward: seed: ")):
        v.backward(data)
    assert not v.has_grad


@pytest.mark.parametrize(
    "drop",
    [
        *(float, int, complex, math.exp, math.sqrt, math.isnan, range),
        lambda v: [1, 2, 3][v],
        lambda v: "%.3f" % v,  # noqa: UP031
        lambda v: math.fsum([v]),
        lambda v: np.array([v], dtype=float),
        lambda v: np.float64(v),
    ],
)
def test_what_would_drop_the_graph_in_silence_is_refused(drop):
    with pytest.raises(TypeError, match=r"would drop its graph.*v\.data"):
        drop(Value(1.0))


def test_a_value_cannot_be_subclassed():
    with pytest.raises(TypeError, match=r"cannot be subclassed; declare ops with @autograd\.op"):
        type("Mine", (Value,), {})


def test_a_model_fed_the_wrong_number_of_inputs_is_refused():
    with pytest.raises(ValueError, match=r"expected 2 .*got 3"):
        MLP(2, [3, 1])([1.0, 2.0, 3.0])


def test_a_copy_is_another_node_of_the_same_inputs():
    v = Value(2.0, label="v")
    y = v * v
    twin = copy.copy(y)
    assert twin is not y and twin.inputs[0] is v and twin.data == 4.0
    twin.backward()
    assert v.grad == 4.0
