"""What a run of a function remembers: lines, calls, source text, names.

The functions below are recorded as they stand in this file. Expected lines are found by the comments
at their ends, expected scopes are written by hand.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import importlib
import inspect
import linecache
import os
import statistics
import subprocess
import sys
import textwrap
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import pytest

import autograd
from autograd import Value, detect_anomaly, log, no_grad
from autograd.engine import graph
from autograd.modes import is_users, recorder, watching
from autograd.recording import Recorded, Source, record_calls, run
from nn import MLP

HERE = __file__
TEXT = Path(__file__).read_text(encoding="utf-8").split("\n")


@pytest.fixture(autouse=True)
def no_mode_stays_open():
    yield
    assert watching == [] and recorder.get() is None


def line_of(mark: str) -> int:
    """The number of the one line that ends with this comment."""
    (found,) = [i for i, line in enumerate(TEXT, 1) if line.endswith(f"# {mark}")]
    return found


def norm(xs):
    total = xs[0] * xs[0]  # first square
    for x in xs[1:]:
        total = total + x * x  # further squares
    return total.sqrt()  # root


def distances(p, q):
    near = norm(p)
    far = norm(q)  # second call
    return near + far  # both


# ---- lines, scopes, calls ----


def test_every_node_has_the_users_line_and_the_calls_it_was_made_in():
    recorded = run(distances, [[1.0, 2.0], [3.0, 4.0]])
    (y,) = recorded.outputs
    near, far = y.inputs
    assert recorded.lines[y] == (HERE, line_of("both"))
    assert recorded.lines[near] == recorded.lines[far] == (HERE, line_of("root"))
    total = near.inputs[0]
    assert recorded.lines[total] == (HERE, line_of("further squares"))
    assert recorded.lines[total.inputs[0]] == (HERE, line_of("first square"))
    assert recorded.scopes[y] == ("distances",)
    assert recorded.scopes[near] == recorded.scopes[far] == ("distances", "norm")


def test_two_calls_of_a_function_are_told_apart_and_one_is_not():
    recorded = run(distances, [[1.0, 2.0], [3.0, 4.0]])
    near, far = recorded.outputs[0].inputs
    assert recorded.calls[recorded.outputs[0]] == (1,)
    assert recorded.calls[near] == (1, 2) == recorded.calls[near.inputs[0].inputs[0]]
    assert recorded.calls[far] == (1, 3) == recorded.calls[far.inputs[0].inputs[0]]


def test_calls_whose_frames_take_each_others_place_are_told_apart():
    def square(x):
        return x * x

    def repeated(x):
        return sum([square(x) for _ in range(100)])

    recorded = run(repeated, [2.0])
    squares = [node for node in graph(*recorded.outputs) if node.op and node.op.name == "mul"]
    numbers = [recorded.calls[node] for node in squares]
    assert len(set(numbers)) == 100
    assert {recorded.scopes[node] for node in squares} == {("repeated", "square")}


def test_a_call_keeps_its_number_after_a_call_inside_of_it():
    def inner(x):
        return x * 2.0

    def outer(x):
        before = x + 1.0
        after = inner(before) + 3.0
        return before * after

    recorded = run(lambda x: outer(x), [1.0])
    (y,) = recorded.outputs
    before, after = y.inputs
    assert recorded.scopes[y] == ("lambda", "outer")
    assert recorded.calls[before] == recorded.calls[after] == recorded.calls[y] == (1, 2)
    assert recorded.calls[after.inputs[0]] == (1, 2, 3)


def test_recursion_gives_a_scope_as_deep_as_itself():
    def power(x, n: int):
        return x if n == 0 else power(x, n - 1) * x

    recorded = run(power, [2.0, 3])
    (y,) = recorded.outputs
    assert recorded.scopes[y.inputs[0].inputs[0]] == ("power",) * 3
    assert recorded.calls[y] == (1,)
    # The innermost product is made first, three calls deep: these get the numbers 1, 2, 3.
    assert recorded.calls[y.inputs[0].inputs[0]] == (1, 2, 3)


def test_generators_are_one_call_however_often_they_pause():
    def powers(x):
        y = x
        while True:
            y = y * x
            yield y

    def f(x):
        first, second = powers(x), powers(x)
        return [next(g) for g in (first, second, first, second)]

    recorded = run(f, [2.0])
    a, b, c, d = recorded.outputs
    assert recorded.calls[a] == recorded.calls[c] != recorded.calls[b] == recorded.calls[d]
    assert {recorded.scopes[y] for y in recorded.outputs} == {("f", "powers")}


def test_a_generator_that_goes_on_below_another_caller_keeps_its_number():
    def powers(x):
        y = x
        while True:
            y = y * x
            yield y

    def helper(g):
        return next(g)

    def f(x):
        g = powers(x)
        return [next(g), helper(g)]

    recorded = run(f, [2.0])
    first, second = recorded.outputs
    assert recorded.scopes[second] == ("f", "helper", "powers")
    assert recorded.calls[first][-1] == recorded.calls[second][-1]


def test_comprehensions_have_lines_but_no_scopes_of_their_own():
    def f(xs):
        squares = [x * x for x in xs]  # in a list
        return sum(x + 1.0 for x in squares)  # in a generator

    recorded = run(f, [[1.0, 2.0]])
    assert set(recorded.scopes.values()) == {("f",)}
    assert {line for _, line in recorded.lines.values()} == {
        line_of("in a list"), line_of("in a generator"),
    }  # fmt: skip


def test_methods_and_lambdas_bear_their_names():
    class Line:
        def __init__(self):
            self.slope = Value(2.0)

        def __call__(self, x):
            return self.slope * x

        def loss(self, x):
            return (lambda e: e * e)(self(x))

    recorded = run(Line().loss, [3.0])
    (y,) = recorded.outputs
    assert recorded.scopes[y] == ("Line.loss", "lambda")
    assert recorded.scopes[y.inputs[0]] == ("Line.loss", "Line.__call__")
    called = run(Line(), [3.0])
    assert called.scopes[called.outputs[0]] == ("Line.__call__",)
    assert called.names[called.outputs[0]] == "Line"


def test_a_class_body_is_no_call():
    def f(x):
        class Holder:
            y = x * x

        return Holder.y

    recorded = run(f, [3.0])
    assert recorded.scopes[recorded.outputs[0]] == ("f",)


def test_the_library_pythons_own_and_installed_packages_are_left_out():
    def f(xs):
        average = statistics.fsum([0.0]) + xs[0]  # plain
        by_numpy = numpy.sum(numpy.array(xs))  # by numpy
        by_reduce = functools.reduce(lambda a, b: a + b, xs)  # by reduce
        return [average, by_numpy, by_reduce, MLP(1, [1])([xs[0]])]  # by nn

    recorded = run(f, [[1.0, 2.0]])
    average, by_numpy, by_reduce, by_nn = recorded.outputs
    assert recorded.lines[average] == (HERE, line_of("plain"))
    assert recorded.lines[by_numpy] == (HERE, line_of("by numpy"))
    assert recorded.lines[by_reduce] == (HERE, line_of("by reduce"))
    assert recorded.lines[by_nn] == (HERE, line_of("by nn"))
    assert recorded.scopes[by_numpy] == recorded.scopes[by_nn] == ("f",)
    assert recorded.scopes[by_reduce] == ("f", "lambda")


def test_who_wrote_a_file():
    assert is_users(HERE) and is_users("<string>") and is_users("/home/me/model.py")
    for file in (autograd.__file__, statistics.__file__, numpy.__file__, inspect.getfile(MLP)):
        assert not is_users(file)


def test_a_function_of_an_installed_package_shows_that_package(tmp_path):
    package = tmp_path / "site-packages"
    package.mkdir()
    file = package / "their_model.py"
    file.write_text("def loss(x):\n    return half(x * x)\n\ndef half(x):\n    return x / 2.0\n")
    names = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    recorded = run(names["loss"], [3.0])
    (y,) = recorded.outputs
    assert recorded.lines[y] == (str(file), 5) and recorded.scopes[y] == ("loss", "half")
    assert [source.start for source in recorded.sources] == [1]


def test_what_the_library_does_by_itself_has_no_line():
    recorded = run(MLP(1, [1], rng=0), [[1.0]])
    assert recorded.lines == {} and recorded.scopes == {} and recorded.sources == []


# ---- the mode ----


def test_recording_ends_with_the_block_and_does_not_see_before_or_after():
    x = Value(2.0)
    before = x * x
    with record_calls(norm) as recorded:
        inside = norm([x])
        directly = x + 1.0  # directly
    after = x * x
    assert recorded.line(inside) == (HERE, line_of("root"))
    assert recorded.line(directly) == (HERE, line_of("directly"))
    assert recorded.scope(directly) == () and recorded.scope(inside) == ("norm",)
    for node in (before, after, x):
        assert recorded.line(node) is None and recorded.scope(node) == recorded.calls(node) == ()


def test_two_recordings_inside_each_other_each_begin_where_they_began():
    def inside(x):
        with record_calls(norm) as inner:
            y = norm([x])
        return y, inner

    with record_calls(inside) as outer:
        y, inner = inside(Value(3.0))
        z = norm([y])
    assert inner.scope(y) == ("norm",)
    assert outer.scope(y) == ()  # the innermost recording has it
    assert outer.scope(z) == ("norm",)


def test_a_recording_entered_again_begins_where_it_began_first():
    with record_calls(norm) as recorded:
        norm([Value(3.0)])
        with recorded:
            pass
        after = norm([Value(4.0)])
    assert recorded.scope(after) == ("norm",)


def test_it_is_no_decorator():
    with pytest.raises(TypeError, match="record_calls: expected a with-block"):
        record_calls(norm)(norm)


def test_nodes_not_recorded_and_errors_inside_leave_nothing_open():
    def f(x):
        with no_grad():
            x * x
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(f, [2.0])


def test_no_grad_outside_does_not_stop_it():
    with no_grad():
        recorded = run(norm, [[3.0, 4.0]])
    assert recorded.outputs[0].data == 5.0 and recorded.outputs[0].op is not None


def test_detect_anomaly_works_together_with_it():
    with (
        detect_anomaly(),
        pytest.raises(FloatingPointError, match=rf"line {line_of('the log')}: "),
    ):
        run(lambda x: log(x - 2.0), [2.0])  # the log


def test_threads_do_not_see_each_others_recording():
    x, made = Value(2.0), []
    with record_calls(norm) as recorded:
        thread = threading.Thread(target=lambda: made.append(norm([x])))
        thread.start()
        thread.join()
        mine = norm([x])
    assert recorded.line(made[0]) is None and recorded.line(mine) is not None


def test_threads_that_run_in_its_context_keep_their_calls_apart():
    x, made = Value(2.0), {}
    barrier = threading.Barrier(2)

    def work(name):
        def repeated():
            y = x * 1.0
            for _ in range(50):
                barrier.wait()
                y = y * x
            return y

        made[name] = repeated()

    with record_calls(work) as recorded:
        contexts = [contextvars.copy_context() for _ in range(2)]
        threads = [
            threading.Thread(target=context.run, args=(work, name))
            for name, context in enumerate(contexts)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    calls = [{recorded.calls(node) for node in graph(made[i]) if node.op} for i in range(2)]
    assert len(calls[0]) == len(calls[1]) == 1 and calls[0] != calls[1]
    assert recorded.scope(made[0])[-2:] == ("work", "repeated")


def test_coroutines_are_recorded():
    async def square(x):
        await asyncio.sleep(0)
        return x * x  # in a coroutine

    async def both(x):
        return await asyncio.gather(square(x), square(x))

    with ThreadPoolExecutor(
        1
    ) as pool:  # a browser that other tests drive keeps a loop running here
        recorded = pool.submit(run, lambda x: asyncio.run(both(x)), [3.0]).result()
    first, second = recorded.outputs
    assert recorded.lines[first] == (HERE, line_of("in a coroutine"))
    assert recorded.scopes[first] == ("lambda", "square")
    assert recorded.calls[first] != recorded.calls[second]


def test_variables_of_the_function_do_not_outlive_it():
    class Thing:
        pass

    found = []

    def f(x):
        thing = Thing()
        found.append(weakref.ref(thing))
        return x * x

    with record_calls(f) as recorded:
        y = f(Value(2.0))
    gc.collect()
    assert found[0]() is None
    assert recorded.scope(y) == ("f",)


def test_a_node_that_no_output_was_made_from_is_forgotten():
    dropped = []

    def f(x):
        dropped.append(weakref.ref(x * 5.0))
        return x * x

    recorded = run(f, [2.0])
    gc.collect()
    assert dropped[0]() is None and len(recorded.lines) == 1


def test_deep_stacks_are_not_walked_for_every_node():
    def deep(x, n: int):
        return loop(x) if n == 0 else deep(x, n - 1)

    def loop(x):
        y = x
        for _ in range(20_000):
            y = y + x
        return y

    recorded = run(deep, [1.0, 300])
    assert len(recorded.scopes[recorded.outputs[0]]) == 302
    # Scopes of one call are one object: not 20,000 tuples of 302 names.
    assert len({id(scope) for scope in recorded.scopes.values()}) == 1


# ---- arguments ----


def labels(recorded: Recorded) -> set[str]:
    return {node.label for node in graph(*recorded.outputs) if node.op is None}


def test_numbers_become_values_labelled_by_their_parameters():
    def f(x, ys, table, *rest, scale=1.0):
        return x + ys[1][0] + table["a"] + rest[0] + rest[1][0] + ys[0]

    recorded = run(f, [1.0, [2.0, (3.0,)], {"a": 4.0, "b": "text"}, 5.0, [6.0]])
    assert labels(recorded) == {"x", "ys[0]", "ys[1][0]", "table['a']", "rest[0]", "rest[1][0]"}
    assert recorded.outputs[0].data == 21.0
    assert {value.label: name for value, name in recorded.names.items() if value.label} == {
        name: name for name in labels(recorded)
    }


def test_arrays_keep_their_shape():
    def f(w, x):
        assert w.shape == (2, 2) and x.shape == (2,)
        return w @ x

    recorded = run(f, [numpy.array([[1.0, 2.0], [3.0, 4.0]]), numpy.array([1.0, 10.0])])
    assert [y.data for y in recorded.outputs] == [21.0, 43.0]
    assert labels(recorded) == {"w[0][0]", "w[0][1]", "w[1][0]", "w[1][1]", "x[0]", "x[1]"}
    assert [recorded.names[y] for y in recorded.outputs] == ["out[0]", "out[1]"]


def test_without_a_signature_names_are_counted():
    assert labels(run(functools.partial(lambda *a: a[0] * a[1]), [2.0, 3.0])) == {"a[0]", "a[1]"}

    class Hidden:
        __signature__ = "none"

        def __call__(self, *a):
            return a[0] * a[1]

    assert labels(run(Hidden(), [2.0, 3.0])) == {"x1", "x2"}


def test_values_given_are_used_as_they_are():
    x, named = Value(2.0), Value(3.0, label="mine")
    recorded = run(lambda a, bs: a * bs[0] * bs[1], [x, [named, 5.0]])
    assert {x, named} <= set(graph(*recorded.outputs))
    assert x.label == "" and named.label == "mine"
    assert recorded.names[x] == "a" and recorded.names[named] == "bs[0]"


def test_floats_and_ints_become_values_but_switches_and_counts_stay():
    seen = {}

    def f(x, n: int, flags, power, many: list[int] | None, name, item: int | float):
        seen.update(locals())
        return x**power

    recorded = run(f, [2.0, 3, [True, numpy.bool_(False)], 2, [4, numpy.int64(5)], "a", 7])
    assert recorded.outputs[0].data == 4.0
    assert seen["n"] == 3 and type(seen["n"]) is int
    assert seen["flags"] == [True, False] and seen["flags"][0] is True
    assert type(seen["power"]) is Value and seen["power"].data == 2.0
    assert [type(x) for x in seen["many"]] == [int, numpy.int64]
    assert seen["name"] == "a" and type(seen["item"]) is Value


def test_what_holds_no_number_is_passed_itself():
    seen = []
    things = (["a", None], {"k": object()}, MLP(1, [1]), len, [], numpy.array(["x", "y"]), (True,))

    def f(x, *rest):
        seen.extend(rest)
        return x * x

    run(f, [1.0, *things])
    assert len(seen) == len(things) and all(a is b for a, b in zip(seen, things))


def test_a_module_among_the_arguments_is_used_itself():
    model = MLP(2, [3, 1], rng=0)

    def loss(model, x, target):
        return (model(x) - target) ** 2

    recorded = run(loss, [model, [1.0, -1.0], 0.5])
    assert set(model.parameters()) <= set(graph(*recorded.outputs))
    assert {"x[0]", "x[1]", "target", "layers.0.neurons.0.w1"} <= labels(recorded)
    assert recorded.outputs[0].data == loss(model, [1.0, -1.0], 0.5).data


# ---- results ----


def test_outputs_are_named_by_the_function_or_by_their_places():
    recorded = run(norm, [[3.0, 4.0]])
    assert recorded.names[recorded.outputs[0]] == "norm"
    recorded = run(lambda x: x * x, [3.0])
    assert recorded.names[recorded.outputs[0]] == "f"
    recorded = run(lambda x: {"loss": x * x, "parts": [x + 1.0, 5.0, None]}, [3.0])
    assert [recorded.names[y] for y in recorded.outputs] == ["out['loss']", "out['parts'][0]"]


def test_an_argument_that_is_returned_keeps_its_name_and_an_output_is_listed_once():
    recorded = run(lambda x: [x, x], [3.0])
    assert [recorded.names[y] for y in recorded.outputs] == ["x"]


@pytest.mark.parametrize(
    "result, shown", [(3.0, "3.0"), (None, "None"), ([1.0, "a"], r"\[1.0, 'a'\]")]
)
def test_a_function_that_returns_no_value_is_refused(result, shown):
    def f(x):
        return result

    with pytest.raises(TypeError, match=rf"explain: expected f to return a Value, got {shown}; "):
        run(f, [1.0])


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match=r"draw: expected a function, got 3.0; "):
        run(3.0, [1.0], who="draw")


def test_too_many_arguments_are_pythons_own_error():
    with pytest.raises(TypeError, match="positional argument"):
        run(norm, [[1.0], 2.0])


# ---- source text ----


def text(recorded: Recorded) -> str:
    return "\n".join(line for source in recorded.sources for line in source.text)


def test_the_text_of_the_functions_that_ran_is_kept():
    recorded = run(distances, [[1.0], [2.0]])
    (source,) = recorded.sources  # both functions, for they stand together
    first = TEXT.index("def norm(xs):")
    assert source.file == HERE and source.start == first + 1 and source.name == "test_recording.py"
    assert source.text[0] == "def norm(xs):" and source.text[-1].endswith("# both")
    assert list(source.text) == TEXT[first : first + len(source.text)]
    for line in recorded.lines.values():
        assert source.holds(line)


def test_functions_far_apart_are_pieces_of_their_own_and_others_are_left_out():
    recorded = run(lambda x: norm([x]), [1.0])
    assert len(recorded.sources) == 2
    assert "def norm" in text(recorded) and "def distances" not in text(recorded)
    assert "run(lambda x: norm([x]), [1.0])" in text(recorded)
    near = Source("a.py", 10, ("x", "y"))
    assert [near.holds(("a.py", line)) for line in (9, 10, 11, 12)] == [False, True, True, False]
    assert not near.holds(("b.py", 10))


def unchanged(f):
    return f


def test_decorators_and_closing_brackets_belong_to_a_function():
    @unchanged
    def f(x):
        return sum(
            [
                x * x,
            ]
        )

    kept = text(run(f, [2.0])).split("\n")
    assert kept[0].strip() == "@unchanged" and kept[-1].strip() == ")"


def test_a_lambda_over_several_lines_is_kept_whole():
    pieces = [
        None,
        lambda x: (
            x * x  # inside the lambda
        ),
    ]
    recorded = run(pieces[1], [2.0])
    assert "lambda x: (" in text(recorded) and "# inside the lambda" in text(recorded)


def test_code_without_text_has_lines_but_no_source():
    names = {}
    exec("def f(x):\n    return x * x\n", names)
    recorded = run(names["f"], [2.0])
    assert recorded.lines[recorded.outputs[0]] == ("<string>", 2) and recorded.sources == []
    assert recorded.scopes[recorded.outputs[0]] == ("f",)


def test_code_that_linecache_knows_has_its_text():
    program = "def f(x):\n    y = x * x\n    return y\n"
    linecache.cache["<cell 1>"] = (len(program), None, program.splitlines(True), "<cell 1>")
    names = {}
    exec(compile(program, "<cell 1>", "exec"), names)
    recorded = run(names["f"], [2.0])
    del linecache.cache["<cell 1>"]
    assert recorded.sources == [Source("<cell 1>", 1, tuple(program.splitlines()))]
    assert recorded.sources[0].name == "<cell 1>"


def test_a_module_loaded_again_shows_its_present_text(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "reloaded_model.py"
    file.write_text("def f(x):\n    return x * x\n")
    import reloaded_model

    assert "x * x" in text(run(reloaded_model.f, [2.0]))
    file.write_text("# a longer file\ndef f(x):\n    return x + x + x\n")
    recorded = run(importlib.reload(reloaded_model).f, [2.0])
    assert text(recorded) == "def f(x):\n    return x + x + x"


def test_a_line_outside_of_all_functions_is_kept_too():
    squares = (x * x for x in [Value(2.0)])  # a generator made elsewhere
    recorded = run(lambda xs: next(xs), [squares])
    assert "# a generator made elsewhere" in text(recorded)


def test_a_cell_of_a_notebook_is_called_by_its_number():
    program = """
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        shell.run_cell("from autograd.recording import run", store_history=True)
        shell.run_cell("def f(x):\\n    return x * x", store_history=True)
        shell.run_cell("recorded = run(f, [3.0])", store_history=True)
        (source,) = shell.user_ns["recorded"].sources
        print(source.name, source.start, *source.text, sep="|")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(HERE).parent.parent)}, check=False,
    )  # fmt: skip
    assert "Cell In[2]|1|def f(x):|    return x * x" in done.stdout, done.stderr


