"""Traces against the function itself: a tape, run by a few lines of Python, at other numbers.

`agrees` is the oracle: it traces f at some arguments, then runs the tape at others, where f runs
eagerly, on Values; wherever the guards hold, the bits must be equal.
"""

from __future__ import annotations

import enum
import functools
import math
import numbers as numbers_abc
import random
import sys
import weakref
from collections import deque, namedtuple
from contextlib import suppress
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Value, exp, grad, hypot, log, no_grad, op, softmax, where
from autograd.compiler.structure import read, sameness
from autograd.compiler.tape import CONSTANTS, INPUTS, VALUES, Guard, Row, Tape
from autograd.compiler.tracing import compensated_sum, trace
from autograd.modes import is_tracing
from autograd.ops import TABLE, SequenceOp, evaluate
from autograd.pytree import flatten
from nn import MLP, Module, cross_entropy

COMPARE = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def run(tape: Tape, x: list[float]) -> list[float] | int:
    """The outputs of a tape; the number of the guard that failed."""
    values: list[float] = []
    guards = 0
    spaces = {INPUTS: x, CONSTANTS: tape.constants.tolist(), VALUES: values}
    slots = tape.slots.tolist()
    for t, code in enumerate(tape.codes.tolist()):
        kind, at = tape.kinds[code], iter(slots[tape.first[t] : tape.first[t + 1]])
        operands = []
        for space in kind.spaces:
            if isinstance(space, Row):
                index, base = int(x[next(at)]), next(at)
                assert -space.count <= index < space.count
                operands.append(x[base + space.stride * (index % space.count)])
            else:
                operands.append(spaces[space][next(at)])
        if isinstance(kind.op, Guard):
            if COMPARE[kind.op.symbol](*operands) is not kind.op.taken:
                return guards
            guards += 1
        values.append(math.nan if isinstance(kind.op, Guard) else evaluate(kind.op, operands))
    return [spaces[space][address] for space, address in tape.outputs]


def numbers(leaves: list) -> list[float]:
    """Leaves as the inputs of a tape."""
    flat: list[float] = []
    for leaf in leaves:
        if isinstance(leaf, np.ndarray):
            flat += leaf.astype(float).ravel().tolist()
        else:
            flat.append(leaf._data if isinstance(leaf, Value) else float(leaf))
    return flat


def inputs_of(traced, args: tuple, kwargs: dict | None = None) -> list[float]:
    leaves = read((tuple(args), dict(kwargs or {}))).leaves
    current = traced.captures.current(leaves)
    assert current is not None, "the captures have changed"
    return numbers(leaves) + numbers(current)


def on_values(x):
    """Arguments as the eager function gets them: Values in the places of floats."""
    if isinstance(x, float):
        return Value(x)
    if isinstance(x, np.ndarray) and x.dtype.kind != "i":
        return flatten(x)[1].fill([on_values(v) for v in flatten(x)[0]])
    if isinstance(x, dict):
        return {key: on_values(v) for key, v in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*map(on_values, x))
    return type(x)(map(on_values, x)) if isinstance(x, (list, tuple)) else x


def eagerly(f, args: tuple) -> list[float]:
    return [
        float(y._data if isinstance(y, Value) else y) for y in flatten(f(*map(on_values, args)))[0]
    ]


def bits(numbers: list[float]) -> list[str]:
    return [float(x).hex() for x in numbers]


def agrees(f, *points: tuple):
    """Trace at the first point, compare at all of them; return the trace and where guards failed."""
    traced = trace(f, points[0], {})
    failed = []
    for point in points:
        got = run(traced.tape, inputs_of(traced, point))
        failed.append(None if isinstance(got, list) else got)
        if isinstance(got, list):
            assert bits(got) == bits(eagerly(f, point)), f"at {point}"
    assert failed[0] is None, f"guard {failed[0]} fails where it was traced"
    return traced, failed


# ---- numbers ----


def test_arithmetic_is_right_at_other_points():
    def f(x, y):
        return exp(x) * y - x / y + abs(x) ** 0.5 + x % 2.0

    _, failed = agrees(
        f, (1.0, 2.0), (-3.0, 0.0), (math.nan, 1.0), (math.inf, -0.0), (1e308, 5e-324)
    )
    assert failed == [None] * 5


def test_a_branch_is_a_guard():
    def f(x):
        if x > 1.0:
            return x * 2.0
        return x * 3.0

    traced, failed = agrees(f, (2.0,), (5.0,), (0.5,), (math.nan,))
    assert failed == [None, None, 0, 0]
    (guard,) = traced.guards
    assert (guard.symbol, guard.right, guard.taken) == (">", 1.0, True)
    assert guard.line == (__file__, f.__code__.co_firstlineno + 1)


def test_while_break_min_max_sorted_sum_and_recursion():
    def gauss(x, n):
        return x if n == 0 else x * 0.5 + gauss(x * x, n - 1)

    def f(xs):
        total, i = 0.0, 0
        while total < 4.0:
            total = total + xs[i % len(xs)]
            i += 1
            if i == 9:
                break
        return [total, min(xs), max(xs), sorted(xs)[1], sum(xs), gauss(xs[0], 3)]

    _, failed = agrees(
        f, ([1.0, 3.0, 2.0],), ([1.1, 2.9, 2.0],), ([3.0, 1.0, 2.0],), ([9.0, 1.0, 2.0],)
    )
    assert failed[:2] == [None, None] and None not in failed[2:]


def test_where_on_a_comparison_is_a_select_and_no_guard():
    def f(x, y):
        both = (x > 0.0) & (y > 0.0)
        either = (x > 0.0) | (y > 0.0)
        return [
            where(x < y, x, y),
            where(both, x * y, 0.0),
            where(either, 1.0, -1.0),
            (x > y) * x + 1,
        ]

    traced, failed = agrees(f, (1.0, 2.0), (2.0, 1.0), (-1.0, 1.0), (-1.0, -2.0), (math.nan, 1.0))
    assert traced.guards == [] and failed == [None] * 5


