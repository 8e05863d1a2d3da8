"""Namespaces of float functions: what `xp` is when a rule runs on numbers.

Every rule of ops.py is written against a namespace `xp`; this file has the two that compute floats.
`Floats` is `math` as it stands: fast, and it raises where the answer is not an ordinary number.
`IeeeFloats` never raises: 1/0 is inf, log(0) is -inf, (-2) ** 0.5 is nan. A rule runs on the first,
and once more on the second if that raised.

    xp     a namespace: xp.exp(x), xp.where(condition, a, b), ...
    x, y   its numbers: floats here, registers or Values in other namespaces
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

LIBM = (
    "exp expm1 exp2 log log1p log2 log10 sqrt cbrt sin cos tan asin acos atan atan2 "
    "sinh cosh tanh asinh acosh atanh erf erfc copysign"
).split()

POLES = {("log", 0.0), ("log2", 0.0), ("log10", 0.0), ("log1p", -1.0)}  # all go to -inf


class Namespace:
    """What a rule computes with. A name that it lacks is looked up among the ops and run on itself."""

    def __init__(self, ops: Mapping[str, Any]) -> None:
        self._ops = ops

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in self._ops:
            raise AttributeError(f"{type(self).__name__}: no function and no op is named {name!r}")
        return self._run(self._ops[name])

    def _run(self, op: Any) -> Callable[..., Any]:
        return partial(op.forward, self)


def _integral(to_int: Callable[[float], int]) -> Callable[[float], float]:
    """The float version of an int-valued rounding; it keeps the sign of zero, as libm does."""

    def rounded(x: float) -> float:
        return math.copysign(float(to_int(x)), x)

    return rounded


def _where(condition: Any, a: float, b: float) -> float:
    return a if condition else b


class Floats(Namespace):
    """Python floats and `math`; raises ArithmeticError or ValueError where IEEE gives inf or nan."""

    abs = math.fabs  # not Python's abs: of a complex number it would make a real one
    where = staticmethod(_where)
    floor = staticmethod(_integral(math.floor))
    ceil = staticmethod(_integral(math.ceil))
    trunc = staticmethod(_integral(math.trunc))
    round = staticmethod(_integral(round))


for _name in LIBM:
    setattr(Floats, _name, getattr(math, _name))


def _divide(a: float, b: float) -> float:
    if b != 0.0:
        return a / b
    if a == 0.0 or a != a:
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _modulo(a: float, b: float) -> float:
    return a % b if b != 0.0 else math.nan


def _floor_divide(a: float, b: float) -> float:
    return a // b if b != 0.0 else _divide(a, b)


def _power(x: float, n: float) -> float:
    """C99 pow (annex F.9.4.4): `math.pow` gives it wherever it does not raise."""
    odd = math.copysign(1.0, x) < 0.0 and abs(n) < math.inf and n % 2.0 == 1.0
    try:
        return math.pow(x, n)
    except OverflowError:
        return -math.inf if odd else math.inf
    except ValueError:  # a negative number to a fraction, or zero to a negative number
        if x != 0.0:
            return math.nan
        return -math.inf if odd else math.inf


def _operators(function: Callable[[float, float], float]) -> tuple[Any, Any]:
    """An operator and its reflection; not for what is no number (a Value has its own)."""

    def left(self: float, other: Any) -> Any:
        if not isinstance(other, (float, int)):
            return NotImplemented
        return Ieee(function(float(self), float(other)))

    def right(self: float, other: Any) -> Any:
        if not isinstance(other, (float, int)):
            return NotImplemented
        return Ieee(function(float(other), float(self)))

    return left, right


class Ieee(float):
    """A float whose operators never raise. Intermediate only: `float(x)` makes it plain again."""

    __slots__ = ()

    __add__, __radd__ = _operators(operator.add)
    __sub__, __rsub__ = _operators(operator.sub)
    __mul__, __rmul__ = _operators(operator.mul)
    __truediv__, __rtruediv__ = _operators(_divide)
    __mod__, __rmod__ = _operators(_modulo)
    __floordiv__, __rfloordiv__ = _operators(_floor_divide)
    __pow__, __rpow__ = _operators(_power)

    def __neg__(self) -> Ieee:
        return Ieee(-float(self))

    def __pos__(self) -> Ieee:
        return self

    def __abs__(self) -> Ieee:
        return Ieee(abs(float(self)))


def _never_raising(name: str) -> Callable[..., Ieee]:
    """The libm function of that name, its poles and overflows answered instead of raised."""
    function = getattr(math, name)

    def call(*x: float) -> Ieee:
        try:
            return Ieee(function(*x))
        except OverflowError:  # exp, expm1, exp2, cosh go to inf; sinh follows its argument
            return Ieee(math.copysign(math.inf, x[0]) if name == "sinh" else math.inf)
        except ValueError:
            if (name, x[0]) in POLES:
                return Ieee(-math.inf)
            if name == "atanh" and abs(x[0]) == 1.0:
                return Ieee(math.copysign(math.inf, x[0]))
            return Ieee(math.nan)

    return call


def _unless_finite(rounded: Callable[[float], float]) -> Callable[[float], Ieee]:
    def call(x: float) -> Ieee:
        return Ieee(rounded(x) if math.isfinite(x) else x)

    return call


class IeeeFloats(Namespace):
    """IEEE-754 answers for everything; slower, used where `Floats` raised."""

    @staticmethod
    def abs(x: float) -> Ieee:
        return Ieee(abs(float(x)))

    @staticmethod
    def where(condition: Any, a: float, b: float) -> Ieee:
        return Ieee(_where(condition, a, b))

    floor = staticmethod(_unless_finite(Floats.floor))
    ceil = staticmethod(_unless_finite(Floats.ceil))
    trunc = staticmethod(_unless_finite(Floats.trunc))
    round = staticmethod(_unless_finite(Floats.round))


for _name in LIBM:
    setattr(IeeeFloats, _name, staticmethod(_never_raising(_name)))
