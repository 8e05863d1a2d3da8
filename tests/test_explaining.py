"""training_record: the loss as one graph, the steps of a training, the boundary of two inputs."""

import json
import math
import random
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from autograd import Value, explain, no_grad, relu, tanh, where
from autograd.engine import graph
from nn import MLP, SGD, Adam, History, Module, Neuron, Perceptron, cross_entropy, fit, hinge
from nn.boundary import evaluated
from nn.explaining import MOST_NODES, MOST_STEPS, training_record

X = [[0.0, 1.0], [1.0, -1.0], [2.0, 0.5], [-1.0, 2.0]]
Y = [1.0, -0.5, 0.25, 0.75]
CORNERS = [[0, 0], [0, 1], [1, 0], [1, 1]]


def plain_loss(numbers, X=X, Y=Y):
    """The mean of 1/2·(tanh(b + w1·x1 + w2·x2) - y)², on floats."""
    w1, w2, b = numbers
    errors = [math.tanh(b + w1 * x1 + w2 * x2) - y for (x1, x2), y in zip(X, Y)]
    return sum(e * e / 2 for e in errors) / len(Y)


def plain_slope(numbers, h=1e-6):
    """The gradient of `plain_loss` by central differences: right to about h² + 1e-16 / h."""
    nudged = [
        [[x + s * (i == j) for j, x in enumerate(numbers)] for s in (h, -h)] for i in range(3)
    ]
    return [(plain_loss(up) - plain_loss(down)) / (2 * h) for up, down in nudged]


def neuron():
    return Neuron(2, activation="tanh", rng=0)


def numbers_of(model):
    return [p.data for p in model.parameters()]


def fitted(model, X=X, Y=Y, **options):
    return fit(model, X, Y, progress=False, rng=0, keep_steps=True, **options)


# ---- fit keeps its steps ----


@pytest.mark.parametrize("batch_size", [1, 3, None])
def test_keeping_steps_changes_no_number(batch_size):
    kept, not_kept = neuron(), neuron()
    history = fitted(kept, batch_size=batch_size, epochs=7)
    plain = fit(not_kept, X, Y, progress=False, rng=0, batch_size=batch_size, epochs=7)
    assert (plain.steps, plain.epoch_of_step) == ([], [])
    assert numbers_of(kept) == numbers_of(not_kept)
    assert (history.loss, history.best_epoch) == (plain.loss, plain.best_epoch)


def test_the_steps_are_those_of_gradient_descent_written_out():
    model = neuron()
    numbers = numbers_of(model)
    history = fitted(model, batch_size=None, epochs=5, optimizer=lambda ps: SGD(ps, lr=0.3))
    assert len(history.steps) == 6 and history.epoch_of_step == [0, 1, 2, 3, 4, 5]
    for step in history.steps:
        assert step == pytest.approx(numbers, abs=1e-8)
        numbers = [x - 0.3 * g for x, g in zip(numbers, plain_slope(numbers))]


def test_every_adjustment_is_kept_with_its_epoch():
    model = neuron()
    before = numbers_of(model)
    history = fitted(model, batch_size=3, epochs=3)
    assert history.epoch_of_step == [0, 1, 1, 2, 2, 3, 3]
    assert history.steps[0] == before
    assert history.steps[2 * history.best_epoch] == numbers_of(model)
    assert [plain_loss(history.steps[i]) for i in (0, 2, 4, 6)] == pytest.approx(history.loss)


def test_the_steps_of_an_interrupted_epoch_are_kept_too():
    asked = []

    def loss(output, target):
        asked.append(output)
        if len(asked) == 4 + 6 + 1:  # four measured, two batches of three
            raise KeyboardInterrupt
        return (output - target) ** 2

    history = fitted(neuron(), X + X, Y + Y, loss=loss, batch_size=3)
    assert history.epoch_of_step == [0]
    assert history.stopped == "interrupted by Ctrl-C"