def test_an_exception_that_steers_is_guarded():
    def checked(x):
        if x < 0.0:
            raise ValueError("negative")
        return x**0.5

    def f(x):
        try:
            return checked(x)
        except ValueError:
            return -x

    assert agrees(f, (4.0,), (9.0,), (-1.0,))[1] == [None, None, 0]
    assert agrees(f, (-4.0,), (-9.0,), (1.0,))[1] == [None, None, 0]
    with pytest.raises(ValueError, match="negative"):
        trace(checked, (-1.0,), {})


def test_data_is_traced_and_has_no_history():
    def f(x):
        y = x * x
        return y.data * x + x.detach() + (1.0 if y.data > 4.0 else 2.0)

    traced, failed = agrees(f, (3.0,), (5.0,), (1.0,))
    assert failed == [None, None, 0]
    assert "detach" in str(traced.tape)


def test_no_grad_inside_is_computed_and_detached():
    def f(x):
        with no_grad():
            y = x * x
        return y * x

    traced, _ = agrees(f, (3.0,), (5.0,))
    assert str(traced.tape) == "v0 = mul x0 x0\nv1 = detach v0\nv2 = mul v1 x0\nreturn v2"


def test_what_the_result_does_not_need_is_left_out():
    def f(x):
        unused = exp(x) * 2.0  # noqa: F841
        return x + 1.0

    assert str(trace(f, (1.0,), {}).tape) == "v0 = add x0 1\nreturn v0"


def test_an_output_that_is_an_input_a_constant_or_twice_the_same():
    def f(x, unused):
        y = x * 2.0
        return {"x": x, "y": [y, y], "c": 3, "v": Value(4.0)}

    traced, _ = agrees(f, (1.0, 2.0), (5.0, 6.0))
    assert traced.outputs.fill([1, 2, 3, 4, 5]) == {"x": 1, "y": [2, 3], "c": 4, "v": 5}
    assert traced.slots == [range(1), range(1, 2)]


def test_rounding_stays_as_it_is():
    assert agrees(lambda x: (x + 1e16) - 1e16, (1.0,), (3.0,), (-0.0,))[1] == [None] * 3


def test_softmax_is_right_for_any_order_of_its_inputs():
    traced, failed = agrees(
        softmax, ([1.0, 2.5, -3.0],), ([900.0, -900.0, 0.0],), ([math.inf, 1.0, 2.0],),
        ([math.nan, 1.0, 2.0],), ([1.0, math.nan, 2.0],), ([-math.inf] * 3,), ([-0.5, -0.25, -0.5],),
    )  # fmt: skip
    assert traced.guards == [] and failed == [None] * 7


def test_softmax_with_constants_among_its_inputs():
    assert agrees(lambda x: softmax([x, 1.0, x * 2]), (0.5,), (800.0,))[1] == [None, None]


def test_ops_of_ones_own_are_traced_as_one():
    @op
    def triple_for_tracing(xp, x):
        return 3.0 * x

    @triple_for_tracing.partials
    def _(xp, y, x):
        return (3.0,)

    traced, _ = agrees(lambda x: triple_for_tracing(x) + 1, (1.0,), (2.0,))
    assert "triple_for_tracing" in str(traced.tape)


# ---- ints ----


def test_an_int_in_arithmetic_is_an_input():
    def f(n, x):
        return [
            n * x,
            (n + 1) * (n - 2) + x,
            n / 2 + x,
            n // 2 * x,
            n % 3 * x,
            -n * x,
            abs(n) + x,
            x**n,
        ]

    traced, failed = agrees(f, (3, 1.5), (-7, 2.5), (0, 1.0))
    assert traced.guards == [] and failed == [None] * 3


def test_a_trip_count_is_guarded():
    def f(n, x):
        for _ in range(n):
            x = x * 1.5
        return x

    assert agrees(f, (3, 1.0), (3, 2.0), (4, 2.0))[1] == [None, None, 0]
    assert agrees(f, (0, 1.0), (0, 2.0), (1, 2.0))[1] == [None, None, 0]


