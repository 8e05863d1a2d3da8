"""LLVM's language from rules: an op's forward and partials run once on registers, which write lines.

Every operation on a register writes one line, ``%t3 = fmul double %t1, %t2``, and gives the next
register. The numbers are those of Python to the last bit: what `math` takes from the C library is
called there, at the same address, under a name that LLVM does not know. (It would rewrite pow(x, 2)
and compute exp(1.0) itself, and have other last digits.)

    xp           the namespace: `Registers` while a rule runs
    %t1, %t2     registers, assigned once each
    @libm.exp    exp of the C library
"""

from __future__ import annotations

import ctypes
import math
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from ..floats import LIBM
from ..ops import Op
from . import registers
from .registers import CONDITIONS, Register, refused

BINARY = ("pow", "fmod", "atan2", "copysign")

# Exact on every machine, so instructions of it may do it: name -> LLVM's name.
INTRINSICS = {
    "sqrt": "sqrt",
    "abs": "fabs",
    "copysign": "copysign",
    "floor": "floor",
    "ceil": "ceil",
    "trunc": "trunc",
    "round": "roundeven",
}
CALLED = tuple(name for name in (*LIBM, "pow", "fmod") if name not in INTRINSICS)
FUNCTIONS = {
    **{name: f"llvm.{its}.f64" for name, its in INTRINSICS.items()},
    **{name: f"libm.{name}" for name in CALLED},
}


def _arguments(name: str, text: str) -> str:
    return ", ".join([text] * (2 if name in BINARY else 1))


OPERATIONS = {
    "+": "fadd double {}, {}",
    "-": "fsub double {}, {}",
    "*": "fmul double {}, {}",
    "/": "fdiv double {}, {}",
    "neg": "fneg double {}",
    "<": "fcmp olt double {}, {}",
    "<=": "fcmp ole double {}, {}",
    ">": "fcmp ogt double {}, {}",
    ">=": "fcmp oge double {}, {}",
    "==": "fcmp oeq double {}, {}",
    "!=": "fcmp une double {}, {}",
    "&": "and i1 {}, {}",
    "|": "or i1 {}, {}",
    "where": "select i1 {}, double {}, double {}",
    "constant": "select i1 true, double {0}, double {0}",
    **{
        name: f"call double @{its}({_arguments(name, 'double {}')})"
        for name, its in FUNCTIONS.items()
    },
}
OPERATIONS["**"] = OPERATIONS["pow"]

# They depend on nothing but their arguments: LLVM may move them, and leave them out.
DECLARATIONS = "\n".join(
    f"declare double @{its}({_arguments(name, 'double')}) "
    "nounwind willreturn nofree nosync memory(none)"
    for name, its in FUNCTIONS.items()
)


class Code:
    """Lines of a function, so far: each runs before those below it, however its loops go round."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.count = 0
        self.names: dict[str, str] = {}  # the right side of a line -> its register

    def line(self, text: str) -> str:
        """Write ``%t = text``, unless it is written already; return the name of %t."""
        name = self.names.get(text)
        if name is None:
            name = self.names[text] = self.fresh(text)
        return name

    def fresh(self, text: str) -> str:
        """Write ``%t = text``, also if it is written already: it may give another number now."""
        self.count += 1
        name = f"%t{self.count}"
        self.lines.append(f"  {name} = {text}")
        return name


class Registers(registers.Registers):
    """The namespace of registers whose lines are LLVM's language.

    >>> from autograd import OPS
    >>> code = Code()
    >>> xp = Registers(OPS["tanh"], code)
    >>> OPS["sech2"].forward(xp, Register(xp, "%x"))
    <register %t7>
    >>> print(code.lines[1], code.lines[2], sep="\\n")
      %t2 = fmul double 0xC000000000000000, %t1
      %t3 = call double @libm.exp(double %t2)
    """

    LANGUAGE = "LLVM"

    def __init__(self, op: Op, code: Code) -> None:
        super().__init__(op)
        self._code = code

    def _write(self, what: str, *operands: str) -> Register:
        if what in COMPOSED:
            return COMPOSED[what](self, *(Register(self, text) for text in operands))
        return Register(
            self, self._code.line(OPERATIONS[what].format(*operands)), what in CONDITIONS
        )

    def _constant(self, number: float) -> str:
        return hexadecimal(number)


@contextmanager
def writing(op: Op) -> Iterator[None]:
    """Name the op in the error, if its rule cannot be written."""
    try:
        yield
    except NotImplementedError:
        raise
    except Exception as error:
        raise refused(Registers.LANGUAGE, op, error) from error


def hexadecimal(number: float) -> str:
    """How LLVM writes a double, exactly.

    >>> hexadecimal(-2.0)
    '0xC000000000000000'
    """
    return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


# ---- what no instruction does ----


def _modulo(xp: Registers, a: Register, b: Register) -> Register:
    """``a % b`` as CPython's floats do it: with the sign of b; nan if b is 0."""
    m = xp._write("fmod", a._text, b._text)
    m = xp.where(m == 0.0, xp.copysign(0.0, b), xp.where(_signs_differ(xp, b, m), m + b, m))
    return xp.where(b == 0.0, math.nan, m)


def _floor_divide(xp: Registers, a: Register, b: Register) -> Register:
    """``a // b`` as CPython's floats do it; a / b if b is 0."""
    m = xp._write("fmod", a._text, b._text)
    q = (a - m) / b
    q = xp.where((m != 0.0) & _signs_differ(xp, b, m), q - 1.0, q)
    y = xp.floor(q)
    y = xp.where(q - y > 0.5, y + 1.0, y)
    y = xp.where(q == 0.0, xp.copysign(0.0, a / b), y)
    return xp.where(b == 0.0, a / b, y)


def _signs_differ(xp: Registers, a: Register, b: Register) -> Register:
    return xp._write("!=", xp.copysign(1.0, a)._text, xp.copysign(1.0, b)._text)


COMPOSED = {"%": _modulo, "//": _floor_divide}


# ---- the C library ----


@cache
def bind() -> None:
    """Tell LLVM where the functions of the C library are: once, before code is linked."""
    from llvmlite import binding  # type: ignore[import-untyped]

    library = ctypes.CDLL(None if os.name == "posix" else "ucrtbase")
    for name in CALLED:
        address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
        binding.add_symbol(f"libm.{name}", address)
