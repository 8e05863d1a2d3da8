"""The work that every engine is given: plain scalar code over anything that behaves like a number.

A workload is a ``program(parameters, number, relu)`` that returns one scalar, and a point.

    parameters   the point as the engine's own numbers: the gradient is with respect to these
    number       turns a float that is only data into what the engine likes to compute with
    relu         the engine's own relu
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

SIZES = (2, 16, 16, 1)  # the network of micrograd's demo
POINTS = 100
CHAIN = 100_000

Program = Callable[[list[Any], Callable[[float], Any], Callable[[Any], Any]], Any]
Layer = list[tuple[list[Any], Any]]  # a row for every neuron: its weights, its bias


@dataclass(frozen=True, slots=True)
class Workload:
    """A program and the point at which it is evaluated and differentiated."""

    program: Program
    point: list[float]

    def operations(self) -> int:
        """Count what the program computes: the nodes of every engine, whatever it makes of them."""
        Tally.made = 0
        self.program([Tally()] * len(self.point), float, Tally.count)
        return Tally.made


class Tally:
    """A number that only counts the operations done with it."""

    made = 0

    def count(self, *_: object) -> Tally:
        Tally.made += 1
        return self

    __add__ = __radd__ = __mul__ = __rmul__ = count


def workload(name: str, size: int | None = None) -> Workload:
    """Make the workload of that name; ``size`` is the points of "mlp", the nodes of "chain"."""
    return {"mlp": mlp, "chain": chain}[name](*([] if size is None else [size]))


def chain(nodes: int = CHAIN) -> Workload:
    """``v = v * a + b``, again and again: as deep as a graph can be, two leaves used all over."""

    def program(parameters: list[Any], number: object, relu: object) -> Any:
        v, a, b = parameters
        for _ in range(nodes // 2):
            v = v * a + b
        return v

    return Workload(program, [2.0, 0.9999, 1e-4])


def mlp(points: int = POINTS) -> Workload:
    """The loss of micrograd's demo: hinge loss with L2 of a 2-16-16-1 network on two half-moons."""
    rows, labels = moons(points)

    def program(
        parameters: list[Any], number: Callable[[float], Any], relu: Callable[[Any], Any]
    ) -> Any:
        layers = shape(parameters)
        inputs = [[number(x) for x in row] for row in rows]
        scores = [forward(layers, x, relu) for x in inputs]
        losses = [relu(1 + -yi * score) for yi, score in zip(labels, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        return data_loss + 1e-4 * sum(p * p for p in parameters)

    generator = random.Random(2)
    weights = [
        [generator.uniform(-1, 1) for _ in range(nin)] + [0.0]
        for nin, nout in pairwise(SIZES)
        for _ in range(nout)
    ]
    return Workload(program, [w for neuron in weights for w in neuron])


def moons(points: int) -> tuple[list[tuple[float, float]], list[float]]:
    """Two interleaved half-circles with noise, labelled -1 and 1 in turn."""
    generator = random.Random(1)
    rows, labels = [], []
    for i in range(points):
        angle = math.pi * generator.random()
        x, y = math.cos(angle), math.sin(angle)
        x, y = (1 - x, 0.5 - y) if i % 2 else (x, y)
        rows.append((x + generator.gauss(0, 0.1), y + generator.gauss(0, 0.1)))
        labels.append(1.0 if i % 2 else -1.0)
    return rows, labels


def shape(parameters: list[Any]) -> list[Layer]:
    """Group the flat parameters into layers of neurons."""
    flat = iter(parameters)
    return [
        [([next(flat) for _ in range(nin)], next(flat)) for _ in range(nout)]
        for nin, nout in pairwise(SIZES)
    ]


def forward(layers: list[Layer], x: list[Any], relu: Callable[[Any], Any]) -> Any:
    """The network's score of one point; every layer but the last is rectified."""
    for layer in layers:
        x = [sum((wi * xi for wi, xi in zip(w, x, strict=True)), b) for w, b in layer]
        if layer is not layers[-1]:
            x = [relu(s) for s in x]
    return x[0]
