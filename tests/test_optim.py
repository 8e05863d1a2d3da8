"""Optimisers: trajectories equal to PyTorch's recorded ones; what is refused; pausing."""

import json
import math
from pathlib import Path

import pytest

import nn
from autograd import Value
from nn import MLP, SGD, Adam, AdamW, Optimizer

RECORDED = json.loads((Path(__file__).parent / "data" / "torch_trajectories.json").read_text())


def loss(step, a, b, c):
    """What data/record_torch.py minimises."""
    valley = (1 - a) ** 2 + 5 * (b - a * a) ** 2
    return valley if step % 3 == 2 else valley + 0.5 * (c - a * b) ** 2


def walk(optimizer, parameters, steps):
    for step in steps:
        optimizer.zero_grad()
        error = loss(step, *parameters)
        (-error if optimizer.maximize else error).backward()
        optimizer.step()
        yield step


# ---- PyTorch's trajectories ----


@pytest.mark.parametrize(
    "run", RECORDED["runs"], ids=lambda run: f"{run['optimizer']}({run['arguments']})"
)
def test_200_steps_are_pytorchs_to_1e_12(run):
    parameters = [Value(x) for x in RECORDED["start"]]
    optimizer = getattr(nn, run["optimizer"])(parameters, **run["arguments"])
    recorded = {step: point for step, *point in run["points"]}
    compared = 0
    for step in walk(optimizer, parameters, range(1, 201)):
        if step in recorded:
            got = [p.data for p in parameters]
            assert got == pytest.approx(recorded[step], rel=1e-12, abs=0.0), f"in step {step}"
            compared += 1
    assert compared == len(recorded) == 11


def test_the_recording_covers_every_argument():
    used = {(run["optimizer"], name) for run in RECORDED["runs"] for name in run["arguments"]}
    for name in ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize"):
        assert ("SGD", name) in used
    for name in ("lr", "betas", "eps", "weight_decay", "amsgrad", "maximize"):
        assert ("Adam", name) in used
    assert ("AdamW", "weight_decay") in used


# ---- single steps by hand ----


def moved(optimizer_class, gradient, start=1.0, **arguments):
    p = Value(start)
    p.grad = gradient
    optimizer_class([p], **arguments).step()
    return p.data


def test_steps_worked_by_hand():
    assert moved(SGD, 2.0, lr=0.25) == 0.5
    assert moved(SGD, 2.0, lr=0.25, maximize=True) == 1.5
    assert moved(SGD, 2.0, start=4.0, lr=0.25, weight_decay=0.5) == 4 - 0.25 * (2 + 2)
    assert moved(SGD, 2.0, lr=0.25, momentum=0.5, nesterov=True) == 1 - 0.25 * 3
    assert (
        moved(Adam, 123.0, lr=0.25, eps=0.0) == 0.75
    )  # the first step is lr, whatever the gradient
    assert moved(AdamW, -123.0, start=4.0, lr=0.25, eps=0.0, weight_decay=0.5) == 4 * 0.875 + 0.25


def test_adams_first_moment_is_rounded_as_torch_lerp():
    p = Value(0.0)
    optimizer = Adam([p], lr=0.25, betas=(0.0, 0.0), eps=0.0)  # remembers nothing: ±lr a step
    for p.grad in (1e20, -1.0, 3.0):
        optimizer.step()
    assert p.data == -0.25


def test_learning_rate_and_decay_may_change_between_steps():
    p = Value(1.0)
    optimizer = SGD([p], lr=0.5)
    p.grad = 1.0
    optimizer.step()
    optimizer.lr = 0.25
    optimizer.step()
    assert p.data == 0.25


def test_a_parameter_without_gradient_is_left_alone():
    reached, missed = Value(1.0), Value(2.0)
    for optimizer_class in (SGD, Adam, AdamW):
        optimizer = optimizer_class([reached, missed], lr=0.1, weight_decay=0.5)
        optimizer.zero_grad()
        (reached * 3.0).backward()
        optimizer.step()
        assert missed.data == 2.0
    assert reached.data < 1.0


