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
from importlib.resources import files
from typing import Any

from ..ops import Op, chosen
from . import registers
from .registers import CONDITIONS, Register, refused
from .registers import NotWritable as NotWritable  # what `write` raises

LONGEST = 50_000  # lines of a function: Chromium's stack holds twice as many registers

OPERATORS = {
    **{symbol: f"{{}} {symbol} {{}}" for symbol in ("+", "-", "*", "/", "<", "<=", ">", ">=")},
    "==": "{} === {}",
    "!=": "{} !== {}",
    "&": "{} && {}",
    "|": "{} || {}",
    "%": "xp.mod({}, {})",
    "//": "xp.floordiv({}, {})",
    "**": "xp.pow({}, {})",
    "neg": "-{}",
    "constant": "{}",
}

NOT_FINITE = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}


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

    >>> from autograd import OPS
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
        raise refused(Registers.LANGUAGE, op, error) from error
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


class Registers(registers.Registers):
    """The namespace of registers whose lines are JavaScript."""

    LANGUAGE = "JavaScript"

    def __init__(self, op: Op) -> None:
        super().__init__(op)
        self._names: dict[str, str] = {}  # the right side of a line -> its register, oldest first

    def _write(self, what: str, *operands: str) -> Register:
        text = OPERATORS[what].format(*operands) if what in OPERATORS else None
        text = text or f"xp.{what}({', '.join(operands)})"
        name = self._names.setdefault(text, f"t{len(self._names) + 1}")
        return Register(self, name, what in CONDITIONS)

    def _constant(self, number: float) -> str:
        return repr(number) if math.isfinite(number) else NOT_FINITE[repr(number)]

    def _inputs(self, arity: int) -> tuple[Any, ...]:
        return self._op.complete(tuple(Register(self, f"x[{i}]") for i in range(arity)))

    def _body(self, result: str) -> str:
        if len(self._names) > LONGEST:
            raise self._refusal(
                f"at most {LONGEST:,} operations, which fit on a browser's stack",
                f"{len(self._names):,}",
                "apply it to fewer inputs at a time",
            )
        lines = [f"const {name} = {text};" for text, name in self._names.items()]
        return "".join(f"        {line}\n" for line in [*lines, f"return {result};"])
