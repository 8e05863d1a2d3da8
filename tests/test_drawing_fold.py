"""Which module a node belongs to, and how graphs fold until they can be read.

The oracle for modules watches the calls themselves: whatever Values a neuron's call made are its own.
"""

from __future__ import annotations

import random
import re

import pytest

import autograd
from autograd import ParameterPath, Value, draw
from autograd.drawing.fold import SAME_LABELS, choose, fold
from autograd.drawing.labels import number
from autograd.drawing.modules import steps
from autograd.drawing.trace import Trace
from autograd.engine import graph
from nn import MLP, Neuron


@pytest.fixture
def made_by(monkeypatch):
    """Every Value that some neuron's call made, with the path of that neuron."""
    made: dict[Value, tuple[str, ...]] = {}
    call = Neuron.__call__

    def watched(self, x):
        before = {*graph(*(v for v in x if isinstance(v, Value)))} | {*self.parameters()}
        y = call(self, x)
        home = steps(self.b.label)[:-1]
        made.update({v: home for v in graph(y) if v not in before})
        return y

    monkeypatch.setattr(Neuron, "__call__", watched)
    return made


def homes(trace: Trace) -> dict[Value, tuple[str, ...] | None]:
    return dict(zip(trace.nodes, trace.homes))


def hinge_loss(model, n: int, as_values: bool = True) -> Value:
    """The loss of micrograd's demo: hinge on n points, and weight decay."""
    rng = random.Random(0)
    points = [[rng.gauss(0, 1) for _ in range(model.nin)] for _ in range(n)]
    scores = [model([Value(x) for x in point] if as_values else point) for point in points]
    losses = [(1.0 + -rng.choice((-1.0, 1.0)) * score).relu() for score in scores]
    loss = sum(losses) * (1.0 / n) + 1e-4 * sum(p * p for p in model.parameters())
    loss.label = "loss"
    return loss


def texts(picture) -> list[list[str]]:
    """The texts of every card."""
    tables = re.findall(r"\tn\d+ \[label=<(.*?)> tooltip=", picture.source, re.DOTALL)
    return [re.findall(r">([^<>]+)<", table) for table in tables]


# ---- homes ----


@pytest.mark.parametrize("activation", ["relu", "tanh", "leaky_relu", "gelu", "linear"])
@pytest.mark.parametrize("as_values", [True, False])
def test_every_op_belongs_to_the_neuron_whose_call_made_it(made_by, activation, as_values):
    model = MLP(2, [3, 2, 1], activation=activation, rng=0)
    trace = Trace([hinge_loss(model, 3, as_values)])
    found = homes(trace)
    for node in trace.nodes:
        if node.op is not None:
            assert found[node] == made_by.get(node), trace.formula(trace.nodes.index(node))
    assert set(trace.calls.values()) == {3}
    assert len(trace.calls) == 3 + 2 + 1


def test_an_activation_of_several_ops_belongs_to_its_neuron(made_by):
    model = MLP(2, [3, 1], activation=lambda z: z * (1.0 + (-z).exp()) ** -1, rng=0)
    trace = Trace([model([Value(1.0), Value(2.0)])])
    assert {v: home for v, home in homes(trace).items() if v.op} == made_by


def test_calls_of_one_cell_in_a_row_stay_apart():
    w, u, b = (Value(0.5, label=ParameterPath(f"cell.{name}")) for name in "wub")
    h = Value(0.0)
    for k in range(4):
        h = (w * h + u * Value(float(k)) + b).tanh()
    trace = Trace([h])
    assert {home for v, home in homes(trace).items() if v.op} == {("cell",)}
    assert trace.calls == {("cell",): 4}


def test_a_sum_over_calls_is_outside_of_the_module():
    w = Value(0.5, label=ParameterPath("unit.w"))
    outputs = [w * Value(float(k)) for k in range(3)]
    total = outputs[0] + outputs[1] + outputs[2]
    found = homes(Trace([total]))
    assert found[total] is None
    assert all(found[y] == ("unit",) for y in outputs)


def test_a_sum_that_starts_at_zero_is_inside_of_its_module():
    w = [Value(0.5, label=ParameterPath(f"unit.w{k}")) for k in range(3)]
    y = sum(w_k * Value(1.0) for w_k in w)  # 0 + w0·x0 + ...
    assert {home for v, home in homes(Trace([y])).items() if v.op} == {("unit",)}


