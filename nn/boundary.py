"""What a model of two inputs answers all over the plane: its graph, recorded once, and the examples.

A recorded graph is the model only if the model always computes the same: that is checked.

    at    what the nodes of a graph come to with other numbers at its leaves
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from autograd import Value, no_grad
from autograd.engine import graph
from autograd.ops import as_real

from .arguments import Examples, Loss

MARGIN = 0.08  # of the range of the examples, around them
RANDOM_POINTS, MOST_POINTS = 20, 200  # at which the graph is compared with the model
VARIES = "computes something else, as code with an `if` on numbers or with random numbers does"


@dataclass(frozen=True, slots=True)
class Boundary:
    """A model of two inputs, recorded for one example, to be evaluated for others.

    Attributes:
        inputs: the two leaves.
        outputs: the Values that the model gave for them.
        parameters: the leaves that are the model's parameters.
        x, y: the lowest and the highest number of either input to show.
        names: what the inputs are called.
        points: (x, y, target) of the examples; with several outputs, the index of the one that is to
            be the largest.
        classes: the names of what several outputs are the scores of, or of the two targets, lower
            one first, that one output tells apart; None if it only is to come close.
        threshold: where both of two targets are equally wrong: one output above it stands for the
            higher. None with several outputs, and without classes.
    """

    inputs: list[Value]
    outputs: list[Value]
    parameters: list[Value]
    x: tuple[float, float]
    y: tuple[float, float]
    names: tuple[str, str]
    points: list[tuple[float, float, float]]
    classes: list[str] | None
    threshold: float | None


def find_boundary(
    model: Any,
    later: Any,
    loss: Loss,
    examples: Examples,
    columns: list[str],
    classes: Sequence[str] | None = None,
) -> Boundary | str | None:
    """Record a model; a str says why it cannot be shown, None that it does not take two numbers.

    Args:
        model: the one to record, and to compare with its graph.
        later: the same one with other numbers in its parameters, to compare with as well.
        loss: what decides which class an output is for.
        examples: inputs and targets.
        columns: the names of the inputs, if they have any.
        classes: the names of the classes.

    >>> from nn import Perceptron, squared_error
    >>> model = Perceptron(2)
    >>> boundary = find_boundary(model, model, squared_error, [([0, 0], 0), ([1, 2], 1)], [])
    >>> boundary.names, boundary.x, boundary.classes, boundary.threshold
    (('x1', 'x2'), (-0.08, 1.08), ['0', '1'], 0.5)
    """
    places = [_place(x) for x, _ in examples]
    if None in places:
        return None
    pairs = [(p, t) for p, (_, t) in zip(places, examples) if p and all(map(math.isfinite, p))]
    if not pairs:
        return "no example has two finite inputs"
    points = [point for point, _ in pairs]
    inputs = labelled(points[0], columns)
    answer = model(inputs)
    outputs = _listed(answer)
    nodes = graph(*[v for v in outputs if isinstance(v, Value)])
    if not set(inputs) <= set(nodes) or not all(isinstance(v, Value) for v in outputs):
        return "the model's answer does not depend on both inputs"
    x, y = (_span(column) for column in zip(*points))
    if not all(map(math.isfinite, x + y)):
        return "the inputs lie further apart than numbers reach"
    rng = random.Random(0)
    asked = [[rng.uniform(*x), rng.uniform(*y)] for _ in range(RANDOM_POINTS)]
    for m in (model, later):
        numbers = dict(zip(model.parameters(), [p.data for p in m.parameters()]))
        for point in asked + points[:MOST_POINTS]:
            at = evaluated(nodes, numbers | dict(zip(inputs, point)))
            if not _agree([at[v] for v in outputs], m, point):
                return f"for other inputs the model {VARIES}"
    targets, found = _classified([target for _, target in pairs], len(outputs))
    if found is None and len(outputs) > 1:
        return "the targets are no classes, for which the outputs would be the scores"
    if classes is not None and found is not None and len(classes) != len(found):
        raise ValueError(
            f"explain: expected names for {len(found)} classes, got {list(classes)!r:.80}; "
            "name them in the order of their numbers"
        )
    return Boundary(
        inputs=inputs,
        outputs=outputs,
        parameters=[p for p in model.parameters() if p in set(nodes)],
        x=x,
        y=y,
        names=(inputs[0].label, inputs[1].label),
        points=[
            (p[0], p[1], t) for p, t in zip(points, targets) if t is not None and math.isfinite(t)
        ],
        classes=list(map(str, classes)) if found and classes is not None else found,
        threshold=_threshold(loss, pairs, answer) if found and len(outputs) == 1 else None,
    )


# ---- recorded graphs ----


def labelled(x: Any, columns: list[str]) -> Any:
    """Return the inputs as leaves: x1, x2 and so on, unless columns have names; a single one is x.

    >>> [v.label for v in labelled([3.0, 5.0], [])], labelled(2, []).label
    (['x1', 'x2'], 'x')
    """
    if not isinstance(x, list):
        return _leaf(x, columns[0] if len(columns) == 1 else "x")
    names = columns if len(columns) == len(x) else [f"x{i}" for i in range(1, len(x) + 1)]
    return [_leaf(cell, name) for cell, name in zip(x, names)]


def evaluated(nodes: list[Value], numbers: dict[Value, float]) -> dict[Value, float]:
    """Return what all nodes of a graph come to, op by op, with other numbers at some leaves.

    >>> x = Value(2.0); y = x * x + 1.0
    >>> evaluated(graph(y), {x: 3.0})[y]
    10.0
    """
    at = dict(numbers)
    for node in nodes:
        if node.op is None:
            at.setdefault(node, node.data)
        else:
            at[node] = node.op.on(*[at[x] if isinstance(x, Value) else x for x in node.inputs])
    return at


def same(a: float, b: float) -> bool:
    """Say whether two numbers differ by rounding only; nan is the same as nan.

    >>> same(0.1 + 0.2, 0.3), same(float("nan"), float("nan")), same(1.0, 1.001)
    (True, True, False)
    """
    return a == b or math.isclose(a, b, rel_tol=1e-9) or (math.isnan(a) and math.isnan(b))


def _leaf(cell: Any, label: str) -> Any:
    number = as_real(cell)
    return cell if number is None else Value(number, label=label)


def _agree(numbers: list[float], model: Any, point: list[float]) -> bool:
    with no_grad():
        afresh = [getattr(x, "data", x) for x in _listed(model(point))]
    return len(afresh) == len(numbers) and all(map(same, numbers, afresh))


# ---- the plane ----


def _place(x: Any) -> list[float] | None:
    """The inputs, if they are two numbers."""
    numbers = [as_real(cell) for cell in x] if isinstance(x, list) and len(x) == 2 else [None]
    place = [number for number in numbers if number is not None]
    return place if len(place) == 2 else None


def _listed(outputs: Any) -> list[Any]:
    return list(outputs) if hasattr(outputs, "__iter__") else [outputs]


def _span(column: Sequence[float]) -> tuple[float, float]:
    low, high = min(column), max(column)
    margin = MARGIN * (high - low) or 1.0
    return low - margin, high + margin


# ---- classes ----


def _classified(targets: list[Any], outputs: int) -> tuple[list[float | None], list[str] | None]:
    """The targets as numbers, and the names of classes.

    There are classes if every output is for one, or if one output tells two integers apart.
    """
    numbers = [as_real(target) for target in targets]
    if outputs > 1:
        numbers = [_hot(t, outputs) if isinstance(t, list) else as_real(t) for t in targets]
        is_index = all(number in range(outputs) for number in numbers)
        return numbers, [str(i) for i in range(outputs)] if is_index else None
    two = sorted({number for number in numbers if number is not None})
    if len(two) == 2 and None not in numbers and all(number.is_integer() for number in two):
        return numbers, [str(int(number)) for number in two]
    return numbers, None


def _hot(target: list[Any], outputs: int) -> float | None:
    """Which output is to be higher than the others, which are to be equal."""
    if len(target) != outputs or len(set(target)) != 2 or target.count(max(target)) != 1:
        return None
    return float(target.index(max(target)))


def _threshold(loss: Loss, examples: Examples, answer: Any) -> float | None:
    """The output that is equally wrong for two targets, found by halving; None if there is none.

    The loss gets targets as they are among the examples, and outputs like the answer, be it a list.
    """
    targets = sorted({target for _, target in examples})
    lean_at = partial(_lean, loss, targets, hasattr(answer, "__iter__"))
    low, high = -(2.0**20), 2.0**20
    with no_grad():
        if not lean_at(low) < 0 < lean_at(high):
            return None
        while low < (middle := (low + high) / 2) < high:
            lean = lean_at(middle)
            if lean == 0:
                return middle
            low, high = (middle, high) if lean < 0 else (low, middle)
    return high


def _lean(loss: Loss, targets: Sequence[Any], in_list: bool, x: float) -> float:
    """How much more wrong an output is for the first target than for the second."""
    output: Any = [Value(x)] if in_list else Value(x)
    first, second = (loss(output, target) for target in targets)
    lean = first - second
    return float(getattr(lean, "data", lean))  # a number where max(0.0, ...) chose one
