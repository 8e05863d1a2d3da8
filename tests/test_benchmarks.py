"""The parts of the benchmarks that measure nothing: the work, and what is made of the figures."""

import doctest
import math
import shutil

import numpy as np
import pytest
from benchmarks import (
    compiled_report,
    compilers,
    figures,
    folding,
    peers,
    programs,
    report,
    workloads,
)

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


@pytest.mark.parametrize("module", [report, figures, compiled_report, compilers, programs])
def test_the_examples_hold(module):
    found = doctest.testmod(module)
    assert found.attempted and not found.failed


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


# ---- compilers ------------------------------------------------------------------------------


def test_the_programs_compute_what_is_known_of_them():
    energy = programs.pendulum(math, [1.0, 0.0, 9.81])
    assert 0.0 < energy < 2 * 9.81 * (1 - math.cos(1.0)) + 1.0  # its speed² is bounded by its fall
    assert programs.price(math, *programs.arguments("price")) == pytest.approx(6.0401, abs=1e-4)
    given = programs.arguments("mlp")
    assert programs.mlp(compilers.Foldgrad().autograd, *given) == pytest.approx(
        workloads.workload("mlp").program(given[0], float, lambda x: max(x, 0.0)), rel=1e-15
    )


def test_the_transformer_is_that_of_arrays():
    """As in the JAX version: one matrix product for all letters, a mask, log_softmax."""
    tables, tokens = programs.arguments("gpt7")
    t = {name: np.array(table) for name, table in tables.items()}
    n = len(tokens) - 1
    x = normed(t["token"][tokens[:-1]] + t["place"][:n])
    inside = normed(x)
    query, key, value = (
        (inside @ t[name].T).reshape(n, 4, 4).swapaxes(0, 1) for name in ("query", "key", "value")
    )
    weights = np.exp(query @ key.swapaxes(1, 2) / 2.0) * np.tril(np.ones((n, n)))
    found = (weights / weights.sum(-1, keepdims=True)) @ value
    x = found.swapaxes(0, 1).reshape(n, 16) @ t["mix"].T + x
    x = np.maximum(normed(x) @ t["up"].T, 0.0) @ t["down"].T + x
    chances = np.exp(x @ t["score"].T)
    chances /= chances.sum(-1, keepdims=True)
    expected = -np.log(chances[np.arange(n), tokens[1:]]).mean()
    assert programs.gpt(compilers.Foldgrad().autograd, tables, tokens) == pytest.approx(expected)


def normed(x):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)


@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
@pytest.mark.parametrize("work", compilers.ENGINES["C by hand"].works)
def test_c_by_hand_has_the_bits_of_eager(work):
    by_hand = compilers.ByHand().compiled(work)
    answer = by_hand.answer(by_hand.call())
    assert answer == compilers.Foldgrad().eager(work)
    assert by_hand.answer(by_hand.call()) == answer, "and again"


@pytest.mark.parametrize("work", compilers.WORKS)
def test_the_compiled_answers_are_those_of_eager(work):
    expected = compilers.Foldgrad().eager(work)
    for engine in (compilers.Foldgrad, compilers.FoldgradCall):
        compiled = engine().compiled(work)
        assert compiled.answer(compiled.call()) == expected


def test_the_module_has_the_loss_of_the_parameters():
    compiled = compilers.FoldgradModule().compiled("mlp")
    value, _ = compilers.Foldgrad().eager("mlp")
    assert compiled.answer(compiled.call())[0] == value


def test_folding_counts_the_nodes_of_the_network():
    measured = folding.measure(3)
    signs = 3  # of the labels, which are inputs here
    assert measured["nodes"] == workloads.workload("mlp", 3).operations() + signs
    assert measured["instructions"] < 60


def test_the_page_judges_what_was_compiled():
    rows = [
        {"part": "compile", "round": 1, "engine": engine, "work": "mlp", "ready": 0.2, "us": us}
        for engine, us in (("foldgrad", 20.0), ("jax", 30.0), ("aadc", 15.0))
    ]
    rows[0] |= {"over_c": 1.1, "same": True}
    rows += [
        {"part": "fold", "round": 1, "nodes": nodes, "fold": ns, "trace": 300.0, "instructions": 27}
        for nodes, ns in ((10, 150.0), (1000, 190.0))
    ]
    text = "\n".join(
        [*compiled_report.compiled_targets(rows), *compiled_report.compiled_table(rows)]
    )
    assert "| A, MLP loss: value and gradient over C by hand | ≤ 1.3 |  | 1.1 | yes |" in text
    assert "| A, MLP loss: µs for value and gradient |  | ≤ 15 | 20 | not reached |" in text
    assert "| A, MLP loss: a call over jax's | ≤ 1 |  | 0.667 | yes |" in text
    assert "| A, MLP loss: a call over aadc's | ≤ 1 |  | 1.33 | **no** |" in text
    assert "| runs whose bits are not those of eager | ≤ 0 |  | 0 | yes |" in text
    assert "| F, fold: ns a node of 1,000 | ≤ 1e+03 | ≤ 200 | 190 | reached |" in text
    assert "| A, MLP loss | jax | 0.2 | 30 | 1.5x |" in text
    assert compiled_report.compiled_targets([]) == []