# ---- a record without a history: gradient descent ----


def test_a_record_is_gradient_descent_on_all_examples():
    model = neuron()
    record = training_record(model, X, Y, steps=20)
    assert record.how == "gradient descent on all 4 examples, learning rate 1"
    assert record.names == ["start", *(f"step {i}" for i in range(1, 21))]
    numbers = numbers_of(model)
    for step, loss in zip(record.steps, record.losses, strict=True):
        assert step == pytest.approx(numbers, abs=1e-7)
        assert loss == pytest.approx(plain_loss(step), rel=1e-12)
        numbers = [x - g for x, g in zip(numbers, plain_slope(numbers))]
    assert record.validation == []


def test_the_loss_is_one_graph_with_the_numbers_of_the_start():
    model = neuron()
    record = training_record(model, X, Y, steps=3)
    leaves = [v for v in graph(record.loss) if v.op is None]
    assert record.loss.label == "loss"
    assert [v.label for v in leaves if v.label in ("x1", "x2")] == ["x1", "x2"] * 4
    assert [v.data for v in leaves if v.label == "x2"] == [x2 for _, x2 in X]
    assert [str(p.label) for p in record.parameters] == ["w1", "w2", "b"]
    assert [p.data for p in record.parameters] == record.steps[0] == numbers_of(model)
    record.loss.backward()
    expected = plain_slope(record.steps[0])
    assert [p.grad for p in record.parameters] == pytest.approx(expected, abs=1e-8)


def test_the_graph_comes_to_the_losses_of_all_steps():
    record = training_record(neuron(), X, Y)
    nodes = graph(record.loss)
    for step, loss in zip(record.steps, record.losses):
        at = evaluated(nodes, dict(zip(record.parameters, step)))
        assert at[record.loss] == pytest.approx(loss, rel=1e-15)
    assert record.notes == []


def test_the_callers_model_is_left_alone():
    model = neuron()
    output = model(X[0])
    output.backward()
    numbers, grads = numbers_of(model), [p.grad for p in model.parameters()]
    state = random.getstate()
    record = training_record(model, X, Y)
    fitted_record = training_record(model, X, Y, history=fitted(neuron(), epochs=3))
    assert numbers_of(model) == numbers
    assert [p.grad for p in model.parameters()] == grads
    output.backward()  # would refuse if a number had been assigned since
    assert not set(record.parameters) & set(model.parameters())
    assert not any(p.has_grad for p in record.parameters + fitted_record.parameters)
    assert random.getstate() == state


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1000.0])
def test_the_learning_rate_fits_the_scale_of_the_inputs(scale):
    inputs = [[scale * a, scale * b] for a, b in X]
    record = training_record(Perceptron(2), inputs, Y, steps=30)
    assert all(a >= b for a, b in pairwise(record.losses))
    assert record.losses[-1] < 0.95 * record.losses[0]


def test_a_loss_that_cannot_fall_steadily_is_shown_nevertheless():
    noise = random.Random(0)

    class Noisy(Module):
        def __init__(self):
            self.w = Value(0.0)

        def __call__(self, x):
            return self.w * x + noise.random()

    record = training_record(Noisy(), [1.0, 2.0], [1.0, 2.0], steps=9)
    assert len(record.steps) == 10
    assert "the graph is that of the start" in record.notes[0]


@pytest.mark.parametrize(
    "make", [lambda ps: Adam(ps, lr=0.1), lambda ps: SGD(ps, lr=0.1, momentum=0.9)]
)
def test_an_optimizer_adjusts_as_in_fit(make):
    trained = neuron()
    history = fitted(trained, batch_size=None, epochs=12, optimizer=make, patience=None)
    record = training_record(neuron(), X, Y, steps=12, optimizer=make)
    for ours, theirs in zip(record.steps, history.steps, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-12)  # fit shuffles, which rounds differently
    assert record.how.endswith(" on all 4 examples")


