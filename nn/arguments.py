"""What a caller gives to learn from, read and checked: the model, the loss, the examples.

`fit` and what explains a training take the same; ``who`` is the one who expected something else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

from autograd import Value, mean

from .losses import LOSSES
from .optim import Adam

Loss = Callable[[Any, Any], Any]
Examples = list[tuple[Any, Any]]


def find_parameters(who: str, model: Any) -> list[Value]:
    """List the parameters of whatever lists its ``parameters()``.

    >>> from nn import Neuron
    >>> len(find_parameters("fit", Neuron(2)))
    3
    """
    if isinstance(model, type) or not hasattr(model, "parameters"):
        raise TypeError(
            f"{who}: expected a model that lists its parameters(), got {model!r:.80}; "
            "build a Module, as MLP(2, [16, 1]) or a class of your own"
        )
    return list(model.parameters())


def find_loss(who: str, loss: str | Loss) -> Loss:
    """Return the loss of that name; a function as it is.

    >>> find_loss("fit", "hinge").__name__
    'hinge'
    """
    if callable(loss):
        return loss
    if loss not in LOSSES:
        raise ValueError(
            f"{who}: expected loss to be a function or one of {', '.join(LOSSES)}, got {loss!r}"
        )
    return LOSSES[loss]


def mean_of(who: str, losses: Sequence[Any]) -> Value:
    """Return the mean of the losses of some examples.

    >>> mean_of("fit", [Value(1.0), Value(4.0)]).data
    2.5
    """
    result = mean(losses)
    if not isinstance(result, Value):
        raise TypeError(
            f"{who}: expected loss(output, target) to be a Value, got {losses[0]!r:.80}; "
            "compute it from the output with operators and autograd's functions"
        )
    return result


def find_optimizer(who: str, optimizer: Any, parameters: list[Value]) -> Any:
    """Return an optimiser of the parameters: the given one, one made by it, or Adam.

    >>> find_optimizer("fit", None, [Value(1.0)]).lr
    0.01
    """
    if optimizer is None:
        return Adam(parameters, lr=0.01)
    if callable(optimizer):
        optimizer = optimizer(parameters)
    if not hasattr(optimizer, "step"):
        raise TypeError(
            f"{who}: expected an optimiser, or a function that makes one of the parameters, got "
            f"{optimizer!r:.80}; write optimizer=lambda params: SGD(params, lr=0.1)"
        )
    ours = {id(p) for p in parameters}
    if not any(id(p) in ours for p in getattr(optimizer, "params", parameters)):
        raise ValueError(
            f"{who}: expected an optimiser of this model's parameters, got one of other Values; "
            "write optimizer=lambda params: SGD(params, lr=0.1)"
        )
    return optimizer


def read_examples(who: str, X: Any, y: Any, what: str = "") -> Examples:
    """Pair the inputs with the targets, whatever they come in; ``what`` says of which kind.

    >>> read_examples("fit", [[0.0], [1.0]], [[2.0], [3.0]])
    [([0.0], 2.0), ([1.0], 3.0)]
    """
    inputs = _rows(who, f"{what}X", X)
    targets = [_alone(row) for row in _rows(who, f"{what}y", y)]
    if not inputs or len(inputs) != len(targets):
        raise ValueError(
            f"{who}: expected as many {what}targets as examples, at least one, got {len(inputs)} "
            f"examples and {len(targets)} targets; check X and y"
        )
    for i, x in enumerate(inputs):
        if _has_missing(x):
            raise ValueError(
                f"{who}: expected no missing cells in {what}X, got {x!r:.80} (example {i}); "
                "leave such examples out, or fill them in"
            )
    return list(zip(inputs, targets))


def check(who: str, name: str, got: Any, kind: Any, least: int, below: float = math.inf) -> None:
    """Raise unless a setting is a number of that kind, from ``least`` to below ``below``.

    >>> from numbers import Real
    >>> check("fit", "tol", 0.5, Real, least=0, below=1)
    """
    if not isinstance(got, kind) or not least <= got < below:  # nan is not
        wanted = "an integer" if kind is Integral else "a number"
        end = "on" if below == math.inf else f"to below {below}"
        raise ValueError(f"{who}: expected {name} to be {wanted} from {least} {end}, got {got!r}")


def _has_missing(x: Any) -> bool:
    """Whether None or pandas' NA is among the inputs; nan shows in the loss."""
    cells = x if isinstance(x, (list, tuple)) else [x]
    return any(cell is None or type(cell).__name__ == "NAType" for cell in cells)


def _rows(who: str, name: str, data: Any) -> list[Any]:
    """Lists, arrays, data frames and series, all as a list of rows of Python's own numbers."""
    if hasattr(data, "to_numpy"):
        data = data.to_numpy()
    rows = data.tolist() if hasattr(data, "tolist") else data
    if not hasattr(rows, "__iter__") or isinstance(rows, (str, bytes, dict, set, frozenset)):
        raise TypeError(
            f"{who}: expected {name} to be a list, an array or a table, one row an example, got "
            f"{type(data).__name__} {data!r:.80}; put the examples in a list"
        )
    return [row.tolist() if hasattr(row, "tolist") else row for row in rows]


def _alone(target: Any) -> Any:
    """A target of one number in a list, as a column of a table gives it, as that number."""
    return target[0] if isinstance(target, (list, tuple)) and len(target) == 1 else target
