"""fit: the loop does what it says, stops for the reason it gives, leaves the best parameters."""

import math
import random
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from autograd import Value, mean, no_grad, relu
from nn import (
    MLP,
    SGD,
    Adam,
    History,
    Module,
    Neuron,
    cross_entropy,
    fit,
    half_mean_squared_error,
    hinge,
    squared_error,
    training,
)

X = [[0.0], [1.0], [2.0], [3.0]]
Y = [1.0, 3.0, 5.0, 7.0]  # y = 2·x + 1


def line():
    return MLP(1, [1], rng=0)


def sgd(lr):
    return lambda params: SGD(params, lr=lr)


def quiet_fit(*args, **options):
    return fit(*args, progress=False, **options)


def error_of(model, loss=squared_error, X=X, Y=Y):
    with no_grad():
        return mean([loss(model(x), y) for x, y in zip(X, Y)]).data


# ---- the loop ----


def test_it_is_gradient_descent_written_out_by_hand():
    model, by_hand = line(), line()
    history = quiet_fit(
        model, X, Y, optimizer=sgd(0.05), batch_size=None, epochs=20, tol=0, patience=None
    )
    w, b = (p.data for p in by_hand.parameters())
    losses = []
    for _ in range(21):
        errors = [w * x + b - y for (x,), y in zip(X, Y)]
        losses.append(sum(e * e for e in errors) / 2 / 4)
        w -= 0.05 * sum(e * x for e, (x,) in zip(errors, X)) / 4
        b -= 0.05 * sum(errors) / 4
    assert history.loss == pytest.approx(losses, rel=1e-12)
    assert len(history.loss) == 21  # before the first adjustment, and after each epoch


def test_it_learns_a_line_to_the_last_digits():
    model = line()
    history = quiet_fit(model, X, Y, optimizer=sgd(0.2), epochs=2000, tol=0, batch_size=None)
    assert [p.data for p in model.parameters()] == pytest.approx([2.0, 1.0], abs=1e-6)
    assert history.loss[history.best_epoch] < 1e-12


def test_an_mlp_learns_what_no_line_separates():
    X, Y = [[0, 0], [0, 1], [1, 0], [1, 1]], [-1, 1, 1, -1]
    model = MLP(2, [8, 1], activation="tanh", rng=0)
    quiet_fit(model, X, Y, loss="hinge", optimizer=sgd(0.2), epochs=300, batch_size=1, rng=0)
    assert all(model(x).data * y > 0 for x, y in zip(X, Y))


def test_several_classes_are_learned_by_cross_entropy():
    rng = random.Random(0)
    centres = [(0.0, 2.0), (2.0, -1.0), (-2.0, -1.0)]
    labels = [i % 3 for i in range(60)]
    points = [[c + rng.gauss(0, 0.3) for c in centres[i]] for i in labels]
    model = MLP(2, [3], init="glorot", rng=0)
    quiet_fit(model, np.array(points), np.array(labels), loss=cross_entropy, epochs=30, rng=0)
    guesses = [max(range(3), key=model(x).__getitem__) for x in points]
    assert guesses == labels


@pytest.mark.parametrize(
    ("batch_size", "steps"), [(1, 4), (2, 2), (3, 2), (4, 1), (99, 1), (None, 1)]
)
def test_an_epoch_takes_every_example_once(batch_size, steps):
    seen, taken = [], []

    def loss(output, target):
        if output.op is not None:  # not when measured
            seen.append(target)
        return squared_error(output, target)

    class Counting(SGD):
        def step(self):
            taken.append(sorted(seen))
            super().step()

    quiet_fit(line(), X, Y, loss=loss, optimizer=Counting, batch_size=batch_size, epochs=1, rng=0)
    assert sorted(seen) == Y
    assert len(taken) == steps


def test_examples_are_shuffled_by_the_seed_and_batches_differ_between_epochs():
    def orders(rng):
        seen = []

        def loss(output, target):
            if output.op is not None:
                seen.append(target)
            return squared_error(output, target)

        quiet_fit(line(), X, Y, loss=loss, optimizer=sgd(0), batch_size=1, epochs=5, rng=rng)
        return [tuple(seen[i : i + 4]) for i in range(0, 20, 4)]

    assert orders(0) == orders(random.Random(0)) != orders(1)
    assert len(set(orders(0))) > 1
    random.seed(3)
    first = orders(None)
    random.seed(3)
    assert orders(None) == first
    assert len(orders(np.random.default_rng(0))) == 5