@pytest.mark.parametrize(
    "use",
    [
        lambda n, x: x * {1: 2.0, 2: 3.0}.get(n, 5.0),
        lambda n, x: x * 2.0 if n in {1, 5} else x,
        lambda n, x: x * 2.0 if n in (1, 5) else x,
        lambda n, x: x * float(f"{n}"),
        lambda n, x: x * len(str(n)),
        lambda n, x: x * math.sqrt(n),
        lambda n, x: x * (1 << n),
        lambda n, x: x * n.bit_length(),
        lambda n, x: x * (3**n),
        lambda n, x: x * [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0][n],
        lambda n, x: x * (5 // n),
        lambda n, x: x if (n > 1) is True else -x,
        lambda n, x: x if n else -x,
        lambda n, x: x if x > n else -x,
        lambda n, x: x * round(n),
        lambda n, x: x * divmod(n, 2)[1],
        lambda n, x: x * (n * n * n * n),
        lambda n, x: sum([x] * n),
    ],
)
def test_any_other_use_of_an_int_is_guarded(use):
    _, failed = agrees(use, (1, 2.0), (1, 3.0), (2, 3.0), (7, 1.0))
    assert failed[1] is None


def test_an_int_beyond_floats_is_told_apart_by_the_signature():
    assert read(2**60).leaves == [] and read(2**60).signature != read(2**60 + 1).signature
    assert read(2**53).signature != read(3).signature == read(5).signature


def test_large_ints_are_multiplied_as_ints():
    def f(n, m, x):
        return n * m % 1000003 * x

    big = 2**40 + 1
    assert agrees(f, (big, big, 1.0), (big, big, 2.0), (big + 2, big, 1.0))[1][1] is None


def test_a_bool_is_told_apart_by_the_signature():
    assert read(True).signature != read(False).signature != read(0).signature


def test_a_function_that_cannot_do_with_stand_ins_runs_on_plain_ones():
    def f(x, n):
        steps = [math.cos(k) for k in np.arange(n)]  # an array of so many
        return x * steps[-1] * math.factorial(n)

    failed = agrees(f, (1.0, 3), (2.0, 3), (2.0, 4))[1]
    assert failed[:2] == [None, None] and failed[2] is not None


# ---- gathers ----

ROWS = [[0.1, 0.2], [1.1, 1.2], [2.1, 2.2]]


def test_an_int_that_indexes_a_list_is_an_input():
    def f(table, token, x):
        a, b = table[token]
        return [a * x + b, table[token][1] * a, table[token][0]]

    traced, failed = agrees(f, (ROWS, 1, 2.0), (ROWS, 0, 3.0), (ROWS, 2, 3.0), (ROWS, -3, 3.0))
    assert traced.guards == [] and failed == [None] * 4


def test_an_array_of_ints_indexes_an_array():
    def f(table, tokens):
        return (table[tokens] * table[tokens[0]]).sum()

    table = np.arange(6.0).reshape(3, 2) + 0.1
    traced, failed = agrees(f, (table, np.array([0, 2])), (table, np.array([1, -1])))
    assert traced.guards == [] and failed == [None, None]


def test_tokens_index_arrays_lists_of_values_and_modules():
    class Embedding(Module):
        def __init__(self):
            self.rows = [[Value(v) for v in row] for row in ROWS]

        def __call__(self, token):
            return self.rows[token]

    model = Embedding()

    def f(tokens, table, x):
        found = [model(t)[0] * table[t][1] + table[t, 0] * x for t in tokens]
        return sum(found)

    table = np.array(ROWS)
    points = [([0, 2, 1], table, 1.0), ([1, 1, 1], table * 2, 3.0), ([-1, 0, -2], table, 0.5)]
    traced, failed = agrees(f, *points)
    assert traced.guards == [] and failed == [None] * 3
    assert traced.tape.inputs == 3 + 6 + 1 + 6
    tokens = np.array([0, 2, 1])
    assert agrees(f, (tokens, table, 1.0), (tokens[::-1].copy(), table, 2.0))[0].guards == []


def test_an_index_out_of_range_raises_as_ever():
    with pytest.raises(IndexError):
        trace(lambda table, i: table[i][0], (ROWS, 3), {})


def test_what_is_not_regular_is_guarded():
    def f(rows, i, x):
        return rows[i][0] * x + [x, x * x, 2.0][i]

    ragged = [[1.0], [2.0, 3.0], [4.0]]
    traced, failed = agrees(f, (ragged, 1, 2.0), (ragged, 1, 3.0), (ragged, 2, 3.0))
    assert failed == [None, None, 0] and len(traced.guards) == 1


def test_a_list_of_ints_indexed_by_an_int():
    def f(table, i, x):
        return table[i] * x

    points = [([5, 7, 9], 1, 2.0), ([5, 7, 9], 2, 2.0), ([1, 2, 3], 0, 2.0)]
    traced, failed = agrees(f, *points)
    assert traced.guards == [] and failed == [None] * 3


# ---- structures ----

Point = namedtuple("Point", "x y")


@dataclass
class Market:
    spot: float
    rates: list[float]
    steps: int = 2
    kind: str = "call"


@dataclass(frozen=True, slots=True)
class Option:
    strike: float
    market: Market


class Color(enum.Enum):
    RED = 1
    BLUE = 2


def test_structures_are_taken_apart_and_built_again():
    def f(option, point, table, flag, color):
        x = option.strike * option.market.spot + sum(option.market.rates)
        for _ in range(option.market.steps):
            x = x * 1.5
        if option.market.kind == "call" and flag and color is Color.RED:
            x = x + point.x - point.y
        return x + table["a"][0] * table["b"]

    def point(k):
        option = Option(1.0 * k, Market(2.0, [0.5, k]))
        return option, Point(3.0, 0.1 * k), {"a": (k, 1.0), "b": 0.25}, True, Color.RED

    traced = trace(f, point(1.0), {})
    for k in (1.0, 2.5):
        x = inputs_of(traced, point(k))
        assert bits(run(traced.tape, x)) == bits([float(f(*point(k)))])
    assert read(point(1.0)).signature == read(point(2.0)).signature
    assert traced.slots == [range(4), range(4, 6), range(6, 9), range(9, 9), range(9, 9)]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1.0], [1.0, 2.0]), ([1.0], (1.0,)), ({"a": 1.0}, {"b": 1.0}), (True, False), ("a", "b"),
        (None, 1.0), (1.0, 1), (Color.RED, Color.BLUE), (np.zeros(2), np.zeros(3)), ([], {}),
        (np.zeros(4), np.zeros((2, 2))), (np.zeros(2), np.zeros(2, int)),
        (np.array([True]), np.array([False])), ([1.0, "a"], [1.0, "b"]),
        ({1: 1.0}, {True: 1.0}), (Market(1.0, []), Market(1.0, [], 3)),
        (Point(1.0, 2.0), (1.0, 2.0)), ({1}, {2}), ({1}, {1.0}), (len, abs), ([[1.0], 2.0], [[1.0, 2.0]]),
        (deque([1.0]), [1.0]), (Value(1.0), 1.0), (1 + 2j, 2 + 2j), (range(3), range(4)),
    ],
)  # fmt: skip
def test_different_structures_have_different_signatures(a, b):
    assert read(a).signature != read(b).signature
    assert read(a).signature == read(a).signature
    hash(read(a).signature)


