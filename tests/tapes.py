"""Tapes for tests: programs of every shape, written down by a small recorder.

The recorder knows nothing of the engine: a `Number` is a space and an address, and arithmetic on it
appends to columns. So what reads tapes can be tested without what makes them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from autograd.compiler.tape import (
    COMPARISONS,
    CONSTANTS,
    INPUTS,
    VALUES,
    Guard,
    Kind,
    Row,
    Space,
    Tape,
)
from autograd.ops import OPS, Op


class Recorder:
    """Writes a tape: ``x = recorder.inputs(3); recorder.tape(x[0] * x[1] + 2.0)``."""

    def __init__(self) -> None:
        self.kinds: dict[Kind, int] = {}
        self.codes: list[int] = []
        self.operands: list[tuple[int, ...]] = []
        self.constants: list[float] = []
        self.input_count = 0

    def inputs(self, count: int) -> list[Number]:
        self.input_count += count
        return [Number(self, INPUTS, k) for k in range(self.input_count - count, self.input_count)]

    def number(self, thing: Number | float) -> Number:
        if isinstance(thing, Number):
            return thing
        self.constants.append(float(thing))
        return Number(self, CONSTANTS, len(self.constants) - 1)

    def row(self, index: Number, base: int, stride: int, count: int) -> Number:
        """``x[base + stride * int(index)]``, where index is an input."""
        return Number(self, Row(stride, count), index.address, base)

    def record(self, op: str | Op | Guard, *operands: Number | float) -> Number:
        numbers = [self.number(x) for x in operands]
        kind = Kind(OPS[op] if isinstance(op, str) else op, tuple(n.space for n in numbers))
        self.codes.append(self.kinds.setdefault(kind, len(self.kinds)))
        self.operands.append(tuple(a for n in numbers for a in n.slots))
        return Number(self, VALUES, len(self.codes) - 1)

    def tape(self, *outputs: Number) -> Tape:
        first = np.zeros(len(self.codes) + 1, np.int64)
        np.cumsum([len(slots) for slots in self.operands], out=first[1:])
        return Tape(
            kinds=tuple(self.kinds),
            codes=np.array(self.codes, np.int32),
            first=first,
            slots=np.array([a for slots in self.operands for a in slots], np.int64),
            constants=np.array(self.constants),
            inputs=self.input_count,
            outputs=tuple((str(n.space), n.address) for n in outputs),
        )


class Number:
    """An operand, and arithmetic that records."""

    __slots__ = ("recorder", "slots", "space")

    def __init__(self, recorder: Recorder, space: Space, *slots: int) -> None:
        self.recorder, self.space, self.slots = recorder, space, slots

    @property
    def address(self) -> int:
        return self.slots[0]

    def __add__(self, other: Number | float) -> Number:
        return self.recorder.record("add", self, other)

    def __radd__(self, other: float) -> Number:
        return self.recorder.record("add", other, self)

    def __sub__(self, other: Number | float) -> Number:
        return self.recorder.record("sub", self, other)

    def __rsub__(self, other: float) -> Number:
        return self.recorder.record("sub", other, self)

    def __mul__(self, other: Number | float) -> Number:
        return self.recorder.record("mul", self, other)

    def __rmul__(self, other: float) -> Number:
        return self.recorder.record("mul", other, self)

    def __truediv__(self, other: Number | float) -> Number:
        return self.recorder.record("div", self, other)

    def __pow__(self, other: Number | float) -> Number:
        return self.recorder.record("pow", self, other)

    def __neg__(self) -> Number:
        return self.recorder.record("neg", self)

    def __getattr__(self, op: str) -> Callable[..., Number]:
        return lambda *others: self.recorder.record(op, self, *others)


def dot(a: Sequence[Number], b: Sequence[Number], start: Any = 0.0) -> Any:
    """The sum of products; a generator's products and additions take turns on the tape."""
    return sum((x * y for x, y in zip(a, b)), start)