def test_the_callers_data_stays_in_order():
    X, Y = [[3.0], [1.0], [2.0]], [3.0, 1.0, 2.0]
    quiet_fit(line(), X, Y, epochs=3, rng=0)
    assert (X, Y) == ([[3.0], [1.0], [2.0]], [3.0, 1.0, 2.0])


def test_fit_takes_an_optimizer_its_class_or_what_makes_one():
    models = [line(), line(), line()]
    quiet_fit(models[0], X, Y, optimizer=Adam(models[0].parameters()), rng=0, epochs=3)
    quiet_fit(models[1], X, Y, optimizer=Adam, rng=0, epochs=3)
    quiet_fit(models[2], X, Y, optimizer=lambda p: Adam(p, lr=1e-3), rng=0, epochs=3)
    assert models[0].state_dict() == models[1].state_dict() == models[2].state_dict()


def test_an_optimizer_need_only_step_and_zero_grad():
    class Still:
        def zero_grad(self): ...

        def step(self): ...

    history = quiet_fit(line(), X, Y, optimizer=Still(), epochs=3)
    assert history.loss == [history.loss[0]] * 4


def test_only_the_optimizers_parameters_move():
    model = line()
    w, b = model.parameters()
    before = w.data
    quiet_fit(model, X, Y, optimizer=SGD([b], lr=0.1), epochs=5)
    assert w.data == before
    assert b.data != 0.0


def test_what_else_the_optimizer_adjusts_is_put_back_too():
    model, shift = Steps(), Value(0.0)
    optimizer = Count([shift, model.n])
    history = quiet_fit(
        model, [0.0], [0.0], loss=lambda n, _: n * 0 + abs(shift - 2), optimizer=optimizer, epochs=5
    )
    assert history.loss == [2, 1, 0, 1, 2, 3]
    assert (history.best_epoch, model.n.data, shift.data) == (2, 2.0, 2.0)
    assert not shift.has_grad


def test_it_learns_within_no_grad_as_outside():
    with no_grad():
        history = quiet_fit(line(), X, Y, epochs=5, rng=0)
    assert history == quiet_fit(line(), X, Y, epochs=5, rng=0)
    assert history.best_epoch == 5


def test_any_module_can_be_fitted():
    class Parabola(Module):
        def __init__(self):
            self.a = Value(0.0)

        def __call__(self, x):
            return self.a * x**2

    model = Parabola()
    quiet_fit(model, [1.0, 2.0, -1.0], [3.0, 12.0, 3.0], optimizer=sgd(0.1), tol=0)
    assert model.a.data == pytest.approx(3.0)


# ---- what X and y may be ----

FORMS = {
    "lists": (X, Y),
    "tuples": (tuple(map(tuple, X)), tuple(Y)),
    "arrays": (np.array(X), np.array(Y)),
    "columns": (np.array(X), np.array(Y).reshape(-1, 1)),
    "lists of arrays": (list(np.array(X)), list(np.array(Y))),
    "frames": (pd.DataFrame(X), pd.DataFrame(Y)),
    "frame and series": (pd.DataFrame({"x": [0, 1, 2, 3]}), pd.Series(Y, index=list("abcd"))),
    "single inputs": ([0.0, 1.0, 2.0, 3.0], Y),
    "series": (pd.Series([0, 1, 2, 3]), pd.Series([1, 3, 5, 7])),
    "generators": ((x for x in X), (y for y in Y)),
}


@pytest.mark.parametrize("form", FORMS)
def test_data_may_be_lists_arrays_frames_and_series(form):
    expected, model = line(), line()
    history = quiet_fit(expected, X, Y, epochs=3, rng=0)
    assert quiet_fit(model, *FORMS[form], epochs=3, rng=0) == history
    assert model.state_dict() == expected.state_dict()


def test_mixed_columns_of_a_frame_arrive_as_pythons_numbers():
    seen = []

    class Table(Module):
        def __init__(self):
            self.by_island = {"Dream": Value(0.0), "Biscoe": Value(0.0)}

        def __call__(self, row):
            seen.append(row)
            return self.by_island[row[1]] + row[0]

    frame = pd.DataFrame({"mass": [1, 2], "island": ["Dream", "Biscoe"]})
    quiet_fit(Table(), frame, [1.5, 2.5], epochs=1, rng=0)
    assert seen[:2] == [[1, "Dream"], [2, "Biscoe"]]


# ---- why it stops, and with what ----


