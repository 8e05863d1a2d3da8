"""A graph, linearised: one instruction a node, in the order in which the nodes were made.

The tape is columns, not objects: a million instructions are searched for loops by NumPy.

    t         an instruction: its place on the tape
    kind      what it does and where its operands live; equal for all rounds of a loop
    space     where an operand lives: INPUTS, CONSTANTS, VALUES (what instruction t computed), or a
              Row: an input chosen by another input, ``inputs[base + stride * int(inputs[index])]``
    slots     the addresses of operands, one a slot; a Row takes two: index, base
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..engine import Value
from ..ops import Op
from ..recording import Choice, Line

INPUTS, CONSTANTS, VALUES = "x", "c", "v"
SPACES = (VALUES, INPUTS, CONSTANTS)
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """The space of ``list[i]``: one of ``count`` inputs, ``stride`` apart, chosen by an input."""

    stride: int
    count: int


Space = str | Row


def width(space: Space) -> int:
    """How many slots an operand in this space takes."""
    return 2 if isinstance(space, Row) else 1


class Guard(NamedTuple):
    """A comparison that steered: the tape is right only where it comes out as it did."""

    symbol: str
    taken: bool


class Kind(NamedTuple):
    """What an instruction does, and the space of each operand."""

    op: Op | Guard
    spaces: tuple[Space, ...]

    @property
    def width(self) -> int:
        """How many slots its operands take."""
        return sum(map(width, self.spaces))


# A comparison as an instruction: what `where` chooses by. Not among the OPS: users write `a < b`.
COMPARISONS = {
    symbol: Op(name, forward, lambda xp, y, a, b: (0.0, 0.0), symbol, selects=True)
    for symbol, name, forward in (
        ("<", "less", lambda xp, a, b: xp.where(a < b, 1.0, 0.0)),
        ("<=", "less_equal", lambda xp, a, b: xp.where(a <= b, 1.0, 0.0)),
        (">", "greater", lambda xp, a, b: xp.where(a > b, 1.0, 0.0)),
        (">=", "greater_equal", lambda xp, a, b: xp.where(a >= b, 1.0, 0.0)),
        ("==", "equal", lambda xp, a, b: xp.where(a == b, 1.0, 0.0)),
        ("!=", "not_equal", lambda xp, a, b: xp.where(a != b, 1.0, 0.0)),
    )
}

# A number without its history: what `.data` gives while a function is traced.
DETACH = Op("detach", lambda xp, x: x, lambda xp, y, x: (0.0,), "detach", selects=True)

# Hands out a result: the end of every tape of a program. Its adjoint is that result's seed.
RETURN = Op("return", lambda xp, x: x, lambda xp, y, x: (1.0,), "return")


@dataclass(frozen=True, slots=True)
class Tape:
    """Instructions, and what they start from and end in.

    Attributes:
        kinds: every kind that occurs, once.
        codes: int32, for every instruction its place in ``kinds``.
        first: int64, one more than instructions: those of t have the slots first[t] to first[t+1].
        slots: int64, the addresses of all operands in a row.
        constants: float64, what addresses in CONSTANTS stand for.
        inputs: how many inputs there are.
        outputs: (space, address) of every result.
        lines: the user's (file, line) of every instruction, or None if they were not recorded.
    """

    kinds: tuple[Kind, ...]
    codes: np.ndarray[Any, Any]
    first: np.ndarray[Any, Any]
    slots: np.ndarray[Any, Any]
    constants: np.ndarray[Any, Any]
    inputs: int
    outputs: tuple[tuple[str, int], ...]
    lines: Sequence[Line | None] | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def __str__(self) -> str:
        return "\n".join(self._text())

    def spaces(self) -> Array:
        """For every slot a number for its space: its place in SPACES, or that of a Row, which is more.

        >>> from autograd.ops import OPS
        >>> kind = Kind(OPS["mul"], (Row(1, 3), VALUES))
        >>> slots, none = np.array([0, 1, 0]), np.zeros(0)
        >>> Tape((kind,), np.array([0]), np.array([0, 3]), slots, none, 4, ()).spaces()
        array([3, 3, 0])
        """
        known: dict[Space, int] = {space: place for place, space in enumerate(SPACES)}
        of_kinds = [
            known.setdefault(space, len(known))
            for kind in self.kinds
            for space in kind.spaces
            for _ in range(width(space))
        ]
        widths = np.array([kind.width for kind in self.kinds], np.int64)
        begins, count = (np.cumsum(widths) - widths)[self.codes], np.diff(self.first)
        places = np.arange(len(self.slots)) + np.repeat(begins - self.first[:-1], count)
        found: Array = np.array(of_kinds, np.int64)[places]
        return found

    def _text(self) -> Iterator[str]:
        for t, code in enumerate(self.codes.tolist()):
            kind = self.kinds[code]
            at = iter(self.slots[self.first[t] : self.first[t + 1]].tolist())
            operands = [self._operand(space, at) for space in kind.spaces]
            if isinstance(kind.op, Guard):
                said = "" if kind.op.taken else "not "
                yield f"guard {said}{operands[0]} {kind.op.symbol} {operands[1]}"
            else:
                yield f"v{t} = {kind.op.name} {' '.join(operands)}"
        yield "return " + " ".join(self._operand(s, iter([a])) for s, a in self.outputs)

    def _operand(self, space: Space, at: Iterator[int]) -> str:
        if isinstance(space, Row):
            index, base = next(at), next(at)
            return f"x[{base} + {space.stride} int(x{index})]"
        address = next(at)
        return f"{self.constants[address]:g}" if space == CONSTANTS else f"{space}{address}"


def linearise(
    made: Sequence[Value | Choice],
    inputs: Sequence[Value],
    outputs: Sequence[Value | float],
    rows: Mapping[Value, tuple[Row, int, int]] | None = None,
    lines: Sequence[Line | None] | None = None,
    detached: Set[Value] = frozenset(),
    adopt: Callable[[Value], int | None] | None = None,
) -> Tape:
    """Write the tape of a graph: its nodes and guards in order, without those that nothing needs.

    Args:
        made: the nodes in order of creation, and the comparisons that steered in between.
        inputs: the leaves whose numbers may change; other leaves are constants.
        outputs: the results.
        rows: Values that are an input chosen by another: their space, and addresses of index, base.
        lines: the user's line for each of ``made``.
        detached: nodes through which no gradient flows.
        adopt: called with a Value that was neither made nor is an input: makes it one and returns
            its address, or None for a constant. Without it all are constants.

    >>> from autograd import Value
    >>> x = Value(3.0); y = x * 2.0; z = y + x
    >>> print(linearise([y, z], [x], [z]))
    v0 = mul x0 2
    v1 = add v0 x0
    return v1
    """
    writer = _Writer(inputs, rows or {}, detached, adopt)
    writer.write_all(made)
    found = [writer.place(y) for y in outputs]
    kinds = tuple(Kind(op, spaces) for op, spaces in writer.kinds)
    codes = np.array(writer.codes, dtype=np.int32)
    slots = np.array(writer.slots, dtype=np.int64)
    widths = np.array([kind.width for kind in kinds], dtype=np.int64)[codes]
    is_value = slots & 3 == SPACES.index(VALUES)
    slots >>= 2
    keep = _needed(codes, kinds, widths, slots, is_value, [a for s, a in found if s == VALUES])
    shown = None if lines is None else writer.lines(made, lines)
    if not keep.all():
        place = np.cumsum(keep) - 1
        slots[is_value] = place[slots[is_value]]
        found = [(s, int(place[a]) if s == VALUES else a) for s, a in found]
        slots, codes = slots[np.repeat(keep, widths)], codes[keep]
        widths = widths[keep]
        shown = shown and [line for line, kept in zip(shown, keep.tolist()) if kept]
    return Tape(
        kinds=kinds,
        codes=codes,
        first=np.concatenate([[0], np.cumsum(widths)]).astype(np.int64),
        slots=slots,
        constants=np.array(writer.constants, dtype=np.float64),
        inputs=len(inputs),
        outputs=tuple(found),
        lines=shown,
    )


def _needed(
    codes: Array, kinds: Sequence[Kind], widths: Array, slots: Array, is_value: Array, outputs: Any
) -> Array:
    """Which instructions outputs and guards need."""
    is_guard = np.array([isinstance(kind.op, Guard) for kind in kinds], dtype=bool)
    keep = is_guard[codes]
    keep[outputs] = True
    used = keep.copy()
    used[slots[is_value]] = True
    if used.all():  # then there is none: the last unneeded one would be used by none
        return used
    first = np.concatenate([[0], np.cumsum(widths)]).tolist()
    kept, at, values = keep.tolist(), slots.tolist(), is_value.tolist()
    for t in range(len(kept) - 1, -1, -1):
        if kept[t]:
            for k in range(first[t], first[t + 1]):
                if values[k]:
                    kept[at[k]] = True
    return np.array(kept, dtype=bool)


class _Writer:
    """The columns of a tape while they grow.

    A place is one int: the address times four, plus that of its space among SPACES.

    Attributes:
        places: of every Value met so far that is no row.
    """

    def __init__(
        self,
        inputs: Sequence[Value],
        rows: Mapping[Value, tuple[Row, int, int]],
        detached: Set[Value],
        adopt: Callable[[Value], int | None] | None,
    ) -> None:
        self.kinds: dict[tuple[Any, tuple[Space, ...]], int] = {}
        self.codes: list[int] = []
        self.slots: list[int] = []
        self.constants: list[float] = []
        self.places: dict[Any, int] = {}
        for address, v in enumerate(inputs):
            self.places.setdefault(v, 4 * address + SPACES.index(INPUTS))
        self._rows, self._detached, self._adopt = rows, detached, adopt
        self._pairs: dict[tuple[Any, int], int] = {}  # codes of ops of two inputs that are no rows

    def write_all(self, made: Iterable[Any]) -> None:
        """Write all nodes and guards, needed or not."""
        place_of, pairs, detached = self.places.get, self._pairs, self._detached
        places, add_code, add_slot = self.places, self.codes.append, self.slots.append
        t = 0
        for node in made:
            if node.__class__ is Value:
                a, b = node._a, node._b
                if b.__class__ is Value and a.__class__ is Value:  # most of them, in one go
                    p, q = place_of(a), place_of(b)
                    if p is not None and q is not None:
                        code = pairs.get((node.op, p & 3 | (q & 3) << 2))
                        if code is not None:
                            add_code(code)
                            add_slot(p)
                            add_slot(q)
                            places[node] = t << 2
                            t += 1
                            if detached and node in detached:
                                self._detach(node, t)
                                t += 1
                            continue
                self._write(node.op, a if a.__class__ is tuple else (a,) if b is None else (a, b))
                places[node] = t << 2
                if node in detached:
                    t += 1
                    self._detach(node, t)
            else:
                self._write(Guard(node.symbol, node.taken), (node.left, node.right))
            t += 1

    def _detach(self, node: Value, t: int) -> None:
        self._write(DETACH, (node,))
        self.places[node] = t << 2

    def _write(self, op: Any, x: Sequence[Any]) -> None:
        spaces: list[Space] = []
        for v in x:
            if v.__class__ is Value and v in self._rows:
                space, *addresses = self._rows[v]
                spaces.append(space)
                self.slots += [4 * address + 3 for address in addresses]
            else:
                place = self._place(v)
                spaces.append(SPACES[place & 3])
                self.slots.append(place)
        kind = op, tuple(spaces)
        code = self.kinds.get(kind)
        if code is None:
            code = self.kinds[kind] = len(self.kinds)
            if len(x) == 2 and set(spaces) <= {*SPACES}:
                self._pairs[op, SPACES.index(spaces[0]) | SPACES.index(spaces[1]) << 2] = code
        self.codes.append(code)

    def _place(self, v: Any) -> int:
        if v.__class__ is not Value:  # an address of its own: in a loop they form a straight line
            self.constants.append(v)
            return 4 * len(self.constants) - 4 + SPACES.index(CONSTANTS)
        if v not in self.places:
            address = None if self._adopt is None else self._adopt(v)
            if address is None:
                self.places[v] = self._place(v._data)
            else:
                self.places[v] = 4 * address + SPACES.index(INPUTS)
        return self.places[v]

    def place(self, y: Value | float) -> tuple[str, int]:
        """The space and the address of a result."""
        place = self._place(y)
        return SPACES[place & 3], place >> 2

    def lines(self, made: Sequence[Any], lines: Sequence[Line | None]) -> list[Line | None]:
        """The line of every instruction: a detached node takes two."""
        return [
            line for node, line in zip(made, lines) for _ in range(1 + (node in self._detached))
        ]
