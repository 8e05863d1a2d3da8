"""JavaScript from rules: an op's forward and partials run once on registers, which write lines.

Every operation on a register writes one line, ``const t3 = t1 * t2;``, and gives the next register.
What is written already is not written again: a register shared by a thousand terms is one line.
The lines call the functions of js_runtime.js.

    xp        the namespace: `Registers` while a rule runs, the object of that name in JavaScript
    x, y      the inputs of an op and what it gave; x is an array in JavaScript
    t1, t2    registers, assigned once each
"""

from __future__ import annotations

import math
from functools import partial
from importlib.resources import files
from typing import Any

from ..floats import Floats, Namespace
from ..ops import OPS, Op, chosen, number

# What every namespace must supply; a rule's other names are ops, which run on what it supplies.
PRIMITIVES = frozenset(name for name in vars(Floats) if not name.startswith("_"))

LONGEST = 50_000  # lines of a function: Chromium's stack holds twice as many registers

ADVICE = "use + - * / % // ** and xp.NAME(...) on numbers, comparisons inside xp.where(...) only"


class NotWritable(NotImplementedError):
    """An op whose rule cannot be written in this language; the text names the op and says why."""


def write(op: Op, arity: int) -> str:
    """Write an op as a JavaScript object with its forward and partials.

    Args:
        op: the op.
        arity: of how many inputs; left out ones with a default are constants.

    Returns:
        The text of an object ``{forward: (xp, x) => y, partials: (xp, y, x) => [dy/dx0, ...]}``.
        It may stand in a ``<script>`` as it is.

    Raises:
        NotWritable: if a rule does what registers cannot, such as `if` or `math.exp`, or is
            longer than `LONGEST`.
        NotImplementedError: if the op has no partials; `NotWritable` is one as well.

    >>> print(write(OPS["tanh"], 1))
    {
        forward: (xp, x) => {
            const t1 = xp.tanh(x[0]);
            return t1;
        },
        partials: (xp, y, x) => {
            const t1 = xp.abs(x[0]);
            const t2 = -2.0 * t1;
            const t3 = xp.exp(t2);
            const t4 = 1.0 + t3;
            const t5 = 4.0 * t3;
            const t6 = t4 * t4;
            const t7 = t5 / t6;
            return [t7];
        },
    }
    """
    try:
        forward, partials = _forward(op, arity), _partials(op, arity)
    except NotImplementedError:
        raise
    except Exception as error:
        raise NotWritable(
            f"JavaScript of op {op.name!r}: expected a rule that runs on registers, "
            f"got {type(error).__name__}: {error}; {ADVICE}"
        ) from error
    return (
        f"{{\n    forward: (xp, x) => {{\n{forward}    }},\n"
        f"    partials: (xp, y, x) => {{\n{partials}    }},\n}}"
    )


def runtime() -> str:
    """Return the JavaScript that declares ``xp``, the functions which written ops call.

    >>> "const xp = " in runtime()
    True
    """
    return files(__package__).joinpath("js_runtime.js").read_text(encoding="utf-8")


def _forward(op: Op, arity: int) -> str:
    xp = Registers(op)
    return xp._body(xp._number(op.forward(xp, *xp._inputs(arity))))


def _partials(op: Op, arity: int) -> str:
    xp = Registers(op)
    x = xp._inputs(arity)
    entries = chosen(op, op.partials(xp, Register(xp, "y"), *x), [True] * len(x))
    return xp._body(f"[{', '.join(map(xp._number, entries[:arity]))}]")