def test_it_stops_when_the_error_stops_falling():
    model = line()
    history = quiet_fit(model, X, Y, optimizer=sgd(0.2), epochs=10_000, tol=1e-3, patience=5)
    assert history.stopped == "the error stopped falling (tol=0.001, patience=5)"
    assert len(history.loss) < 1000
    # A fraction of the loss, so a line without noise is learned to the last digits first.
    assert min(history.loss) < 1e-12


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_when_it_stops_does_not_depend_on_the_scale_of_the_targets(scale):
    falls = [1.0, 0.9, 0.8, 0.795, 0.792, 0.791, 0.1]
    _, history = scripted([scale * x for x in falls], tol=0.02, patience=3)
    assert (len(history.loss), history.stopped) == (
        6,
        "the error stopped falling (tol=0.02, patience=3)",
    )


def test_slow_falls_add_up():
    # Every epoch falls by less than tol, yet the error has not stopped falling.
    _, history = scripted([10 - 0.4 * i for i in range(10)], tol=0.1, patience=3)
    assert history.stopped == "all 9 epochs done"


def test_negative_losses_fall_too():
    _, history = scripted([-10, -10.5, -11, -12, -14], tol=0.1, patience=2)
    assert history.stopped == "the error stopped falling (tol=0.1, patience=2)"
    _, history = scripted([-10, -10.5, -12, -12.5, -14], tol=0.1, patience=2)
    assert history.stopped == "all 4 epochs done"


@pytest.mark.parametrize(
    ("losses", "stopped"),
    [
        ([2.0, 3.0, 40.0], "the error rose: from 2 to 40; lower the learning rate"),
        ([9.0, 1.0, 3.0, 6.0], "the error rose: from 1 to 6; lower the learning rate"),
        ([9.0, 1.0, 3.0, 4.0], "the error stopped falling"),
        ([9.0, 9.0, 9.0], "the error never fell"),
        ([1.0, 2.9e5, 8e115], "the error rose: from 1 to 8e+115; lower the learning rate"),
        ([9e307, 1.5e308, 1.7e308], "the error rose: from 9e+307 to 1.7e+308; lower the learn"),
    ],
)
def test_an_error_that_rises_is_not_said_to_have_stopped_falling(losses, stopped):
    _, history = scripted(losses, patience=2)
    assert history.stopped.startswith(stopped)
    assert history.stopped.endswith("(tol=0.0001, patience=2)")


def test_a_learning_rate_that_is_too_high_is_blamed():
    model = line()
    history = quiet_fit(model, X, Y, optimizer=sgd(2.0), batch_size=None)
    assert history.best_epoch == 0
    assert history.stopped.startswith("the error rose: from ")
    assert "lower the learning rate" in history.stopped


def test_only_the_validation_error_rising_does_not_blame_the_learning_rate():
    history = quiet_fit(line(), X, Y, optimizer=sgd(0.05), validation=([[10.0]], [0.0]))
    assert history.loss[-1] < history.loss[history.best_epoch]
    assert history.stopped.startswith("the error of the validation examples rose: from ")
    assert "more examples" in history.stopped


class Steps(Module):
    """A model whose only parameter counts the steps taken."""

    def __init__(self):
        self.n = Value(0.0)

    def __call__(self, x):
        return self.n


class Count(SGD):
    def adjust(self, parameter, g, state):
        parameter.data += 1


def scripted(losses, **options):
    """Fit `Steps` while its loss after epoch n is losses[n]."""
    model = Steps()
    history = quiet_fit(
        model, [0.0], [0.0], loss=lambda n, _: n * 0 + losses[int(n.data)],
        optimizer=Count, epochs=len(losses) - 1, **options,
    )  # fmt: skip
    return model, history


@pytest.mark.parametrize(
    ("losses", "tol", "patience", "epochs", "best"),
    [
        ([9, 8, 7, 6], 0, 1, 3, 3),
        ([9, 8, 8, 6], 0, 1, 2, 1),
        ([9, 8, 8, 6], 0, 2, 3, 3),
        ([9, 8, 9, 9, 9, 1], 0, 3, 4, 1),
        ([9, 8, 9, 9, 9, 1], 0, None, 5, 5),
        ([9, 8.5, 8, 7.5, 7], 0.15, 3, 4, 4),  # 8.5 and 8 are no falls, 7.5 is one: a sixth in all
        ([9, 8.5, 8, 7.5, 7], 0.15, 2, 2, 2),
        ([1, 2, 3, 4], 0, 2, 2, 0),
    ],
)
def test_patience_tolerance_and_best_epoch(losses, tol, patience, epochs, best):
    model, history = scripted(losses, tol=tol, patience=patience)
    assert history.loss == losses[: epochs + 1]
    assert history.best_epoch == best
    assert model.n.data == best  # the parameters of the best epoch, whatever came later