def mlp(points: int = 100) -> Tape:
    """Hinge loss and L2 of an MLP 2-16-16-1, as in the benchmarks: 27 instructions, folded."""
    recorder = Recorder()
    parameters: list[Number] = []
    layers = []
    for fan_in, fan_out in ((2, 16), (16, 16), (16, 1)):
        neurons = [recorder.inputs(fan_in + 1) for _ in range(fan_out)]
        parameters += [p for neuron in neurons for p in neuron]
        layers.append(neurons)
    random_ = random.Random(1)
    losses = []
    for _ in range(points):
        h = [recorder.number(random_.gauss(0, 1)) for _ in range(2)]
        for depth, neurons in enumerate(layers):
            sums = (dot(weights, h, bias) for *weights, bias in neurons)
            h = list(sums) if depth == 2 else [s.relu() for s in sums]
        losses.append((1.0 + random_.choice((-1.0, 1.0)) * h[0]).relu())
    return recorder.tape(sum(losses) * (1.0 / points) + 1e-4 * dot(parameters, parameters))


def pendulum(steps: int = 1000) -> Tape:
    """Runge and Kutta's fourth order method on a pendulum."""
    recorder = Recorder()
    angle, speed, gravity = recorder.inputs(3)
    dt = 0.01
    for _ in range(steps):
        a1, b1 = speed, -(gravity * angle.sin())
        a2, b2 = speed + b1 * (dt / 2), -(gravity * (angle + a1 * (dt / 2)).sin())
        a3, b3 = speed + b2 * (dt / 2), -(gravity * (angle + a2 * (dt / 2)).sin())
        a4, b4 = speed + b3 * dt, -(gravity * (angle + a3 * dt).sin())
        angle = angle + (a1 + 2.0 * a2 + 2.0 * a3 + a4) * (dt / 6)
        speed = speed + (b1 + 2.0 * b2 + 2.0 * b3 + b4) * (dt / 6)
    return recorder.tape(angle * angle + speed * speed)


def transformer(tokens: int, seed: int = 5, dims: int = 16, heads: int = 4) -> Tape:
    """One layer over a growing context; tokens index the embedding, frozen on the tape."""
    vocabulary, size = 27, dims // heads
    random_ = random.Random(seed)
    text = [random_.randrange(vocabulary) for _ in range(tokens + 1)]
    recorder = Recorder()
    shapes = [(vocabulary, dims), (tokens, dims), *[(dims, dims)] * 4]
    shapes += [(4 * dims, dims), (dims, 4 * dims), (vocabulary, dims)]
    matrices = [[recorder.inputs(columns) for _ in range(rows)] for rows, columns in shapes]
    embedding, place, w_q, w_k, w_v, w_o, up, down, head = matrices
    keys, values, losses = [], [], []
    for position in range(tokens):
        x = [a + b for a, b in zip(embedding[text[position]], place[position])]
        x = _normalised(x)
        residual, x = x, _normalised(x)
        query = _linear(x, w_q)
        keys.append(_linear(x, w_k))
        values.append(_linear(x, w_v))
        mixed = []
        for h in range(0, dims, size):
            scores = [dot(query[h : h + size], k[h : h + size]) / size**0.5 for k in keys]
            weights = _softmax(scores)
            mixed += [dot(weights, [v[h + j] for v in values]) for j in range(size)]
        x = [a + b for a, b in zip(_linear(mixed, w_o), residual)]
        residual, x = x, _normalised(x)
        x = _linear([t.relu() for t in _linear(x, up)], down)
        x = [a + b for a, b in zip(x, residual)]
        losses.append(-_softmax(_linear(x, head))[text[position + 1]].log())
    return alive(recorder.tape((1.0 / tokens) * sum(losses)))


def _linear(x: Sequence[Number], matrix: Sequence[Sequence[Number]]) -> list[Number]:
    return [dot(row, x) for row in matrix]


def _softmax(x: Sequence[Number]) -> list[Number]:
    raised = [(t - 0.5).exp() for t in x]
    norm = sum(raised)
    return [e / norm for e in raised]