class Registers(Namespace):
    """The namespace of registers. Its own names begin with an underscore: all others are ops'."""

    def __init__(self, op: Op) -> None:
        super().__init__(OPS)
        self._op = op
        self._names: dict[str, str] = {}  # the right side of a line -> its register, oldest first

    def __getattr__(self, name: str) -> Any:
        return partial(self._call, name) if name in PRIMITIVES else super().__getattr__(name)

    def where(self, condition: Any, a: Any, b: Any) -> Register:
        """A choice made in JavaScript; made here if the condition is no register but a bool."""
        if isinstance(condition, Register):
            a, b = self._number(a), self._number(b)
            return self._line(f"xp.where({self._condition(condition)}, {a}, {b})")
        y = a if condition else b
        return y if isinstance(y, Register) else self._line(self._number(y))

    def _call(self, name: str, *x: Any) -> Register:
        x = self._ops[name].complete(x)  # refuses a base for log, which JavaScript would ignore
        return self._line(f"xp.{name}({', '.join(map(self._number, x))})")

    def _inputs(self, arity: int) -> tuple[Any, ...]:
        return self._op.complete(tuple(Register(self, f"x[{i}]") for i in range(arity)))

    def _line(self, text: str, is_condition: bool = False) -> Register:
        name = self._names.setdefault(text, f"t{len(self._names) + 1}")
        return Register(self, name, is_condition)

    def _body(self, result: str) -> str:
        if len(self._names) > LONGEST:
            raise self._refusal(
                f"at most {LONGEST:,} operations, which fit on a browser's stack",
                f"{len(self._names):,}",
                "apply it to fewer inputs at a time",
            )
        lines = [f"const {name} = {text};" for text, name in self._names.items()]
        return "".join(f"        {line}\n" for line in [*lines, f"return {result};"])

    def _number(self, v: Any) -> str:
        """How JavaScript says ``v``, a register or a constant."""
        if not isinstance(v, Register):
            v = number(v, "a number in it")
            return repr(v) if math.isfinite(v) else _NOT_FINITE[repr(v)]
        if v._is_condition:
            raise self._refusal(
                "a number", "a comparison", "write xp.where(condition, 1.0, 0.0) for its number"
            )
        return self._own(v)

    def _condition(self, v: Any) -> str:
        if not isinstance(v, Register):
            return "true" if v else "false"
        return self._own(v) if v._is_condition else f"{self._own(v)} !== 0.0"

    def _own(self, v: Register) -> str:
        if v._xp is not self:
            raise self._refusal(
                "registers of this run of the rule",
                "one kept from another",
                "compute what forward and partials share in both, from x and y",
            )
        return v._text

    def _refusal(self, expected: str, got: str, advice: str) -> NotWritable:
        name = self._op.name
        return NotWritable(f"JavaScript of op {name!r}: expected {expected}, got {got}; {advice}")


_NOT_FINITE = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}


def _operation(template: str) -> tuple[Any, Any]:
    """An operator and its reflection."""

    def left(self: Register, other: Any) -> Register:
        a, b = self._xp._number(self), self._xp._number(other)
        return self._xp._line(template.format(a, b))

    def right(self: Register, other: Any) -> Register:
        a, b = self._xp._number(other), self._xp._number(self)
        return self._xp._line(template.format(a, b))

    return left, right


def _comparison(symbol: str) -> Any:
    def compare(self: Register, other: Any) -> Register:
        a, b = self._xp._number(self), self._xp._number(other)
        return self._xp._line(f"{a} {symbol} {b}", is_condition=True)

    return compare


def _combination(symbol: str) -> Any:
    def combine(self: Register, other: Any) -> Register:
        a, b = self._xp._condition(self), self._xp._condition(other)
        return self._xp._line(f"{a} {symbol} {b}", is_condition=True)

    return combine


class Register:
    """A number, or a condition, that JavaScript will have computed: the name of a variable."""

    __slots__ = ("_is_condition", "_text", "_xp")

    def __init__(self, xp: Registers, text: str, is_condition: bool = False) -> None:
        self._xp, self._text, self._is_condition = xp, text, is_condition

    def __repr__(self) -> str:
        return f"<register {self._text}>"

    __add__, __radd__ = _operation("{} + {}")
    __sub__, __rsub__ = _operation("{} - {}")
    __mul__, __rmul__ = _operation("{} * {}")
    __truediv__, __rtruediv__ = _operation("{} / {}")
    __mod__, __rmod__ = _operation("xp.mod({}, {})")
    __floordiv__, __rfloordiv__ = _operation("xp.floordiv({}, {})")
    __pow__, __rpow__ = _operation("xp.pow({}, {})")

    def __neg__(self) -> Register:
        return self._xp._line(f"-{self._xp._number(self)}")

    def __pos__(self) -> Register:
        return self

    def __abs__(self) -> Any:
        return self._xp.abs(self)

    __lt__, __le__ = _comparison("<"), _comparison("<=")
    __gt__, __ge__ = _comparison(">"), _comparison(">=")
    __eq__, __ne__ = _comparison("==="), _comparison("!==")
    __and__ = __rand__ = _combination("&&")
    __or__ = __ror__ = _combination("||")

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