def test_no_epoch_looks_at_all_losses_again(monkeypatch):
    class Unread(list):
        def __iter__(self):
            raise AssertionError("read from the start")

    monkeypatch.setattr(training, "History", lambda: History(Unread()))
    _, history = scripted([9, 8.5, 8, 7.5, 7.4, 7.3], tol=0.15, patience=3)
    assert (len(history.loss), history.best_epoch) == (6, 5)


def end_well(history):
    return False


def end_by_interrupt(history):
    raise KeyboardInterrupt


def end_by_error(history):
    raise ZeroDivisionError


@pytest.mark.parametrize("callback", [end_well, end_by_interrupt, end_by_error])
def test_no_gradients_stay_however_it_ends(callback):
    model = line()
    w, b = model.parameters()
    try:
        quiet_fit(model, X, Y, optimizer=SGD([b]), epochs=2, callback=callback)
    except ZeroDivisionError:
        assert callback is end_by_error
    assert not w.has_grad and not b.has_grad


def test_all_epochs_done():
    _, history = scripted([3, 2, 1])
    assert history.stopped == "all 2 epochs done"


def test_no_epochs_only_measure():
    model, before = line(), line()
    history = quiet_fit(model, X, Y, epochs=0)
    assert history.loss == [error_of(before)]
    assert model.state_dict() == before.state_dict()


def test_the_history_is_that_of_the_model_left():
    model = line()
    history = quiet_fit(model, X, Y, optimizer=sgd(0.36), epochs=30, batch_size=1, rng=0)
    assert error_of(model) == min(history.loss) == history.loss[history.best_epoch]


def test_the_validation_examples_decide_if_there_are_any():
    held_out = ([[10.0], [20.0]], [0.0, 0.0])  # best where little has been learned
    model = line()
    history = quiet_fit(model, X, Y, optimizer=sgd(0.05), validation=held_out, epochs=30)
    assert history.loss[-1] < history.loss[0]
    assert history.best_epoch == min(
        range(len(history.loss)), key=history.validation_loss.__getitem__
    )
    assert error_of(model, X=held_out[0], Y=held_out[1]) == min(history.validation_loss)
    assert history.watched is history.validation_loss


def test_the_callback_sees_every_epoch_and_may_stop():
    lengths = []

    def callback(history):
        lengths.append(len(history.loss))
        return len(history.loss) == 4

    history = quiet_fit(line(), X, Y, epochs=50, callback=callback)
    assert lengths == [2, 3, 4]
    assert history.stopped == "the callback said so"


def test_ctrl_c_returns_the_history_and_leaves_the_best_parameters():
    model, losses = Steps(), [5, 3, 1, 4, 9]

    def loss(n, _):
        if n.data == 4:
            raise KeyboardInterrupt
        return n * 0 + losses[int(n.data)]

    history = quiet_fit(model, [0.0], [0.0], loss=loss, optimizer=Count, epochs=50)
    assert history.stopped == "interrupted by Ctrl-C"
    assert history.loss == [5, 3, 1, 4]
    assert (history.best_epoch, model.n.data) == (2, 2.0)


