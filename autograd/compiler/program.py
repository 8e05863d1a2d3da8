"""A loop nest with its memory: what `adjoint.py` writes, `emit.py` compiles, `interpret.py` runs.

Statements work on registers (assigned once, each a number) and on arrays. Loops count up, or down
where they undo another loop. A register made in a body may be read later in that body, and in loops
inside it; a `Block` keeps its registers to itself.

    i0, i1     the counters of the loops around a statement, the outermost first
    arrays     x inputs, y outputs, v values kept, g adjoints kept, gx gradient (of x), s seeds (of y),
               c constants; `table` holds integers, for addresses that are no straight lines
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..ops import Op

Register = int


@dataclass(frozen=True, slots=True)
class Index:
    """A place in an array: base + Σ strides[k] i_k, plus table[lookup] if there is one.

    There is one stride for every loop around the statement, the outermost first.
    """

    base: int
    strides: tuple[int, ...] = ()
    lookup: Index | None = None

    def __str__(self) -> str:
        terms = [f"table[{self.lookup}]"] if self.lookup else []
        terms += [f"{s} i{k}" if s != 1 else f"i{k}" for k, s in enumerate(self.strides) if s]
        if self.base or not terms:
            terms.append(str(self.base))
        return " + ".join(terms)


@dataclass(frozen=True, slots=True)
class Choice:
    """An input that another chooses: adds ``stride * int(x[index])`` to a place in x or gx.

    The integer may be negative, as Python's indices; it must be in [-count, count).
    """

    index: Index
    stride: int
    count: int

    def __str__(self) -> str:
        return f" + {self.stride} int(x[{self.index}])"


@dataclass(slots=True)
class Load:
    target: Register
    array: str
    index: Index
    choice: Choice | None = None


@dataclass(slots=True)
class Store:
    """Write a register; with ``adds``, add it to what is there: ``array[index] += source``."""

    array: str
    index: Index
    source: Register
    adds: bool = False
    choice: Choice | None = None


@dataclass(slots=True)
class Constant:
    target: Register
    number: float


@dataclass(slots=True)
class Compute:
    """target = op.forward(*inputs)."""

    target: Register
    op: Op
    inputs: tuple[Register, ...]


@dataclass(slots=True)
class Pull:
    """What an op with this adjoint hands on: adjoint times partial, for each wanted input.

    ``y`` and ``inputs`` are None where the rule does not look at them; ``targets`` where an input
    is not wanted. As in the engine: an adjoint of zero hands on zeros, and so does a partial of
    zero if the op selects.
    """

    targets: tuple[Register | None, ...]
    op: Op
    y: Register | None
    inputs: tuple[Register | None, ...]
    adjoint: Register


@dataclass(slots=True)
class Add:
    target: Register
    a: Register
    b: Register


@dataclass(slots=True)
class Check:
    """A guard: unless ``a symbol b`` is ``taken``, stop, and report ``number``."""

    symbol: str
    taken: bool
    a: Register
    b: Register
    number: Index


@dataclass(slots=True)
class Carry:
    """A register that a round hands to the next: ``initial`` in the first, then ``following``.

    ``initial`` is a register from outside, ``following`` one of the body or another carry's
    ``register``; ``final``, after the loop, is the last ``following``.
    """

    register: Register
    initial: Register
    following: Register
    final: Register


@dataclass(slots=True)
class Loop:
    """Rounds 0, 1, ..., trips - 1, or the other way round; at least one."""

    trips: int | Index
    body: list[Statement]
    carries: list[Carry] = field(default_factory=list)
    down: bool = False


@dataclass(slots=True)
class Block:
    """A stretch of a body, to be compiled by itself; it does not count as a loop."""

    body: list[Statement]


Statement = Load | Store | Constant | Compute | Pull | Add | Check | Loop | Block


@dataclass(slots=True)
class Program:
    """Statements, and how large their arrays are.

    Attributes:
        body: the statements; with a reverse sweep they fill gx from the seeds s.
        inputs, outputs: the lengths of x and gx, of y and s.
        values, adjoints: the lengths of v and g. g is kept from run to run, and zero at the first.
        constants: the array c.
        table: int32.
        has_gradient: whether there is a reverse sweep. The backend zeroes gx first.
    """

    body: list[Statement]
    inputs: int
    outputs: int
    values: int
    adjoints: int
    constants: np.ndarray[Any, Any]
    table: np.ndarray[Any, Any]
    has_gradient: bool

    def __str__(self) -> str:
        return "\n".join(_text(self.body, 0))


class Workspace:
    """The arrays that a program runs on; `addresses` are where they begin: x, y, s, gx, v, g."""

    def __init__(self, program: Program) -> None:
        self.x = np.zeros(program.inputs)
        self.y = np.zeros(program.outputs)
        self.s = np.zeros(program.outputs)
        self.gx = np.zeros(program.inputs)
        self.v = np.zeros(program.values)
        self.g = np.zeros(program.adjoints)
        arrays = (self.x, self.y, self.s, self.gx, self.v, self.g)
        self.addresses = tuple(array.ctypes.data for array in arrays)


def _text(body: Iterable[Statement], depth: int) -> Iterator[str]:
    pad = "    " * depth
    for s in body:
        match s:
            case Load():
                yield f"{pad}r{s.target} = {s.array}[{s.index}{s.choice or ''}]"
            case Store():
                yield f"{pad}{s.array}[{s.index}{s.choice or ''}] {'+' * s.adds}= r{s.source}"
            case Constant():
                yield f"{pad}r{s.target} = {s.number!r}"
            case Compute():
                yield f"{pad}r{s.target} = {s.op.name}({_names(s.inputs)})"
            case Pull():
                of = f"y={_names([s.y])}, x={_names(s.inputs)}"
                yield f"{pad}{_names(s.targets)} = r{s.adjoint} * d {s.op.name}({of})"
            case Add():
                yield f"{pad}r{s.target} = r{s.a} + r{s.b}"
            case Check():
                said = "" if s.taken else "not "
                yield f"{pad}guard {s.number}: {said}r{s.a} {s.symbol} r{s.b}"
            case Loop():
                yield f"{pad}loop i × {s.trips}{' down' * s.down}:"
                for c in s.carries:
                    yield f"{pad}  r{c.register} = r{c.initial}, then r{c.following}; r{c.final}"
                yield from _text(s.body, depth + 1)
            case Block():
                yield f"{pad}block:"
                yield from _text(s.body, depth + 1)


def _names(registers: Iterable[Register | None]) -> str:
    return ", ".join("_" if r is None else f"r{r}" for r in registers)
