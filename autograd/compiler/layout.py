"""Arguments of one structure: their numbers written in a row, and gradients in that structure again.

What `structure.read` and `gradients.like` do for anything, this does quickly for what is plain:
numbers, arrays, and lists, tuples and dicts of them.

    numbers    those that stand alone or in lists, flat
    arrays     those that are in arrays, array by array
    kind       a class, exactly
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np

from .standins import SMALL
from .tape import Array

FLOAT = np.dtype(float)
FLOATS, INTS, TEXTS = {float}, {int}, {str}


class Layout(Protocol):
    """The structure of an argument."""

    def take(self, x: Any, numbers: list[Any], arrays: list[Array]) -> bool:
        """Append what is in another argument; False if that has another structure."""

    def leaves(self) -> Iterator[int | tuple[int, ...]]:
        """What `take` appends, in order: how many numbers, or the shape of an array."""

    def fill(self, numbers: Iterator[float], arrays: Iterator[Array]) -> Any:
        """The same structure with other numbers."""


def layout(x: Any) -> Layout | None:
    """Return the structure of something; None if it is not plain.

    >>> numbers, arrays = [], []
    >>> given = layout([{"rate": 0.5}, np.ones(2)])
    >>> given.take([{"rate": 0.1}, np.zeros(2)], numbers, arrays), numbers, arrays
    (True, [0.1], [array([0., 0.])])
    >>> given.fill(iter([3.0]), iter([np.ones(2)]))
    [{'rate': 3.0}, array([1., 1.])]
    >>> given.take([{"speed": 0.1}, np.zeros(2)], numbers, arrays)
    False
    """
    kind = x.__class__
    if kind is float or (kind is int and _are_small([x])):
        return _Number(kind)
    if kind is np.ndarray:
        is_plain = x.dtype is FLOAT or (
            x.dtype.kind in "iu" and x.size and _are_small([x.min(), x.max()])
        )
        return _Table(x.dtype, x.shape) if is_plain else None
    if kind is list or kind is tuple:
        kinds = set(map(type, x))
        if kinds == FLOATS or (kinds == INTS and _are_small(x)):
            return _Row(kind, kinds, len(x))
        return _parts(kind, None, x)
    if kind is dict and (not x or set(map(type, x)) == TEXTS):
        return _parts(kind, list(x), x.values())
    return _Static(x) if kind in (bool, str, type(None)) else None


def _are_small(x: Any) -> bool:
    """Whether ints, one at least, are alike for a traced function."""
    return bool(min(x) >= -SMALL and max(x) <= SMALL)


@dataclass(frozen=True, slots=True)
class _Number:
    kind: type[Any]

    def take(self, x: Any, numbers: list[Any], arrays: list[Array]) -> bool:
        numbers.append(x)
        return x.__class__ is self.kind and (self.kind is float or _are_small([x]))

    def leaves(self) -> Iterator[int | tuple[int, ...]]:
        yield 1

    def fill(self, numbers: Iterator[float], arrays: Iterator[Array]) -> Any:
        return next(numbers)


@dataclass(frozen=True, slots=True)
class _Table:
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def take(self, x: Any, numbers: list[Any], arrays: list[Array]) -> bool:
        arrays.append(x)
        fits = x.__class__ is np.ndarray and x.dtype is self.dtype and x.shape == self.shape
        return fits and (self.dtype is FLOAT or _are_small([x.min(), x.max()]))

    def leaves(self) -> Iterator[int | tuple[int, ...]]:
        yield self.shape

    def fill(self, numbers: Iterator[float], arrays: Iterator[Array]) -> Any:
        return next(arrays).copy()


@dataclass(frozen=True, slots=True)
class _Row:
    """A list or tuple of numbers of one kind."""

    kind: type[Any]
    kinds: set[type[Any]]
    count: int

    def take(self, x: Any, numbers: list[Any], arrays: list[Array]) -> bool:
        if x.__class__ is not self.kind or len(x) != self.count:
            return False
        numbers += x
        return set(map(type, x)) == self.kinds and (self.kinds == FLOATS or _are_small(x))

    def leaves(self) -> Iterator[int | tuple[int, ...]]:
        yield self.count

    def fill(self, numbers: Iterator[float], arrays: Iterator[Array]) -> Any:
        return self.kind(islice(numbers, self.count))


@dataclass(frozen=True, slots=True)
class _Static:
    """What is no number."""

    x: Any

    def take(self, x: Any, numbers: list[Any], arrays: list[Array]) -> bool:
        return x.__class__ is self.x.__class__ and bool(x == self.x)

    def leaves(self) -> Iterator[int | tuple[int, ...]]:
        return iter(())

    def fill(self, numbers: Iterator[float], arrays: Iterator[Array]) -> Any:
        return self.x


@dataclass(frozen=True, slots=True)
class _Parts:
    """A list, a tuple or a dict."""

    kind: type[Any]
    keys: list[str] | None
    parts: list[Layout]

    def take(self, x: Any, numbers: list[Any], arrays: list[Array]) -> bool:
        if x.__class__ is not self.kind or len(x) != len(self.parts):
            return False
        if self.keys is not None:
            if list(x) != self.keys or not set(map(type, x)) <= TEXTS:
                return False
            x = x.values()
        return all(part.take(v, numbers, arrays) for part, v in zip(self.parts, x))

    def leaves(self) -> Iterator[int | tuple[int, ...]]:
        for part in self.parts:
            yield from part.leaves()

    def fill(self, numbers: Iterator[float], arrays: Iterator[Array]) -> Any:
        filled = [part.fill(numbers, arrays) for part in self.parts]
        return self.kind(filled if self.keys is None else zip(self.keys, filled))


def _parts(kind: type[Any], keys: list[str] | None, x: Any) -> Layout | None:
    parts = [layout(part) for part in x]
    return _Parts(kind, keys, [p for p in parts if p]) if all(parts) else None