# ---- choices, variables, keywords, counts ----


def test_comparisons_that_steered_are_remembered_with_their_line():
    def f(x, y):
        if x > y:
            return x * y
        return x

    recorded = run(f, [3.0, 2.0])
    (choice,) = recorded.choices
    product = recorded.outputs[0]
    assert (choice.left, choice.right) == product.inputs
    assert (choice.symbol, choice.taken) == (">", True)
    assert choice.line[1] == f.__code__.co_firstlineno + 1


def test_sorting_and_truth_are_choices_too():
    def f(x, y):
        return max(x, y) if x else y

    symbols = {(c.symbol, c.taken) for c in run(f, [3.0, 2.0]).choices}
    assert symbols == {("!=", True), (">", False)}  # max asks whether the second is larger


def test_no_choice_is_remembered_outside():
    x = Value(1.0)
    assert x > 0.5
    assert run(lambda x: x * 2.0, [1.0]).choices == []


def test_values_are_called_by_their_variables_the_callers_first():
    def half(t):
        h = t / 2.0
        return h

    def f(x):
        d1 = half(x * 3.0)
        return d1 * x

    recorded = run(f, [4.0])
    d1 = recorded.outputs[0].inputs[0]
    assert recorded.names[d1] == "d1"  # not h
    assert recorded.names[d1.inputs[0]] == "t"


def test_keyword_arguments_are_traced():
    recorded = run(lambda x, *, strike: x - strike, [5.0], {"strike": 2.0})
    assert [v.label for v in recorded.outputs[0].inputs] == ["x", "strike"]


def test_a_count_that_cannot_be_a_value_stays_an_int():
    def power(x, n):
        y = 1.0
        for _ in range(n):
            y = y * x
        return y

    recorded = run(power, [3.0, 4])
    assert recorded.outputs[0].data == 81.0
    assert [v.label for v in graph(recorded.outputs[0]) if v.op is None] == ["x"]


def test_an_error_of_the_function_itself_is_raised_as_it_is():
    def f(x, n):
        raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        run(f, [1.0, 2])
