"""A function that is run instead of compiled: what `jit` does where it cannot compile, or may not.

It is called as it stands, with Values in the places of the numbers that are differentiated by and
nowhere else: what holds none of these is the caller's own object.

    arguments    the positional ones, then all keyword arguments as one dict
    wanted       the positions of those that get Values
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial, wraps
from typing import Any

import numpy as np

from .. import functional, modes
from ..engine import Value
from ..pytree import Shape, flatten
from .arrays import object_array
from .structure import Viewer, read
from .tape import Array

Function = Callable[..., Any]
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def is_traced() -> bool:
    """Say whether the caller is being differentiated or compiled, and must see what is computed."""
    return functional.is_tracing() or modes.is_tracing()


def is_watched() -> bool:
    """Say whether someone wants to see every node that is made."""
    return is_traced() or (
        bool(modes.watching)
        and (modes.anomaly_detector() is not None or modes.recorder.get() is not None)
    )


def call(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what ``f`` gives, as floats; where Values take part, as it is."""
    if is_traced() or any(leaf.__class__ is Value for leaf in read((args, kwargs)).leaves):
        return f(*args, **kwargs)
    if not is_watched():
        try:
            return functional.vjp(wraps(f)(partial(f, *args, **kwargs)))[0]
        except AttributeError:  # it may be written for Values: x.exp()
            pass
    arguments = [*args, kwargs]
    return _vjp(f, arguments, range(len(arguments)))[0]


def derivatives(
    f: Function, args: tuple[Any, ...], kwargs: dict[str, Any], wanted: Sequence[int]
) -> tuple[list[float], Shape, list[Array]]:
    """Return the numbers of the result, their structure, and the gradient of each.

    A gradient is by all numbers in the wanted arguments, in order.
    """
    y, pullback = _vjp(f, [*args, kwargs], wanted)
    outputs, shape = flatten(y)
    seeds = np.eye(len(outputs)).tolist()
    return _floats(outputs), shape, [np.array(_floats(pullback(shape.fill(s))[0])) for s in seeds]


def _vjp(f: Function, arguments: list[Any], wanted: Sequence[int]) -> Any:
    """The result and its pullback, to the floats in the wanted arguments."""
    leaves = read([arguments[i] for i in wanted]).leaves
    numbers = [x for leaf in leaves if _varies(leaf) for x in _numbers(leaf)]
    return functional.vjp(wraps(f)(partial(_apply, f, arguments, wanted)), numbers)


def _apply(f: Function, arguments: list[Any], wanted: Sequence[int], x: list[Any]) -> Any:
    """Call ``f`` with other numbers in the places of the wanted arguments'."""
    views = _Replaced(iter(x)).view([arguments[i] for i in wanted])
    others = dict(zip(wanted, views))
    *args, kwargs = [others.get(i, argument) for i, argument in enumerate(arguments)]
    return f(*args, **kwargs)


class _Replaced(Viewer):
    """Builds structures again with other things in the places of floats, if there are any."""

    def __init__(self, others: Iterator[Any]) -> None:
        super().__init__(self._other, lambda static: static, exact=True)
        self._others = others

    def view(self, x: Any) -> Any:
        """Build one structure again."""
        return super().view(x) if any(map(_varies, read(x).leaves)) else x

    def _other(self, leaf: Any) -> Any:
        if not _varies(leaf):
            return leaf
        if isinstance(leaf, np.ndarray):
            return object_array([next(self._others) for _ in range(leaf.size)], leaf.shape)
        return next(self._others)


def _varies(leaf: Any) -> bool:
    """Whether a leaf is no int, nor an array of ints."""
    return leaf.dtype.kind == "f" if isinstance(leaf, np.ndarray) else leaf.__class__ is not int


def _numbers(leaf: Any) -> list[Any]:
    return leaf.ravel().tolist() if isinstance(leaf, np.ndarray) else [leaf]


def _floats(numbers: list[Any]) -> list[float]:
    return [x.data if x.__class__ is Value else float(x) for x in numbers]