def _normalised(x: Sequence[Number]) -> list[Number]:
    scale = (dot(x, x) / float(len(x)) + 1e-5) ** -0.5
    return [t * scale for t in x]


def alive(tape: Tape) -> Tape:
    """The tape without what no output and no guard needs."""
    needed = np.array([isinstance(kind.op, Guard) for kind in tape.kinds])[tape.codes]
    for space, address in tape.outputs:
        if space == VALUES:
            needed[address] = True
    widths = np.diff(tape.first)
    flags = [
        [s == VALUES for s in kind.spaces for _ in range(1 + isinstance(s, Row))]
        for kind in tape.kinds
    ]
    is_value = np.array([flag for code in tape.codes.tolist() for flag in flags[code]], bool)
    reader = np.repeat(np.arange(len(tape)), widths)[is_value].tolist()
    for t, address in zip(reversed(reader), reversed(tape.slots[is_value].tolist())):
        if needed[t]:
            needed[address] = True
    place = np.cumsum(needed) - 1
    moved = np.where(is_value, place[np.where(is_value, tape.slots, 0)], tape.slots)
    return replace(
        tape,
        codes=tape.codes[needed],
        first=np.concatenate([[0], np.cumsum(widths[needed])]),
        slots=moved[np.repeat(needed, widths)],
        outputs=tuple((s, int(place[a]) if s == VALUES else a) for s, a in tape.outputs),
    )


def options(count: int = 1000) -> Tape:
    """The sum of the Black and Scholes prices of options with strikes and times of their own."""
    random_ = random.Random(1)
    recorder = Recorder()
    spot, rate, volatility = recorder.inputs(3)
    prices = []
    for _ in range(count):
        strike = recorder.number(random_.uniform(80, 120))
        time = recorder.number(random_.uniform(0.5, 1.5))
        root = volatility * time.sqrt()
        d1 = ((spot / strike).log() + (rate + volatility * volatility * 0.5) * time) / root
        cdf = [0.5 * (1.0 + (d / 2**0.5).erf()) for d in (d1, d1 - root)]
        prices.append(spot * cdf[0] - strike * (-rate * time).exp() * cdf[1])
    return recorder.tape(sum(prices))


def rosenbrock(size: int = 100) -> Tape:
    recorder = Recorder()
    x = recorder.inputs(size)
    return recorder.tape(sum(100.0 * (b - a * a) ** 2.0 + (1.0 - a) ** 2.0 for a, b in pairwise(x)))


def triangle(size: int = 30) -> Tape:
    """Products of all pairs: an inner loop that grows with the outer one, from no round at all."""
    recorder = Recorder()
    x = recorder.inputs(size)
    rows = [sum((a * x[k] for k in range(i)), 0.0) * a for i, a in enumerate(x)]
    return recorder.tape(sum(rows))


def words(count: int = 60, seed: int = 1) -> Tape:
    """A recurrent net over words of 1 to 9 letters, each letter an input that chooses a row."""
    random_ = random.Random(seed)
    recorder = Recorder()
    rows, weight = recorder.inputs(2 * 27), recorder.inputs(4)
    losses = []
    for _ in range(count):
        state = [recorder.number(0.0), recorder.number(0.0)]
        for letter in recorder.inputs(random_.randint(1, 9)):
            seen = [recorder.row(letter, rows[j].address, 2, 27) for j in range(2)]
            state = [
                (seen[j] + weight[2 * j] * state[0] + weight[2 * j + 1] * state[1]).tanh()
                for j in range(2)
            ]
        losses.append(state[0] * state[0] + state[1])
    return recorder.tape(sum(losses) / float(count))


def matrix_product(size: int = 12) -> Tape:
    """The sum of the entries' tanh."""
    recorder = Recorder()
    a = [recorder.inputs(size) for _ in range(size)]
    b = [recorder.inputs(size) for _ in range(size)]
    return recorder.tape(sum(dot(row, column).tanh() for row in a for column in zip(*b)))


