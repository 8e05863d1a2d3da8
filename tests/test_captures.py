"""What a function reads from outside: a change of it changes the answer, or is noticed.

After each change either the tape, fed with what `current` returns, gives what the function itself
gives, to the bit; or `current` returns None, and the function would be traced again.
"""

from __future__ import annotations

import functools
import math
import random
import re
import sys
import threading
import types
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tracing import bits, eagerly, numbers, run

from autograd import Value, exp, jit, op, value_and_grad
from autograd.compiler.bytecode import Names, line_of, names_in
from autograd.compiler.tracing import trace
from nn import MLP, Module

POINT = (3.0,)


def follows(traced, f, point=POINT) -> bool:
    """Whether the trace still stands; if so, it must give what f gives."""
    current = traced.captures.current()
    if current is None:
        return False
    got = run(traced.tape, [*point, *numbers(current)])
    if isinstance(got, int):
        return False
    assert bits(got) == bits(eagerly(f, point))
    return True


@pytest.fixture
def names():
    """A module of the user's, with functions of its own."""
    module = types.ModuleType("users_module")
    module.__file__ = "/home/user/users_module.py"
    return module


def define(module, source: str) -> None:
    exec(compile(source, module.__file__, "exec"), vars(module))


# ---- globals ----


def test_a_global_number_is_an_input(names):
    define(names, "rate = 2.0\ndef f(x): return x * rate")
    traced = trace(names.f, POINT, {})
    assert follows(traced, names.f) and traced.tape.inputs == 2
    for rate in (5.0, -0.0, math.nan):
        names.rate = rate
        assert follows(traced, names.f)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2", "3"), ("True", "False"), ("2.0", "2"), ("'a'", "'b'"), ("None", "1.0"), ("[1.0]", "[1.0, 2.0]"),
        ("[1.0]", "(1.0,)"), ("{'a': 1.0}", "{'b': 1.0}"), ("len", "abs"), ("{1}", "{2}"), ("1j", "2j"),
    ],
)  # fmt: skip
def test_another_global_of_another_kind_is_noticed(names, before, after):
    define(names, f"it = {before}\ndef f(x): return x * 2.0 if it else x * 3.0")
    traced = trace(names.f, POINT, {})
    assert follows(traced, names.f)
    define(names, f"it = {after}")
    assert not follows(traced, names.f)
    define(names, f"it = {before}")
    assert follows(traced, names.f)


def test_a_global_that_hides_a_builtin_later_is_noticed(names):
    define(names, "def f(x): return abs(x) * 2.0")
    traced = trace(names.f, POINT, {})
    define(names, "def abs(x): return -x")
    assert not follows(traced, names.f)


def test_a_global_that_is_deleted_is_noticed(names):
    define(names, "rate = 2.0\ndef f(x): return x * rate")
    traced = trace(names.f, POINT, {})
    del names.rate
    assert traced.captures.current() is None


def test_containers_are_looked_into(names):
    define(names, "w = {'a': [1.0, (2.0, 3.0)]}\ndef f(x): return x * w['a'][0] + w['a'][1][1]")
    traced = trace(names.f, POINT, {})
    names.w["a"][0] = 5.0
    assert follows(traced, names.f)
    names.w["a"][1] = (0.0, 8.0)
    assert follows(traced, names.f)
    names.w = {"a": [7.0, (2.0, 4.0)]}
    assert follows(traced, names.f)
    names.w["a"].append(1.0)
    assert not follows(traced, names.f)


def test_a_captured_int_that_indexes_is_compared(names):
    define(names, "i = 1\nrows = [1.0, 2.0, 3.0]\ndef f(x): return x * rows[i]")
    traced = trace(names.f, POINT, {})
    names.i = 2
    assert not follows(traced, names.f)


def test_an_argument_indexes_a_captured_table(names):
    define(names, "rows = [1.0, 2.0, 3.0]\ndef f(i): return rows[i] * 2.0")
    traced = trace(names.f, (1,), {})
    names.rows[2] = 9.0
    assert run(traced.tape, [2.0, *numbers(traced.captures.current())]) == [18.0]


def test_arrays_are_compared_by_content(names):
    define(
        names, "import numpy as np\nw = np.arange(3.0)\ndef f(x): return x * w[1] + (w * x).sum()"
    )
    traced = trace(names.f, POINT, {})
    assert follows(traced, names.f) and traced.tape.inputs == 1
    names.w[2] = 9.0
    assert not follows(traced, names.f)
    names.w[2] = 2.0
    assert follows(traced, names.f)


