"""Gradients as a user gets them: numbers in the structure of the arguments.

A Module's are a dict by the names of its parameters; what is no number stays as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import lru_cache
from itertools import repeat
from operator import is_
from typing import Any

import numpy as np

from ..engine import Value
from .arrays import object_array
from .structure import (
    DICT,
    LIST,
    OBJECT,
    OBJECT_ARRAY,
    Container,
    Reader,
    Viewer,
    attribute_names,
    is_object,
    kind_of,
    read,
)
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

    Modules stay as they are: their gradient is by their parameters.

    Raises:
        TypeError: if an object holds an int, which the function knows as a setting, not as a number.

    >>> floated([1, (2.0, 3)])
    [1.0, (2.0, 3.0)]
    """
    kind = kind_of(argument)
    if kind is int or (kind is not float and isinstance(argument, float)):
        return float(argument)  # or of a class that was derived from float
    if kind is np.ndarray:
        return argument.astype(float) if argument.dtype.kind in "iu" else argument
    if not isinstance(kind, Container) or hasattr(argument, "named_parameters"):
        return argument
    if kind is OBJECT:
        _refuse_ints(argument)
        return argument
    parts = list(kind.parts(argument))
    if set(map(type, parts)) == {float}:
        return argument
    floats = [floated(part) for part in parts]
    if all(map(is_, parts, floats)):
        return argument
    if kind is OBJECT_ARRAY:
        return object_array(floats, argument.shape)
    if kind is DICT:
        return dict(zip(argument, floats))
    return floats if kind is LIST else kind.build(argument, floats)


def _refuse_ints(x: Any) -> None:
    """Raise if there are ints in an object, except in attributes that its class annotates as such."""
    for container, _ in read(x).seen:
        kind = kind_of(container)
        names = attribute_names(container) if kind is OBJECT else repeat("")
        settings = _settings(container.__class__) if kind is OBJECT else ()
        for name, part in zip(names, kind.parts(container)):
            is_setting = part.__class__ is int and name in settings
            if part.__class__ is float or is_setting or not _is_whole(part):
                continue
            where = f"{type(container).__name__}.{name}" if name else f"a {type(x).__name__}"
            advice = "x.astype(float)" if isinstance(part, np.ndarray) else float(part)
            raise TypeError(
                f"grad: expected floats in what is differentiated by, got {part!r:.40} in {where}; "
                f"write {advice}, or annotate the attribute as int if it is a setting"
            )


def _is_whole(x: Any) -> bool:
    """Whether something is an int, or an array of ints."""
    return kind_of(x) is int or (isinstance(x, np.ndarray) and x.dtype.kind in "iu")


@lru_cache(1000)
def _settings(cls: type) -> set[str]:
    """The names of attributes that a class, or one above it, annotates as ints."""
    annotations = [inspect.get_annotations(c) for c in cls.__mro__]
    return {name for each in annotations for name in each if each[name] in (int, "int")}


def require_numbers(argument: Any) -> None:
    """Raise a TypeError for an argument in which no numbers were found, unless it is empty."""
    if not _is_empty(argument):
        raise TypeError(
            f"grad: expected an argument made of numbers of its own, got {argument!r:.80}; choose "
            "another one with argnums"
        )


def _is_empty(x: Any) -> bool:
    """Whether something without numbers could hold some."""
    if isinstance(x, np.ndarray):
        return x.size == 0
    kind = kind_of(x)
    if kind is OBJECT:
        return hasattr(x, "named_parameters")
    return isinstance(kind, Container) and all(map(_is_empty, kind.parts(x)))


def like(argument: Any, numbers: Array) -> Any:
    """Return ``numbers`` in the structure of ``argument``, where they are in the order of `read`.

    >>> like([1.0, (2.0, 3.0)], np.array([10.0, 20.0, 30.0]))
    [10.0, (20.0, 30.0)]
    """
    if argument.__class__ is float:
        return numbers.item()
    if argument.__class__ is list and set(map(type, argument)) == {float}:
        return numbers.tolist()
    if isinstance(argument, np.ndarray) and argument.size == len(numbers):
        return numbers.reshape(argument.shape).copy()
    return _unwrapped(Viewer(_Rest(numbers).take, lambda static: static).view(argument))


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


def _unwrapped(view: Any) -> Any:
    """A view of Values as a structure of floats, dicts in the places of Modules."""
    if view.__class__ is Value:
        return view.data
    if hasattr(view, "named_parameters"):
        return {name: parameter.data for name, parameter in view.named_parameters()}
    if isinstance(view, dict):
        return {key: _unwrapped(part) for key, part in view.items()}
    if isinstance(view, list):
        return [_unwrapped(part) for part in view]
    if isinstance(view, tuple):
        parts = [_unwrapped(part) for part in view]
        return type(view)._make(parts) if hasattr(view, "_make") else tuple(parts)
    if isinstance(view, np.ndarray) and view.dtype == object:
        return np.array([_unwrapped(part) for part in view.ravel()]).reshape(view.shape)
    if is_object(view.__class__):
        for name, part in list(vars(view).items()):
            object.__setattr__(view, name, _unwrapped(part))
    return view
