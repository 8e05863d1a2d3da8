"""Places in memory as functions of loop counters.

The tape says where every operand was in every round. Here those lists of addresses become formulas:
straight lines in the counters where they are, tables of integers where they are not.

    body      the statements of a loop, or a stretch of them (a block), or all (the root)
    round     one execution of a body; rounds are numbered over all executions of its loop
    levels    how many loops are around the statements of a body
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .program import Index
from .tape import Array


@dataclass(slots=True, eq=False)
class Body:
    """Statements that are executed together, and how often.

    Attributes:
        parent: the body in which its loop or block stands; None for the root.
        trips: for every round of the parent, how many rounds this one has; None for a block.
        items: what flow.py found in it: sites, and bodies inside, in order.
        place: where it stands among the parent's items.
    """

    parent: Body | None = None
    trips: Array | None = None
    items: list[Any] = field(default_factory=list)
    place: int = 0
    rounds: int = field(init=False)
    levels: int = field(init=False)
    parent_round: Array = field(init=False)  # of every round
    firsts: Array = field(init=False)  # the rounds that are the first of an execution
    lasts: Array = field(init=False)
    later: Array = field(init=False)  # all but the first ones

    def __post_init__(self) -> None:
        outer = self.parent
        self.levels = 0 if outer is None else outer.levels + self.is_loop
        if outer is None or self.trips is None:
            self.rounds = 1 if outer is None else outer.rounds
            self.parent_round = self.firsts = self.lasts = np.arange(self.rounds)
            self.later = self.firsts[:0]
            return
        self.rounds = int(self.trips.sum())
        self.parent_round = np.repeat(np.arange(outer.rounds), self.trips)
        self.lasts = np.cumsum(self.trips) - 1
        self.firsts = self.lasts - self.trips + 1
        is_later = np.ones(self.rounds, bool)
        is_later[self.firsts] = False
        self.later = np.flatnonzero(is_later)

    @property
    def is_loop(self) -> bool:
        return self.trips is not None

    def dimensions(self) -> list[int] | None:
        """The trips of the loops around, if each always has the same; else None."""
        sizes: list[int] = []
        body: Body | None = self
        while body is not None:
            if body.trips is not None:
                if (body.trips != body.trips[0]).any():
                    return None
                sizes.append(int(body.trips[0]))
            body = body.parent
        return sizes[::-1]


class Tables:
    """The numbers that a program looks up, collected while its places are worked out."""

    def __init__(self) -> None:
        self._integers = _Pool(np.int32)
        self._constants = _Pool(np.float64)

    @property
    def integers(self) -> Array:
        """All integers in a row, int32."""
        return self._integers.joined()

    @property
    def constants(self) -> Array:
        """All constants in a row."""
        return self._constants.joined()

    def index(self, values: Array, body: Body) -> Index:
        """Return the formula of one address for every round of ``body``.

        >>> loop = Body(Body(), np.array([4]))
        >>> print(Tables().index(np.array([10, 13, 16, 19]), loop))
        3 i0 + 10
        >>> print(Tables().index(np.array([10, 13, 11, 19]), loop))
        table[i0]
        """
        strides: list[int] = []
        here: Body | None = body
        while here is not None and here.parent is not None:  # peel off the innermost loop
            if here.is_loop:
                step = values[here.later] - values[here.later - 1]
                if step.size and (step != step[0]).any():
                    break
                strides.insert(0, int(step[0]) if step.size else 0)
            values = values[here.firsts]
            here = here.parent
        assert here is not None
        if here.parent is None:
            return Index(int(values[0]), tuple(strides))
        lookup = self._tabulate(values, here, self._integers)
        return Index(0, (0,) * here.levels + tuple(strides), lookup)

    def constant(self, numbers: Array, body: Body) -> Index:
        """Return the place, in the array of constants, of one number for every round."""
        return self._tabulate(numbers, body, self._constants)

    def _tabulate(self, values: Array, body: Body, pool: _Pool) -> Index:
        """Put ``values`` into a table, once for all loops on which they do not depend."""
        sizes = body.dimensions()
        if sizes is None:
            at = self.index(np.arange(body.rounds), body)
            return Index(at.base + pool.add(values), at.strides, at.lookup)
        grid, strides = values.reshape(sizes), [1] * len(sizes)
        for axis in range(len(sizes)):
            first = grid.take([0], axis)
            if _same(grid, first):
                grid, strides[axis] = first, 0
        width = 1
        for axis in reversed(range(len(sizes))):
            strides[axis] *= width
            width *= grid.shape[axis]
        return Index(pool.add(grid.ravel()), tuple(strides))


def _same(a: Array, b: Array) -> bool:
    """Equal as bits: a nan is itself, and 0 is not -0."""
    if a.dtype == np.float64:
        a, b = a.view(np.int64), np.ascontiguousarray(b).view(np.int64)
    return bool((a == b).all())


class _Pool:
    """Arrays in a row, equal ones once."""

    def __init__(self, kind: Any) -> None:
        self._kind, self._parts, self._size = kind, dict[bytes, tuple[int, Array]](), 0

    def add(self, values: Array) -> int:
        """Return where ``values`` begin."""
        part = np.ascontiguousarray(values, self._kind)
        known = self._parts.get(part.tobytes())
        if known is not None:
            return known[0]
        at = self._size
        self._parts[part.tobytes()] = at, part
        self._size += len(part)
        return at

    def joined(self) -> Array:
        empty = np.zeros(0, self._kind)
        return np.concatenate([empty, *(part for _, part in self._parts.values())])
