"""Losses: how wrong an output is. Each takes one example; `half_mean_squared_error` takes them all.

y, y'    what the model gave, what was expected: output and target
E, L     the error, the loss
z        a logit: a score before the sigmoid or the softmax
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from autograd import logsumexp, mean, relu, softplus, square, where
from autograd import sum as total
from autograd.modes import is_traced
from autograd.ops import number

Numbers = Any  # a Value or number, or a sequence of them

# Where labels vary from call to call, a compiled function computes the loss of every class, and
# chooses: the square of so many classes. With more it is traced anew for every row of labels.
MOST_CHOSEN = 30


def squared_error(y: Numbers, target: Numbers) -> Any:
    """E = 1/2 ||y - y'||², half the squared distance between output and target.

    Its partial derivatives are the errors themselves: ∂E/∂y_i = y_i - y'_i.

    Args:
        y: the output: a Value, or a sequence of n.
        target: the expected output: a number, or a sequence of n.

    Raises:
        ValueError: if their lengths differ.

    >>> from autograd import Value
    >>> y = [Value(3.0), Value(1.0)]
    >>> error = squared_error(y, [1.0, 2.0])
    >>> error.backward()
    >>> error.data, [v.grad for v in y]  # y - y' is [2, -1]
    (2.5, [2.0, -1.0])
    """
    return _over_outputs("squared_error", _half_square, y, target)


def half_mean_squared_error(ys: Sequence[Numbers], targets: Sequence[Numbers]) -> Any:
    """E = 1/(2n) Σ_k ||y_k - y'_k||², the mean of `squared_error` over n examples.

    Its partial derivatives are the errors over n: ∂E/∂y_k = (y_k - y'_k)/n. It is not what PyTorch,
    Keras and scikit-learn call the mean squared error: that has no 1/2, and divides by the number
    of outputs too.

    Args:
        ys: the outputs of n examples, each as in `squared_error`.
        targets: what was expected of them.

    Raises:
        ValueError: if there are no examples, or lengths differ.

    >>> from autograd import Value
    >>> ys = [Value(3.0), Value(1.0)]
    >>> error = half_mean_squared_error(ys, [1.0, 2.0])
    >>> error.backward()
    >>> error.data, [y.grad for y in ys]
    (1.25, [1.0, -0.5])
    """
    if not len(ys):
        raise ValueError("half_mean_squared_error: expected at least one example, got none")
    _same_length("half_mean_squared_error", "targets", len(ys), len(targets))
    return mean([squared_error(y, target) for y, target in zip(ys, targets)])


def hinge(y: Any, label: float) -> Any:
    """L = max(0, 1 - label·y): 0 once the output is on the label's side with a margin of 1.

    Args:
        y: the score, a Value.
        label: -1 or 1.

    Raises:
        ValueError: if the label is neither.

    >>> from autograd import Value
    >>> hinge(Value(0.25), 1).data, hinge(Value(0.25), -1).data, hinge(Value(3.0), 1).data
    (0.75, 1.25, 0.0)
    """
    if not (abs(label) == 1 if is_traced(label) else label in (-1, 1)):
        raise ValueError(f"hinge: expected the label -1 or 1, got {label!r}; code the classes so")
    return relu(1 - label * _scalar("hinge", y))


def binary_cross_entropy(logit: Any, label: float) -> Any:
    """L = -y' log σ(z) - (1 - y') log(1 - σ(z)), from the logit z (PyTorch: ..._with_logits).

    Computed as softplus(-z) for label 1 and softplus(z) for 0, which is right for any z: no
    logarithm of 0, no difference of large numbers. The derivative is σ(z) - y'.

    Args:
        logit: the score before the sigmoid, a Value; not a probability.
        label: 0 or 1, or the probability of 1.

    Raises:
        ValueError: if the label is not in [0, 1].

    >>> from autograd import Value
    >>> z = Value(0.0)
    >>> loss = binary_cross_entropy(z, 1)
    >>> loss.backward()
    >>> round(loss.data, 6), z.grad  # log 2
    (0.693147, -0.5)
    """
    z = _scalar("binary_cross_entropy", logit)
    if not is_traced(label):
        label = number(label, "binary_cross_entropy: label")
    if not 0 <= label <= 1:
        raise ValueError(
            f"binary_cross_entropy: expected a label from 0 to 1, got {label!r}; "
            "for labels -1 and 1 use (label + 1) / 2, for several classes cross_entropy"
        )
    # The bits of the other formula, if z is finite; so one trace does for all labels.
    is_any = is_traced(label) and abs(z) < math.inf
    if not is_any and label in (0, 1):
        return softplus(-z) if label else softplus(z)
    return label * softplus(-z) + (1 - label) * softplus(z)


def cross_entropy(logits: Sequence[Any], label: float) -> Any:
    """L = -log softmax(z)[label], from the logits z, one for each class (PyTorch's cross_entropy).

    With c the label this is log(1 + Σ_{j≠c} exp(z_j - z_c)), computed as a softplus of a logsumexp:
    right for any z, and exact in its small values. The derivatives are softmax(z)_j - [j = c].

    Args:
        logits: the scores before the softmax, at least two Values; not probabilities.
        label: the index of the right class, from 0.

    Raises:
        ValueError: if the label is no index of a logit.

    >>> from autograd import Value
    >>> z = [Value(0.0), Value(0.0)]
    >>> loss = cross_entropy(z, 1)
    >>> loss.backward()
    >>> round(loss.data, 6), [v.grad for v in z]
    (0.693147, [0.5, -0.5])
    """
    if not hasattr(logits, "__len__") or len(logits) < 2:
        raise ValueError(
            f"cross_entropy: expected a sequence of at least two logits, got {logits!r:.80}; "
            "for one output use binary_cross_entropy"
        )
    classes = range(len(logits))
    one_of_many = is_traced(label) and len(logits) <= MOST_CHOSEN
    if not (0 <= label <= classes[-1] and label % 1 == 0 if one_of_many else label in classes):
        raise ValueError(
            f"cross_entropy: expected a label from 0 to {len(logits) - 1}, one for each logit, "
            f"got {label!r}; number the classes from 0"
        )
    if not one_of_many:
        return _cross_entropy(logits, int(label))
    *losses, chosen = [_cross_entropy(logits, j) for j in classes]
    for j, loss in reversed(list(enumerate(losses))):
        chosen = where(label == j, loss, chosen)
    return chosen


def huber(y: Numbers, target: Numbers, delta: float = 1.0) -> Any:
    """L = 1/2 e² where |e| ≤ δ, else δ(|e| - δ/2), for the error e = y - y'; summed over outputs.

    It grows like `squared_error` near the target and only linearly far from it, so that outliers do
    not rule (Huber 1964). The derivative is e, kept within [-δ, δ].

    Args:
        y: the output: a Value, or a sequence of n.
        target: the expected output: a number, or a sequence of n.
        delta: where it becomes linear, > 0; 1 as in PyTorch.

    Raises:
        ValueError: if lengths differ, or ``delta`` is not positive.

    >>> from autograd import Value
    >>> huber(Value(0.5), 0.0).data, huber(Value(3.0), 0.0).data
    (0.125, 2.5)
    """
    if not delta > 0:
        raise ValueError(f"huber: expected delta > 0, got {delta!r}; 1.0 is usual")
    return _over_outputs("huber", lambda e: _half_square_within(e, delta), y, target)


LOSSES: dict[str, Callable[[Any, Any], Any]] = {  # by name, as `fit` takes them
    loss.__name__: loss
    for loss in (squared_error, hinge, binary_cross_entropy, cross_entropy, huber)
}


def _cross_entropy(logits: Sequence[Any], label: int) -> Any:
    right = logits[label]
    return softplus(logsumexp([z - right for j, z in enumerate(logits) if j != label]))


def _half_square(e: Any) -> Any:
    return 0.5 * square(e)


def _half_square_within(e: Any, delta: float) -> Any:
    return where(abs(e) <= delta, 0.5 * square(e), delta * (abs(e) - 0.5 * delta))


def _over_outputs(who: str, of_error: Callable[[Any], Any], y: Numbers, target: Numbers) -> Any:
    """Apply to y - y', or sum over outputs if both are sequences."""
    for t in target if isinstance(target, (list, tuple)) else [target]:
        if t is None or isinstance(t, str):
            raise TypeError(
                f"{who}: expected targets to be numbers, got {t!r:.80}; leave out "
                "examples without one, number classes from 0 and use cross_entropy for them"
            )
    if not hasattr(y, "__len__") and not hasattr(target, "__len__"):
        return of_error(y - target)
    if not hasattr(y, "__len__") or not hasattr(target, "__len__"):
        raise ValueError(
            f"{who}: expected an output and a target of the same kind, got {_kind(y)} and "
            f"{_kind(target)}; give both as scalars or both as sequences"
        )
    _same_length(who, "numbers in the target", len(y), len(target))
    return total([of_error(y_i - target_i) for y_i, target_i in zip(y, target)])


def _same_length(who: str, what: str, expected: int, got: int) -> None:
    if expected != got:
        raise ValueError(
            f"{who}: expected {expected} {what}, as many as outputs, got {got}; check the targets"
        )


def _scalar(who: str, y: Any) -> Any:
    if hasattr(y, "__len__"):
        raise ValueError(f"{who}: expected one output, got {len(y)}; end the model in one neuron")
    return y


def _kind(x: Any) -> str:
    return f"a sequence of {len(x)}" if hasattr(x, "__len__") else "a scalar"
