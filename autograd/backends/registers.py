"""Registers: numbers that code will have computed, as rules see them; the same in every language.

A backend says how a line is written (`_write`), what a constant looks like (`_constant`), and its
name (`LANGUAGE`). The rest is here: operators, choices, ops that run on what the backend supplies,
and the refusal of what a register cannot do.

    xp     the namespace that a rule runs on
    what   an operation: the sign of an operator, "neg", "constant", or a function's name
"""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from ..floats import Floats, Namespace
from ..ops import OPS, Op, number

# What every namespace must supply; a rule's other names are ops, which run on what it supplies.
PRIMITIVES = frozenset(name for name in vars(Floats) if not name.startswith("_"))

CONDITIONS = frozenset(("<", "<=", ">", ">=", "==", "!=", "&", "|"))  # they give no number

ADVICE = "use + - * / % // ** and xp.NAME(...) on numbers, comparisons inside xp.where(...) only"


class NotWritable(NotImplementedError):
    """An op whose rule cannot be written in a language; the text names the op and says why."""


class Registers(Namespace):
    """The namespace of registers. Its own names begin with an underscore: all others are ops'."""

    LANGUAGE: ClassVar[str]

    def __init__(self, op: Op) -> None:
        super().__init__(OPS)
        self._op = op

    def __getattr__(self, name: str) -> Any:
        return partial(self._call, name) if name in PRIMITIVES else super().__getattr__(name)

    def where(self, condition: Any, a: Any, b: Any) -> Register:
        """A choice made by the code; made here if the condition is no register but a bool."""
        if isinstance(condition, Register):
            texts = self._condition(condition), self._number(a), self._number(b)
            return self._write("where", *texts)
        y = a if condition else b
        return y if isinstance(y, Register) else self._write("constant", self._number(y))

    def _write(self, what: str, *operands: str) -> Register:
        """Write an operation on operands that are written as these texts."""
        raise NotImplementedError

    def _constant(self, number: float) -> str:
        raise NotImplementedError

    def _call(self, name: str, *x: Any) -> Register:
        x = self._ops[name].complete(x)  # refuses a base for log, which a language might ignore
        return self._write(name, *map(self._number, x))

    def _number(self, v: Any) -> str:
        """How the language says ``v``, a register or a constant."""
        if not isinstance(v, Register):
            return self._constant(number(v, "a number in it"))
        if v._is_condition:
            raise self._refusal(
                "a number", "a comparison", "write xp.where(condition, 1.0, 0.0) for its number"
            )
        return self._own(v)

    def _condition(self, v: Any) -> str:
        if not isinstance(v, Register):
            return "true" if v else "false"
        text = self._own(v)
        return text if v._is_condition else self._write("!=", text, self._constant(0.0))._text

    def _own(self, v: Register) -> str:
        if v._xp is not self:
            raise self._refusal(
                "registers of this run of the rule",
                "one kept from another",
                "compute what forward and partials share in both, from x and y",
            )
        return v._text

    def _refusal(self, expected: str, got: str, advice: str) -> NotWritable:
        return refusal(self.LANGUAGE, self._op, expected, got, advice)


def refusal(language: str, op: Op, expected: str, got: str, advice: str = ADVICE) -> NotWritable:
    """The error for an op that cannot be written in a language.

    >>> refusal("JavaScript", OPS["exp"], "a number", "a list", "write numbers")
    NotWritable("JavaScript of op 'exp': expected a number, got a list; write numbers")
    """
    return NotWritable(f"{language} of op {op.name!r}: expected {expected}, got {got}; {advice}")


def refused(language: str, op: Op, error: Exception) -> NotWritable:
    """The error for an op whose rule, run on registers, raised ``error``."""
    got = f"{type(error).__name__}: {error}"
    return refusal(language, op, "a rule that runs on registers", got)


def _operation(symbol: str) -> tuple[Any, Any]:
    """An operator and its reflection."""

    def left(self: Register, other: Any) -> Register:
        return self._xp._write(symbol, self._xp._number(self), self._xp._number(other))

    def right(self: Register, other: Any) -> Register:
        return self._xp._write(symbol, self._xp._number(other), self._xp._number(self))

    return left, right


def _combination(symbol: str) -> Any:
    def combine(self: Register, other: Any) -> Register:
        return self._xp._write(symbol, self._xp._condition(self), self._xp._condition(other))

    return combine


class Register:
    """A number, or a condition, that code will have computed: the name of a variable."""

    __slots__ = ("_is_condition", "_text", "_xp")

    def __init__(self, xp: Registers, text: str, is_condition: bool = False) -> None:
        self._xp, self._text, self._is_condition = xp, text, is_condition

    def __repr__(self) -> str:
        return f"<register {self._text}>"

    __add__, __radd__ = _operation("+")
    __sub__, __rsub__ = _operation("-")
    __mul__, __rmul__ = _operation("*")
    __truediv__, __rtruediv__ = _operation("/")
    __mod__, __rmod__ = _operation("%")
    __floordiv__, __rfloordiv__ = _operation("//")
    __pow__, __rpow__ = _operation("**")

    __lt__, __gt__ = _operation("<")[0], _operation(">")[0]
    __le__, __ge__ = _operation("<=")[0], _operation(">=")[0]
    __eq__, __ne__ = _operation("==")[0], _operation("!=")[0]
    __and__ = __rand__ = _combination("&")
    __or__ = __ror__ = _combination("|")

    def __neg__(self) -> Register:
        return self._xp._write("neg", self._xp._number(self))

    def __pos__(self) -> Register:
        return self

    def __abs__(self) -> Any:
        return self._xp.abs(self)

    def __bool__(self) -> bool:
        raise self._xp._refusal(
            "a rule that runs alike for all numbers",
            "a Python choice (if, and, or, not, min, max) by a register",
            "write xp.where(condition, a, b), xp.minimum(a, b), xp.maximum(a, b)",
        )

    def __float__(self) -> float:
        raise self._xp._refusal(
            "functions of xp",
            "float() or a function of math on a register",
            "write xp.exp(x) for math.exp(x)",
        )