@pytest.mark.parametrize("optimizer_class", [SGD, Adam, AdamW])
def test_a_gradient_set_to_none_is_none(optimizer_class):
    p = Value(2.0)
    optimizer = optimizer_class([p], lr=0.1, weight_decay=0.5, maximize=True)
    p.grad = None
    optimizer.step()
    assert p.data == 2.0
    (p * 3.0).backward()
    assert p.grad == 3.0
    optimizer.step()
    assert p.data != 2.0


def test_a_gradient_of_zero_still_decays():
    p = Value(2.0)
    (p * 0.0).backward()
    assert p.has_grad and p.grad == 0.0
    SGD([p], lr=0.5, weight_decay=0.5).step()
    assert p.data == 1.5


@pytest.mark.parametrize("gradient", [math.nan, math.inf, 1e200])
def test_extreme_gradients_raise_nothing(gradient):
    assert moved(SGD, gradient, lr=1.0) != 1.0
    assert math.isnan(moved(Adam, gradient)) == (gradient != 1e200)
    assert math.isnan(moved(Adam, 0.0, eps=0.0))  # 0 / 0, as in PyTorch


def test_zero_grad_forgets_gradients():
    model = MLP(1, [1], rng=0)
    optimizer = SGD(model.parameters())
    model([1.0]).backward()
    optimizer.zero_grad()
    assert not any(p.has_grad for p in model.parameters())


def test_stepping_makes_an_old_graph_stale():
    p = Value(1.0)
    y = p * p
    y.backward()
    SGD([p], lr=0.1).step()
    with pytest.raises(RuntimeError, match="assigned after"):
        y.backward()


# ---- what is refused ----


@pytest.mark.parametrize("optimizer_class", [SGD, Adam, AdamW])
@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (list, ValueError, r"expected at least one parameter, got an empty list"),
        (lambda: iter(()), ValueError, r"got an empty list"),
        (lambda: Value(1.0, label="w"), TypeError, r"in a list, got Value\(.*; pass model.param"),
        (lambda: MLP(1, [1]), TypeError, r"in a list, got MLP of .*; pass model.parameters\(\)"),
        (lambda: {Value(1.0)}, TypeError, r"in a list, got {Value"),
        (lambda: [1.0], TypeError, r"expected parameters to be Values, got 1.0"),
        (lambda: MLP(1, [1]).named_parameters(), TypeError, r"to be Values, got \('layers"),
        (lambda: [{"params": [Value(1.0)]}], TypeError, r"to be Values, got {'params'"),
        (lambda: [Value(1.0) * 2.0], ValueError, r"expected leaves, got .* the result of mul"),
        (lambda: [Value(1.0)] * 2, ValueError, r"each parameter once, got one twice"),
    ],
)
def test_parameters_that_cannot_be_optimised_are_refused(optimizer_class, params, error, message):
    with pytest.raises(error, match=rf"{optimizer_class.__name__}: .*{message}"):
        optimizer_class(params())


def test_parameters_may_be_a_generator_and_equal_in_value():
    optimizer = SGD(Value(1.0) for _ in range(3))
    assert len(optimizer.params) == 3


