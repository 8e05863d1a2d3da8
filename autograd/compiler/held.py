"""A Module that is given again and again: its numbers, read anew only if it holds other objects.

It is a `Layout`, as those of layout.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..engine import Value
from .gradients import ByName
from .layout import Layout
from .running import SCALARS
from .structure import (
    LIST,
    OBJECT,
    TUPLE,
    Reading,
    are_same,
    kind_of,
    raw_parts,
    read,
    slot_names,
)
from .tape import Array


def held(x: Any) -> Layout | None:
    """Return the structure of a Module; None for other things, and Modules with arrays.

    >>> from nn import Neuron
    >>> neuron, numbers = Neuron(2, rng=0), []
    >>> given = held(neuron)
    >>> neuron.b.data = 0.5
    >>> given.take(neuron, numbers, []), numbers == [v.data for v in (*neuron.w, neuron.b)]
    (True, True)
    """
    if not hasattr(x, "named_parameters") or isinstance(x, type):
        return None
    reading = read(x)
    return _Held(x, reading) if set(map(type, reading.leaves)) <= SCALARS else None


class _Held:
    def __init__(self, x: Any, reading: Reading) -> None:
        self._signature, self._count = reading.signature, len(reading.leaves)
        self._arranged = ByName(x)
        self._state = x, reading.leaves, _unchanged(reading.seen)

    def take(self, x: Any, numbers: list[Any], arrays: list[Array]) -> bool:
        known, leaves, is_unchanged = self._state
        if x is not known or not is_unchanged():
            reading = read(x)
            if reading.signature != self._signature:
                return False
            leaves = reading.leaves
            self._state = x, leaves, _unchanged(reading.seen)
        numbers += [leaf._data if leaf.__class__ is Value else leaf for leaf in leaves]
        return True

    def leaves(self) -> Iterator[int | tuple[int, ...]]:
        yield self._count

    def fill(self, numbers: Iterator[float], arrays: Iterator[Array]) -> Any:
        return self._arranged(np.array(list(islice(numbers, self._count))))


def _unchanged(seen: Sequence[tuple[Any, list[Any]]]) -> Callable[[], bool]:
    """Return a function that says whether containers hold the very objects that they held.

    It is one expression, with a term for every attribute: Python has nothing that is quicker.
    """
    terms, names = ["True"], dict[str, Any](same=are_same, parts=raw_parts)
    for k, (x, parts) in enumerate(seen):
        kind = kind_of(x)
        if kind is TUPLE:
            continue
        names |= {f"x{k}": x, f"h{k}": list(parts)}
        if kind is LIST:
            terms.append(f"same(x{k}, h{k})")
        elif kind is OBJECT and not slot_names(x.__class__):
            names |= {f"x{k}": vars(x), f"o{k}": x, f"c{k}": x.__class__}
            terms.append(f"o{k}.__class__ is c{k} and len(x{k}) == {len(vars(x))}")
            for i, (name, part) in enumerate(vars(x).items()):
                names[f"p{k}_{i}"] = part
                terms.append(f"x{k}.get({name!r}) is p{k}_{i}")
        else:
            terms.append(f"same(parts(x{k}), h{k})")
    return eval("lambda: " + " and ".join(terms), names)  # type: ignore[no-any-return]