def test_a_large_array_must_be_an_argument_if_it_is_used(names):
    define(names, "import numpy as np\nw = np.zeros(200_000)\ndef f(x): return x * w[1]")
    with pytest.raises(RuntimeError, match="pass it as an argument"):
        trace(names.f, POINT, {})
    define(names, "def g(x):\n    if x < 0.0: return x * w[1]\n    return x")
    assert follows(trace(names.g, POINT, {}), names.g)


# ---- closures, defaults, helpers ----


def test_closures_defaults_and_attributes_of_functions():
    scale, offsets = 2.0, [1.0, 2.0]

    def helper(x, power=3.0, *, shift=0.5):
        return x**power * scale + shift + helper.extra

    helper.extra = 0.25

    def f(x, more=offsets):
        return helper(x) + more[1] + offsets[0]

    traced = trace(f, POINT, {})
    assert follows(traced, f)
    scale = 7.0
    assert follows(traced, f)
    offsets[0] = offsets[1] = 5.0
    assert follows(traced, f)
    helper.__defaults__ = (2.0,)
    assert follows(traced, f)
    helper.__kwdefaults__["shift"] = 1.5
    assert follows(traced, f)
    helper.extra = 4.0
    assert follows(traced, f)
    helper.extra = None
    assert not follows(traced, f)


def test_another_helper_or_other_code_is_noticed(names):
    define(names, "def g(x): return x * 2.0\ndef f(x): return g(x)")
    traced = trace(names.f, POINT, {})
    define(names, "def g(x): return x * 2.0")
    assert not follows(traced, names.f)
    traced = trace(names.f, POINT, {})
    names.g.__code__ = (lambda x: x * 3.0).__code__
    assert not follows(traced, names.f)


def test_helpers_in_other_modules_of_the_user(names):
    other = types.ModuleType("other")
    other.__file__ = "/home/user/other.py"
    exec(compile("rate = 2.0\ndef g(x): return x * rate", other.__file__, "exec"), vars(other))
    names.other = other
    define(names, "def f(x): return other.g(x) + other.rate")
    traced = trace(names.f, POINT, {})
    other.rate = 5.0
    assert follows(traced, names.f)
    other.rate = 5
    assert not follows(traced, names.f)


def test_modules_that_are_imported_when_it_runs(names, monkeypatch):
    other = types.ModuleType("lazily")
    other.__file__ = "/home/user/lazily.py"
    other.rate, other.unused = 2.0, 1.0
    monkeypatch.setitem(sys.modules, "lazily", other)
    define(names, "def f(x):\n    import lazily\n    return x * lazily.rate")
    define(names, "def g(x):\n    from lazily import rate\n    return x * rate")
    for f in (names.f, names.g):
        traced = trace(f, POINT, {})
        other.unused = 3.0
        assert follows(traced, f)
        other.rate = 5.0
        assert not follows(traced, f)
        other.rate = 2.0
        assert follows(traced, f)


def test_names_that_are_computed(names):
    define(names, "rate_1 = 2.0\ndef f(x): return x * globals()['rate_' + '1']")
    traced = trace(names.f, POINT, {})
    names.rate_1 = 5.0
    assert follows(traced, names.f)
    other = types.ModuleType("other")
    other.__file__, other.rate_1 = "/home/user/other.py", 2.0
    names.other = other
    define(names, "def g(x): return x * getattr(other, 'rate_' + '1')")
    traced = trace(names.g, POINT, {})
    other.rate_1 = 5.0
    assert follows(traced, names.g)


def test_a_class_that_the_function_makes_objects_of(names):
    define(
        names,
        "scale = 2.0\n"
        "class Point:\n"
        "    factor = 3.0\n"
        "    def __init__(self, x): self.x = x\n"
        "    def norm(self): return self.x * scale * self.factor\n"
        "def f(x): return Point(x).norm()",
    )
    traced = trace(names.f, POINT, {})
    assert follows(traced, names.f)
    names.scale = 5.0
    assert not follows(traced, names.f)
    names.scale = 2.0
    names.Point.factor = 1.0
    assert not follows(traced, names.f)


