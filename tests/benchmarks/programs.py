"""The work that compilers are given: plain scalar code, the same text for all who take scalars.

A program takes where functions come from, then the numbers, and returns one scalar; the gradient is
with respect to all numbers of its first argument (of `price`: to all five). NumPy is not needed.

    xp    where functions come from: ``autograd``, or a namespace of the engine at hand
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import workloads

Numbers = Sequence[Any]
Tables = dict[str, Sequence[Numbers]]

STEPS = 1000  # of the pendulum
WIDTH, HEADS, HIDDEN, LONGEST, LETTERS = 16, 4, 64, 16, 26  # of the transformer
SHAPES = {
    "token": (LETTERS + 1, WIDTH),
    "place": (LONGEST, WIDTH),
    "query": (WIDTH, WIDTH),
    "key": (WIDTH, WIDTH),
    "value": (WIDTH, WIDTH),
    "mix": (WIDTH, WIDTH),
    "up": (HIDDEN, WIDTH),
    "down": (WIDTH, HIDDEN),
    "score": (LETTERS + 1, WIDTH),
}


def arguments(work: str) -> tuple[Any, ...]:
    """The numbers at which a program is evaluated.

    >>> [len(arguments(work)) for work in ("mlp", "pendulum", "price", "gpt7")]
    [3, 1, 5, 2]
    """
    match work:
        case "mlp":
            rows, labels = workloads.moons(workloads.POINTS)
            return workloads.workload("mlp").point, [list(row) for row in rows], labels
        case "pendulum":
            return ([1.0, 0.0, 9.81],)
        case "price":
            return 100.0, 110.0, 0.05, 0.2, 1.0
    generator = random.Random(3)
    tables = {
        name: [[generator.gauss(0.0, 0.08) for _ in range(columns)] for _ in range(rows)]
        for name, (rows, columns) in SHAPES.items()
    }
    letters = [generator.randrange(LETTERS) for _ in range(int(work.removeprefix("gpt")) - 1)]
    return tables, [LETTERS, *letters, LETTERS]


def mlp(xp: Any, parameters: Numbers, rows: Sequence[Numbers], labels: Numbers) -> Any:
    """Hinge loss with L2 of a 2-16-16-1 network, as in `workloads`; the data are arguments here."""
    layers = workloads.shape(parameters)  # type: ignore[arg-type]
    scores = [workloads.forward(layers, row, xp.relu) for row in rows]  # type: ignore[arg-type]
    losses = [xp.relu(1 + -y * score) for y, score in zip(labels, scores, strict=True)]
    return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)


def pendulum(xp: Any, start: Numbers) -> Any:
    """Angle² + speed² after 1,000 Runge-Kutta steps of a hundredth of a second."""
    angle, speed, gravity = start
    for _ in range(STEPS):
        angle, speed = runge_kutta(xp, angle, speed, gravity)
    return angle * angle + speed * speed


def runge_kutta(xp: Any, angle: Any, speed: Any, gravity: Any, h: float = 0.01) -> tuple[Any, Any]:
    """One step, and the classical one: four slopes."""
    a1, b1 = slopes(xp, angle, speed, gravity)
    a2, b2 = slopes(xp, angle + a1 * (h / 2), speed + b1 * (h / 2), gravity)
    a3, b3 = slopes(xp, angle + a2 * (h / 2), speed + b2 * (h / 2), gravity)
    a4, b4 = slopes(xp, angle + a3 * h, speed + b3 * h, gravity)
    angle = angle + (a1 + 2 * a2 + 2 * a3 + a4) * (h / 6)
    return angle, speed + (b1 + 2 * b2 + 2 * b3 + b4) * (h / 6)


def slopes(xp: Any, angle: Any, speed: Any, gravity: Any) -> tuple[Any, Any]:
    """How fast a pendulum of one metre changes its angle and its speed."""
    return speed, -(gravity * xp.sin(angle))


def price(xp: Any, spot: Any, strike: Any, rate: Any, volatility: Any, years: Any) -> Any:
    """A European call, by Black and Scholes."""
    spread = volatility * xp.sqrt(years)
    d = (xp.log(spot / strike) + (rate + 0.5 * volatility * volatility) * years) / spread
    return spot * phi(xp, d) - strike * xp.exp(-rate * years) * phi(xp, d - spread)


def phi(xp: Any, x: Any) -> Any:
    """The normal distribution function."""
    return 0.5 * (1.0 + xp.erf(x * 0.5**0.5))


def gpt(xp: Any, tables: Tables, tokens: Sequence[Any]) -> Any:
    """Mean of -log(chance of what comes next) in a one-layer transformer: demos/transformer.py."""
    keys: list[Any] = []
    values: list[Any] = []
    total = 0.0
    for place in range(len(tokens) - 1):
        chances = xp.softmax(next_scores(xp, tables, tokens[place], place, keys, values))
        came = tokens[place + 1]
        chance = sum(xp.where(came == i, chance, 0.0) for i, chance in enumerate(chances))
        total = total - xp.log(chance)
    return total / (len(tokens) - 1)


def next_scores(
    xp: Any, tables: Tables, token: Any, place: int, keys: list[Any], values: list[Any]
) -> list[Any]:
    """Read a token; give every token that may come next a score."""
    x = normed([a + b for a, b in zip(tables["token"][token], tables["place"][place], strict=True)])
    inside = normed(x)
    query = linear(inside, tables["query"])
    keys.append(linear(inside, tables["key"]))
    values.append(linear(inside, tables["value"]))
    found: list[Any] = []
    for first in range(0, WIDTH, WIDTH // HEADS):
        found += attend(xp, query, keys, values, range(first, first + WIDTH // HEADS))
    x = [a + b for a, b in zip(linear(found, tables["mix"]), x, strict=True)]
    hidden = [xp.relu(h) for h in linear(normed(x), tables["up"])]
    x = [a + b for a, b in zip(linear(hidden, tables["down"]), x, strict=True)]
    return linear(x, tables["score"])


def attend(
    xp: Any, query: Numbers, keys: list[Numbers], values: list[Numbers], part: range
) -> list[Any]:
    """What one head finds: the values, weighed by how their keys answer the query."""
    scores = [sum(query[j] * key[j] for j in part) / len(part) ** 0.5 for key in keys]
    weights = xp.softmax(scores)
    return [sum(w * v[j] for w, v in zip(weights, values, strict=True)) for j in part]


def linear(x: Numbers, table: Sequence[Numbers]) -> list[Any]:
    """A layer of neurons without bias."""
    return [sum(w * xi for w, xi in zip(row, x, strict=True)) for row in table]


def normed(x: Numbers) -> list[Any]:
    """The numbers divided by the root of their mean square."""
    scale = (sum(xi * xi for xi in x) / len(x) + 1e-5) ** -0.5
    return [xi * scale for xi in x]
