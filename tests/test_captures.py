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
import types
from collections import defaultdict, deque
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tracing import bits, eagerly, numbers, run

from autograd import Value, exp
from autograd.compiler.captures import Names, line_of, names_in
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


def test_what_is_not_looked_into_is_listed():
    generator, pattern = random.Random(0), re.compile("a")

    @functools.lru_cache
    def table():
        return [1.0, 2.0]

    def f(x):
        return x * table()[0] + (0.0 if generator or pattern else 1.0)

    frozen = trace(f, POINT, {}).frozen
    assert any("lru_cache" in text for text in frozen)
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
