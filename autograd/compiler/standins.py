"""What stands for bools and ints while a function is traced: they answer alike, and leave a guard.

A comparison of Values gives a `Truth`, an int among the arguments is an `Int`. As long as they only
take part in arithmetic and in `where`, the trace holds for all numbers. Whoever asks for the plain
bool or int gets it, and the trace is right only where the answer is the same: that is a guard.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import engine
from ..engine import Value
from ..ops import OPS, Op, operand
from .tape import COMPARISONS, Row

if TYPE_CHECKING:
    from .tracing import Tracer

EXACT = 2**53  # ints up to here are floats as well
SMALL = 2**26  # ... and so are products of two up to here


# ---- operators ----


def _record(op: Op, x: tuple[Any, ...]) -> Value:
    """Apply an op to inputs of which the first that is no number is a stand-in."""
    return Value._record(op, tuple(operand(v, op.name) for v in x))


def _by_plain(function: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """An operator and its reflection, on the plain bool or int."""

    def left(self: StandIn, other: Any) -> Any:
        return function(self._plain(), plain(other))

    def right(self: StandIn, other: Any) -> Any:
        return function(plain(other), self._plain())

    return left, right


def _number(x: Any) -> Any:
    """The Value that is stood for; others as they are."""
    return x._stands_for() if issubclass(type(x), StandIn) else x


def plain(x: Any) -> Any:
    """Return the bool or int that is stood for, which is guarded then; others as they are."""
    return x._plain() if issubclass(type(x), StandIn) else x


# ---- operators of ints: whole numbers again, as long as floats hold them exactly ----


def _exact(function: Callable[[Any, Any], Any], bound: Callable[[int, int], int]) -> Any:
    """An operator that makes ints of ints, and its reflection; ``bound`` of the result."""

    def left(self: StandIn, other: Any) -> Any:
        return _of_ints(function, bound, self, other)

    def right(self: StandIn, other: Any) -> Any:
        return _of_ints(function, bound, other, self)

    return left, right


def _of_ints(function: Any, bound: Any, a: Any, b: Any) -> Any:
    if not (_is_int(a) and _is_int(b)):
        return function(_number(a), _number(b))
    a, b = _whole(a), _whole(b)
    number, most = function(_int(a), _int(b)), bound(_bound(a), _bound(b))
    if most > EXACT:
        return function(plain(a), plain(b))
    value = function(_number(a), _number(b))
    if function is operator.mul:
        value = value + 0.0  # no int is -0.0
    return Int((a if type(a) is Int else b)._trace, value, number, most)


def _divided(function: Callable[[Any, Any], Any]) -> Any:
    """A division and its reflection: an int as the divisor is asked, for it must not be zero."""

    def left(self: StandIn, other: Any) -> Any:
        if not _is_int(other):
            return function(self._stands_for(), _number(other))
        a, b = _whole(self), plain(other)
        if b == 0 or abs(b) > EXACT:
            return function(a._plain(), b)
        if function is operator.truediv:
            return function(a._value, b)
        most = a.bound if function is operator.floordiv else abs(b)
        return Int(a._trace, function(a._value, b) + 0.0, function(a.number, b), most)

    def right(self: StandIn, other: Any) -> Any:
        if _is_int(other):
            return function(plain(other), self._plain())
        return function(_number(other), self._stands_for())

    return left, right


def _power() -> Any:
    """The power and its reflection: of ints it soon exceeds what floats hold, so those are asked."""

    def left(self: StandIn, other: Any) -> Any:
        if _is_int(other):
            return self._plain() ** plain(other)
        return self._stands_for() ** _number(other)

    def right(self: StandIn, other: Any) -> Any:
        if _is_int(other):
            return plain(other) ** self._plain()
        return _number(other) ** self._stands_for()

    return left, right


def _is_int(x: Any) -> bool:
    return issubclass(type(x), (int, StandIn))  # bools are ints, too


def _whole(x: Any) -> Any:
    """A Truth as an Int."""
    return x._whole() if type(x) is Truth else x


def _int(x: Any) -> int:
    return x.number if type(x) is Int else int(x)


def _bound(x: Any) -> int:
    return x.bound if type(x) is Int else abs(x)


class StandIn:
    """What `Truth` and `Int` share."""

    __slots__ = ()

    _record = staticmethod(_record)

    def _plain(self) -> Any:
        """The plain bool or int, guarded."""
        raise NotImplementedError

    def _stands_for(self) -> Value:
        """The number as a Value."""
        raise NotImplementedError

    __add__, __radd__ = _exact(operator.add, lambda a, b: a + b)
    __sub__, __rsub__ = _exact(operator.sub, lambda a, b: a + b)
    __mul__, __rmul__ = _exact(operator.mul, lambda a, b: a * b)
    __truediv__, __rtruediv__ = _divided(operator.truediv)
    __floordiv__, __rfloordiv__ = _divided(operator.floordiv)
    __mod__, __rmod__ = _divided(operator.mod)
    __pow__, __rpow__ = _power()
    __and__, __rand__ = _by_plain(operator.and_)
    __or__, __ror__ = _by_plain(operator.or_)
    __xor__, __rxor__ = _by_plain(operator.xor)
    __lshift__, __rlshift__ = _by_plain(operator.lshift)
    __rshift__, __rrshift__ = _by_plain(operator.rshift)
    __divmod__, __rdivmod__ = _by_plain(divmod)

    def __neg__(self) -> Any:
        return 0 - self

    def __pos__(self) -> Any:
        return 0 + self

    def __abs__(self) -> Any:
        whole = _whole(self)
        return Int(whole._trace, abs(whole._value), abs(whole.number), whole.bound)

    def __invert__(self) -> Any:
        return ~self._plain()

    def __eq__(self, other: object) -> Any:
        return self._stands_for() == _number(other)

    def __ne__(self, other: object) -> Any:
        return self._stands_for() != _number(other)

    def __lt__(self, other: Any) -> Any:
        return self._stands_for() < _number(other)

    def __le__(self, other: Any) -> Any:
        return self._stands_for() <= _number(other)

    def __gt__(self, other: Any) -> Any:
        return self._stands_for() > _number(other)

    def __ge__(self, other: Any) -> Any:
        return self._stands_for() >= _number(other)

    def __hash__(self) -> int:
        return hash(self._plain())

    def __bool__(self) -> bool:
        return bool(self._plain())

    def __index__(self) -> int:
        return int(self._plain())

    __int__ = __index__

    def __float__(self) -> float:
        return float(self._plain())

    def __complex__(self) -> complex:
        return complex(self._plain())

    def __round__(self, digits: int | None = None) -> Any:
        return round(self._plain(), digits)

    def __str__(self) -> str:
        return str(self._plain())

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(self._plain(), spec)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(self._plain(), name)


class Truth(StandIn):
    """What a comparison gives: a number 1 or 0 to compute with; `bool` of it is a guard.

    ``&`` and ``|`` of two are another one; ``and``, ``or`` and ``not`` ask.
    """

    __class__ = property(lambda self: bool)  # for isinstance
    __slots__ = ("_left", "_right", "_symbol", "_taken", "_trace", "_value")

    def __init__(
        self, trace: Tracer, left: Value, symbol: str, right: Value | float, taken: bool
    ) -> None:
        self._trace, self._left, self._symbol = trace, left, symbol
        self._right, self._taken = right, taken
        self._value: Value | None = None

    def _plain(self) -> bool:
        return self._trace.ask(self._left, self._symbol, self._right, self._taken)

    def _stands_for(self) -> Value:
        if self._value is None:
            op = COMPARISONS[self._symbol]
            self._value = engine.make_node(float(self._taken), op, self._left, self._right)
        return self._value

    def _whole(self) -> Int:
        return Int(self._trace, self._stands_for(), int(self._taken), 1)

    def _combined(self, other: Any, name: str, plain_of: Any) -> Any:
        """With another Truth or a bool: the smaller or the larger of the numbers 1 and 0."""
        if type(other) is not Truth:
            return plain_of(self._plain(), other)
        number = OPS[name].on(self._stands_for(), other._stands_for())
        return number != 0.0

    def __and__(self, other: Any) -> Any:
        return self._combined(other, "minimum", operator.and_)

    def __or__(self, other: Any) -> Any:
        return self._combined(other, "maximum", operator.or_)


class Int(StandIn):
    """An int among the arguments, or one computed from such: a Value that is whole.

    Attributes:
        number: what it is while tracing.
        bound: it is never larger than this, nor smaller than its negative.
        address: among the inputs, if it is one: a list may be indexed by it.
    """

    __class__ = property(lambda self: int)  # for isinstance
    __slots__ = ("_is_known", "_trace", "_value", "address", "bound", "number")

    def __init__(
        self, trace: Tracer, value: Value, number: int, bound: int, address: int | None = None
    ) -> None:
        self._trace, self._value, self.number, self.bound = trace, value, number, bound
        self.address, self._is_known = address, False

    def _plain(self) -> int:
        if not self._is_known:
            self._trace.ask(self._value, "==", float(self.number), True)
            self._is_known = True
        return self.number

    def _stands_for(self) -> Value:
        return self._value


# ---- gathers ----


def gathered(items: list[Any], i: Int) -> Any:
    """What ``items[i]`` is: rows, if the items are inputs in regular places; else i is asked."""
    trace = i._trace
    if i.address is not None and -len(items) <= i.number < len(items):
        pattern = trace.pattern(items)
        if pattern is not None:
            return _chosen(trace, pattern, i, list.__getitem__(items, i.number), len(items))
    return list.__getitem__(items, i._plain())


def pattern_of(items: list[Any], addresses: dict[Value, int]) -> Any:
    """Where the items are among the inputs: (base, stride); a list of such if they are lists.

    None if that is not regular.
    """
    first = items[0]
    if first.__class__ is Value:
        at = [addresses.get(x) if x.__class__ is Value else None for x in items]
    elif type(first) is Int:
        at = [x.address if type(x) is Int else None for x in items]
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


def _chosen(trace: Tracer, pattern: Any, i: Int, item: Any, count: int) -> Any:
    if isinstance(pattern, list):
        parts = [_chosen(trace, p, i, x, count) for p, x in zip(pattern, item)]
        return item._make(parts) if hasattr(item, "_make") else item.__class__(parts)
    base, stride = pattern
    assert i.address is not None
    y = Value(item._data if item.__class__ is Value else item.number)
    trace.rows[y] = (Row(stride, count), i.address, base)
    return y if item.__class__ is Value else Int(trace, y, item.number, item.bound)