def test_numbers_of_numpy_read_as_those_of_python():
    assert read([np.float64(0.5), 2.0]).signature == read([1.0, 2.0]).signature
    assert read((np.float64(0.5),)).signature == read((1.0,)).signature
    assert read(np.float64(0.5)).signature == read(1.0).signature != read(np.float32(1)).signature
    assert read(np.zeros(2)).signature != read(np.zeros(2, np.float32)).signature
    assert read([np.int64(3)]).signature == read([3]).signature != read([np.True_]).signature
    assert [type(x) for x in read([np.float32(0.5), 1.0, np.int8(3)]).leaves] == [float, float, int]


def test_which_values_are_the_same_is_a_part_of_the_signature():
    x, y = Value(1.0), Value(1.0)
    assert read([x, y]).signature != read([x, x]).signature == read([y, y]).signature
    assert sameness([x, x, y]) == (0, 0, 2)


def test_the_order_of_numbers_is_that_of_the_inputs():
    def f(a, b, c, *, d):
        return [a["z"], a["y"][1], b[0, 1], c, d]

    args, kwargs = ({"z": 1.0, "y": [2, 3.0]}, np.arange(4.0).reshape(2, 2), Value(8.0)), {"d": 9.0}
    traced = trace(f, args, kwargs)
    x = inputs_of(traced, args, kwargs)
    assert x == [1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0, 8.0, 9.0]
    assert run(traced.tape, x) == [1.0, 3.0, 1.0, 8.0, 9.0]


def test_the_same_value_twice_among_the_arguments():
    v = Value(3.0)
    traced = trace(lambda a, b: a * b, (v, v), {})
    assert str(traced.tape) == "v0 = mul x0 x0\nreturn v0" and traced.tape.inputs == 2


def test_arrays_compute_as_arrays_of_values():
    def f(x, w):
        return (x * 2.0 - 1.0) @ w + np.exp(x).sum()

    points = [(np.arange(3.0) * k, np.array([1.0, k, 2.0])) for k in (1.0, -0.5)]
    assert agrees(f, *points)[1] == [None, None]


# ---- what is refused ----


def append(xs):
    xs.append(1.0)
    return xs[0]


def assign_item(xs):
    xs[0] = 2.0
    return xs[0]


def in_place(xs):
    xs += [1.0]
    return xs[0]


@pytest.mark.parametrize("f", [append, assign_item, in_place])
def test_a_change_of_an_argument_is_refused_with_its_line(f):
    xs = [1.0, 2.0]
    with pytest.raises(
        RuntimeError, match=rf"test_tracing.py, line {f.__code__.co_firstlineno + 1}\)"
    ):
        trace(f, (xs,), {})
    assert xs == [1.0, 2.0]


def test_a_change_of_an_array_a_dict_or_an_attribute_is_refused():
    def array(x):
        x[0] = 2.0
        return x[0]

    def attribute(m):
        m.spot = m.spot * 2.0
        return m.spot

    def entry(d):
        d["a"] = 3.0
        return d["a"]

    market, x, d = Market(1.0, [2.0]), np.ones(2), {"a": 1.0}
    with pytest.raises(RuntimeError, match="changes an array"):
        trace(array, (x,), {})
    with pytest.raises(
        RuntimeError, match=f"changes spot.*line {attribute.__code__.co_firstlineno + 1}"
    ):
        trace(attribute, (market,), {})
    with pytest.raises(RuntimeError, match="changes a dict"):
        trace(entry, (d,), {})
    assert market == Market(1.0, [2.0]) and x.tolist() == [1.0, 1.0] and d == {"a": 1.0}


def test_a_change_of_a_plain_list_or_dict_is_refused():
    def f(xs, d):
        if type(xs) is list:
            xs.append(1.0)
        return xs[0]

    def g(xs, d):
        d["b"] = xs[0] if type(d) is dict else 0.0
        return xs[0]

    xs, d = [1.0], {"a": 1.0}
    for h, name in ((f, "list"), (g, "dict")):
        with pytest.raises(RuntimeError, match=f"changes a {name}"):
            trace(h, (xs, d), {})
    assert xs == [1.0] and d == {"a": 1.0}


def test_what_the_function_made_itself_it_may_change():
    def f(xs):
        ys = [x * 2.0 for x in xs]
        ys.append(ys[0])
        zs = xs[:2]
        zs[0] = 5.0
        counts = {}
        counts["a"] = xs[1]
        return sum(ys) + zs[0] + counts["a"]

    assert agrees(f, ([1.0, 2.0],), ([3.0, 4.0],))[1] == [None, None]


def draws_from_a_generator(x):
    return x * GENERATOR.random()


def draws_from_numpy(x):
    return x * np.random.rand()


def draws_from_random(x):
    return x * random.random()


GENERATOR = np.random.default_rng(0)
RANDOM = random.Random(0)


@pytest.mark.parametrize(
    "f",
    [
        draws_from_generator := draws_from_a_generator,
        draws_from_numpy,
        draws_from_random,
        lambda x: x * RANDOM.gauss(0, 1),
    ],
)
def test_random_numbers_are_refused_and_their_state_put_back(f):
    random.seed(1)
    np.random.seed(1)
    states = random.getstate(), RANDOM.getstate(), GENERATOR.bit_generator.state
    with pytest.raises(RuntimeError, match="draws random numbers"):
        trace(f, (1.0,), {})
    assert states == (random.getstate(), RANDOM.getstate(), GENERATOR.bit_generator.state)
    first = np.random.rand()
    np.random.seed(1)
    assert first == np.random.rand()