def test_lists_that_grow_and_values_that_are_replaced_by_equal_ones(names):
    define(names, "def f(x): return x * w[0] * w[1]")
    names.w = [Value(2.0), Value(3.0)]
    traced = trace(names.f, POINT, {})
    new = Value(2.0)
    names.w[0] = new
    current = traced.captures.current()
    assert current[0] is new  # equal to the old one, but the gradient is for this one
    names.w.append(Value(1.0))
    assert not follows(traced, names.f)


def test_decorated_and_recursive_helpers():
    rate = 2.0

    def decorate(g):
        @functools.wraps(g)
        def wrapper(*args):
            return g(*args) + rate

        return wrapper

    @decorate
    def power(x, n):
        return x if n == 0 else x * power(x, n - 1)

    def f(x):
        return power(x, 3)

    traced = trace(f, POINT, {})
    rate = 0.125
    assert follows(traced, f)


def test_a_function_among_the_arguments_is_looked_into(names):
    define(names, "rate = 2.0\ndef g(x): return x * rate")

    def f(g, x):
        return g(x) + 1.0

    traced = trace(f, (names.g, 3.0), {})
    names.rate = 5.0
    assert run(traced.tape, [3.0, *numbers(traced.captures.current())]) == [16.0]


# ---- objects ----


class Model:
    slope = 2.0

    def __init__(self):
        self.w, self.steps, self.rows = 1.5, 2, [Value(2.0), Value(3.0)]

    def __call__(self, x):
        for _ in range(self.steps):
            x = x * self.w * self.slope
        return x + self.rows[0] * self.rows[1] + self.half(OFFSET)

    @staticmethod
    def half(x):
        return x * HALF[0]


class Child(Model):
    def __call__(self, x):
        return super().__call__(x) * 2.0

    @property
    def unused(self):
        return UNKNOWN  # noqa: F821


OFFSET, HALF = 0.75, [0.5]


@pytest.mark.parametrize("cls", [Model, Child])
def test_objects_and_what_their_methods_read(cls, monkeypatch):
    model = cls()

    def f(x):
        return model(x)

    traced = trace(f, POINT, {})
    assert follows(traced, f)
    model.w = 0.5
    model.rows[0].data = 7.0
    model.rows[1] = Value(0.1)
    assert follows(traced, f)
    for change in (
        lambda m: m.setitem(globals(), "OFFSET", 3.0),
        lambda m: m.setitem(globals(), "HALF", [0.25]),
        lambda m: m.setattr(Model, "slope", 3.0),
        lambda m: m.setattr(Model, "half", staticmethod(lambda x: x)),
        lambda m: m.setattr(Model, "__call__", lambda self, x: x * self.w),
        lambda m: m.setattr(model, "steps", 3),
        lambda m: m.setattr(model, "w", 2),
        lambda m: m.setattr(model, "half", lambda x: x, raising=False),
        lambda m: m.setattr(model, "rows", [model.rows[0]] * 2),
        lambda m: m.setitem(globals(), "HALF", [0.5, 0.5]),
    ):
        with monkeypatch.context() as m:
            change(m)
            assert not follows(traced, f)
    assert follows(traced, f)


def test_a_new_object_of_the_same_kind():
    box = {"model": Child()}

    def f(x):
        return box["model"](x)

    traced = trace(f, POINT, {})
    box["model"] = Child()
    box["model"].w = 9.0
    assert follows(traced, f)
    box["model"] = Model()
    assert not follows(traced, f)


@dataclass
class Config:
    rate: float
    names: dict
    kind: str = "a"


def test_dataclasses_namespaces_and_cycles():
    config, space = Config(2.0, {"a": 1.0}), SimpleNamespace(rate=3.0)
    config.itself = config

    def f(x):
        return x * config.itself.rate + config.names["a"] + space.rate

    traced = trace(f, POINT, {})
    config.rate, config.names["a"], space.rate = 5.0, 6.0, 7.0
    assert follows(traced, f)
    config.kind = "b"
    assert not follows(traced, f)


def test_modules_of_nn():
    model = MLP(1, [3, 1], activation="tanh", rng=0)

    def f(x):
        return model([x])

    traced = trace(f, POINT, {})
    for p in model.parameters():
        p.data += 0.5
    assert follows(traced, f)
    model.layers[0].neurons[1].w[0] = Value(3.0)
    assert follows(traced, f)
    model.layers[0].neurons.pop()
    assert not follows(traced, f)


def test_the_same_value_in_two_places():
    x, y = Value(2.0), Value(3.0)
    pair = [x, y]

    def f(u):
        return pair[0] * pair[1] + pair[0] * u

    traced = trace(f, POINT, {})
    pair[1] = x
    assert not follows(traced, f)


