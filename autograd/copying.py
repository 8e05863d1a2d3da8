"""Copies and pickles of Values, without recursion: a chain of a million nodes is no exception.

Both keep all sharing: two outputs copied or pickled in one go still share what they shared, and
relative creation order. Ops are pickled by name; to load one of your own, import its module first.

A node pickles as itself plus its inputs. To keep the pickler from descending, the first node that it
meets hands it all ancestors, oldest first; each of those is then shallow. `_listed` holds which.
"""

from __future__ import annotations

from contextvars import ContextVar
from copyreg import __newobj__  # type: ignore[attr-defined]
from itertools import count
from typing import Any

from . import engine
from .engine import UNSET, Value, graph

_listed: ContextVar[set[Value] | None] = ContextVar("listed", default=None)


def copy_one(value: Value) -> Value:
    """Copy one node; the copy has the same inputs."""
    twin: Value = object.__new__(Value)
    _set(twin, value._data, value.grad, value.label, value.op, value._a, value._b, value._order)
    return twin


def deepcopy_graph(value: Value, memo: dict[int, Any]) -> Value:
    """Copy a node and all it was made from; ``memo`` says what has been copied already."""
    for node in graph(value):
        if id(node) not in memo:
            twin = copy_one(node)
            twin._a, twin._b = _copied(node._a, memo), _copied(node._b, memo)
            memo[id(node)] = twin
    return memo[id(value)]  # type: ignore[no-any-return]


def _copied(x: Any, memo: dict[int, Any]) -> Any:
    if x.__class__ is tuple:
        return tuple(_copied(v, memo) for v in x)
    return memo[id(x)] if x.__class__ is Value else x


def reduce_one(value: Value) -> tuple[Any, ...]:
    """What pickle asks for: how to make the object, and its state."""
    listed = _listed.get()
    ancestors = None
    if listed and value in listed:
        listed.discard(value)
    elif value.op is not None:
        nodes = [node for node in graph(value) if node is not value]
        listed = set(nodes)
        _listed.set(listed)
        ancestors = (*nodes, _EndOfList(listed))
    grad = value.grad if value.has_grad else None
    state = (ancestors, value._data, grad, value.label, value.op, value._a, value._b, value._order)
    return __newobj__, (Value,), state


class _EndOfList:
    """Pickled last in a list of ancestors: what is listed by then is no longer being pickled.

    It is not if pickling fails before, either; then this object dies.
    """

    def __init__(self, listed: set[Value] | None = None) -> None:
        self.listed = listed

    def _forget(self) -> None:
        if self.listed is not None and _listed.get() is self.listed:
            _listed.set(None)

    __del__ = _forget

    def __reduce__(self) -> tuple[Any, ...]:
        self._forget()
        return _EndOfList, ()


def restore(value: Value, state: tuple[Any, ...]) -> None:
    """Fill a Value from its pickled state."""
    _, data, grad, label, op, a, b, order = state
    _set(value, data, UNSET if grad is None else grad, label, op, a, b, order)
    with engine.sweeping:  # a process that has counted further than this one may have made it
        if abs(order) >= next(engine.ticks):
            engine.ticks = count(abs(order) + 1)


def _set(
    value: Value, data: float, grad: float, label: str, op: Any, a: Any, b: Any, order: int
) -> None:
    value._data, value.grad, value.label = data, grad, label
    value.op, value._a, value._b, value._order = op, a, b, order