def test_a_generator_among_the_arguments_is_refused():
    with pytest.raises(RuntimeError, match="draws random numbers"):
        trace(lambda x, rng: x * rng.random(), (1.0, random.Random(3)), {})


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: (x * x).backward() or x, r"calls backward\(\)"),
        (lambda x: x.zero_grad() or x, r"calls zero_grad\(\)"),
        (lambda x: setattr(x, "data", 1.0) or x, "assigns .data"),
        (lambda x: __import__("copy").copy(x), "copies Values"),
    ],
)
def test_what_is_no_computation_is_refused(f, message):
    with pytest.raises(RuntimeError, match=message):
        trace(f, (2.0,), {})
    assert not is_tracing()


def test_what_would_lose_the_graph_keeps_its_error():
    with pytest.raises(TypeError, match=r"not math\.exp"):
        trace(lambda x: math.exp(x), (1.0,), {})
    with pytest.raises(TypeError, match="expected a real number, got a Value"):
        trace(lambda x: Value(x) * 2, (1.0,), {})


def test_isinstance_and_type_answer_as_for_plain_ints_bools_and_lists():
    def f(xs, n):
        x = xs[0] * (2.0 if isinstance(n, int) else 3.0)
        x = x * (5.0 if isinstance(x > 1.0, bool) else 7.0)
        return x * (11.0 if type(xs) is list else 13.0) * (17.0 if type(n) is int else 19.0)

    assert agrees(f, ([1.0], 3), ([2.0], 3))[1] == [None, None]


def test_a_captured_float_is_a_float_to_those_who_look():
    rate = 0.5

    def f(x):
        return x * (2.0 if isinstance(rate, (float, Value)) else 3.0) * (rate if rate else 1.0)

    traced, failed = agrees(f, (1.0,), (2.0,))
    assert failed == [None, None] and traced.tape.inputs == 2
    rate = 0.25
    assert run(traced.tape, inputs_of(traced, (1.0,))) == [1.0 * 2.0 * 0.25]
    rate = 0.0
    assert isinstance(run(traced.tape, inputs_of(traced, (1.0,))), int)  # it is traced again


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_a_plain_zero_is_that_zero(zero):
    other = zero

    def f(x):
        return x * math.copysign(1.0, other)

    traced, _ = agrees(f, (1.0,))
    other = -other
    assert isinstance(run(traced.tape, inputs_of(traced, (1.0,))), int)


def test_a_plain_nan_is_a_nan():
    other = math.nan

    def f(x):
        return x * (1.0 if math.isnan(other) else 2.0)

    traced, _ = agrees(f, (3.0,))
    other = 1.0
    assert isinstance(run(traced.tape, inputs_of(traced, (3.0,))), int)


KNOWN = {2.0: 10.0, 3.0: 20.0}


@singledispatch
def doubled(v):
    return 0.0


@doubled.register
def _(v: float):
    return 2.0 * v


def matched(x, k):
    match k:
        case float():
            return x * 2.0
    return x


def caught(what):
    def f(x, k):
        try:
            return x * what(k)
        except (ArithmeticError, TypeError, AttributeError, ValueError):
            return x * 100.0

    return f


