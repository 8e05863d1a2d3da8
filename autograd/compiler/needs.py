"""What a rule looks at: which of y and x the partials of an op are made from.

The rule runs once on marks, registers of no code that know what they were made from. So the reverse
sweep loads, and the forward pass keeps, only what it needs; no op is listed anywhere.

    y, x    what an op gave, its inputs
    text    of a mark: its place in the list of all, of which y is the first, and then the inputs
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..backends import llvm
from ..backends.registers import CONDITIONS, Register, Registers
from ..ops import Op, chosen


class Needs(NamedTuple):
    """What the wanted partials of an op are made from.

    Attributes:
        y: whether they need what the op gave.
        x: for every input, whether they need it.
        flat: for every input, whether its partial is zero everywhere, and hands on nothing.
        one: for every input, whether its partial is 1 everywhere, and hands on the adjoint itself.
    """

    y: bool
    x: tuple[bool, ...]
    flat: tuple[bool, ...]
    one: tuple[bool, ...]


def needs(op: Op, wanted: tuple[bool, ...]) -> Needs:
    """Find out what the partials of ``op`` by the ``wanted`` inputs are made from.

    Raises:
        NotWritable: if the rule does what registers cannot, such as `if`.

    >>> from autograd.ops import OPS
    >>> needs(OPS["tanh"], (True,))
    Needs(y=False, x=(True,), flat=(False,), one=(False,))
    >>> needs(OPS["add"], (True, False))
    Needs(y=False, x=(False, False), flat=(False, False), one=(True, False))
    """
    xp = Marks(op)
    with llvm.writing(op):
        y, *x = (Register(xp, xp._mark()) for _ in range(1 + len(wanted)))
        entries = chosen(op, op.partials(xp, y, *x), wanted)
    needed: set[Any] = {e._text for e in entries if isinstance(e, Register)}
    for text, parts in reversed([*enumerate(xp._parts)]):
        if text in needed:
            needed.update(parts)
    constants = [None if isinstance(e, Register) else e for e in entries]
    return Needs(
        y=0 in needed,
        x=tuple(text in needed for text in range(1, 1 + len(wanted))),
        flat=tuple(op.selects and p == 0.0 for p in constants),
        one=tuple(p == 1.0 for p in constants),
    )


class Marks(Registers):
    """Registers that write nothing, but keep for each the texts of those it was made from."""

    LANGUAGE = llvm.Registers.LANGUAGE

    def __init__(self, op: Op) -> None:
        super().__init__(op)
        self._parts: list[tuple[Any, ...]] = []

    def _mark(self, *texts: Any) -> Any:
        self._parts.append(texts)
        return len(self._parts) - 1

    def _write(self, what: str, *texts: Any) -> Register:
        return Register(self, self._mark(*texts), what in CONDITIONS)

    def _constant(self, number: float) -> Any:
        return self._mark()

    def _condition(self, v: Any) -> Any:
        return self._own(v) if isinstance(v, Register) else self._mark()