def test_a_captured_value_among_the_arguments():
    w, other = Value(2.0), Value(5.0)

    def f(v):
        return v * w

    traced = trace(f, (w,), {})
    assert traced.captures.current([w]) is not None
    assert traced.captures.current([other]) is None
    assert traced.captures.current() is None
    traced = trace(f, (other,), {})
    assert traced.captures.current([Value(1.0)]) is not None
    assert traced.captures.current([w]) is None


def test_a_computed_value_is_an_input():
    w = Value(2.0)
    y = w * w

    def f(x):
        return x * y

    traced = trace(f, POINT, {})
    assert follows(traced, f) and traced.captures.current() == [y]


def test_a_value_from_where_one_does_not_look_is_an_input():
    hidden = {Value(2.0)}

    def f(x):
        return sum(x * v for v in hidden)

    traced = trace(f, POINT, {})
    next(iter(hidden)).data = 5.0
    assert follows(traced, f)


# ---- changes while tracing ----


def test_assignments_to_globals_and_nonlocals_are_refused_with_their_line(names):
    define(names, "count = 0\ndef f(x):\n    global count\n    count += 1\n    return x")
    with pytest.raises(RuntimeError, match=r"changes count \(/home/user/users_module.py, line 4\)"):
        trace(names.f, POINT, {})
    assert names.count == 0
    total = 0.0

    def f(x):
        nonlocal total
        total = total + x
        return x

    with pytest.raises(RuntimeError, match=rf"changes total .*{f.__code__.co_firstlineno + 2}"):
        trace(f, POINT, {})
    assert total == 0.0


def test_changes_of_what_is_outside_are_refused():
    log, seen, config, queue = [], {"a": 1.0}, Config(1.0, {}), deque([1.0])

    def appends(x):
        log.append(x)
        return x

    def sets(x):
        seen["b"] = x
        return x

    def assigns(x):
        config.rate = x
        return x

    def queues(x):
        queue.append(x)
        return x

    def attribute(x):
        attribute.calls = 1
        return x

    for f in (appends, sets, assigns, queues, attribute):
        with pytest.raises(RuntimeError, match="changes"):
            trace(f, POINT, {})
    assert (log, seen, config, queue) == ([], {"a": 1.0}, Config(1.0, {}), deque([1.0]))
    assert not hasattr(attribute, "calls")


LOG: list = []


class Logging:
    def __call__(self, x):
        LOG.append(1.0)
        return x * 2.0


def test_a_method_that_changes_a_global_is_refused():
    model = Logging()
    with pytest.raises(RuntimeError, match="changes"):
        trace(lambda x: model(x), POINT, {})
    LOG.clear()


def test_a_dict_that_answers_for_missing_keys():
    known = defaultdict(float, a=2.0)

    def f(x):
        return x * known["a"]

    traced = trace(f, POINT, {})
    known["a"] = 3.0
    assert follows(traced, f)
    with pytest.raises(RuntimeError, match="reads 'b' from a dict that lacks it"):
        trace(lambda x: x * known["b"], POINT, {})
    assert dict(known) == {"a": 3.0}


def test_containers_of_ones_own_are_refused():
    class Ring(list):
        def __getitem__(self, i):
            return super().__getitem__(i % len(self))

    ring = Ring([1.0, 2.0])
    with pytest.raises(RuntimeError, match="a container of its own kind"):
        trace(lambda x: x * ring[5], POINT, {})
    with pytest.raises(RuntimeError, match="a container of its own kind"):
        trace(lambda x, r: x * r[5], (3.0, ring), {})


def test_a_value_that_moves_to_where_another_was():
    hidden, known = {Value(2.0)}, [Value(3.0)]

    def f(x):
        return sum(x * v for v in hidden) * known[0]

    traced = trace(f, POINT, {})
    known[0] = next(iter(hidden))
    assert traced.captures.current() is None
    assert traced.captures.current() is None


RATE = 2.0


@functools.lru_cache
def remembered(x):
    return x * RATE


@functools.singledispatch
def dispatched(x):
    return x * RATE


@op
def rated(xp, x):
    return x * RATE


