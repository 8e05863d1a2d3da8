"""The parts of the benchmarks that measure nothing: the work, and what is made of the figures."""

import doctest

import pytest
from benchmarks import peers, report, workloads

from autograd import Value


def test_the_network_has_the_size_that_is_quoted():
    assert workloads.workload("mlp").operations() == 65_077
    assert workloads.workload("chain").operations() == 100_000


@pytest.mark.parametrize(("name", "size"), [("mlp", 3), ("chain", 30)])
def test_a_workload_computes_on_values_what_it_computes_on_floats(name, size):
    job = workloads.workload(name, size)
    value = job.program([Value(x) for x in job.point], Value, Value.relu)
    assert value.data == job.program(job.point, float, lambda x: x if x > 0.0 else 0.0)


def test_our_own_engine_answers_with_the_gradient_of_a_chain():
    engine, job = peers.ENGINES[report.OURS](), workloads.workload("chain", 2)
    run = engine.record(job)
    engine.sweep(run)
    v, a, b = job.point
    assert engine.answer(run) == (v * a + b, [a, v, 1.0])


def test_the_examples_of_the_report_hold():
    assert doctest.testmod(report).failed == 0


def test_a_peer_that_fails_is_named_with_its_reason_and_has_no_figure():
    ours = {"part": "peers", "round": 1, "engine": "foldgrad", "work": "chain", "collector": False}
    ours |= {"nodes": 9, "forward": 2.0, "backward": 2.0, "free": 1.0, "value": 1.0, "gradient": []}
    broken = {"part": "peers", "round": 1, "engine": "torch", "work": "chain", "error": "no wheel"}
    wrong = ours | {"engine": "xad", "value": 2.0}
    rows = [ours, broken, wrong]
    report.check_answers(rows)
    machine = {"cpu": "a cpu", "cores": 1, "system": "", "python": "3", "date": "today"}
    results = {
        "machine": machine,
        "rounds": 1,
        "command": "",
        "unavailable": {"aadc": "no network"},
    }
    page = report.page(results | {"rows": rows})
    assert "- torch, chain: no wheel" in page
    assert "- xad, chain: another answer than ours: off by 1" in page
    assert "- aadc: no network" in page
    assert "| chain | xad | – | – | – | – |" in page
    assert "| chain | aadc | – | – | – | – |" in page