def test_an_optimizer_of_the_callers_parameters_works_for_the_copy():
    model = neuron()
    optimizer = SGD(model.parameters(), lr=0.5)
    record = training_record(model, X, Y, steps=5, optimizer=optimizer)
    assert numbers_of(model) == record.steps[0] != record.steps[1]
    assert record.how == "SGD on all 4 examples"


def test_a_training_that_diverges_ends_where_the_loss_is_no_number():
    record = training_record(Perceptron(2), X, Y, steps=5000, optimizer=lambda ps: SGD(ps, lr=1e3))
    assert len(record.steps) < 1000
    assert all(map(math.isfinite, record.losses[:-1])) and not math.isfinite(record.losses[-1])


def test_a_missing_number_is_recorded_for_the_page_to_show():
    record = training_record(neuron(), [[0.0, math.nan], [1.0, 1.0]], [0.0, 1.0])
    assert math.isnan(record.loss.data) and record.names == ["start"]
    assert [(x, y) for x, y, _ in record.boundary.points] == [(1.0, 1.0)]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_target_that_is_no_number_has_no_point_but_a_page(bad):
    record = training_record(neuron(), X, [1.0, -0.5, 0.25, bad], steps=1)
    assert len(record.boundary.points) == 3
    assert explain(neuron(), X, [1.0, -0.5, 0.25, bad], steps=1).html


def test_inputs_too_far_apart_have_no_plane():
    record = training_record(neuron(), [[1e308, 0.0], [-1e308, 1.0]], [0.0, 1.0], steps=1)
    assert record.boundary is None and "further apart" in record.notes[-1]


def test_without_any_finite_input_there_is_no_plane_to_show():
    record = training_record(neuron(), [[0.0, math.inf], [math.nan, 1.0]], [0.0, 1.0])
    assert record.boundary is None
    assert record.notes == ["the boundary is not shown: no example has two finite inputs"]


def test_it_records_within_no_grad_too():
    with no_grad():
        record = training_record(neuron(), X, Y, steps=2)
    assert len(graph(record.loss)) > 20
    assert record.losses[-1] < record.losses[0]


def test_values_shared_with_the_copy_keep_their_gradients():
    scale = Value(2.0)
    scale.grad = 7.0
    model = Neuron(2, activation=lambda z: scale * tanh(z), rng=0)
    record = training_record(model, X, Y, steps=5)
    assert scale.grad == 7.0
    assert len(record.parameters) == 3


def test_values_among_the_examples_count_as_numbers():
    values = [[Value(a), Value(b)] for a, b in X]
    record = training_record(neuron(), values, [Value(y) for y in Y], steps=3)
    assert record.losses == training_record(neuron(), X, Y, steps=3).losses
    assert not any(v.has_grad for row in values for v in row)


def test_a_parameter_without_use_is_left_out():
    class Idle(Module):
        def __init__(self):
            self.unused, self.w = Value(5.0), Value(1.0)

        def __call__(self, x):
            return self.w * x

    record = training_record(Idle(), [1.0, 2.0], [2.0, 4.0], steps=4)
    assert [str(p.label) for p in record.parameters] == ["w"]
    assert [len(step) for step in record.steps] == [1] * 5
    assert record.steps[-1][0] == pytest.approx(2.0, abs=0.5)


# ---- a record of a history ----


def test_the_steps_of_a_history_are_shown_with_their_losses():
    model = neuron()
    before = numbers_of(model)
    history = fitted(model, batch_size=None, epochs=30, validation=([[3.0, 1.0]], [0.5]))
    record = training_record(model, X, Y, history=history)
    assert record.steps == history.steps and record.steps[0] == before
    assert record.losses == pytest.approx(history.loss, rel=1e-12)
    assert record.validation == history.validation_loss
    assert record.loss.data == record.losses[0]
    assert [p.data for p in record.parameters] == before
    at = history.best_epoch
    assert record.names[:2] == ["start", "epoch 1"] and record.names[at] == f"epoch {at} (kept)"
    assert record.how == f"fit, {len(history.loss) - 1} epochs; {history.stopped}"