def test_a_real_interrupt_signal_ends_the_training_in_order():
    code = """
import os, signal
from nn import MLP, fit
model = MLP(1, [1], rng=0)
interrupt = lambda history: len(history.loss) == 5 and os.kill(os.getpid(), signal.SIGINT)
history = fit(model, [[1.0]], [2.0], epochs=10_000, patience=None, callback=interrupt)
print(history.stopped, len(history.loss), history.best_epoch)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("interrupted by Ctrl-C 5 ")


def test_ctrl_c_before_anything_is_measured():
    def loss(n, _):
        raise KeyboardInterrupt

    history = quiet_fit(Steps(), [0.0], [0.0], loss=loss)
    assert (history.loss, history.stopped) == ([], "interrupted by Ctrl-C")
    assert repr(history) == "History(0 epochs, best epoch 0; stopped: interrupted by Ctrl-C)"


def test_an_error_in_the_callback_leaves_the_best_parameters():
    def callback(history):
        if len(history.loss) == 3:
            raise RuntimeError("mine")

    model = Steps()
    with pytest.raises(RuntimeError, match="mine"):
        quiet_fit(
            model, [0.0], [0.0], loss=lambda n, _: abs(n - 1), optimizer=Count, callback=callback
        )
    assert model.n.data == 1.0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_with_the_best_parameters(bad):
    model, losses = Steps(), [5, 3, bad]
    with pytest.raises(
        FloatingPointError, match=rf"got {bad} \(example 0\) after epoch 2; .*back at epoch 1"
    ):
        quiet_fit(
            model, [0.0], [0.0], loss=lambda n, _: n * 0 + losses[int(n.data)], optimizer=Count
        )
    assert model.n.data == 1.0


def test_a_diverging_fit_is_stopped():
    model = line()
    with pytest.raises(
        FloatingPointError, match=r"expected a finite loss, got .*lower the learning"
    ):
        quiet_fit(model, X, Y, optimizer=sgd(10.0), epochs=1000, patience=None)
    assert error_of(model) == error_of(line())


@pytest.mark.parametrize("missing", [math.nan, None])
def test_a_missing_cell_is_found_before_training(missing):
    frame = pd.DataFrame({"x": [0.0, 1.0, missing, 3.0]})
    with pytest.raises(
        FloatingPointError, match=r"got nan \(example 2\) before the first .*missing \(nan\)"
    ):
        quiet_fit(line(), frame, Y)


def test_an_infinite_cell_is_not_only_called_missing():
    with pytest.raises(FloatingPointError, match=r"\(example 1\) before .*missing \(nan\), infin"):
        quiet_fit(line(), [[0.0], [math.inf]], [0.0, 1.0])


@pytest.mark.parametrize("missing", [None, pd.NA])
@pytest.mark.parametrize(
    "form", [list, lambda X: [x for (x,) in X], lambda X: pd.DataFrame(X, dtype=object)]
)
def test_a_cell_that_is_no_number_but_missing_is_named(missing, form):
    message = r"fit: expected no missing cells in X, got .*(None|<NA>).* \(example 2\); leave"
    with pytest.raises(ValueError, match=message):
        quiet_fit(line(), form([[0.0], [1.0], [missing], [3.0]]), Y)


def test_a_loss_may_do_without_targets():
    history = quiet_fit(line(), X, [None] * 4, loss=lambda out, _: out * out, epochs=1)
    assert len(history.loss) == 2


def test_a_validation_loss_that_is_not_finite_is_found_too():
    with pytest.raises(FloatingPointError, match=r"\(example 1\) before the first adjustment"):
        quiet_fit(line(), X, Y, validation=([[1.0], [math.nan]], [0.0, 0.0]))


def test_a_mean_that_overflows_has_no_example_to_blame():
    with pytest.raises(FloatingPointError, match=r"got inf \(example None\)"):
        quiet_fit(Steps(), [0.0] * 3, [0.0] * 3, loss=lambda n, _: n + 1e308)


# ---- what is refused ----


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"X": [], "y": []}, ValueError, r"as many targets as examples, .* got 0 examples and 0"),
        ({"X": X[:3]}, ValueError, r"got 3 examples and 4 targets; check"),
        ({"X": np.empty((0, 1)), "y": np.empty(0)}, ValueError, r"got 0 examples"),
        ({"batch_size": 0}, ValueError, r"batch_size to be an integer from 1 on, got 0"),
        ({"batch_size": 2.5}, ValueError, r"batch_size .*got 2.5"),
        ({"epochs": -1}, ValueError, r"epochs to be an integer from 0 on, got -1"),
        ({"patience": 0}, ValueError, r"patience to be an integer from 1 on, got 0"),
        ({"tol": -1.0}, ValueError, r"tol to be a number from 0 to below 1, got -1.0"),
        ({"tol": math.nan}, ValueError, r"tol to be a number from 0 to below 1, got nan"),
        ({"tol": 1}, ValueError, r"tol to be a number from 0 to below 1, got 1"),
        ({"y": None}, TypeError, r"expected y to be a list, .*got NoneType None; put the ex"),
        ({"X": None}, TypeError, r"expected X to be a list, .*got NoneType None"),
        ({"X": 5}, TypeError, r"expected X to be a list, an array or a table, .*got int 5"),
        ({"X": {"a": [1.0] * 4}}, TypeError, r"expected X to be .*got dict {'a'"),
        ({"validation": (X, 5)}, TypeError, r"expected validation y to be a list"),
        ({"model": lambda x: x[0]}, TypeError, r"a model that lists its parameters\(\), got <fun"),
        ({"model": MLP}, TypeError, r"lists its parameters\(\), got <class .*; build a Module"),
        ({"callback": 3}, TypeError, r"callback to be a function of the History, got 3; write"),
        ({"y": list("abcd")}, TypeError, r"squared_error: .*numbers, got 'a'"),
        ({"y": [["a"]] * 4}, TypeError, r"squared_error: .*numbers, got 'a'"),
        ({"loss": "mse"}, ValueError, r"a function or one of squared_error, .*huber, got 'mse'"),
        ({"loss": lambda out, t: 1.0}, TypeError, r"to be a Value, got 1.0; compute it from"),
        ({"optimizer": "sgd"}, TypeError, r"expected an optimiser, .*got 'sgd'; write"),
        ({"optimizer": lambda p: None}, TypeError, r"got None; write optimizer=lambda params: SGD"),
        (
            {"optimizer": SGD([Value(1.0)])},
            ValueError,
            r"this model's parameters, got one of other",
        ),
        ({"validation": 0.2}, ValueError, r"validation to be a pair \(X, y\), got 0.2; split"),
        ({"validation": ([], [])}, ValueError, r"validation targets as examples.*got 0"),
        ({"validation": (X, Y[:1])}, ValueError, r"validation targets .*4 examples and 1 targets"),
        ({"X": [[1.0, 2.0]] * 4}, ValueError, r"MLP: expected 1 inputs, got 2"),
        ({"y": [[1.0, 2.0]] * 4}, ValueError, r"a scalar and a sequence of 2"),
        ({"rng": "seed"}, TypeError, r"rng: expected a seed"),
    ],
)
def test_what_makes_no_sense_is_refused_and_the_model_left(options, error, message):
    model = line()
    with pytest.raises(error, match=message):
        quiet_fit(**{"model": model, "X": X, "y": Y} | options)
    assert model.state_dict() == line().state_dict()


def test_a_loss_that_is_a_plain_number_for_one_batch_is_refused():
    def loss(output, target):  # max() gives 0, not a Value, where the margin is kept
        return relu(1 - output * target) if target < 0 else max(0, 1 - output * target)

    model = Neuron(1, nonlin=False, init=0.0)
    with pytest.raises(TypeError, match=r"to be a Value, got 0; compute it from"):
        quiet_fit(model, [[-1.0], [1.0]], [-1, 1], loss=loss, optimizer=sgd(1.0), batch_size=1)


def test_numpys_integers_are_integers():
    quiet_fit(line(), X, Y, epochs=np.int64(1), batch_size=np.int64(2))


# ---- display, imports ----


def test_history_shows_the_course_of_both_losses():
    history = History([0.69314718, 0.25, 0.125], [0.7, 0.3, 0.35], best_epoch=1, stopped="done")
    assert repr(history) == (
        "History(2 epochs, loss 0.6931 -> 0.25, validation loss 0.7 -> 0.3, best epoch 1; "
        "stopped: done)"
    )


def test_the_progress_bar_shows_the_loss_and_can_be_turned_off(capsys):
    fit(line(), X, Y, epochs=2)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "fit" in shown.err and "2/2" in shown.err and "loss " in shown.err
    fit(line(), X, Y, epochs=2, progress=False)
    assert capsys.readouterr().err == ""


def test_importing_nn_loads_neither_tqdm_nor_numpy_nor_pandas():
    code = "import nn, sys; print({'tqdm', 'numpy', 'pandas', 'graphviz'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_training_keeps_no_graphs():
    import gc

    gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(x, Value) for x in gc.get_objects())
        model = MLP(1, [3, 1], rng=0)
        quiet_fit(model, X, Y, loss=lambda out, t: hinge(out, 1), epochs=20, rng=0)
        after = sum(isinstance(x, Value) for x in gc.get_objects())
        assert after - before <= len(model.parameters())
    finally:
        gc.enable()


def test_the_mean_of_the_named_loss_is_what_is_minimised():
    model = line()
    history = quiet_fit(model, X, Y, epochs=0)
    assert history.loss == [half_mean_squared_error([model(x) for x in X], Y).data]


def test_a_neuron_alone_can_be_fitted():
    neuron = Neuron(1, activation="tanh", rng=0)
    history = quiet_fit(neuron, X, [0.0, 0.5, 0.8, 0.9], optimizer=sgd(0.5), tol=1e-6)
    assert history.loss[history.best_epoch] < 0.01