@rated.partials
def _(xp, y, x):
    return (RATE,)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * dispatched(3.0) + dispatched(x),
        lambda x: rated(x) * rated(2.0),
        lambda x: x.rated() if hasattr(x, "rated") else rated(x),
    ],
)
def test_rules_of_ops_and_functions_that_dispatch_are_looked_into(f, monkeypatch):
    compiled = jit(f)
    for rate in (1.0, 2.0, 0.0, 5.0):
        monkeypatch.setitem(globals(), "RATE", rate)
        assert compiled(1.5) == f(1.5)
        assert compiled.value_and_grad(1.5) == value_and_grad(f)(1.5)


def test_what_remembers_results_remembers_no_stand_ins():
    compiled = jit(lambda x: x * remembered(3.0) + remembered(x))
    assert compiled(1.0) == compiled(1.0) == 3.0 * RATE + RATE
    assert remembered.cache_info().currsize == 0
    assert type(remembered(3.0)) is float


def test_what_is_not_looked_into_is_listed():
    generator, pattern = random.Random(0), re.compile("a")

    @functools.lru_cache
    def table():
        return [1.0, 2.0]

    def f(x):
        return x * table()[0] + (0.0 if generator or pattern else 1.0)

    frozen = trace(f, POINT, {}).frozen
    assert any("random.Random" in text for text in frozen)
    assert not any("re.Pattern" in text for text in frozen)


# ---- random structures, randomly changed ----


class Box:
    def __init__(self, x):
        self.x = x


def leaf(rng):
    return rng.choice(
        (
            lambda: rng.uniform(-2, 2),
            lambda: rng.uniform(-2, 2),
            lambda: rng.choice(SHARED),
            lambda: Value(rng.uniform(-2, 2)),
            lambda: rng.randrange(3),
            lambda: rng.random() < 0.5,
            lambda: rng.choice("ab"),
            lambda: None,
            lambda: rng.choice((0.0, -0.0, math.nan, math.inf)),
            lambda: np.array([rng.uniform(-2, 2), 1.0]),
        )
    )()


def tree(rng, depth):
    if depth == 0 or rng.random() < 0.2:
        return leaf(rng)
    parts = [tree(rng, depth - 1) for _ in range(rng.randrange(1, 4))]
    return rng.choice(
        (list, list, tuple, lambda parts: dict(zip("abc", parts)), lambda parts: Box(parts[0]))
    )(parts)


def change(rng, x):
    """Change something in there; what is to stand in its place."""
    match x:
        case list() if x and rng.random() < 0.7:
            i = rng.randrange(len(x))
            x[i] = change(rng, x[i])
        case list():
            x.append(leaf(rng)) if rng.random() < 0.5 or not x else x.pop()
        case dict() if rng.random() < 0.7:
            key = rng.choice(list(x))
            x[key] = change(rng, x[key])
        case dict():
            x[rng.choice("abcd")] = leaf(rng)
        case Box():
            x.x = change(rng, x.x)
        case tuple():
            i = rng.randrange(len(x))
            return (*x[:i], change(rng, x[i]), *x[i + 1 :])
        case np.ndarray():
            x[rng.randrange(len(x))] += 1.0
        case Value() if rng.random() < 0.7:
            x.data = rng.uniform(-2, 2)
        case float() if rng.random() < 0.7:
            return rng.uniform(-2, 2)
        case _:
            return tree(rng, 1) if rng.random() < 0.3 else leaf(rng)
    return x


SHARED = [Value(0.5), Value(0.5), Value(-1.5)]
SYMBOLIC = [None]


def reduced(s, x):
    match s:
        case None:
            return x - 1.0
        case bool():
            return -x if s else x
        case str():
            return x * len(s) + (0.25 if s == "b" else 0.5)
        case list() | tuple():
            for k, part in enumerate(s):
                x = reduced(part, x) + k
            return x
        case dict():
            for key, part in s.items():
                x = reduced(part, x) * (2.0 if key == "a" else 3.0)
            return x
        case Box():
            return reduced(s.x, x)
        case np.ndarray():
            return x * s[0] + s[1]
    return s * x + s


def total(x):
    first = reduced(SYMBOLIC[0], x)
    return [first, SHARED[0] * x, x if SYMBOLIC[0] is SHARED[0] else -x]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_random_structures_are_followed_through_random_changes(seed):
    rng = random.Random(seed)
    SYMBOLIC[0] = tree(rng, 3)
    traced = trace(total, POINT, {})
    assert follows(traced, total)
    for _ in range(8):
        SYMBOLIC[0] = change(rng, SYMBOLIC[0])
        if not follows(traced, total):
            traced = trace(total, POINT, {})
            assert follows(traced, total)