def test_steps_within_epochs_are_told_apart():
    history = fitted(neuron(), batch_size=2, epochs=2, validation=([[3.0, 1.0]], [0.5]))
    record = training_record(neuron(), X, Y, history=history)
    assert [name.removesuffix(" (kept)") for name in record.names] == [
        "start", "epoch 1, step 1", "epoch 1, step 2", "epoch 2, step 3", "epoch 2, step 4",
    ]  # fmt: skip
    assert record.losses == pytest.approx([plain_loss(step) for step in history.steps])
    assert record.validation == [], "it was not asked at every step"


def scripted(n, per_epoch, best_epoch):
    """A history of n steps in which the first parameter counts them."""
    return History(
        loss=[1.0] * (n // per_epoch + 1),
        best_epoch=best_epoch,
        steps=[[float(i), 0.0, 0.0] for i in range(n + 1)],
        epoch_of_step=[0, *(i // per_epoch + 1 for i in range(n))],
    )


@pytest.mark.parametrize(
    ("n", "per_epoch", "best", "kept"), [(1234, 1, 777, 777), (5000, 1000, 3, 3000)]
)
def test_of_many_steps_about_two_hundred_are_kept(n, per_epoch, best, kept):
    record = training_record(neuron(), X, Y, history=scripted(n, per_epoch, best))
    numbers = [step[0] for step in record.steps]
    assert len(numbers) in (MOST_STEPS, MOST_STEPS + 1)
    assert numbers[0] == 0 and numbers[-1] == n and kept in numbers
    gaps = [b - a for a, b in pairwise(numbers)]
    assert max(gaps) <= n / MOST_STEPS + 2
    assert record.names[numbers.index(kept)].endswith("(kept)")
    assert record.names[1].startswith("epoch 1, step " if n == 5000 else "epoch 6")


def test_of_many_steps_in_many_epochs_the_ends_of_epochs_are_kept():
    record = training_record(neuron(), X, Y, history=scripted(1300, 13, 60))
    assert [step[0] for step in record.steps] == [13.0 * i for i in range(101)]
    assert record.names[60] == "epoch 60 (kept)"


def test_an_epoch_that_was_interrupted_is_not_counted():
    history = scripted(1300, 13, 60)
    history.validation_loss = history.loss
    history.steps += history.steps[:5]
    history.epoch_of_step += [101] * 5
    record = training_record(neuron(), X, Y, history=history)
    assert record.how.startswith("fit, 100 epochs; ")
    assert record.names[-1] == "epoch 100" and len(record.validation) == 101


def test_of_many_steps_of_descent_the_lowest_loss_is_kept():
    record = training_record(
        Perceptron(1), [1.0], [1.0], loss=lambda out, t: abs(out - t), steps=999,
        optimizer=lambda ps: SGD(ps, lr=0.35),
    )  # fmt: skip
    assert len(record.steps) in (MOST_STEPS, MOST_STEPS + 1)
    assert record.names[-1] == "step 999"


# ---- what is refused ----


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"X": X[:3]}, ValueError, r"^explain: expected as many targets as examples.* 3 examples"),
        ({"X": []}, ValueError, r"^explain: .* got 0 examples and 4 targets"),
        ({"X": 5}, TypeError, r"^explain: expected X to be a list, an array or a table, .*got int"),
        ({"X": [[None, 1.0]] * 4}, ValueError, r"^explain: expected no missing cells in X"),
        ({"y": None}, TypeError, r"^explain: expected y to be a list"),
        ({"loss": "mse"}, ValueError, r"^explain: expected loss to be a function or one of squared"),
        ({"loss": lambda out, t: 1.0}, TypeError, r"^explain: expected loss.* Value, got 1.0"),
        ({"steps": 0}, ValueError, r"^explain: expected steps to be an integer from 1 on, got 0"),
        ({"optimizer": 3}, TypeError, r"^explain: expected an optimiser, .* got 3; write"),
        ({"optimizer": SGD([Value(1.0)])}, ValueError, r"^explain: .* this model's parameters"),
        ({"history": [1.0]}, TypeError, r"^explain: expected the History that fit.*got \[1.0\]; w"),
        ({"history": History([2.0])}, ValueError, r"^explain: .*its steps.*keep_steps=True\)"),
        (
            {"history": History(steps=[[1.0]], epoch_of_step=[0])},
            ValueError,
            r"^explain: expected the history of this model, .* 3 parameters, got one of 1; give",
        ),
        ({"model": Neuron}, TypeError, r"^explain: expected a model that lists its parameters\(\)"),
        ({"names": ["length"]}, ValueError, r"^explain: expected 2 names, .* got \['length'\]; n"),
        ({"names": "ab"}, ValueError, r"^explain: expected 2 names, one for each input, got 'ab'"),
        ({"classes": ["a"], "y": [0, 1, 1, 0]}, ValueError, r"^explain: .* 2 classes, got \['a'\]"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        training_record(**{"model": neuron(), "X": X, "y": Y} | options)


def test_a_loss_that_uses_the_parameters_behind_the_models_back_is_refused():
    model = neuron()
    with pytest.raises(ValueError, match=r"also uses the model's 'w1'; .* weight_decay"):
        training_record(model, X, Y, loss=lambda out, t: (out - t) ** 2 + model.w[0] ** 2)
    assert not any(p.has_grad for p in model.parameters())


def test_too_many_nodes_are_refused_before_they_are_made():
    asked = []

    def loss(output, target):
        asked.append(target)
        return (output - target) ** 2

    model = MLP(2, [16, 16, 1], rng=0)
    with pytest.raises(ValueError, match=r"at most 200,000 nodes, got about .*, as X\[:\d+\]"):
        training_record(model, [[0.0, 1.0]] * 20_000, [1.0] * 20_000, loss=loss)
    assert len(asked) == 1
    assert MOST_NODES == 200_000


def test_65000_nodes_are_recorded():
    rng = random.Random(0)
    points = [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(100)]
    labels = [1 if a * b > 0 else -1 for a, b in points]
    record = training_record(MLP(2, [16, 16, 1], rng=0), points, labels, loss="hinge", steps=5)
    assert len(graph(record.loss)) > 60_000
    assert record.losses[-1] < record.losses[0]
    assert record.boundary.classes == ["-1", "1"] and record.notes == []


# ---- the boundary ----


def test_the_boundary_is_the_model_anywhere():
    record = training_record(neuron(), X, Y, steps=5)
    boundary = record.boundary
    (output,) = boundary.outputs
    assert [v.label for v in boundary.inputs] == ["x1", "x2"]
    assert boundary.parameters == record.parameters
    nodes, rng = graph(output), random.Random(1)
    for w1, w2, b in record.steps:
        x1, x2 = rng.uniform(-9, 9), rng.uniform(-9, 9)
        numbers = zip([*boundary.inputs, *boundary.parameters], [x1, x2, w1, w2, b])
        at = evaluated(nodes, dict(numbers))
        assert at[output] == pytest.approx(math.tanh(w1 * x1 + w2 * x2 + b), rel=1e-12)


def test_the_boundary_shows_all_examples_with_a_margin():
    boundary = training_record(neuron(), X, Y, steps=1).boundary
    assert boundary.x == pytest.approx((-1.0 - 0.08 * 3, 2.0 + 0.08 * 3))
    assert boundary.y == pytest.approx((-1.0 - 0.08 * 3, 2.0 + 0.08 * 3))
    assert boundary.points == [(*x, y) for x, y in zip(X, Y)]
    assert boundary.classes is None and boundary.threshold is None


def test_inputs_that_never_change_still_have_a_range():
    boundary = training_record(neuron(), [[2.0, 1.0], [2.0, 3.0]], Y[:2], steps=1).boundary
    assert boundary.x == (1.0, 3.0)


@pytest.mark.parametrize(
    ("loss", "targets", "classes", "threshold"),
    [
        ("squared_error", [0, 1, 1, 0], ["0", "1"], 0.5),
        ("squared_error", [-1.0, 1.0, 1.0, -1.0], ["-1", "1"], 0.0),
        ("huber", [2, 5, 5, 2], ["2", "5"], 3.5),
        ("hinge", [-1, 1, 1, -1], ["-1", "1"], 0.0),
        ("binary_cross_entropy", [0, 1, 1, 0], ["0", "1"], 0.0),
        (lambda out, t: out * 0 + t, [0, 1, 1, 0], ["0", "1"], None),
    ],
)
def test_one_output_tells_two_classes_apart_where_both_are_equally_wrong(
    loss, targets, classes, threshold
):
    boundary = training_record(neuron(), CORNERS, targets, loss=loss, steps=1).boundary
    assert boundary.classes == classes
    assert boundary.threshold == threshold
    assert [t for _, _, t in boundary.points] == targets


class Listing(Module):
    """A model whose one output is in a list."""

    def __init__(self):
        self.w, self.v = Value(0.5), Value(-0.3)

    def __call__(self, x):
        return [self.w * x[0] + self.v * x[1]]


@pytest.mark.parametrize(
    ("model", "loss"),
    [
        (Listing(), lambda out, t: (out[0] - t) ** 2),  # outputs as the model gives them
        (neuron(), lambda out, t: (out - (0.0, 1.0)[t]) ** 2),  # targets as they were given
        (neuron(), lambda out, t: max(0.0, 2.0 + (1 - 2 * t) * (out - 0.5))),  # at times a number
    ],
)
def test_a_loss_of_ones_own_may_expect_what_it_always_gets(model, loss):
    boundary = training_record(model, CORNERS, [0, 1, 1, 0], loss=loss, steps=1).boundary
    assert boundary.threshold == 0.5


def test_classes_may_be_true_and_false():
    y = np.array([True, False, True, True])
    boundary = training_record(
        MLP(2, [2], rng=0), CORNERS, y, loss="cross_entropy", steps=1
    ).boundary
    assert json.dumps([t for _, _, t in boundary.points]) == "[1.0, 0.0, 1.0, 1.0]"


def test_several_outputs_are_scores_of_classes():
    model = MLP(2, [3], rng=0)
    record = training_record(
        model,
        CORNERS,
        [0, 2, 1, 1],
        loss="cross_entropy",
        classes=["Adelie", "Chinstrap", "Gentoo"],
    )
    assert len(record.boundary.outputs) == 3
    assert record.boundary.classes == ["Adelie", "Chinstrap", "Gentoo"]
    assert record.boundary.threshold is None
    assert [t for _, _, t in record.boundary.points] == [0, 2, 1, 1]


def test_targets_with_one_high_number_are_classes_too():
    targets = [[1, 0], [0, 1], [0, 1], [1, 0]]
    boundary = training_record(MLP(2, [2], rng=0), CORNERS, targets, steps=1).boundary
    assert boundary.classes == ["0", "1"]
    assert [t for _, _, t in boundary.points] == [0, 1, 1, 0]


@pytest.mark.parametrize("last", [[1.0, 1.0], [0.5, 1.0]])
def test_outputs_that_are_no_scores_have_no_boundary(last):
    targets = [[0.5, 0.1], [0.2, 0.9], [0.3, 0.3], last]
    record = training_record(MLP(2, [2], rng=0), CORNERS, targets, steps=1)
    assert record.boundary is None
    assert record.notes == [
        "the boundary is not shown: the targets are no classes, for which the outputs would be the "
        "scores"
    ]


def test_columns_give_their_names():
    frame = pd.DataFrame(X, columns=["bill length", "bill depth"])
    record = training_record(neuron(), frame, pd.Series(Y), steps=1)
    labels = {v.label for v in graph(record.loss) if v.op is None}
    assert {"bill length", "bill depth"} <= labels
    assert record.boundary.names == ("bill length", "bill depth")
    series = training_record(Neuron(1), pd.Series([1.0, 2.0], name="mass"), Y[:2], steps=1)
    assert "mass" in {v.label for v in graph(series.loss)}


def test_names_need_not_be_text():
    record = training_record(neuron(), CORNERS, [0, 1, 1, 0], names=[1, 2], classes=[3, 4], steps=1)
    assert record.boundary.names == ("1", "2") and record.boundary.classes == ["3", "4"]


def test_inputs_may_be_named():
    record = training_record(neuron(), np.array(X), Y, steps=1, names=("length", "depth"))
    assert record.boundary.names == ("length", "depth")
    assert [v.label for v in graph(record.loss)].count("depth") == 4


@pytest.mark.parametrize("form", [np.array, pd.DataFrame, tuple, iter])
def test_data_may_come_in_any_form_that_fit_takes(form):
    record = training_record(neuron(), form(X), form(Y), steps=2)
    assert record.losses == training_record(neuron(), X, Y, steps=2).losses
    assert record.boundary.names == ("x1", "x2")


class Bent(Module):
    """A model that branches on numbers: on its input, or on its parameter."""

    def __init__(self, on):
        self.w, self.on = Value(0.5), on

    def __call__(self, x):
        if (x[0] if self.on == "input" else self.w) > 0.6:
            return self.w * x[1] - x[0]
        return self.w * x[0] + x[1]


@pytest.mark.parametrize("on", ["input", "parameter"])
def test_a_model_that_branches_on_numbers_has_no_boundary_and_says_why(on):
    targets = [2 * a + b for a, b in X]  # so that w rises
    record = training_record(Bent(on), X, targets, steps=1, optimizer=lambda ps: SGD(ps, lr=0.5))
    assert record.boundary is None
    assert "the boundary is not shown: for other inputs the model computes" in record.notes[-1]
    assert ("that of the start" in record.notes[0]) == (on == "parameter")


def test_a_model_that_branches_with_where_has_one():
    class Where(Module):
        def __init__(self):
            self.w = Value(0.5)

        def __call__(self, x):
            return where(x[0] > 0, relu(x[1]), self.w * x[0] + x[1])

    record = training_record(Where(), X, Y, steps=3)
    assert (record.boundary is None) == bool(record.notes)


def test_an_answer_that_does_not_depend_on_both_inputs_has_no_boundary():
    class First(Module):
        def __init__(self):
            self.w = Value(0.5)

        def __call__(self, x):
            return self.w * x[0]

    record = training_record(First(), X, Y, steps=1)
    assert record.boundary is None and "depend on both inputs" in record.notes[0]


@pytest.mark.parametrize(
    ("model", "inputs"),
    [(Perceptron(1), [1.0, 2.0]), (Perceptron(3), [[1.0, 2.0, 3.0]] * 2)],
)
def test_other_models_have_none_and_need_no_reason(model, inputs):
    record = training_record(model, inputs, [1.0, 2.0], steps=1)
    assert record.boundary is None and record.notes == []


def test_any_loss_of_ones_own_is_recorded():
    def loss(output, target):
        return cross_entropy([output, 0.0], 0) if target else hinge(output, -1)

    record = training_record(neuron(), X, [1, 0, 0, 1], loss=loss, steps=4)
    assert record.losses[-1] < record.losses[0] == record.loss.data


def test_the_module_has_it_as_a_method():
    record = neuron().training_record(X, Y, steps=3, loss="huber")
    assert record.losses == training_record(neuron(), X, Y, steps=3, loss="huber").losses
