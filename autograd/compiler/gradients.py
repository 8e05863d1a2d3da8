"""Gradients as a user gets them: numbers in the structure of the arguments.

A Module's are a dict by the names of its parameters; what is no number stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import Any

import numpy as np

from ..engine import Value
from .structure import Container, Reader, Viewer, is_object, kind_of, read
from .tape import Array


def size(leaf: Any) -> int:
    """How many numbers a leaf holds."""
    return leaf.size if isinstance(leaf, np.ndarray) else 1


def spans(args: Sequence[Any]) -> list[slice]:
    """Return the range that the numbers of each argument have among those of all.

    >>> spans([1.0, [2.0, 3.0], "text", 4.0])
    [slice(0, 1, None), slice(1, 3, None), slice(3, 3, None), slice(3, 4, None)]
    """
    reader, ends = Reader(), [0]
    for arg in args:
        reader.read(arg)
        ends.append(sum(map(size, reader.reading().leaves)))
    return [slice(*ends[i : i + 2]) for i in range(len(args))]


def floated(argument: Any) -> Any:
    """Return an argument with floats in the places of ints, which it is differentiated by.

    >>> floated([1, (2.0, 3)])
    [1.0, (2.0, 3.0)]
    """
    if argument.__class__ is int:
        return float(argument)
    if isinstance(argument, np.ndarray):
        return argument.astype(float) if argument.dtype.kind in "iu" else argument
    if isinstance(argument, dict):
        parts = list(argument.values())
        floats = [floated(part) for part in parts]
        return argument if all(map(is_, parts, floats)) else dict(zip(argument, floats))
    if not isinstance(argument, list | tuple) or set(map(type, argument)) == {float}:
        return argument
    floats = [floated(part) for part in argument]
    if all(map(is_, argument, floats)):
        return argument
    return argument._make(floats) if hasattr(argument, "_make") else type(argument)(floats)


def like(argument: Any, numbers: Array) -> Any:
    """Return ``numbers`` in the structure of ``argument``, where they are in the order of `read`.

    Raises:
        TypeError: if ``argument`` holds no number, nor is a container that could.

    >>> like([1.0, (2.0, 3.0)], np.array([10.0, 20.0, 30.0]))
    [10.0, (20.0, 30.0)]
    """
    if argument.__class__ is float:
        return numbers.item()
    if argument.__class__ is list and set(map(type, argument)) == {float}:
        return numbers.tolist()
    if isinstance(argument, np.ndarray) and argument.size == len(numbers):
        return numbers.reshape(argument.shape).copy()
    if not isinstance(kind_of(argument), Container) and not len(numbers):
        raise TypeError(
            f"grad: expected an argument made of numbers, got {argument!r:.80}; choose another one "
            "with argnums"
        )
    return _plain(Viewer(_Rest(numbers).take, lambda static: static).view(argument))


class _Rest:
    """Numbers that are taken one after the other."""

    def __init__(self, numbers: Array) -> None:
        self._numbers, self._place = numbers, 0

    def take(self, leaf: Any) -> Any:
        """Take those for a leaf. In the place of a Value there is one, so that Modules find it."""
        start, self._place = self._place, self._place + size(leaf)
        if isinstance(leaf, np.ndarray):
            return self._numbers[start : self._place].reshape(leaf.shape).copy()
        number = self._numbers.item(start)
        return Value(number) if leaf.__class__ is Value else number


class ByName:
    """Arranges the gradient of a Module: a dict by the names of its parameters.

    Made once for all Modules of one structure, since to walk through one takes long.
    """

    def __init__(self, module: Any) -> None:
        parameters = dict(module.named_parameters())
        self._names = list(parameters)
        numbers = {parameter: k for k, parameter in enumerate(parameters.values())}
        self._owners = np.array(  # of each number: which parameter's it is; the last is nobody
            [
                numbers.get(leaf, len(numbers)) if leaf.__class__ is Value else len(numbers)
                for leaf in read(module).leaves
                for _ in range(size(leaf))
            ],
            dtype=np.int64,
        )

    def __call__(self, numbers: Array) -> dict[str, float]:
        # A parameter that is met twice has its gradient in one of the places.
        sums = np.bincount(self._owners, numbers, len(self._names) + 1)
        return dict(zip(self._names, sums.tolist()))


def _plain(view: Any) -> Any:
    """A view of Values as a structure of floats, dicts in the places of Modules."""
    if view.__class__ is Value:
        return view.data
    if hasattr(view, "named_parameters"):
        return {name: parameter.data for name, parameter in view.named_parameters()}
    if isinstance(view, dict):
        return {key: _plain(part) for key, part in view.items()}
    if isinstance(view, list):
        return [_plain(part) for part in view]
    if isinstance(view, tuple):
        parts = [_plain(part) for part in view]
        return type(view)._make(parts) if hasattr(view, "_make") else tuple(parts)
    if isinstance(view, np.ndarray) and view.dtype == object:
        return np.array([_plain(part) for part in view.ravel()]).reshape(view.shape)
    if is_object(view.__class__):
        for name, part in list(vars(view).items()):
            object.__setattr__(view, name, _plain(part))
    return view
