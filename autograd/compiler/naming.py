"""What to call the inputs of a compiled function: where each number sits, as one would write it.

Numbers are named in the order in which structure.py reads them: those of the arguments, then those
that were found outside of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CellType, FunctionType
from typing import Any

import numpy as np

from ..engine import Value
from ..recording import parameters_of
from .captures import Captures
from .reach import Reach
from .structure import (
    DICT,
    NAMEDTUPLE,
    OBJECT,
    Container,
    attribute_names,
    bound_of,
    kind_of,
    largest,
)


def names_of(
    f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], captures: Captures
) -> list[str]:
    """The names of all inputs; a Value that has a label keeps it.

    >>> from autograd.compiler.tracing import trace
    >>> rate = 0.5
    >>> f, args = lambda x, w: rate * x * w["a"][1], (2.0, {"a": [3.0, 4.0]})
    >>> names_of(f, args, {}, trace(f, args, {}).captures)
    ['x', "w['a'][0]", "w['a'][1]", 'rate']
    """
    namer = Namer(captured=False)
    parameters = [name for name, _ in parameters_of(f, len(args))]
    for name, arg in [*zip(parameters, args), *kwargs.items()]:
        namer.name(name, arg)
    captured = Namer(captured=True)
    for name, found in _places(captures.reach):
        captured.name(name, found)
    adopted = captures.leaves[len(captures.reach.reading.leaves) :]
    return [*namer.names, *captured.names, *(_label(v, "outside") for v in adopted)]


class Namer:
    """Names the numbers of several structures in a row."""

    def __init__(self, captured: bool) -> None:
        self._captured = captured
        self._met: set[int] = set()
        self.names: list[str] = []

    def name(self, path: str, x: Any) -> None:
        """Name those of one more, which is called ``path``."""
        kind = kind_of(x)
        if kind is Value or kind is float:
            self.names.append(_label(x, path))
        elif kind is int and not self._captured and bound_of(abs(x)):
            self.names.append(path)
        elif kind is np.ndarray:
            self._name_array(path, x)
        elif isinstance(kind, Container):
            self._name_parts(path, x, kind)

    def _name_array(self, path: str, x: Any) -> None:
        if bound_of(largest(x)) and not self._captured:
            for index in np.ndindex(x.shape):
                self.names.append(path + "".join(f"[{i}]" for i in index))

    def _name_parts(self, path: str, x: Any, kind: Container) -> None:
        if id(x) in self._met and (self._captured or kind is OBJECT):
            return
        self._met.add(id(x))
        for step, part in zip(_steps(x, kind), kind.parts(x)):
            if not (kind is OBJECT and part.__class__ is int):
                self.name(path + step, part)


def _steps(x: Any, kind: Container) -> Iterator[str]:
    """How to come to each part of a container."""
    if kind is DICT:
        yield from (f"[{key!r}]" for key in x)
        yield from (f" (key {k})" for k in range(len(kind.parts(x)) - len(x)))
    elif kind is OBJECT:
        yield from (f".{name}" for name in attribute_names(x))
    elif kind is NAMEDTUPLE:
        yield from (f".{name}" for name in x._fields)
    else:
        yield from (f"[{i}]" for i in range(len(kind.parts(x))))


def _label(x: Any, path: str) -> str:
    return (x.label if isinstance(x, Value) else "") or path


def _places(reach: Reach) -> Iterator[tuple[str, Any]]:
    """What was found outside, in order, and what it is called there."""
    functions = [x for x in reach.statics if isinstance(x, FunctionType)]
    cells = {
        id(cell): name
        for f in functions
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or ())
    }
    for owner, name, found, is_static in reach.places:
        if is_static:
            continue
        if name == "__defaults__" and found:
            yield from zip(
                owner.__code__.co_varnames[: owner.__code__.co_argcount][-len(found) :], found
            )
        elif name == "__kwdefaults__" and found:
            yield from found.items()
        else:
            yield cells.get(id(owner), name) if isinstance(owner, CellType) else name, found