def straight(nodes: int, seed: int = 1) -> Tape:
    """Code without any pattern: random ops of random operands."""
    random_ = random.Random(seed)
    recorder = Recorder()
    pool = recorder.inputs(8)
    for _ in range(nodes):
        op = random_.choice(("add", "mul", "sub", "sin", "exp", "tanh", "relu", "div"))
        arity = 1 if op in ("sin", "exp", "tanh", "relu") else 2
        operands = [random_.choice(pool[-30:]) for _ in range(arity)]
        pool.append(recorder.record(op, *operands))
    return recorder.tape(pool[-1])


def noise(codes: Sequence[int], seed: int = 1, near: int = 30) -> Tape:
    """These of four ops in this order, each of two of the ``near`` values before it."""
    random_ = random.Random(seed)
    recorder = Recorder()
    pool = recorder.inputs(4)
    for code in codes:
        a, b = (random_.choice(pool[-near:]) for _ in range(2))
        pool.append(recorder.record(("add", "mul", "sub", "div")[code], a, b))
    return recorder.tape(pool[-1])


def program(seed: int, most: int = 3000) -> Tape:
    """A random program: loops in loops, of fixed and of odd counts, and straight code in between."""
    random_ = random.Random(seed)
    recorder = Recorder()
    inputs = recorder.inputs(40)
    values = [inputs[0] * inputs[1]]
    _run(_statements(random_, depth=0), (), random_, recorder, inputs, values, most)
    return recorder.tape(*random_.sample(values, min(3, len(values))))


def _statements(random_: random.Random, depth: int) -> list[Any]:
    """Statements: (trips, body) is a loop, trips None if odd; (op, operands...) an instruction."""
    statements: list[Any] = []
    for _ in range(random_.randint(1, 5)):
        if depth < 4 and random_.random() < 0.45:
            trips = random_.choice((None, 1, 2, 3, 5, 12))
            statements.append((trips, _statements(random_, depth + 1)))
        else:
            op = random_.choice(("add", "mul", "sub", "sin", "relu", "where", "less"))
            arity = {"sin": 1, "relu": 1, "where": 3}.get(op, 2)
            statements.append((op, *(_operand(random_, depth) for _ in range(arity))))
    return statements


def _operand(random_: random.Random, depth: int) -> Any:
    """Where an operand comes from: ("input", base, a stride a loop), ("recent", how many ago) ..."""
    return random_.choice(
        (
            ("input", random_.randrange(40), [random_.randrange(3) for _ in range(depth)]),
            ("any input",),
            ("number", random_.choice((0.5, 2.0))),
            ("recent", random_.randint(1, 6)),
            ("recent", 1),
            ("old", random_.randint(0, 3)),
            ("row", random_.randrange(40), random_.randint(1, 3)),
        )
    )


def _run(
    statements: list[Any],
    counters: tuple[int, ...],
    random_: random.Random,
    recorder: Recorder,
    inputs: list[Number],
    values: list[Number],
    most: int,
) -> None:
    for first, *rest in statements:
        if isinstance(first, str):
            op = COMPARISONS["<"] if first == "less" else first
            operands = [_fetch(r, counters, random_, recorder, inputs, values) for r in rest]
            if len(values) < most:
                values.append(recorder.record(op, *operands))
        else:
            for k in range(random_.randint(0, 6) if first is None else first):
                _run(rest[0], (*counters, k), random_, recorder, inputs, values, most)


def _fetch(
    operand: Any,
    counters: tuple[int, ...],
    random_: random.Random,
    recorder: Recorder,
    inputs: list[Number],
    values: list[Number],
) -> Number:
    match operand:
        case "input", base, strides:
            return inputs[(base + sum(s * k for s, k in zip(strides, counters))) % 40]
        case ("any input",):
            return random_.choice(inputs)
        case "number", number:
            return recorder.number(number)
        case "recent", back:
            return values[-min(back, len(values))]
        case "old", place:
            return values[min(place, len(values) - 1)]
        case "row", index, stride:
            return recorder.row(inputs[index], 0, stride, 10)
    raise AssertionError(operand)