@pytest.mark.parametrize(
    "f",
    [
        lambda x, k: x * KNOWN.get(k, 0.5),
        lambda x, k: x * (2.0 if k in KNOWN else 3.0) * len({k, 2.0, k}),
        lambda x, k: x * len(str(k)) + float(f"{k:.1f}"),
        lambda x, k: x * (2.0 if isinstance(k, numbers_abc.Real) else 3.0),
        lambda x, k: x * (2.0 if k.__class__ is float and type(k) is float else 3.0),
        lambda x, k: x * (2.0 if hasattr(k, "data") or isinstance(k, Value) else 3.0),
        lambda x, k: x * doubled(k),
        matched,
        caught(lambda k: 1.0 / k),
        caught(lambda k: (1.0 / k) // k + 5.0 % k),
        caught(lambda k: 10.0 ** (150.0 * k)),
        caught(lambda k: abs((k - 3.0) ** 0.5)),
        caught(lambda k: [1.0, 2.0][k]),
        caught(lambda k: k.exp()),
        caught(lambda k: range(k)),
        caught(lambda k: math.log(k) + math.floor(k) + math.trunc(k) + int(k)),
        lambda x, k: x / math.copysign(1.0, -k * 0.0) + x / (round(k / 10.0) or 0.5),
        lambda x, k: x * round(k * 1.3375, 3) * k.is_integer() + divmod(k, 0.7)[0],
        lambda x, k: -k * x + (+k) ** 2 + abs(-k) if k else x,
        lambda x, k: max(k, 2.5) * x + sorted([k, 1.0, 2.2])[1],
        lambda x, k: where(x > k, k, 2.0 * k) * x + exp(k) * hypot(k, x),
        lambda x, k: x * k * np.float64(0.1) + k * np.float32(0.1),
        lambda x, k: x * sum([k, 0.1, 0.2, k]) + sum([0.1, k, x]),
        lambda x, k: x * Value(k),
    ],
)
@np.errstate(over="ignore")
def test_a_float_that_is_not_differentiated_by_is_one(f):
    def captured(x):
        return f(x, rate)

    def outcome(k):
        try:
            return bits([f(Value(1.5), k).data])
        except OverflowError as error:
            return error

    points = [2.0, 3.0, 2.5, 0.0, -0.0, -1.5, 1e300]
    for rate in points:
        if isinstance(outcome(rate), Exception):
            with pytest.raises(OverflowError):
                trace(f, (1.5, rate), {}, wanted=(0,))
            continue
        traced, alone = trace(f, (1.5, rate), {}, wanted=(0,)), trace(captured, (1.5,), {})
        assert bits(run(alone.tape, inputs_of(alone, (1.5,)))) == outcome(rate)
        for other in points:
            found = run(traced.tape, inputs_of(traced, (1.5, other)))
            assert isinstance(found, int) or bits(found) == outcome(other)
            assert other is not rate or not isinstance(found, int)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, a: x * (a[0] * a[1]) + (a[0] - a[1]) * 2,
        lambda x, a: x * a[0] + x / a[1] + 2.0 * a[0],
        lambda x, a: x * (a + a)[0] - a[1],
        lambda x, a: x * a[0] ** 2 + a[1] % a[0] + -a[0],
        lambda x, a: x * (a[0] > a[1]) + np.sum(a) + np.tanh(a).max() if a.dtype.kind == "f" else x,
        lambda x, a: x + a.mean() + np.mean(a) + np.median(a) + a.std(),
        lambda x, a: x + a.sum() + (a * 3 + a).sum() + np.sum(a.tolist()) + np.cumsum(a)[1],
        lambda x, a: x + np.sort(a)[0] + np.argmax(a) + a.max() - a.min() + np.ptp(a),
        lambda x, a: x + np.maximum(a, 1)[0] + np.fmax(a[0], a[1]) + np.clip(a, 0, 2)[1],
        lambda x, a: x + (a**2)[0] + (a**3)[1] + (2.0**a)[0] + (abs(a) ** 0.5)[1],
        lambda x, a: x * a.tolist()[0] + a.item(1) * a.item(0) + sum(a) + sum(a.tolist()),
        lambda x, a: x * (1.5 * a)[0] + (a * a.tolist()[1])[1] + (x * a)[1] + (a / 4)[0],
        lambda x, a: x + a @ a + np.dot(a, a[::-1]) + np.linalg.norm(a),
        lambda x, a: x + np.concatenate([a, a * 2]).sum() + np.stack([a, a]).mean(),
        lambda x, a: x + a[a > 0].sum() + np.where(a > 1, a, -a)[0] + len(a[a > 1]),
        lambda x, a: x + np.asarray(a).mean() + np.array([a[0], 2.0]).sum() + np.exp(a[1] / 100),
        lambda x, a: x + abs(a[0]) + abs(a)[1] + (-a)[0] + np.abs(a[1]) + round(float(a[1]), 1),
        lambda x, a: x + len(str((1.5 * a)[0])) + isinstance((1.5 * a)[0], float),
        lambda x, a: x * a.copy()[0] + a.astype(float).sum() + a.reshape(2, 1).T[0, 1] + a.size,
    ],
)
@np.errstate(all="ignore")
@pytest.mark.filterwarnings("ignore")
def test_arrays_are_computed_on_as_numpy_does(f):
    points = [
        ([200, 3], np.uint8),
        ([0.1, 0.7], np.float32),
        ([3, -100], np.int8),
        ([0.1, 0.0], float),
    ]
    points += [
        ([2, 1], np.int64),
        ([math.nan, 1.3], float),
        ([-0.0, 0.1], float),
        ([2**31 - 1, 5], np.int32),
    ]
    for numbers, dtype in points:
        traced = trace(f, (1.5, np.array(numbers, dtype)), {}, wanted=(0,))
        for other in (numbers, numbers[::-1]):
            array = np.array(other, dtype)
            found = run(traced.tape, [1.5, *map(float, array)])
            plain = f(Value(1.5), array)
            assert isinstance(found, int) or bits(found) == bits([plain.data]), (other, dtype)
            assert other is not numbers or not isinstance(found, int)


def test_arithmetic_of_arrays_and_ints_costs_no_trace():
    def f(x, a, n):
        b = 2.0 * a + a / 3.0 - a[0]
        return x * b[1] + n**2 + n // 3 + 7 % n + 1 / n + n / 4 + (type(n) is int) + (n**2 > -1)

    traced = trace(f, (1.5, np.array([0.1, 0.2]), 5), {}, wanted=(0,))
    for a, n in (([0.3, 0.4], 7), ([-1.0, 2.0], -2), ([0.0, 0.0], 12)):
        found = run(traced.tape, [0.5, *a, float(n)])
        assert bits(found) == bits([f(Value(0.5), np.array(a), n).data])
    assert isinstance(run(traced.tape, [0.5, 0.1, 0.2, 0.0]), int)  # a division by zero


def test_derivatives_of_floats_inside_are_floats():
    def f(x, y, z):
        slope = grad(lambda t: t * t * y)(y)
        both = grad(lambda t: t * x)(y)
        try:
            return x * round(slope, 2) + 1.0 / z + both + isinstance(slope, float)
        except ZeroDivisionError:
            return x * 5.0

    points = [(1.5, 2.675, 1.0), (1.5, 1.0, 0.0), (2.5, 2.675, 2.0)]
    for x, y, z in points:
        traced = trace(f, (x, y, z), {}, wanted=(0,))
        for point in points:
            found = run(traced.tape, list(point))
            assert isinstance(found, int) or bits(found) == bits(
                [f(Value(point[0]), *point[1:]).data]
            )
            assert point != (x, y, z) or not isinstance(found, int)


def test_rounding_and_softmax_and_gathers_are_guarded():
    traced = trace(lambda x: round(x, 2), (1e307,), {})
    assert isinstance(run(traced.tape, [1.234]), int)
    for f in (
        caught(lambda k: softmax([k, 1.0])[0] / (k * 0.0)),
        caught(lambda k: softmax([k, 1.0])[0] / k),
    ):
        found = run(trace(f, (1.5, 2.0), {}, wanted=(0,)).tape, [1.5, 2.0])
        assert found == [f(Value(1.5), 2.0).data]
    traced = trace(lambda xs, i: (xs[i] * xs[i]) % 7, ([3, 2**30 + 1], 0), {}, wanted=())
    found = run(traced.tape, [3.0, 2.0**30 + 1, 1.0])
    assert isinstance(found, int) or found == [(2**30 + 1) ** 2 % 7]


