"""A function run on Values instead of compiled: what `jit` does where it cannot compile, or may not.

It is `functional` on a function of the numbers alone, put back into their structure.

    numbers    those of the arguments that become Values, in order; ints may have to stay ints
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import functional
from ..engine import Value
from ..modes import is_tracing
from ..pytree import Shape, flatten
from .structure import Viewer, object_array, read

Function = Callable[..., Any]
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def call(f: Function, arguments: Arguments) -> Any:
    """Return what ``f`` gives by the arithmetic of Values; floats are such for a while."""
    args, kwargs = arguments
    leaves = read(arguments).leaves
    if is_tracing() or any(leaf.__class__ is Value for leaf in leaves):
        return f(*args, **kwargs)
    return _differentiated(f, arguments, leaves)[1][0]


def derivatives(
    f: Function, arguments: Arguments
) -> tuple[list[float], Shape, list[np.ndarray[Any, Any]]]:
    """Return the numbers of the result, their structure, and the gradient of each.

    A gradient is by all numbers in the arguments, in order.
    """
    leaves = read(arguments).leaves
    varies, (y, pullback) = _differentiated(f, arguments, leaves)
    outputs, shape = flatten(y)
    rows = []
    for k in range(len(outputs)):
        row = np.zeros(len(varies))
        row[varies] = _plain(pullback(shape.fill([float(j == k) for j in range(len(outputs))]))[0])
        rows.append(row)
    return _plain(outputs), shape, rows


def _differentiated(f: Function, arguments: Arguments, leaves: Sequence[Any]) -> Any:
    """Which numbers are differentiated by; the result and its pullback."""
    is_int = [x.__class__ is int for leaf in leaves for x in _numbers(leaf)]
    try:
        return ~np.zeros(len(is_int), bool), _vjp(f, arguments, leaves, keep_ints=False)
    except TypeError:
        if not any(is_int):
            raise
    return ~np.array(is_int), _vjp(f, arguments, leaves, keep_ints=True)


def _vjp(f: Function, arguments: Arguments, leaves: Sequence[Any], keep_ints: bool) -> Any:
    numbers = [x for leaf in leaves for x in _numbers(leaf)]
    if keep_ints:
        numbers = [x for x in numbers if x.__class__ is not int]
    return functional.vjp(lambda x: _apply(f, arguments, iter(x), keep_ints), numbers)


def _apply(f: Function, arguments: Arguments, x: Any, keep_ints: bool) -> Any:
    """Call ``f`` with other numbers in the places of its arguments'."""

    def other(leaf: Any) -> Any:
        found = [v if keep_ints and v.__class__ is int else next(x) for v in _numbers(leaf)]
        return object_array(found, leaf.shape) if isinstance(leaf, np.ndarray) else found[0]

    args, kwargs = Viewer(other, lambda static: static).view(arguments)
    return f(*args, **kwargs)


def _numbers(leaf: Any) -> list[Any]:
    return leaf.ravel().tolist() if isinstance(leaf, np.ndarray) else [leaf]


def _plain(numbers: list[Any]) -> list[float]:
    return [x.data if x.__class__ is Value else float(x) for x in numbers]
