"""Arrays in a traced function: their elements are Values, or what stands for plain numbers.

Arithmetic goes through the elements. What else NumPy computes of plain numbers, in an order and a
precision of its own, it computes of the plain numbers, which are guarded then. Where Values are among
them, it goes through the elements, as it does when nothing is traced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine import Value
from .standins import Float, Int, gathered, is_standin, plain
from .tape import Array

ARITHMETIC = {
    np.add, np.subtract, np.multiply, np.true_divide, np.negative, np.positive, np.absolute,
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
}  # fmt: skip
ARRANGING = {
    np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.squeeze, np.expand_dims,
    np.concatenate, np.stack, np.vstack, np.hstack, np.column_stack, np.split, np.array_split,
    np.shape, np.ndim, np.size, np.flip, np.roll, np.repeat, np.tile, np.broadcast_to, np.copy,
}  # fmt: skip
COMPUTING = (
    "all any argmax argmin argpartition argsort astype choose clip compress cumprod cumsum dot max mean"
    " min nonzero prod ptp round searchsorted std sum trace var"
)


class Elements(np.ndarray[Any, Any]):
    """An array of any objects; an `Int` may index it."""

    def __getitem__(self, i: Any) -> Any:
        if type(i) is Int and self.dtype == object:
            found = gathered(_base(self).tolist(), i)
            return found if self.ndim == 1 else self._like(object_array(found, self.shape[1:]))
        if i.__class__ is tuple and any(type(k) is Int for k in i):
            return self[i[0]][i[1:]] if len(i) > 1 else self[i[0]]
        if isinstance(i, np.ndarray) and i.dtype == object:  # of Ints
            rows = np.empty((i.size, *self.shape[1:]), object)
            for place, k in enumerate(_base(i).ravel().tolist()):
                rows[place] = self[k]
            return rows.reshape(i.shape + self.shape[1:]).view(Elements)
        return super().__getitem__(i)

    def _like(self, x: Array) -> Any:
        return x.view(Elements)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return computed(ufunc, method, *inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        convert = _base if function in ARRANGING or has_values((args, kwargs)) else _asked
        named = {name: convert(x) for name, x in kwargs.items()}
        return _own(function(*map(convert, args), **named))

    def copy(self, order: Any = "C") -> Any:
        """Return an array that may be changed."""
        return _own(_base(self).copy(order))

    def sort(self, *args: Any, **kwargs: Any) -> None:
        """Sort in place."""
        self[...] = np.sort(self, *args, **kwargs)

    def tolist(self) -> Any:
        """Return lists, whose numbers are Python's."""
        return _of_python(_base(self).tolist())

    def item(self, *place: Any) -> Any:
        """Return one element as a number of Python's."""
        return _of_python(_base(self).item(*place))


def _method(name: str) -> Callable[..., Any]:
    def method(self: Elements, *args: Any, **kwargs: Any) -> Any:
        convert = _base if has_values((self, args, kwargs)) else _asked
        named = {key: convert(x) for key, x in kwargs.items()}
        return _own(getattr(convert(self), name)(*map(convert, args), **named))

    return method


for _name in COMPUTING.split():
    setattr(Elements, _name, _method(_name))


def computed(ufunc: Any, method: str, *inputs: Any, out: Any = (), **kwargs: Any) -> Any:
    """What a function of NumPy gives for elements and stand-ins."""
    goes_through = (ufunc in ARITHMETIC and method == "__call__") or has_values(inputs)
    if out:
        kwargs["out"] = tuple(map(_base, out))
    found = getattr(ufunc, method)(*map(_base if goes_through else _asked, inputs), **kwargs)
    return out[0] if out else _own(found)


def has_values(x: Any) -> bool:
    """Say whether there are Values in arrays and containers."""
    if isinstance(x, np.ndarray):
        return x.dtype == object and Value in map(type, _base(x).ravel().tolist())
    if isinstance(x, dict):
        return any(map(has_values, x.values()))
    return any(map(has_values, x)) if isinstance(x, list | tuple) else type(x) is Value


def _base(x: Any) -> Any:
    """The same for NumPy itself, which goes through the elements."""
    if isinstance(x, Elements):
        return x.view(np.ndarray)
    if is_standin(x):
        return object_array([x], ())
    return type(x)(map(_base, x)) if type(x) in (list, tuple) else x


def _asked(x: Any) -> Any:
    """The same with plain numbers, guarded."""
    if isinstance(x, np.ndarray) and x.dtype == object:
        return np.array([plain(v) for v in _base(x).ravel().tolist()]).reshape(x.shape)
    if type(x) in (list, tuple):
        return type(x)(map(_asked, x))
    return _base(x) if isinstance(x, Elements) else plain(x)


def _own(x: Any) -> Any:
    """What was computed, as arrays of the function's own."""
    if isinstance(x, list | tuple):
        return type(x)(map(_own, x))
    return x.view(Elements) if isinstance(x, np.ndarray) and x.dtype == object else x


def _of_python(x: Any) -> Any:
    if isinstance(x, list):
        return [_of_python(part) for part in x]
    if not (is_standin(x) and isinstance(x.number, np.generic)):
        return x
    if type(x) is Float:
        return Float(x._trace, x._stands_for(), x.number.item())
    return Int(x._trace, x._stands_for(), x.number.item(), x.bound, x.address)


def object_array(parts: Sequence[Any], shape: tuple[int, ...]) -> Array:
    """An array of any objects, which may stand in lists."""
    flat = _flat(parts)
    x = np.empty(len(flat), dtype=object)
    for i, part in enumerate(flat):
        x[i] = part
    return x.reshape(shape)


def _flat(x: Any) -> list[Any]:
    return [v for part in x for v in _flat(part)] if isinstance(x, list) else [x]
