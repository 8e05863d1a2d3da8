"""Threads and tasks: each has its own modes; sweeps take turns, so shared leaves add up exactly."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import autograd
from autograd import Value, detect_anomaly, grad, hessian, no_grad
from autograd.engine import graph

THREADS = 4


@pytest.fixture(autouse=True)
def switch_often():
    """Threads change over every few bytecodes, not every 5 ms."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def in_threads(work, count=THREADS):
    """Run ``work(i)`` in as many threads at once; their results."""
    barrier = threading.Barrier(count)

    def start(i):
        barrier.wait()
        return work(i)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(start, range(count)))


def test_threads_with_graphs_of_their_own():
    def work(i):
        gradients = []
        for k in range(60):
            x, w = Value(float(i + 1)), Value(float(k))
            y = x * w
            for _ in range(20):
                y = y + x * w
            y.backward()
            gradients.append((x.grad, w.grad))
        return gradients

    for i, gradients in enumerate(in_threads(work)):
        assert gradients == [(21.0 * k, 21.0 * (i + 1)) for k in range(60)]


@autograd.op
def pausing(xp, x):
    """Lets the other threads run in the middle of a sweep."""
    return x


@pausing.partials
def _(xp, y, x):
    time.sleep(1e-5)
    return (1.0,)


def test_shared_leaves_add_up_exactly():
    w, b = Value(3.0), Value(1.0)

    def work(i):
        for k in range(100):
            (pausing(w * float(i)) + b * float(k)).backward()

    in_threads(work)
    assert w.grad == 100 * sum(range(THREADS)) and b.grad == THREADS * sum(range(100))


def test_one_shared_graph_swept_by_many():
    x = Value(2.0)
    y = x
    for _ in range(20):
        y = pausing(y) + x * 1.0
    in_threads(lambda i: [y.backward() for _ in range(10)])
    assert x.grad == 21.0 * 10 * THREADS
    assert all(v.grad == 1.0 for v in graph(y) if v.op is not None)


def test_orders_are_unique_and_increase_in_every_thread():
    def work(i):
        return [Value(0.0)._order for _ in range(2000)]

    orders = in_threads(work)
    assert all(own == sorted(own) for own in orders)
    assert len({order for own in orders for order in own}) == 2000 * THREADS


def test_functional_derivatives_in_threads():
    f = lambda x: (x[0] * x[1]).tanh() * x[0]
    expected = hessian(f)([0.3, 0.5])
    assert (
        in_threads(lambda i: [hessian(f)([0.3, 0.5]) for _ in range(20)])
        == [[expected] * 20] * THREADS
    )


def test_pickling_in_threads():
    import pickle

    x = Value(2.0)
    y = x
    for _ in range(100):
        y = y * 1.0
    assert (
        in_threads(lambda i: [len(graph(pickle.loads(pickle.dumps(y)))) for _ in range(10)])
        == [[101] * 10] * THREADS
    )


def test_no_grad_is_a_threads_own():
    x = Value(3.0)
    inside, may_leave = threading.Event(), threading.Event()

    def without():
        with no_grad():
            inside.set()
            may_leave.wait(5)
            return (x * x).op

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(without)
        assert inside.wait(5)
        y = x * x  # while the other is in its block
        assert y.op is not None
        with detect_anomaly():
            may_leave.set()
            assert result.result() is None
    assert autograd.modes.watching == []


def test_one_decorated_function_in_many_threads():
    x = Value(3.0)

    @no_grad()
    def outer(depth):
        time.sleep(0)  # let another thread enter
        return (x * x).op, depth and outer(depth - 1)

    @detect_anomaly()
    def watched():
        return (x * x).op.name

    def work(i):
        for _ in range(100):
            assert outer(3) == (None, (None, (None, (None, 0))))
            assert (x * x).op.name == watched() == "mul"

    in_threads(work)
    assert autograd.modes.watching == []


def test_no_grad_is_a_tasks_own():
    x = Value(3.0)

    async def without(log):
        with no_grad():
            for _ in range(5):
                await asyncio.sleep(0)
                log.append((x * x).op)

    async def recording(log):
        for _ in range(5):
            await asyncio.sleep(0)
            log.append((x * x).op)

    async def main():
        a, b = [], []
        await asyncio.gather(without(a), recording(b), without(a), recording(b))
        return a, b

    with ThreadPoolExecutor(1) as pool:  # here the browser of other tests keeps a loop running
        a, b = pool.submit(asyncio.run, main()).result()
    assert a == [None] * 10 and all(op is not None for op in b)
    assert autograd.modes.watching == []


def test_a_detector_is_a_threads_own():
    def work(i):
        if i % 2:
            for _ in range(50):
                assert autograd.log(Value(0.0)).data == -float("inf")
            return None
        for _ in range(50):
            with detect_anomaly(), pytest.raises(FloatingPointError):
                autograd.log(Value(0.0))
        return None

    in_threads(work)


def test_a_rule_that_starts_a_backward_pass_does_not_wait_for_itself():
    @autograd.op
    def swept_inside(xp, x):
        return x * x

    @swept_inside.partials
    def _(xp, y, x):
        t = Value(x)
        (t * t).backward()
        return (t.grad,)

    def work(i):
        x = Value(float(i))
        swept_inside(x).backward()
        return x.grad

    assert in_threads(work) == [2.0 * i for i in range(THREADS)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_works_on_its_copy():
    x = Value(3.0)
    y = x * x
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            y.backward()
            answer = f"{x.grad} {grad(lambda t: t**3)(2.0)} {(y * x).data}"
        except BaseException as error:
            answer = repr(error)
        os.write(writer, answer.encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 1000) == b"6.0 12.0 27.0" and not x.has_grad
    os.close(reader), os.close(writer)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_forked_in_the_middle_of_a_sweep_is_not_locked_out():
    in_rule, may_go_on = threading.Event(), threading.Event()

    @autograd.op
    def slow_rule(xp, x):
        return x

    @slow_rule.partials
    def _(xp, y, x):
        in_rule.set()
        may_go_on.wait(5)
        return (1.0,)

    sweep = threading.Thread(target=slow_rule(Value(1.0)).backward)
    sweep.start()
    assert in_rule.wait(5)
    child = os.fork()
    if child == 0:
        threading.Timer(3.0, lambda: os._exit(1)).start()
        x = Value(3.0)
        (x * x).backward()
        os._exit(0 if x.grad == 6.0 else 2)
    status = os.waitpid(child, 0)[1]
    may_go_on.set()
    sweep.join()
    assert os.waitstatus_to_exitcode(status) == 0


def test_random_work_in_threads_equals_the_same_work_alone():
    def work(i):
        rng = random.Random(i)
        leaves = [Value(rng.uniform(-1, 1)) for _ in range(3)]
        values = list(leaves)
        for _ in range(300):
            a, b = rng.choice(values), rng.choice(values)
            values.append(rng.choice([a + b, a * b, a - b, a.tanh(), (a * b).sin()]))
        autograd.sum(values[-20:]).backward()
        return [x.grad for x in leaves]

    assert in_threads(work) == [work(i) for i in range(THREADS)]


@pytest.mark.parametrize("kind", ["generator", "coroutine"])
def test_no_grad_does_not_decorate_what_runs_later(kind):
    def generator():
        yield 1

    async def coroutine():
        return 1

    with pytest.raises(TypeError, match="no_grad: expected a plain function to decorate"):
        no_grad()({"generator": generator, "coroutine": coroutine}[kind])