def test_floats_beside_what_is_differentiated_by_cost_no_trace():
    traced = trace(
        lambda x, k, xs: x * k - k / 2.0 + xs[1] * abs(k), (1.0, 2.0, [3.0, 4.0]), {}, wanted=(0,)
    )
    assert run(traced.tape, [2.0, 5.0, 6.0, 7.0]) == [2.0 * 5.0 - 2.5 + 35.0]
    assert traced.guards == []


def test_a_module_has_the_parameters_that_it_has():
    class Norm(Module):
        def __init__(self):
            self.gain, self.eps, self.frozen = Value(2.0), 0.5, [Value(3.0), 4.0]

    def f(module, x):
        return sum(p * p for p in module.parameters()) * module.eps * x * len(module.parameters())

    norm = Norm()
    traced = trace(f, (norm, 3.0), {})
    assert run(traced.tape, [2.0, 0.25, 3.0, 4.0, 1.0]) == [(4.0 + 9.0) * 0.25 * 1.0 * 2.0]


def test_a_function_for_values_meets_values():
    traced = trace(lambda x: x.exp() * x.tanh(), (1.0,), {}, wanted=())
    assert run(traced.tape, [0.5]) == [math.exp(0.5) * math.tanh(0.5)]


def test_what_is_refused_stays_refused_if_it_is_caught():
    log = []

    def f(x):
        with suppress(Exception):
            log.append(x)
        return x * len(log)

    with pytest.raises(RuntimeError, match="changes a list"):
        trace(f, (1.0,), {})


def test_the_text_of_a_value_holds_for_its_number():
    traced = trace(lambda x: x * float(f"{x:.1f}") * len(repr(x)), (1.25,), {})
    assert isinstance(run(traced.tape, [2.75]), int)


def test_ints_of_one_array_are_bounded_together():
    f = lambda a, x: x * ((a[0] * a[0]) % 1007)
    traced = trace(f, (np.array([3, 2**40]), 1.0), {})
    for other in ([3, 2**40], [2**30 + 1, 2**40]):
        found = run(traced.tape, [*map(float, other), 1.0])
        assert isinstance(found, int) or found == [float(other[0] ** 2 % 1007)]


def test_python_rounds_captured_floats_in_its_own_way():
    price = 2.675

    def f(x):
        return x + round(price, 2)

    traced, _ = agrees(f, (0.0,))
    assert run(traced.tape, inputs_of(traced, (0.0,))) == [round(2.675, 2)]
    assert agrees(lambda x: round(x, 2), (2.675,), (1.005,))[1] == [None, None]


def test_the_builtin_sum_of_captured_floats_is_that_of_this_python():
    weights = [0.1] * 10 + [1e16, 1.0, -1e16]

    def f(x):
        return [
            x * sum(weights),
            sum(w * 2 for w in weights) + x,
            sum(x * w for w in weights),
            sum([x, x]),
        ]

    assert agrees(f, (1.0,), (0.3,))[1] == [None, None]


floats = st.one_of(
    st.floats(-10, 10), st.sampled_from([1e16, -1e16, 0.1, -0.0, math.inf, math.nan, 1e308])
)


def neumaier(numbers, start):
    """The sum of floats as CPython has it from 3.12 on, without its shortcuts."""
    total, error, has_float = start, 0.0, isinstance(start, float)
    for x in numbers:
        if has_float and isinstance(x, float):
            before, total = total, total + x
            large, small = (before, x) if abs(before) >= abs(x) else (x, before)
            error += (large - total) + small
        else:
            total, has_float = total + x, has_float or isinstance(x, float)
    return total + error if error and math.isfinite(error) else total


@given(st.lists(st.one_of(floats, st.integers(-3, 3)), max_size=8), floats)
def test_the_sum_of_floats_is_that_of_newer_pythons(numbers, start):
    for arguments in ((numbers, 0), (numbers, start)):
        assert bits([compensated_sum(*arguments)]) == bits([neumaier(*arguments)])
        if sys.version_info >= (3, 12):
            assert bits([neumaier(*arguments)]) == bits([sum(*arguments)])


def test_an_iterator_is_refused_when_it_is_used():
    numbers = iter([1.0, 2.0, 3.0])
    for f, args in ((lambda x: x * next(numbers), (1.0,)), (lambda x: x * sum(numbers), (1.0,))):
        with pytest.raises(RuntimeError, match="uses up a list_iterator"):
            trace(f, args, {})
    with pytest.raises(RuntimeError, match="uses up a zip"):
        trace(lambda pairs: sum(a * b for a, b in pairs), (zip([1.0], [2.0]),), {})
    assert list(numbers) == [1.0, 2.0, 3.0]


def test_reading_a_gradient_is_refused():
    w = Value(2.0)
    for f in (
        lambda x: x * w.grad,
        lambda x: setattr(w, "grad", 0.0) or x,
        lambda x: x * w.has_grad,
    ):
        with pytest.raises(RuntimeError, match=r"\.grad|\.has_grad"):
            trace(f, (1.0,), {})
    assert w.grad == 0.0


@pytest.mark.parametrize("n", [2**53 + 1, 2**53 + 3, -(2**53) - 1, 10**400, -(10**400)])
@pytest.mark.parametrize("symbol", list(COMPARE))
def test_a_comparison_with_an_int_that_no_float_is(symbol, n):
    compare = COMPARE[symbol]
    points = [1.0, -1.0, math.inf, -math.inf, math.nan]
    points += [
        x for k in (2.0**53, -(2.0**53)) for x in (k, math.nextafter(k, 2 * k), k - 1.0, k + 4)
    ]
    for point in points:
        traced = trace(lambda x: x * 2.0 if compare(x, n) else x, (point,), {})
        for x in points:
            found = run(traced.tape, [x])
            assert isinstance(found, int) == (compare(x, n) is not compare(point, n))


