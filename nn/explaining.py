"""A training as something to watch: the loss as one graph, and its numbers step by step.

`autograd.explain` shows it, by way of `Module.training_record`. What is drawn, trained and measured
here are copies of the caller's model.

    step    the numbers of all parameters before the first adjustment, or after one of them
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from autograd import Value, no_grad
from autograd.engine import graph
from autograd.modes import ensure_recording

from .arguments import (
    Examples,
    Loss,
    check,
    find_loss,
    find_optimizer,
    find_parameters,
    mean_of,
    read_examples,
)
from .boundary import VARIES, Boundary, evaluated, find_boundary, labelled, same
from .optim import SGD
from .training import History

MOST_STEPS = 200  # that a record keeps
FEW_EPOCHS = 50  # fewer ends of epochs than that do not show a course
MOST_NODES = 200_000  # of the loss
RATES = tuple(float(f"{digit}e-{k}") for k in range(1, 13) for digit in (10, 3))
SHORT = 1.0  # seconds that pass without a progress bar
NOISE = 1e-9  # of the first loss: what rises by less has not risen


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """The loss of a model over its examples as one graph, and how training changed its numbers.

    Attributes:
        loss: the mean loss, recorded with the numbers of the first step.
        parameters: the leaves of it that training adjusts.
        steps: the numbers of these parameters, step by step.
        names: what each step is called: "start", "step 1" or "epoch 1".
        losses: the mean loss over all examples at each step, computed by the model itself.
        validation: the same of a history's validation examples; [] if it has none, or they were not
            asked at every step.
        how: how it was trained, in words.
        boundary: for a model of two inputs, what its answers depend on.
        notes: what is not shown, or not right, and why.
    """

    loss: Value
    parameters: list[Value]
    steps: list[list[float]]
    names: list[str]
    losses: list[float]
    validation: list[float]
    how: str
    boundary: Boundary | None
    notes: list[str]


def training_record(
    model: Any,
    X: Any,
    y: Any,
    *,
    loss: str | Loss = "squared_error",
    history: History | None = None,
    steps: int = 50,
    optimizer: Any = None,
    names: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
) -> TrainingRecord:
    """Record a training: that of a history, or one that a copy of the model goes through here.

    Args:
        model, X, y, loss: as for `fit`, of which the model stays as it is.
        history: what ``fit(..., keep_steps=True)`` returned for this model. Without one, the copy
            goes through gradient descent, each step on all examples.
        steps: how many adjustments the copy goes through.
        optimizer: as for `fit`; if not given, plain gradient descent with the largest learning rate
            of 1, 0.3, 0.1, ... with which the loss falls at every step.
        names: what the inputs are called; if not given, the names of a table's columns, or x1, x2, ...
        classes: what the classes are called, whose numbers the targets are.

    Returns:
        The record, of at most about 200 steps.

    Raises:
        ValueError: if there are no examples or too many to draw, lengths differ, or the history is
            another model's or has no steps.

    >>> from nn import MLP
    >>> model = MLP(1, [1], rng=0)
    >>> record = training_record(model, [[0.0], [1.0]], [1.0, 3.0], steps=2)
    >>> record.names, record.how
    (['start', 'step 1', 'step 2'], 'gradient descent on all 2 examples, learning rate 1')
    >>> [f"{loss:.3f}" for loss in record.losses], record.loss.data == record.losses[0]
    (['1.585', '0.170', '0.028'], True)
    """
    find_parameters("explain", model)
    loss_of, columns = find_loss("explain", loss), _columns(X)
    examples = [(_numbers(x), _numbers(t)) for x, t in read_examples("explain", X, y)]
    if names is not None:
        columns = _checked_names(names, examples[0][0])
    check("explain", "steps", steps, Integral, least=1)
    drawn, later = deepcopy(model), deepcopy(model)
    if history is not None:
        _check_history(history, model)
        _assign(drawn, history.steps[0])
    for p in drawn.parameters():
        p.zero_grad()
    with ensure_recording():
        total = _recorded(drawn, loss_of, examples, columns)
        leaves = [v for v in graph(total) if v.op is None]
        _check_leaves(leaves, model)
        if history is None:
            with _unchanged_grads(leaves):  # the copy may share Values with the model
                course = _descend(model, optimizer, loss_of, examples, steps)
        else:
            course = _replay(later, history, loss_of, examples)
        _assign(later, course.steps[-1])
        boundary = find_boundary(drawn, later, loss_of, examples, columns, classes)
    notes = _compared(total, drawn, course)
    if isinstance(boundary, str):
        notes.append(f"the boundary is not shown: {boundary}")
    present = set(leaves)
    places = [i for i, p in enumerate(drawn.parameters()) if p in present]
    return TrainingRecord(
        loss=total,
        parameters=[drawn.parameters()[i] for i in places],
        steps=[[step[i] for i in places] for step in course.steps],
        names=course.names,
        losses=course.losses,
        validation=course.validation,
        how=course.how,
        boundary=boundary if isinstance(boundary, Boundary) else None,
        notes=notes,
    )


# ---- the graph ----


def _recorded(model: Any, loss: Loss, examples: Examples, columns: list[str]) -> Value:
    """The mean loss, recorded from leaves that are named like the columns."""
    losses = [loss(model(labelled(x, columns)), target) for x, target in examples[:1]]
    nodes = len(graph(*[v for v in losses if isinstance(v, Value)])) * len(examples)
    if nodes > MOST_NODES:
        most = max(MOST_NODES * len(examples) // nodes, 1)
        raise ValueError(
            f"explain: expected a loss of at most {MOST_NODES:,} nodes, got about {nodes:,} for "
            f"{len(examples):,} examples; show some of them, as X[:{most}] and y[:{most}]"
        )
    losses += [loss(model(labelled(x, columns)), target) for x, target in examples[1:]]
    total = mean_of("explain", losses)
    total.label = "loss"
    return total


def _columns(X: Any) -> list[str]:
    """The names that a table gives its columns, or a series itself; [] if it gives none."""
    names = list(X.columns) if hasattr(X, "columns") else [getattr(X, "name", None)]
    return [name for name in names if isinstance(name, str)]


def _checked_names(names: Sequence[str], x: Any) -> list[str]:
    expected = len(x) if isinstance(x, list) else 1
    if isinstance(names, str) or len(names) != expected:
        raise ValueError(
            f"explain: expected {expected} names, one for each input, got {names!r:.80}; "
            "name them in their order"
        )
    return list(map(str, names))


def _numbers(item: Any) -> Any:
    """What the caller gave, in lists, with the numbers of Values in their place."""
    if isinstance(item, (list, tuple)):
        return [_numbers(x) for x in item]
    return item.data if isinstance(item, Value) else item


def _check_leaves(leaves: list[Value], model: Any) -> None:
    theirs = set(model.parameters())
    for leaf in leaves:
        if leaf in theirs:
            raise ValueError(
                "explain: expected a loss of nothing but the output and the target, got one that "
                f"also uses the model's {str(leaf.label)!r}; to keep parameters small, give the "
                "optimizer a weight_decay"
            )


# ---- the steps ----


@dataclass(frozen=True, slots=True)
class _Course:
    """The steps that are kept of a training, and what is known of them."""

    steps: list[list[float]]
    names: list[str]
    losses: list[float]
    validation: list[float]
    how: str


def _descend(model: Any, optimizer: Any, loss: Loss, examples: Examples, steps: int) -> _Course:
    """Train a copy of the model, each step on all examples."""
    on = f"on all {len(examples)} examples" if len(examples) > 1 else "on the one example"
    if optimizer is None:
        numbers, losses, rate = _fall(model, loss, examples, steps)
        how = f"gradient descent {on}, learning rate {rate:g}"
    else:
        model, optimizer = deepcopy((model, optimizer))
        optimizer = find_optimizer("explain", optimizer, model.parameters())
        numbers, losses = _adjusted(model, optimizer, loss, examples, steps)
        how = f"{type(optimizer).__name__} {on}"
    kept = _thinned(range(len(numbers)), {losses.index(min(losses))})
    return _Course(
        steps=[numbers[i] for i in kept],
        names=[f"step {i}" if i else "start" for i in kept],
        losses=[losses[i] for i in kept],
        validation=[],
        how=how,
    )


def _fall(model: Any, loss: Loss, examples: Examples, steps: int) -> Any:
    """Descend with the first of the rates with which the loss falls at every step, or the last."""
    for rate in RATES:
        trained = deepcopy(model)
        optimizer = SGD(trained.parameters(), lr=rate)
        falling = rate != RATES[-1]
        numbers, losses = _adjusted(trained, optimizer, loss, examples, steps, falling)
        if not _rose(losses):
            break
    return numbers, losses, rate


def _adjusted(
    model: Any, optimizer: Any, loss: Loss, examples: Examples, steps: int, falling: bool = False
) -> tuple[list[list[float]], list[float]]:
    """The numbers and losses of every step; none follow a loss that is not finite, or has risen."""
    from tqdm import tqdm

    numbers, losses = [], []
    with tqdm(desc="explain", total=steps, unit="step", delay=SHORT, leave=False) as bar:
        while True:
            error = mean_of("explain", [loss(model(x), target) for x, target in examples])
            numbers.append([p.data for p in model.parameters()])
            losses.append(error.data)
            over = len(losses) > steps or not math.isfinite(error.data)
            if over or (falling and _rose(losses)):
                return numbers, losses
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
            bar.update()


def _rose(losses: list[float]) -> bool:
    return len(losses) > 1 and not losses[-1] <= losses[-2] + NOISE * abs(losses[0])


def _replay(model: Any, history: History, loss: Loss, examples: Examples) -> _Course:
    """Go through the steps of a history again, to measure the loss at each.

    If there are too many of them, the ends of epochs do, unless these are few.
    """
    epochs, finished = history.epoch_of_step, len(history.loss) - 1
    ends = [i for i, epoch in enumerate(epochs) if epochs[i + 1 : i + 2] != [epoch]]
    by_epoch = len(ends) == len(epochs) or (len(epochs) > MOST_STEPS and len(ends) > FEW_EPOCHS)
    best = max((i for i in ends if epochs[i] == history.best_epoch), default=0)
    whole = [i for i in ends if epochs[i] <= finished]
    kept = _thinned(whole if by_epoch else range(len(epochs)), {best})
    names = [
        f"epoch {epochs[i]}" + (f", step {i}" * (not by_epoch)) if i else "start" for i in kept
    ]
    names[kept.index(best)] += " (kept)"
    measured = by_epoch and history.validation_loss
    return _Course(
        steps=[history.steps[i] for i in kept],
        names=names,
        losses=[_loss_at(history.steps[i], model, loss, examples) for i in kept],
        validation=[history.validation_loss[epochs[i]] for i in kept] if measured else [],
        how=f"fit, {finished} epoch{'s' * (finished != 1)}; {history.stopped}",
    )


def _loss_at(step: list[float], model: Any, loss: Loss, examples: Examples) -> float:
    _assign(model, step)
    with no_grad():
        return mean_of("explain", [loss(model(x), target) for x, target in examples]).data


def _thinned(steps: Sequence[int], always: set[int]) -> list[int]:
    """At most about MOST_STEPS of the steps, evenly spaced, the first and the last among them."""
    if len(steps) <= MOST_STEPS:
        return list(steps)
    gap = (len(steps) - 1) / (MOST_STEPS - 1)
    return sorted({steps[round(i * gap)] for i in range(MOST_STEPS)} | always)


def _assign(model: Any, step: list[float]) -> None:
    for p, x in zip(model.parameters(), step):
        p.data = x


@contextmanager
def _unchanged_grads(leaves: list[Value]) -> Iterator[None]:
    grads = [leaf.grad for leaf in leaves]
    try:
        yield
    finally:
        for leaf, grad in zip(leaves, grads):
            leaf.grad = grad


def _check_history(history: Any, model: Any) -> None:
    if not hasattr(history, "steps"):
        raise TypeError(
            f"explain: expected the History that fit returned, got {history!r:.80}; "
            "write history=fit(model, X, y, keep_steps=True)"
        )
    if not history.steps:
        raise ValueError(
            f"explain: expected a history with its steps, got {history!r:.80} without; "
            "write history=fit(model, X, y, keep_steps=True)"
        )
    expected, got = len(model.parameters()), len(history.steps[0])
    if expected != got:
        raise ValueError(
            f"explain: expected the history of this model, which has {expected} parameters, got "
            f"one of {got}; give the model that was fitted"
        )


def _compared(total: Value, model: Any, course: _Course) -> list[str]:
    """Say so if at later steps the graph does not come to the loss that the model has there."""
    nodes = graph(total)
    for i in (len(course.steps) // 2, -1):
        came_to = evaluated(nodes, dict(zip(model.parameters(), course.steps[i])))[total]
        if not same(came_to, course.losses[i]):
            return [
                f"the graph is that of the start: at {course.names[i]} it comes to a loss of "
                f"{came_to:.4g}, the model to {course.losses[i]:.4g}; there it {VARIES}"
            ]
    return []