@pytest.mark.parametrize(
    ("optimizer_class", "arguments", "message"),
    [
        (
            SGD,
            {"lr": -0.1},
            r"SGD: expected learning rate lr to be a number of 0 or more, got -0.1",
        ),
        (SGD, {"lr": math.nan}, r"got nan"),
        (SGD, {"weight_decay": -1}, r"weight_decay to be a number of 0 or more, got -1"),
        (SGD, {"momentum": -1}, r"momentum to be a number of 0 or more, got -1"),
        (
            SGD,
            {"nesterov": True},
            r"momentum > 0 and dampening = 0 with nesterov, got momentum=0.0",
        ),
        (SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, r"dampening=0.1"),
        (Adam, {"lr": -0.1}, r"Adam: expected learning rate lr"),
        (Adam, {"betas": (1.0, 0.9)}, r"each beta to be a number in \[0, 1\), got 1.0"),
        (AdamW, {"betas": (0.9, -0.1)}, r"AdamW: expected each beta .* got -0.1"),
        (Adam, {"eps": -1e-8}, r"eps to be a number of 0 or more, got -1e-08"),
    ],
)
def test_settings_that_make_no_sense_are_refused(optimizer_class, arguments, message):
    with pytest.raises(ValueError, match=message):
        optimizer_class([Value(1.0)], **arguments)


@pytest.mark.parametrize(
    ("optimizer_class", "arguments", "message"),
    [
        (
            SGD,
            {"lr": "0.1"},
            r"SGD: expected learning rate lr to be a number .*, got '0.1'; leave it out",
        ),
        (SGD, {"momentum": None}, r"SGD: expected momentum to be a number .*, got None"),
        (Adam, {"weight_decay": [0.1]}, r"Adam: expected weight_decay .*, got \[0.1\]"),
        (AdamW, {"eps": "1e-8"}, r"AdamW: expected eps to be a number"),
        (Adam, {"betas": 0.9}, r"betas to be a pair of numbers, got 0.9; write betas=\(0.9, 0.999"),
        (Adam, {"betas": (0.9,)}, r"a pair of numbers, got \(0.9,\)"),
        (Adam, {"betas": ("0.9", 0.9)}, r"each beta to be a number in \[0, 1\), got '0.9'"),
    ],
)
def test_settings_of_another_type_are_refused(optimizer_class, arguments, message):
    with pytest.raises(TypeError, match=message):
        optimizer_class([Value(1.0)], **arguments)


def test_an_optimizer_of_ones_own_needs_adjust():
    p = Value(1.0)
    p.grad = 1.0
    with pytest.raises(NotImplementedError, match=r"Optimizer has no adjust; define"):
        Optimizer([p]).step()


# ---- pausing ----


@pytest.mark.parametrize(
    "make",
    [
        lambda params: SGD(params, lr=0.01, momentum=0.9),
        lambda params: Adam(params, lr=0.05, amsgrad=True),
        lambda params: AdamW(params, lr=0.05),
    ],
)
def test_a_paused_run_goes_on_as_if_it_had_not_been(make):
    straight = [Value(x) for x in RECORDED["start"]]
    list(walk(make(straight), straight, range(40)))

    first = [Value(x) for x in RECORDED["start"]]
    optimizer = make(first)
    list(walk(optimizer, first, range(20)))
    second, state = [Value(p.data) for p in first], optimizer.state_dict()
    list(walk(optimizer, first, range(20, 40)))  # the copy must not follow
    resumed = type(optimizer)(second)
    resumed.load_state_dict(state)
    list(walk(resumed, second, range(20, 40)))
    assert [p.data for p in second] == [p.data for p in straight] == [p.data for p in first]
    assert repr(resumed) == repr(optimizer)


def test_a_state_of_another_kind_or_size_is_refused():
    optimizer = SGD([Value(1.0)], lr=0.5)
    with pytest.raises(ValueError, match=r"SGD: expected a state with \['dampening', .*'amsgrad'"):
        optimizer.load_state_dict(Adam([Value(1.0)]).state_dict())
    with pytest.raises(ValueError, match=r"SGD: expected the state of 1 parameters, got 2"):
        optimizer.load_state_dict(SGD([Value(1.0), Value(2.0)]).state_dict())
    assert optimizer.lr == 0.5


def test_repr_shows_the_settings():
    assert repr(SGD([Value(1.0)], lr=0.1)) == (
        "SGD(1 parameters, lr=0.1, weight_decay=0.0, maximize=False, momentum=0.0, dampening=0.0, "
        "nesterov=False)"
    )
