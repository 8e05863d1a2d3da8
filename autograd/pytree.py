"""Numbers in structures: lists, tuples, dicts and NumPy arrays of them, nested as one likes.

`flatten` takes the numbers out, `Shape.fill` puts others in their places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple


class Shape(NamedTuple):
    """A structure without its numbers: how to build it from its parts; None builds one number."""

    build: Callable[[list[Any]], Any] | None
    parts: tuple[Shape, ...] = ()
    keys: tuple[Any, ...] | None = None  # of a dict

    def size(self) -> int:
        """How many numbers it holds."""
        return 1 if self.build is None else sum(part.size() for part in self.parts)

    def fill(self, leaves: Sequence[Any]) -> Any:
        """Return the structure with ``leaves`` in it, in the order in which `flatten` gave them.

        >>> leaves, shape = flatten({"a": 1.0, "b": (2.0, 3.0)})
        >>> shape.fill([x * 10 for x in leaves])
        {'a': 10.0, 'b': (20.0, 30.0)}
        """
        return self._fill(iter(leaves))

    def take(self, tree: Any) -> list[Any]:
        """Return the numbers of ``tree``, which has this structure, in this order.

        Dicts are matched by key; an array may stand for a list, and the other way round.

        Raises:
            ValueError: if the structures differ.

        >>> flatten({"a": 1.0, "b": 2.0})[1].take({"b": 20.0, "a": 10.0})
        [10.0, 20.0]
        """
        if self.keys is not None:
            if not isinstance(tree, dict) or tree.keys() != set(self.keys):
                raise ValueError(f"expected a dict with keys {list(self.keys)}, got {tree!r:.80}")
            tree = [tree[key] for key in self.keys]
        if type(tree).__name__ == "ndarray":
            tree = tree.tolist()
        is_sequence = isinstance(tree, (list, tuple))
        if self.build is None and not is_sequence and not isinstance(tree, dict):
            return [tree]
        if self.build is None or not is_sequence or len(tree) != len(self.parts):
            got = len(flatten(tree)[0])
            how = " in another structure" if got == self.size() else ""
            raise ValueError(f"expected {self.size()} numbers, got {got}{how}: {tree!r:.60}")
        return [x for part, below in zip(self.parts, tree) for x in part.take(below)]

    def _fill(self, leaves: Iterator[Any]) -> Any:
        if self.build is None:
            return next(leaves)
        return self.build([part._fill(leaves) for part in self.parts])


NUMBER = Shape(None)


def flatten(tree: Any) -> tuple[list[Any], Shape]:
    """Return everything in ``tree`` that is no list, tuple, dict or array, and where it sat.

    >>> flatten([1.0, [2.0, 3.0]])[0]
    [1.0, 2.0, 3.0]
    """
    if isinstance(tree, dict):
        keys = tuple(tree)
        leaves, shape = _flattened(tree.values(), lambda parts: dict(zip(keys, parts)))
        return leaves, shape._replace(keys=keys)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return _flattened(tree, type(tree)._make)  # type: ignore[attr-defined]
    if isinstance(tree, (list, tuple)):
        return _flattened(tree, type(tree))
    if type(tree).__name__ == "ndarray":
        if tree.ndim > 1 and tree.size:
            return _flattened(list(tree), lambda rows: _array(rows, (len(rows),)))
        return _flattened(tree.ravel().tolist(), lambda parts: _array(parts, tree.shape))
    return [tree], NUMBER


def _flattened(parts: Any, build: Callable[[list[Any]], Any]) -> tuple[list[Any], Shape]:
    flat = [flatten(part) for part in parts]
    return [x for leaves, _ in flat for x in leaves], Shape(build, tuple(s for _, s in flat))


def _array(parts: list[Any], shape: tuple[int, ...]) -> Any:
    import numpy

    if parts and all(isinstance(x, numpy.ndarray) for x in parts):  # a Jacobian's rows
        return numpy.stack(parts).reshape(shape + parts[0].shape)
    plain = all(isinstance(x, float) for x in parts)
    out = numpy.empty(len(parts), dtype=float if plain else object)
    for i, x in enumerate(parts):
        out[i] = x
    return out.reshape(shape)
