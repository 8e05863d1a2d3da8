"""The learning loop: `fit`.

The input goes forward, the error of the output goes backward, the weights are adjusted, and that is
repeated until the error stops falling.

    epoch    one pass over all examples; epoch 0 is the state before the first adjustment
    batch    the examples between two adjustments
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

from autograd import Value, no_grad
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
from .layers import random_source


@dataclass
class History:
    """What happened in a `fit`: the errors by epoch, and why it stopped.

    Attributes:
        loss: mean loss over the training examples, with the parameters as they stood after each
            epoch; ``loss[0]`` is that before the first adjustment.
        validation_loss: the same over the validation examples; empty if there are none.
        best_epoch: the epoch whose parameters the model has now: that of the lowest loss (of the
            validation loss, if there is one).
        stopped: why it ended, in words.
        steps: the parameters' numbers, in the order of ``parameters()``, before the first adjustment
            and after every one; empty unless `fit` was told keep_steps=True.
        epoch_of_step: for each of them, the epoch it was in.

    >>> History(loss=[2.0, 0.5], best_epoch=1, stopped="all 1 epochs done")
    History(1 epochs, loss 2 -> 0.5, best epoch 1; stopped: all 1 epochs done)
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    best_epoch: int = 0
    stopped: str = ""
    steps: list[list[float]] = field(default_factory=list)
    epoch_of_step: list[int] = field(default_factory=list)

    @property
    def watched(self) -> list[float]:
        """The losses that decide: those of the validation examples, if there are any.

        >>> History(loss=[2.0, 0.5], validation_loss=[3.0, 4.0]).watched
        [3.0, 4.0]
        """
        return self.validation_loss or self.loss

    def __repr__(self) -> str:
        parts = [f"{max(len(self.loss) - 1, 0)} epochs"]
        for name, losses in (("loss", self.loss), ("validation loss", self.validation_loss)):
            if losses:
                parts.append(f"{name} {losses[0]:.4g} -> {losses[self.best_epoch]:.4g}")
        return f"History({', '.join(parts)}, best epoch {self.best_epoch}; stopped: {self.stopped})"


def fit(
    model: Any,
    X: Any,
    y: Any,
    *,
    loss: str | Loss = "squared_error",
    optimizer: Any = None,
    epochs: int = 100,
    batch_size: int | None = 32,
    rng: Any = None,
    validation: tuple[Any, Any] | None = None,
    tol: float = 1e-4,
    patience: int | None = 10,
    callback: Callable[[History], Any] | None = None,
    keep_steps: bool = False,
    progress: bool = True,
) -> History:
    """Train a model: forward, error, backward, adjust, until the error stops falling.

    However it ends - by itself, by Ctrl-C, by an error - the model is left with the best parameters
    it had after any epoch, and without gradients; so is what else the optimizer adjusts.

    Args:
        model: what computes an output from one example, and lists its ``parameters()``.
        X: n examples: lists, a NumPy array, a DataFrame, or a Series of single inputs.
        y: n targets in the same forms; a target that is a list of one number counts as that number.
        loss: a function (output, target) -> Value, or the name of one of `nn.losses`.
        optimizer: an optimiser of the model's parameters, or what makes one of them, as
            ``lambda params: SGD(params, lr=0.1)``; Adam with lr=0.01 if not given.
        epochs: the most passes over the examples.
        batch_size: examples for one adjustment; None for all of them.
        rng: shuffles the examples: a seed, a random.Random, or None for the ``random`` module.
        validation: (X, y) of examples that are not learned, to watch in place of the learned ones.
        tol: the error falls if it goes this fraction below where it last counted as fallen; a loss
            of 2 with tol=0.01 falls below 1.98.
        patience: the epochs without a fall after which it has stopped falling; None for never.
        callback: called with the History after each epoch, best parameters not yet put back; ends
            the training by returning True.
        keep_steps: whether the History keeps the parameters of every step, to be watched later; that
            takes 32 bytes a parameter and adjustment.
        progress: whether to show a progress bar.

    Returns:
        The History. Ctrl-C returns it as well.

    Raises:
        ValueError: if there are no examples, lengths differ, or a setting makes no sense.
        FloatingPointError: if the loss becomes nan or infinite.

    >>> from nn import MLP, SGD
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]  # exclusive or: no line separates it
    >>> model = MLP(2, [8, 1], activation="tanh", rng=1)
    >>> history = fit(model, X, y, epochs=500, batch_size=1, rng=0, patience=None, progress=False,
    ...               optimizer=lambda params: SGD(params, lr=0.1))
    >>> [round(abs(model(x).data)) for x in X], history.stopped
    ([0, 1, 1, 0], 'all 500 epochs done')
    """
    parameters, history = find_parameters("fit", model), History()
    loss, optimizer = find_loss("fit", loss), find_optimizer("fit", optimizer, parameters)
    adjusted = {id(p): p for p in [*parameters, *getattr(optimizer, "params", ())]}.values()
    best, fell = [p.data for p in adjusted], 0  # fell: the epoch of the last fall, by tol
    examples, held_out = read_examples("fit", X, y), _held_out(validation)
    size = len(examples) if batch_size is None else batch_size
    check("fit", "epochs", epochs, Integral, least=0)
    check("fit", "batch_size", size, Integral, least=1)
    check("fit", "tol", tol, Real, least=0, below=1)
    check("fit", "patience", 1 if patience is None else patience, Integral, least=1)
    if callback is not None and not callable(callback):
        raise TypeError(
            f"fit: expected callback to be a function of the History, got {callback!r:.80}; "
            "write callback=lambda history: print(history)"
        )
    shuffle = random_source(rng).shuffle
    try:
        _measure(history, model, loss, examples, held_out)
        if keep_steps:
            _keep(history, parameters, 0)
        with ensure_recording(), _progress_bar(epochs, progress) as bar:
            for epoch in range(1, epochs + 1):
                shuffle(order := examples.copy())
                for batch in _batches(order, size):
                    outputs = [model(x) for x, _ in batch]  # input forward
                    losses = [loss(out, t) for out, (_, t) in zip(outputs, batch)]
                    error = mean_of("fit", losses)  # error
                    optimizer.zero_grad()
                    error.backward()  # error backward
                    optimizer.step()  # weights adjusted
                    if keep_steps:
                        _keep(history, parameters, epoch)
                _measure(history, model, loss, examples, held_out)
                watched = history.watched
                if watched[epoch] < watched[history.best_epoch]:
                    history.best_epoch, best = epoch, [p.data for p in adjusted]
                if watched[epoch] < watched[fell] - tol * abs(watched[fell]):
                    fell = epoch
                bar.set_postfix_str(f"loss {watched[epoch]:.4g}", refresh=False)
                bar.update()
                if callback is not None and callback(history):
                    history.stopped = "the callback said so"
                    break
                if patience is not None and epoch - fell >= patience:
                    history.stopped = f"{_course(history)} (tol={tol}, patience={patience})"
                    break
            else:
                history.stopped = f"all {epochs} epochs done"
    except KeyboardInterrupt:
        history.stopped = "interrupted by Ctrl-C"
    finally:
        for p, data in zip(adjusted, best):
            p.data = data
            p.zero_grad()
    return history