def test_the_gradient_of_a_trace_inside_is_its_own():
    def f(x):
        return grad(lambda a: a**3)(x) + grad(grad(lambda a: exp(a) * x))(0.5)

    assert agrees(f, (2.0,), (5.0,))[1] == [None, None]


def test_a_refusal_ends_the_trace_at_once():
    calls = []

    def f(xs):
        calls.append(1)
        return xs[0]

    with pytest.raises(RuntimeError, match="changes a list"):
        trace(f, ([1.0],), {})
    assert calls == []


@pytest.mark.parametrize("result", [None, "text", [1.0, None], object()])
def test_a_result_that_is_no_number_is_refused(result):
    with pytest.raises(TypeError, match="to return a number"):
        trace(lambda x: result, (1.0,), {})


def test_no_trace_is_left_after_an_error():
    def f(x):
        raise KeyError("a")

    with pytest.raises(KeyError):
        trace(f, (1.0,), {})
    assert not is_tracing() and (Value(1.0) < 2.0) is True


# ---- whole programs ----


def test_a_model_is_traced_and_right_with_other_weights_and_data():
    model = MLP(2, [4, 1], activation="tanh", rng=0)

    def loss(model, xs, ys):
        return sum((model(x) - y) ** 2 for x, y in zip(xs, ys)) / len(xs)

    xs, ys = np.array([[0.1, 0.2], [0.3, -0.4]]), [1.0, -1.0]
    traced = trace(loss, (model, xs, ys), {})
    for p in model.parameters():
        p.data = p.data * 1.5 + 0.1
    got = run(traced.tape, inputs_of(traced, (model, -xs, ys)))
    assert bits(got) == bits([loss(model, (-xs).tolist(), ys).data])
    assert traced.tape.inputs == 17 + 4 + 2 and traced.guards == []


def test_cross_entropy_by_a_label():
    def f(z, label):
        return cross_entropy(z, label)

    assert agrees(f, ([1.0, 2.0, 0.5], 1), ([0.0, 2.0, 5.0], 1), ([0.0, 2.0, 5.0], 2))[1][:2] == [
        None,
        None,
    ]


CHOICES = (
    lambda a, b, c, xs, n: a + b,
    lambda a, b, c, xs, n: a * b - c,
    lambda a, b, c, xs, n: where(a < b, a, c),
    lambda a, b, c, xs, n: a if a <= b else c,
    lambda a, b, c, xs, n: xs[n % 3] * a,
    lambda a, b, c, xs, n: a - b,
    lambda a, b, c, xs, n: max(a, b),
    lambda a, b, c, xs, n: xs[n] * b,
    lambda a, b, c, xs, n: abs(a) * 0.5,
    lambda a, b, c, xs, n: -a // 3 + (b > c),
    lambda a, b, c, xs, n: ((a > b) | (b > c)) * c,
    lambda a, b, c, xs, n: (a == b) - (b != c) * 2,
)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_random_programs_agree_wherever_their_guards_hold(data):
    steps = data.draw(st.lists(st.tuples(*[st.integers(0, 99)] * 4), min_size=1, max_size=12))
    floats = st.floats(-10, 10).map(lambda x: round(x, 2))
    draw = st.tuples(st.lists(floats, min_size=3, max_size=3), st.integers(-3, 2), floats)

    def f(xs, n, x):
        known = [x, *xs, n]
        for kind, i, j, k in steps:
            a, b, c = known[i % len(known)], known[j % len(known)], known[k % len(known)]
            y = CHOICES[kind % len(CHOICES)](a, b, c, xs, n)
            known.append(y)
        return known[-1] + 0.0

    points = [data.draw(draw) for _ in range(4)]
    agrees(f, *points)


def test_grad_inside():
    def f(x, y):
        return grad(lambda a: a * a * y + exp(a))(x)

    assert agrees(f, (1.0, 2.0), (0.5, -3.0))[1] == [None, None]


def test_partial_and_methods_are_functions_as_well():
    class Scaler:
        def __init__(self, scale):
            self.scale = scale

        def __call__(self, x):
            return x * self.scale

        def twice(self, x):
            return self(self(x))

    scaler = Scaler(3.0)
    for f in (scaler, scaler.twice, functools.partial(lambda a, x: a * x, 2.5)):
        traced = trace(f, (2.0,), {})
        assert run(traced.tape, inputs_of(traced, (4.0,))) == [f(4.0)]
    traced = trace(scaler.twice, (2.0,), {})
    scaler.scale = 5.0
    assert run(traced.tape, inputs_of(traced, (4.0,))) == [100.0]


def test_lines_are_those_of_the_user():
    def f(x):
        y = x * 2.0
        return log(y) + 1.0

    tape = trace(f, (3.0,), {}, lines=True).tape
    first = f.__code__.co_firstlineno
    assert tape.lines == [(__file__, first + 1), (__file__, first + 2), (__file__, first + 2)]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_op_is_one_instruction_or_a_chain_of_them(row):
    def f(x):
        if isinstance(row, SequenceOp):
            return row(*[x] * row.sequences)
        return row(*x[: max(row.least, 1)])

    traced, failed = agrees(
        f, ([0.75, 0.5, 0.25],), ([-1.5, 2.0, 3.0],), ([math.inf, 0.0, math.nan],)
    )
    assert failed == [None] * 3 and len(traced.tape) == (3 if row.is_chain else 1)


def test_a_trace_keeps_no_graph():
    seen: weakref.WeakSet = weakref.WeakSet()

    def f(x):
        y = x * x
        seen.add(y)
        return y + (1.0 if y > 1.0 else 2.0)

    traced = trace(f, (2.0,), {})
    assert len(traced.guards) == 1 and len(seen) == 0

    def g(x):
        seen.add(x * x)
        return math.exp(x)

    with pytest.raises(TypeError):
        trace(g, (2.0,), {})
    assert len(seen) == 0