def test_what_is_made_of_parameters_only_is_outside():
    w, v = (Value(0.5, label=ParameterPath(f"unit.{name}")) for name in "wv")
    decay = w * w + v**2
    y = 2.0 * decay + w * Value(1.0)
    found = homes(Trace([y]))
    inside = [node for node, home in found.items() if node.op and home is not None]
    assert [node.inputs[0] for node in inside] == [w]


def test_an_op_on_parameters_of_two_modules_belongs_to_the_one_around_both():
    a, b, other = (
        Value(1.0, label=ParameterPath(path))
        for path in ("block.0.part.0.w", "block.0.part.1.w", "head.w")
    )
    inside, outside = autograd.sum([a, b, Value(1.0)]), autograd.sum([a, other, Value(1.0)])
    found = homes(Trace([inside, outside]))
    assert found[inside] == ("block.0",)
    assert found[outside] is None


# ---- folding ----


def test_a_loss_on_a_hundred_points_folds_to_its_layers_and_a_handful_of_cards():
    loss = hinge_loss(MLP(2, [16, 16, 1], rng=0), 100)
    loss.backward()
    drawn = texts(draw(loss))
    assert len(drawn) < 20
    assert ["layers.0 ×100", "80 ops, 48 parameters"] in [card[:2] for card in drawn]
    assert ["layers.1 ×100", "528 ops, 272 parameters"] in [card[:2] for card in drawn]
    assert ["layers.2 ×100", "32 ops, 17 parameters"] in [card[:2] for card in drawn]
    assert ["input ×200", "values"] in [card[:2] for card in drawn]
    assert ["ReLU", "×100", "values"] in [card[:3] for card in drawn]  # that of the hinge
    assert [card for card in drawn if card[:2] == ["+", "loss"]]


def test_the_card_of_a_module_shows_its_largest_gradient_with_its_sign():
    model = MLP(2, [3, 1], rng=0)
    loss = hinge_loss(model, 50)
    loss.backward()
    for i, layer in enumerate(model.layers):
        inside = [
            v for v, home in homes(Trace([loss])).items() if home and home[0] == f"layers.{i}"
        ]
        assert {*layer.parameters()} <= {*inside}
        largest = max((v.grad for v in inside), key=abs)
        card = next(t for t in texts(draw(loss, depth=1)) if t[0] == f"layers.{i} ×50")
        assert card[-2:] == ["largest grad", number(largest, signed=True)]


def test_depth_says_how_many_levels_of_modules_are_open():
    model = MLP(2, [3, 2, 1], rng=0)
    y = model([Value(1.0, label="x1"), Value(2.0, label="x2")])
    assert {t[0] for t in texts(draw(y, depth=0))} == {"x1", "x2", "model", "+"}
    assert {t[0] for t in texts(draw(y, depth=1))} == {
        "x1",
        "x2",
        "layers.0",
        "layers.1",
        "layers.2",
        "+",
    }
    assert len(texts(draw(y, depth=2))) == 2 + 3 + 2 + 1 + 1
    assert len(texts(draw(y, depth=3))) == len(texts(draw(y))) == len(graph(y))
    assert "MLP" in {t[0] for t in texts(draw(model, depth=0))}


def test_one_example_of_a_large_model_is_its_layers_beside_a_loss_in_full():
    model = MLP(2, [16, 16, 1], rng=0)
    loss = (model([Value(1.0, label="x1"), Value(2.0, label="x2")]) - 3.0) ** 2
    assert {t[0] for t in texts(draw(loss))} == {
        "x1", "x2", "layers.0", "layers.1", "layers.2", "−", "^2", "3",
    }  # fmt: skip


def test_numbers_fed_to_a_folded_module_are_one_card_and_its_own_constants_none():
    loss = hinge_loss(MLP(2, [3, 1], activation="leaky_relu", rng=0), 50, as_values=False)
    picture = draw(loss, depth=1)
    assert ["numbers ×300"] in texts(picture)  # 50 points, 2 numbers, 3 neurons
    assert not [t for t in texts(picture) if t[0].startswith("0.01 ×")]  # the slope


def test_equal_nodes_fold_to_one_card_and_running_sums_go_on():
    total = sum(Value(float(k)) ** 2 for k in range(1, 201))
    total.label = "total"
    assert texts(draw(total)) == [
        ["input ×200", "values", "1 … 200", "largest grad", "–"],
        ["^2", "×200", "values", "1 … 40000", "largest grad", "–"],
        ["+", "×199", "values", "1 … 2.647e6", "largest grad", "–"],
        ["+", "total", "value", "2.687e6", "grad", "–"],
        ["0"],
    ]