# ---- one epoch ----


def _batches(examples: Examples, size: int) -> Iterator[Examples]:
    return (examples[i : i + size] for i in range(0, len(examples), size))


def _keep(history: History, parameters: list[Value], epoch: int) -> None:
    history.steps.append([p.data for p in parameters])
    history.epoch_of_step.append(epoch)


def _measure(
    history: History, model: Any, loss: Loss, examples: Examples, held_out: Examples
) -> None:
    """Add the mean losses of the parameters as they stand to the history."""
    losses = [_mean_loss(model, loss, part, history) for part in (examples, held_out) if part]
    history.loss.append(losses[0])
    history.validation_loss.extend(losses[1:])


def _mean_loss(model: Any, loss: Loss, examples: Examples, history: History) -> float:
    with no_grad():
        losses = [loss(model(x), target) for x, target in examples]
        result = mean_of("fit", losses)
    if not math.isfinite(result.data):
        bad = next((i for i, x in enumerate(losses) if not abs(x) < math.inf), None)
        raise FloatingPointError(_not_finite(result.data, bad, history))
    return result.data


def _not_finite(result: float, example: int | None, history: History) -> str:
    epoch, got = len(history.loss), f"fit: expected a finite loss, got {result} (example {example})"
    if epoch == 0:
        return f"{got} before the first adjustment; is a cell missing (nan), infinite or huge?"
    return (
        f"{got} after epoch {epoch}; the model is back at epoch {history.best_epoch}, the best; "
        "lower the learning rate, or look where it begins with autograd.detect_anomaly()"
    )


def _course(history: History) -> str:
    """Say what the error did that stopped falling: nothing, rise again, or only that."""
    losses, at = history.watched, history.best_epoch
    best, last = losses[at], losses[-1]
    if last > best + (losses[0] - best) / 2:  # more than half of the way back, or higher
        learned = history.loss[-1] < history.loss[at]
        cure = "use more examples or fewer neurons" if learned else "lower the learning rate"
        of = " of the validation examples" if learned else ""
        return f"the error{of} rose: from {best:.4g} to {last:.4g}; {cure}"
    return "the error stopped falling" if at else "the error never fell"


def _progress_bar(epochs: int, shown: bool) -> Any:
    from tqdm import tqdm

    return tqdm(total=epochs, desc="fit", unit="epoch", disable=not shown)


def _held_out(validation: Any) -> Examples:
    if validation is None:
        return []
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise ValueError(
            f"fit: expected validation to be a pair (X, y), got {validation!r:.80}; "
            "split the examples yourself"
        )
    X, y = validation
    return read_examples("fit", X, y, what="validation ")
