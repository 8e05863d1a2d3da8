"""Size: no recursion however deep a graph, no reference cycles, no growth while training."""

from __future__ import annotations

import copy
import gc
import pickle
import random
import sys
import time
import tracemalloc
import weakref
from contextlib import contextmanager

import pytest

import autograd
from autograd import Value, detect_anomaly, grad, hvp, jvp, no_grad, vjp
from autograd.engine import graph
from nn import MLP, SGD

MILLION = 1_000_000


@contextmanager
def collector_off():
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def chain(x, length):
    """A chain of ``length`` nodes whose value and derivative stay x and 1."""
    y = x
    for _ in range(length // 2):
        y = -y
        y = -y
    return y


def test_a_chain_of_a_million_nodes():
    """Evaluated, differentiated twice, copied, pickled, freed: nothing recurses, nothing crashes."""
    assert sys.getrecursionlimit() <= 10_000
    x = Value(3.0, label="x")
    y = chain(x, MILLION)
    assert y.data == 3.0
    y.backward()
    y.backward()
    assert x.grad == 2.0 and y.inputs[0].grad == -1.0

    twin = copy.deepcopy(y)
    twin_x = graph(twin)[0]
    assert twin_x is not x and (twin_x.label, twin_x.grad) == ("x", 2.0)
    twin.backward()
    assert (twin_x.grad, x.grad) == (3.0, 2.0)
    del twin, twin_x

    loaded = pickle.loads(pickle.dumps(y))
    nodes = graph(loaded)
    assert len(nodes) == MILLION + 1 and nodes[-1] is loaded and nodes[0].grad == 2.0
    loaded.backward()
    assert nodes[0].grad == 3.0
    del loaded, nodes

    last = weakref.ref(y.inputs[0])
    with collector_off():
        del y
        assert last() is None
    x.zero_grad()
    assert x.grad == 0.0


def test_a_deep_chain_by_the_functional_interface():
    n = 50_000
    f = lambda x: chain(x * x, n)
    assert grad(f)(3.0) == 6.0 and grad(grad(f))(3.0) == 2.0
    assert jvp(f, [3.0], [1.0]) == (9.0, 6.0) and vjp(f, 3.0)[1](1.0) == (6.0,)
    assert hvp(f, [3.0], [1.0]) == [2.0]


def test_sum_over_a_hundred_thousand_samples():
    w = Value(2.0)
    loss = sum((w * float(i % 7) - 1.0) ** 2 for i in range(100_000))
    loss.backward()
    expected = sum(2.0 * (2.0 * (i % 7) - 1.0) * (i % 7) for i in range(100_000))
    assert w.grad == expected  # integers: exact in any order


def test_one_node_of_a_hundred_thousand_inputs():
    xs = [Value(float(i % 3)) for i in range(100_000)]
    total = autograd.sum(xs)
    assert total.data == sum(i % 3 for i in range(100_000))
    total.backward()
    assert all(x.grad == 1.0 for x in xs)
    assert len(graph(total)) == 100_001
    assert (
        len(pickle.loads(pickle.dumps(total)).inputs) == len(copy.deepcopy(total).inputs) == 100_000
    )


def test_one_value_used_a_hundred_thousand_times():
    x = Value(2.0)
    y = autograd.sum([x * float(i % 2) for i in range(100_000)])
    y.backward()
    assert x.grad == 50_000.0


def test_a_graph_of_exponentially_many_paths_is_walked_once():
    x = Value(1.0)
    y = x
    for _ in range(1000):
        y = y + y
    y.backward()
    assert y.data == x.grad == 2.0**1000


@pytest.mark.parametrize("shape", ["deep", "wide", "diamond", "shared"])
def test_a_graph_dies_when_its_last_name_does(shape):
    with collector_off():
        x = Value(1.5)
        if shape == "deep":
            y = chain(x, 20_000)
        elif shape == "wide":
            y = autograd.sum([x * float(i) for i in range(20_000)])
        elif shape == "diamond":
            y = x
            for _ in range(200):
                y = y * 0.5 + y * 0.5
        else:
            y = MLP(2, [4, 1])([x, x * x])
        y.backward()
        watched = [weakref.ref(v) for v in graph(y) if v is not x]
        assert len(watched) >= 30
        del y
        assert not any(ref() for ref in watched)
        assert gc.collect() == 0  # not even the collector finds anything


def test_derivatives_errors_copies_and_modes_leave_no_garbage():
    def use_everything():
        f = lambda a, b: (a * b).tanh() + a**2
        grad(grad(f))(1.0, 2.0), hvp(f, [1.0, 2.0], [1.0, 0.0]), vjp(f, 1.0, 2.0)[1](1.0)
        autograd.jacobian(lambda a: [a, {"b": a * a}])(2.0)
        y = f(Value(1.0), Value(2.0))
        copy.deepcopy(y), pickle.loads(pickle.dumps(y)), copy.copy(y)
        with no_grad(), detect_anomaly():
            f(Value(1.0), Value(2.0))
        with detect_anomaly():
            f(Value(1.0), Value(2.0)).backward()
        x = Value(1.0)
        y = x * x
        x.data = 2.0
        with pytest.raises(RuntimeError):
            y.backward()

    use_everything()
    with collector_off():
        gc.collect()
        use_everything()
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            use_everything()
            gc.collect()
            ours = [v for v in gc.garbage if type(v).__module__.startswith("autograd")]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
    assert not ours


def test_a_thousand_training_steps_with_the_collector_off_do_not_grow():
    rng = random.Random(0)
    model = MLP(2, [3, 1], rng=rng)
    optimizer = SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step():
        x = [rng.random(), rng.random()]
        loss = (model(x) - x[0] * x[1]) ** 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    with collector_off():
        for _ in range(50):
            step()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(1000):
                step()
            growth = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
    assert growth < 10_000, f"{growth} bytes in 1000 steps"


def test_derivatives_of_functions_with_the_collector_off_do_not_grow():
    hessian = autograd.hessian(lambda x: (x[0] * x[1]).tanh() * x[0])
    with collector_off():
        for _ in range(1000):  # until the interpreter's free lists are full
            hessian([0.3, 0.5])
        before = sys.getallocatedblocks()
        for _ in range(300):
            hessian([0.3, 0.5])
        assert sys.getallocatedblocks() - before < 300


def test_time_and_memory_grow_in_proportion():
    """Ten times the nodes take ten times as long, not a hundred; the bound leaves room for noise."""

    def seconds(n):
        best = 9e9
        for _ in range(3):
            start = time.perf_counter()
            chain(Value(1.0), n).backward()
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(100_000) < 40 * seconds(10_000)

    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        y = chain(Value(1.0), 100_000)
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert used / 100_000 <= 160 and y.data == 1.0