def test_nodes_of_other_ops_labels_or_inputs_do_not_fold_together():
    xs = [Value(1.0) for _ in range(6)]
    named = xs[2].exp()
    named.label = "named"
    trace = Trace([xs[0].exp(), xs[1].exp(), named, xs[3].tanh(), xs[4].exp().tanh()])
    sizes = sorted(len(group.nodes) for group in fold(trace, 0, SAME_LABELS))
    assert sum(sizes) == 11
    # 5 inputs; exp of an input; outputs: exp (2), named, tanh of an input, tanh of an exp
    assert sizes == [1, 1, 1, 1, 2, 5]


def test_nan_in_a_folded_group_is_seen():
    values = [Value(float(k)) for k in range(1, 200)]
    total = sum(v.log() for v in [*values, Value(-1.0)])
    total.backward()
    card = next(t for t in texts(draw(total)) if t[0] == "log")
    assert card[1:4] == ["×200", "values", "0 … 5.293"]
    assert 'BORDER="2" COLOR="#c81e1e"' in draw(total).source
    assert "log(−1) = nan" in draw(total).source
    all_nan = sum(Value(float(-k)).log() for k in range(1, 200))
    assert ["log", "×199", "values", "nan"] in [t[:4] for t in texts(draw(all_nan))]


# ---- limits ----


def unfoldable(n: int) -> Value:
    """A graph of 2n - 1 nodes in a row, of which no op is made from one of its own kind."""
    y = Value(1.0)
    for _ in range(n - 1):
        y = y.tanh().exp()
    return y


def test_a_graph_that_cannot_be_read_is_refused_with_its_size_and_the_ways_out():
    with pytest.raises(
        ValueError, match=r"at most 150 cards, got 1,999 nodes, which fold to 1,999"
    ):
        draw(unfoldable(1000))
    with pytest.raises(ValueError, match=r"1,999; use focus=node, hops=2 .*, or max_nodes=1999 "):
        draw(unfoldable(1000))
    with pytest.raises(ValueError, match="at most 10 cards"):
        draw(unfoldable(50), max_nodes=10)


def test_up_to_max_nodes_a_graph_is_drawn_in_full():
    assert len(texts(draw(unfoldable(75)))) == 149
    with pytest.raises(ValueError, match="151 nodes"):
        draw(unfoldable(76))
    assert len(texts(draw(unfoldable(76), max_nodes=151))) == 151


def test_constants_count_as_cards():
    y = Value(1.0)
    for k in range(74):
        y = y * float(k)
    assert len(choose(Trace([y]))) == 75  # 75 Values and 74 constants
    assert len(choose(Trace([y * 2.0]))) == 3  # 151 cards: folded


def test_what_folds_but_stays_busy_is_drawn_if_there_are_not_too_many_cards():
    groups = choose(Trace([unfoldable(30) for _ in range(3)]), most=140)
    assert [len(group.nodes) for group in groups] == [3] * 59


def test_a_depth_that_leaves_too_many_cards_is_refused():
    y = MLP(2, [6, 6], rng=0)([1.0, 2.0])
    with pytest.raises(ValueError, match=r"10 cards, .* fold to 18; use depth=1 to fold more"):
        draw(y, depth=2, max_nodes=10)  # 12 neurons and 6 outputs
    with pytest.raises(ValueError, match=r"use depth=2 to fold more"):
        draw(y, depth=9, max_nodes=10)
    with pytest.raises(ValueError, match=r"fold to 2; use focus="):
        draw(y, depth=0, max_nodes=1)
    assert [t[0] for t in texts(draw(y, depth=1))] == [
        "layers.0", "layers.1", *["+"] * 6, "numbers ×12",
    ]  # fmt: skip


def test_the_output_of_a_folded_model_has_a_card_of_its_own():
    y = MLP(8, [16, 16, 1], rng=0)([Value(1.0) for _ in range(8)])
    y.label = "y"
    y.backward()
    drawn = texts(draw(y))
    assert ["layers.2", "32 ops, 17 parameters"] in [card[:2] for card in drawn]  # y's op included
    assert ["+", "y", "value", number(y.data), "grad", "+1"] in drawn
    assert "subgraph" not in draw(y, depth=1).source  # outside of all frames


def test_the_many_inputs_of_a_folded_module_are_one_card():
    drawn = texts(draw(MLP(100, [20, 10], rng=0)))
    assert {card[0] for card in drawn} == {"x ×100", "layers.0", "layers.1", "+"}
    assert ["+", "×10", "values"] in [card[:3] for card in drawn]