# ---- what code says ----


def test_names_of_nested_functions_are_found():
    def f(x):
        return [exp(x) * q for q in (lambda y: math.sin(y).real)(x)]

    expected = Names(("exp", "math"), frozenset({"sin", "real"}), asks=False)
    assert names_in(f.__code__) == expected
    assert names_in((lambda x: x if (x > 0) is True else -x).__code__).asks


def test_the_line_of_an_assignment():
    def f(x):
        y = SimpleNamespace()
        y.z = x
        return y

    assert line_of([f.__code__], "z") == (__file__, f.__code__.co_firstlineno + 2)
    assert line_of([f.__code__], "w") is None


def test_unchanged_captures_are_recognised_by_identity():
    class Net(Module):
        def __init__(self):
            self.w = [Value(1.0), 2.0, Value(3.0)]

    net = Net()

    def f(x):
        return net.w[0] * x + net.w[1]

    captures = trace(f, POINT, {}).captures
    reading = captures.reach.reading
    assert numbers(captures.current()) == [1.0, 2.0, 3.0] and captures.reach.reading is reading
    net.w[1] = 5.0
    assert numbers(captures.current()) == [1.0, 5.0, 3.0] and captures.reach.reading is not reading


# ---- what one could overlook ----

STALE = {
    "a method of a namedtuple": (
        "from typing import NamedTuple\nK = 2.0\n"
        "class P(NamedTuple):\n    w: float\n    def scaled(self): return self.w * K\n"
        "def f(x, p): return x * p.scaled()",
        "P(1.5)", "K = 5.0",
    ),
    "a method of an enum's member": (
        "import enum\nK = 2.0\nclass Mode(enum.Enum):\n    A = 1\n    def scale(self): return K\n"
        "def f(x, m): return x * m.scale()",
        "Mode.A", "K = 5.0",
    ),
    "an attribute of an enum's member": (
        "import enum\nclass Mode(enum.Enum):\n    A = 1\nMode.A.rate = 2.0\n"
        "def f(x, _): return x * Mode.A.rate",
        "0.0", "Mode.A.rate = 3.0",
    ),
    "an attribute that hides an inherited one": (
        "class B: rate = 1.0\nclass A(B): pass\na = A()\ndef f(x, _): return x * a.rate",
        "0.0", "A.rate = 4.0",
    ),
    "a method that hides an inherited one": (
        "class B:\n    def go(self, x): return x\nclass A(B): pass\na = A()\n"
        "def f(x, _): return a.go(x)",
        "0.0", "A.go = lambda self, x: 9.0 * x",
    ),
    "the bases of a class": (
        "class B: rate = 1.0\nclass C: rate = 2.0\nclass A(B): pass\na = A()\n"
        "def f(x, _): return x * a.rate",
        "0.0", "A.__bases__ = (C,)",
    ),
    "what a module's __getattr__ reads": (
        "import types\nK, m = [2.0], types.ModuleType('m')\nm.__file__ = '/home/user/m.py'\n"
        "def get(name): return K[0]\nm.__getattr__ = get\ndef f(x, _): return x * m.rate",
        "0.0", "K[0] = 5.0",
    ),
    "a name that a module gets": (
        "import types\nm = types.ModuleType('m')\nm.__file__ = '/home/user/m.py'\n"
        "def f(x, _): return x * getattr(m, 'bias', 1.0)",
        "0.0", "m.bias = 4.0",
    ),
    "an attribute that a function gets": (
        "def g(x): return x\ndef f(x, _): return g(x) * getattr(g, 'k', 1.0)",
        "0.0", "g.k = 4.0",
    ),
    "an object in a set": (
        "class O: w = 1.0\no = O()\no.w = 2.0\nS = {o}\ndef f(x, _): return x * sum(p.w for p in S)",
        "0.0", "o.w = 9.0",
    ),
    "an object as a key": (
        "class O: w = 1.0\no = O()\no.w = 2.0\nS = {o: 1.0}\n"
        "def f(x, _): return x * sum(p.w for p in S) * S[o]",
        "0.0", "o.w = 9.0",
    ),
    "a function in a set": (
        "def make(k):\n    def g(x): return x * k[0]\n    return g\nk = [2.0]\nS = frozenset([make(k)])\n"
        "def f(x, s): return sum(g(x) for g in s)",
        "S", "k[0] = 3.0",
    ),
    "the sign of a key": (
        "import math\nD = {0.0: 1.0}\ndef f(x, _): return x * sum(math.copysign(1.0, k) for k in D)",
        "0.0", "D.clear(); D[-0.0] = 1.0",
    ),
    "the kind of a number in a key": (
        "D = {('a', 1): 1.0}\ndef f(x, _): return x * sum(isinstance(k[1], int) for k in D)",
        "0.0", "D.clear(); D['a', 1.0] = 1.0",
    ),
    "a name in a pattern": (
        "class C: rate = 2.0\nc = C()\ndef f(x, _):\n    match c:\n        case C(rate=r): return x * r",
        "0.0", "C.rate = 4.0",
    ),
    "a name that attrgetter is given": (
        "from operator import attrgetter\nclass C: rate = 2.0\nget = attrgetter('rate')\n"
        "def f(x, _): return x * get(C)",
        "0.0", "C.rate = 4.0",
    ),
    "a name that __getattribute__ is given": (
        "class C: rate = 2.0\ndef f(x, _): return x * type.__getattribute__(C, 'rate')",
        "0.0", "C.rate = 4.0",
    ),
    "an attribute of a metaclass": (
        "class Meta(type): rate = 2.0\nclass C(metaclass=Meta): pass\ndef f(x, _): return x * C.rate",
        "0.0", "Meta.rate = 4.0",
    ),
    "what a compiled function among the arguments reads": (
        "from autograd import jit\nK = 2.0\n@jit\ndef g(x): return x * K\ndef f(x, h): return h(x)",
        "g", "K = 4.0",
    ),
    "a method of a dict": (
        "D = {'a': 1.0}\nget = D.get\ndef f(x, _): return x * get('a')", "0.0", "D['a'] = 5.0",
    ),
    "a method of a list among the arguments": (
        "L = [1.0]\nget = L.__getitem__\ndef f(x, g): return x * g(0)", "get", "L[0] = 5.0",
    ),
    "a number of another package": (
        "import types\nm = types.ModuleType('m')\nm.__file__ = '/usr/lib/site-packages/m.py'\nm.RATE = 2.0\n"
        "def f(x, _): return x * m.RATE",
        "0.0", "m.RATE = 4.0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STALE)
def test_what_one_could_overlook_is_followed(names, case):
    source, argument, change_it = STALE[case]
    define(names, source)
    compiled, argument = jit(names.f), eval(argument, vars(names))
    before = compiled(1.5, argument)
    assert before == names.f(1.5, argument)
    define(names, change_it)
    assert bits([compiled(1.5, argument)]) == bits([names.f(1.5, argument)]) != bits([before])


@pytest.mark.parametrize(
    ("source", "listed"),
    [
        ("import os\ndef f(x): return x * len(os.environ.get('RATE', ''))", "environ"),
        ("import importlib\ndef f(x): return x * importlib.import_module('math').pi", "text"),
        ("import pytest\ndef f(x): return x * pytest.approx(1.0).expected", "pytest.approx"),
        ("def f(x): return x if x is K else 2.0 * x\nK = []", "`is`"),
        (
            "from autograd import Value\nw = Value(1.0)\ndef f(x): return x if w.label else -x",
            "labels",
        ),
        (
            "import numpy as np\nBIG = np.ones(200_000)\nclass O:\n    def go(self, x): return x * BIG[0]\n"
            "o = O()\ndef f(x): return o.go(x)",
            "BIG",
        ),
    ],
)
def test_what_is_not_followed_is_listed(names, source, listed):
    define(names, source)
    assert any(listed in text for text in trace(names.f, POINT, {}).frozen)


def test_that_an_argument_is_what_was_found_outside_is_listed(names):
    define(names, "class O: pass\no = [O()]\ndef f(x, p): return x if p in o else -x")
    frozen = trace(names.f, (3.0, names.o[0]), {}).frozen
    assert frozen == ["an argument: whether it is the O that was found outside"]


def test_nothing_is_listed_for_what_is_harmless(names):
    define(
        names,
        "import math, numpy as np, functools\nclass A: pass\na = A()\n"
        "def f(x): return np.sum([x, math.pi]) if type(a) is A and x is not None else x",
    )
    assert trace(names.f, POINT, {}).frozen == []


def test_objects_and_functions_are_found_as_keys(names):
    define(
        names,
        "class O: pass\no, p = O(), O()\ndef g(x): return x\n"
        "costs, known = {g: 5.0, o: 2.0}, {g, o}\n"
        "def f(x): return x * costs.get(g, 1.0) * costs[o] * (o in known) * (p not in known)",
    )
    assert jit(names.f)(3.0) == 30.0
    define(names, "def f(x): return x * len([1 for it in known])")
    with pytest.raises(RuntimeError, match="goes through a set of objects"):
        jit(names.f)(3.0)


def test_bound_functions_notice_what_is_no_number(names):
    define(
        names,
        "import enum\nclass Mode(enum.Enum):\n    A = 1\n    B = 2\n"
        "class C:\n    @staticmethod\n    def go(x): return x\n"
        "none, mode = None, Mode.A\n"
        "def f(x): return x if none is None else x * none\n"
        "def g(x): return x if mode is Mode.A else x * 7.0\ndef h(x): return C.go(x)",
    )
    for f, change_it, expected in (
        (names.f, "none = 3.0", 6.0),
        (names.g, "mode = Mode.B", 14.0),
        (names.h, "C.go = staticmethod(lambda x: 5.0 * x)", 10.0),
    ):
        bound = jit(f).lower(1.0).compile()
        assert bound(2.0) == 2.0
        define(names, change_it)
        assert bound(2.0) == expected


def test_a_bound_function_says_which_dtype_it_takes():
    bound = jit(lambda a: a.sum()).lower(np.ones(2)).compile()
    with pytest.raises(TypeError, match=r"float64 of shape \(2,\)\), got \(an array of int64"):
        bound(np.array([1, 2]))


def test_threads_see_changes_that_came_before_their_calls():
    shared, rounds, wrong = [0.0], 200, []
    f = jit(lambda x: x + shared[0])
    gate = threading.Barrier(5)

    def work():
        for k in range(rounds):
            gate.wait()
            if f(1.0) != 1.0 + k:
                wrong.append(k)
            gate.wait()

    f(1.0)
    threads = [threading.Thread(target=work) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for k in range(rounds):
            shared[0] = float(k)
            gate.wait()
            gate.wait()
    finally:
        sys.setswitchinterval(interval)
    for thread in threads:
        thread.join()
    assert wrong == []


# ---- what must not crash, or must say why ----


@pytest.mark.filterwarnings("ignore:careful")
def test_a_function_that_warns(names):
    define(names, "import warnings\ndef f(x):\n    warnings.warn('careful')\n    return x * 2.0")
    assert jit(names.f)(3.0) == 6.0


class Fitted:
    w = 2.0

    @jit
    def loss(self, x):
        return self.w * x


def test_methods_that_are_compiled_are_captured_and_passed():
    model = Fitted()
    loss = model.loss
    f, g = jit(lambda x: loss(x)), jit(lambda x, h: h(x))
    assert f(3.0) == g(3.0, loss) == 6.0
    model.w = 5.0
    assert f(3.0) == g(3.0, loss) == 15.0


def test_methods_made_in_c_are_captured():
    draw, shift = np.random.default_rng(0).normal, random.Random(0).random
    assert jit(lambda x: x if x > 0.0 else draw())(3.0) == 3.0
    for f in (lambda x: x * draw(), lambda x: x * shift()):
        with pytest.raises(RuntimeError, match="random numbers"):
            jit(f)(3.0)


def nested(depth: int) -> list:
    x = [1.0]
    for _ in range(depth):
        x = [x]
    return x


def test_what_is_too_deep_is_said_to_be():
    deep, ring = nested(3_000), []
    ring.append(ring)
    for f, args in (
        (lambda x, y: y, (deep, 1.0)),
        (lambda x: x if deep else -x, (1.0,)),
        (lambda x, y: y, (ring, 1.0)),
    ):
        with pytest.raises(RecursionError, match="a few levels deep"):
            jit(f)(*args)


def test_what_a_view_lacks_is_refused_by_name():
    counts, square = Counter("aab"), jit(lambda x: x * x)
    row = type("Row", (list,), {})([1.0])
    for f, what in (
        (lambda x: x * counts.most_common(1)[0][1], "asks a Counter"),
        (lambda x: square.grad(x), "calls .grad of a compiled function"),
        (lambda x: x * len(row) if isinstance(row, list) else x, "a container of its own kind"),
    ):
        with pytest.raises(RuntimeError, match=what):
            jit(f)(3.0)
