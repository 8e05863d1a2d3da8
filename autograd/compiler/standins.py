"""What stands for plain numbers while a function is traced: they answer alike, and leave a guard.

A comparison of Values gives a `Truth`; an int among the arguments is an `Int`; a float that nobody
differentiates by, such as one read from outside, is a `Float`. As long as they only take part in
arithmetic and in `where`, the trace holds for all numbers. Whoever asks for the plain number gets it,
and the trace is right only where it is the same: that is a guard.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import engine
from ..engine import Value
from ..ops import OPS, Op, operand
from .tape import COMPARISONS, Row

if TYPE_CHECKING:
    from .tracing import Tracer

EXACT = 2**53  # ints up to here are floats as well
SMALL = 2**26  # ... and so are products of two up to here

Function = Callable[[Any, Any], Any]
DIVISIONS = (operator.truediv, operator.floordiv, operator.mod)


def is_standin(x: Any) -> bool:
    """Say whether x stands for a plain number, as whose class it passes itself off."""
    return issubclass(type(x), StandIn)


def plain(x: Any) -> Any:
    """Return the plain number that is stood for, which is guarded then; others as they are."""
    return x._plain() if is_standin(x) else x


def _value(x: Any) -> Any:
    """The Value that is stood for; others as they are."""
    return x._stands_for() if is_standin(x) else x


def _seen(x: Any) -> Any:
    """The plain number that is stood for, without a guard; others as they are."""
    return x.number if is_standin(x) else x


def _trace(*x: Any) -> Tracer:
    return next(v for v in x if is_standin(v))._trace  # type: ignore[no-any-return]


def _record(op: Op, x: tuple[Any, ...]) -> Any:
    """Apply an op to inputs of which the first that is no plain number is a stand-in."""
    y = Value._record(op, tuple(operand(v, op.name) for v in x))
    return y if any(v.__class__ is Value for v in x) else Float(_trace(*x), y, y._data)


# ---- arithmetic ----


def _operator(function: Function, of_ints: Callable[[Function, Any, Any], Any]) -> tuple[Any, Any]:
    """An operator of stand-ins, and its reflection."""

    def left(self: StandIn, other: Any) -> Any:
        return _computed(function, of_ints, self, other)

    def right(self: StandIn, other: Any) -> Any:
        return _computed(function, of_ints, other, self)

    return left, right


def _computed(function: Function, of_ints: Any, a: Any, b: Any) -> Any:
    if _is_int(a) and _is_int(b):
        return of_ints(function, _whole(a), _whole(b))
    if _is_number(a) and _is_number(b):
        return _of_floats(function, a, b)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return NotImplemented  # goes through its elements
    if Value not in (a.__class__, b.__class__):
        return _of_plain(function, a, b)
    return function(_value(a), _value(b))


def _of_plain(function: Function, a: Any, b: Any) -> Any:
    return function(plain(a), plain(b))


def _of_floats(function: Function, a: Any, b: Any) -> Any:
    """A float computed from plain numbers. For some Python has no answer, so these are guarded."""
    try:
        number = function(_seen(a), _seen(b))
    except ArithmeticError:
        return _of_plain(function, a, b)
    if not isinstance(number, float) or (function is operator.pow and not math.isfinite(number)):
        return _of_plain(function, a, b)
    value = function(_value(a), _value(b))
    if not is_same(value._data, number):  # NumPy's own, of single precision
        return _of_plain(function, a, b)
    if function is operator.pow:
        _trace(a, b).ask(abs(value), "<", math.inf, True)
    elif function in DIVISIONS and is_standin(b):
        _trace(b).ask(_value(b), "!=", 0.0, bool(_seen(b) != 0.0))
    return Float(_trace(a, b), value, number)


def is_same(a: float, b: float) -> bool:
    """Say whether two floats are the same one: a nan is, zeros of other signs are not.

    >>> is_same(math.nan, math.nan), is_same(0.0, -0.0)
    (True, False)
    """
    return (a == b and math.copysign(1.0, a) == math.copysign(1.0, b)) or (a != a and b != b)


def _exact(bound: Callable[[int, int], int]) -> Callable[[Function, Any, Any], Any]:
    """Whole numbers of whole numbers, as long as floats hold them exactly; ``bound`` of the result."""

    def of_ints(function: Function, a: Any, b: Any) -> Any:
        number, most = function(_seen(a), _seen(b)), bound(_bound(a), _bound(b))
        if most > EXACT or not isinstance(number, int | np.int64):  # others have few bits
            return _of_plain(function, a, b)
        value = function(_value(a), _value(b))
        if function is operator.mul:
            value = value + 0.0  # no int is -0.0
        return Int(_trace(a, b), value, number, most)

    return of_ints


def _divided(function: Function, a: Any, b: Any) -> Any:
    """Ints divided. The divisor must not be zero, which is guarded."""
    if _seen(b) == 0 or max(_bound(a), _bound(b)) > EXACT:
        return _of_plain(function, a, b)
    number = function(_seen(a), _seen(b))
    if not isinstance(number, int | np.int64 | float):
        return _of_plain(function, a, b)
    trace, value = _trace(a, b), function(_value(a), _value(b))
    if is_standin(b):
        trace.ask(_value(b), "!=", 0.0, True)
    if function is operator.truediv:
        return Float(trace, value, number)
    most = _bound(a) if function is operator.floordiv else _bound(b)
    return Int(trace, value + 0.0, number, most)


def _power(function: Function, a: Any, b: Any) -> Any:
    """Ints to a power, which soon exceeds what floats hold."""
    if type(b) is int and 2 <= b <= 4 and _bound(a) ** b <= EXACT:
        return functools.reduce(operator.mul, [a] * b)
    return _of_plain(function, a, b)


def _is_int(x: Any) -> bool:
    return issubclass(type(x), (int, _Whole))  # bools are ints, too


def _is_number(x: Any) -> bool:
    return issubclass(type(x), (int, float, np.number, StandIn))


def _whole(x: Any) -> Any:
    """A Truth as an Int."""
    return x._whole() if type(x) is Truth else x


def _bound(x: Any) -> int:
    return x.bound if type(x) is Int else abs(x)


# ---- the stand-ins ----


class StandIn:
    """What stands for a plain number.

    Attributes:
        number: what that is while tracing.
    """

    __slots__ = ()

    _record = staticmethod(_record)
    _trace: Tracer
    number: Any

    def _plain(self) -> Any:
        """The plain number, guarded."""
        raise NotImplementedError

    def _stands_for(self) -> Value:
        """The number as a Value."""
        raise NotImplementedError

    __add__, __radd__ = _operator(operator.add, _exact(lambda a, b: a + b))
    __sub__, __rsub__ = _operator(operator.sub, _exact(lambda a, b: a + b))
    __mul__, __rmul__ = _operator(operator.mul, _exact(lambda a, b: a * b))
    __truediv__, __rtruediv__ = _operator(operator.truediv, _divided)
    __floordiv__, __rfloordiv__ = _operator(operator.floordiv, _divided)
    __mod__, __rmod__ = _operator(operator.mod, _divided)
    __pow__, __rpow__ = _operator(operator.pow, _power)
    __divmod__, __rdivmod__ = _operator(divmod, _of_plain)

    def __eq__(self, other: object) -> Any:
        return self._stands_for() == _value(other)

    def __ne__(self, other: object) -> Any:
        return self._stands_for() != _value(other)

    def __lt__(self, other: Any) -> Any:
        return self._stands_for() < _value(other)

    def __le__(self, other: Any) -> Any:
        return self._stands_for() <= _value(other)

    def __gt__(self, other: Any) -> Any:
        return self._stands_for() > _value(other)

    def __ge__(self, other: Any) -> Any:
        return self._stands_for() >= _value(other)

    def __hash__(self) -> int:
        return hash(self._plain())

    def __int__(self) -> int:
        return int(self._plain())

    __trunc__ = __int__

    def __floor__(self) -> Any:
        return math.floor(self._plain())

    def __ceil__(self) -> Any:
        return math.ceil(self._plain())

    def __float__(self) -> float:
        return float(self._plain())

    def __complex__(self) -> complex:
        return complex(self._plain())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self._plain(), dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from .arrays import computed

        return computed(ufunc, method, *inputs, **kwargs)

    def __round__(self, digits: int | None = None) -> Any:
        return round(self._plain(), digits)

    def __str__(self) -> str:
        return str(self._plain())

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(self._plain(), spec)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "dtype" or not hasattr(self.__class__, name):
            raise AttributeError(f"{self.__class__.__name__!r} object has no attribute {name!r}")
        return getattr(self._plain(), name)


class Float(StandIn):
    """A float that is not differentiated by, or one computed from such."""

    __class__ = property(lambda self: type(self.number))  # for isinstance
    __slots__ = ("_is_known", "_trace", "_value", "number")

    def __init__(self, trace: Tracer, value: Value, number: Any) -> None:
        self._trace, self._value, self.number, self._is_known = trace, value, number, False

    def _plain(self) -> float:
        if not self._is_known:
            self._trace.ask_number(self._value, self.number)
            self._is_known = True
        return self.number  # type: ignore[no-any-return]

    def _stands_for(self) -> Value:
        return self._value

    def __neg__(self) -> Float:
        return Float(self._trace, -self._value, -self.number)

    def __pos__(self) -> Float:
        return self

    def __abs__(self) -> Float:
        return Float(self._trace, abs(self._value), abs(self.number))

    def __bool__(self) -> bool:
        return bool(self._value != 0.0)


class _Whole(StandIn):
    """What `Truth` and `Int` share."""

    __slots__ = ()

    __and__, __rand__ = _operator(operator.and_, _of_plain)
    __or__, __ror__ = _operator(operator.or_, _of_plain)
    __xor__, __rxor__ = _operator(operator.xor, _of_plain)
    __lshift__, __rlshift__ = _operator(operator.lshift, _of_plain)
    __rshift__, __rrshift__ = _operator(operator.rshift, _of_plain)

    def __neg__(self) -> Any:
        return 0 - self

    def __pos__(self) -> Any:
        return 0 + self

    def __abs__(self) -> Any:
        whole = _whole(self)
        if not isinstance(whole.number, int | np.int64):
            return abs(whole._plain())
        return Int(whole._trace, abs(whole._value), abs(whole.number), whole.bound)

    def __invert__(self) -> Any:
        return ~self._plain()

    def __bool__(self) -> bool:
        return bool(self._plain())

    def __index__(self) -> int:
        return int(self._plain())


class Truth(_Whole):
    """What a comparison gives: a number 1 or 0 to compute with; `bool` of it is a guard.

    ``&`` and ``|`` of two are another one; ``and``, ``or`` and ``not`` ask.
    """

    __class__ = property(lambda self: bool)  # for isinstance
    __slots__ = ("_left", "_right", "_symbol", "_trace", "_value", "number")

    def __init__(
        self, trace: Tracer, left: Value, symbol: str, right: Value | float, taken: bool
    ) -> None:
        self._trace, self._left, self._symbol = trace, left, symbol
        self._right, self.number = right, taken
        self._value: Value | None = None

    def _plain(self) -> bool:
        return self._trace.ask(self._left, self._symbol, self._right, self.number)

    def _stands_for(self) -> Value:
        if self._value is None:
            op = COMPARISONS[self._symbol]
            self._value = engine.make_node(float(self.number), op, self._left, self._right)
        return self._value

    def _whole(self) -> Int:
        return Int(self._trace, self._stands_for(), int(self.number), 1)

    def _combined(self, other: Any, name: str, function: Function) -> Any:
        """With another Truth or a bool: the smaller or the larger of the numbers 1 and 0."""
        if type(other) is not Truth:
            return function(self._plain(), plain(other))
        number = OPS[name].on(self._stands_for(), other._stands_for())
        return number != 0.0

    def __and__(self, other: Any) -> Any:
        return self._combined(other, "minimum", operator.and_)

    def __or__(self, other: Any) -> Any:
        return self._combined(other, "maximum", operator.or_)


class Int(_Whole):
    """An int among the arguments, or one computed from such: a Value that is whole.

    Attributes:
        bound: the number is never larger than this, nor smaller than its negative.
        address: among the inputs, if it is one: a list may be indexed by it.
    """

    __class__ = property(lambda self: type(self.number))  # for isinstance
    __slots__ = ("_is_known", "_trace", "_value", "address", "bound", "number")

    def __init__(
        self, trace: Tracer, value: Value, number: Any, bound: int, address: int | None = None
    ) -> None:
        self._trace, self._value, self.number, self.bound = trace, value, number, bound
        self.address, self._is_known = address, False

    def _plain(self) -> int:
        if not self._is_known:
            self._trace.ask(self._value, "==", float(self.number), True)
            self._is_known = True
        return self.number  # type: ignore[no-any-return]

    def _stands_for(self) -> Value:
        return self._value


# ---- gathers ----


def gathered(items: list[Any], i: Int) -> Any:
    """What ``items[i]`` is: rows, if the items are inputs in regular places; else i is asked."""
    trace = i._trace
    if i.address is not None and -len(items) <= i.number < len(items):
        pattern = trace.pattern(items)
        if pattern is not None:
            item = list.__getitem__(items, i.number)
            return _chosen(trace, pattern, i, item, len(items), _largest_bound(items))
    return list.__getitem__(items, i._plain())


def pattern_of(items: list[Any], addresses: dict[Value, int]) -> Any:
    """Where the items are among the inputs: (base, stride); a list of such if they are lists.

    None if that is not regular.
    """
    first = items[0]
    if type(first) in (Value, Float, Int):
        at = [addresses.get(_value(x)) if type(x) is type(first) else None for x in items]
    elif isinstance(first, (list, tuple)) and len(first):
        if any(x.__class__ is not first.__class__ or len(x) != len(first) for x in items):
            return None
        columns = [pattern_of(list(column), addresses) for column in zip(*items)]
        return None if None in columns else columns
    else:
        return None
    stride = (at[1] - at[0]) if len(at) > 1 and None not in at[:2] else 0  # type: ignore[operator]
    if at[0] is None or any(a != at[0] + k * stride for k, a in enumerate(at)):
        return None
    return at[0], stride


def _largest_bound(item: Any) -> int:
    if isinstance(item, list | tuple):
        return max(map(_largest_bound, item), default=0)
    return item.bound if type(item) is Int else 0


def _chosen(trace: Tracer, pattern: Any, i: Int, item: Any, count: int, bound: int) -> Any:
    if isinstance(pattern, list):
        parts = [_chosen(trace, p, i, x, count, bound) for p, x in zip(pattern, item)]
        return item._make(parts) if hasattr(item, "_make") else item.__class__(parts)
    base, stride = pattern
    assert i.address is not None
    y = Value(_value(item)._data)
    trace.rows[y] = (Row(stride, count), i.address, base)
    if type(item) is Int:
        return Int(trace, y, item.number, bound)
    return y if item.__class__ is Value else Float(trace, y, item.number)
