"""A compiled function for one structure of arguments: its program as text, and bound to its code.

In the text every instruction is there once, with the line of the user's that it comes from:

    %3     the third instruction, and what it computed last
    x5…    input 5 in the first round of a loop, others in later ones
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from ..recording import Recorded
from .fold import Instruction, Loop, Nest, instructions
from .reach import MISSING, WITHOUT_STATE, Place
from .structure import read, wrote_class
from .tape import CONSTANTS, INPUTS, Guard, Row, Tape
from .tracing import Traced

if TYPE_CHECKING:
    from .dispatch import Jitted
    from .eager import Arguments

MOST_OPERANDS = 6  # shown of an op over a sequence


@dataclass(frozen=True)
class Lowered:
    """What `Jitted.lower` returns: print it to see the folded program.

    Attributes:
        name: of the function.
        traced: the tape, and where it is valid.
        nest: the same, folded.
    """

    name: str
    traced: Traced
    nest: Nest
    _function: Jitted
    _arguments: Arguments

    def __repr__(self) -> str:
        return (
            f"<lowered {self.name}: {len(self.traced.tape):,} instructions, folded to "
            f"{sum(1 for _ in instructions(self.nest.body)):,}>"
        )

    def __str__(self) -> str:
        return "\n".join(_Text(self.traced.tape, self.nest).lines(self.name))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from ..drawing import mimebundle

        return {**mimebundle(self), "text/plain": str(self)}

    def recorded(self) -> Recorded:
        """The graph that it computes, in which loops are known: what `draw` and `explain` show.

        >>> from autograd import draw, jit
        >>> lowered = jit(lambda x: sum(v * v for v in x)).lower([1.0, 2.0, 3.0, 4.0, 5.0])
        >>> "loop 1 ×5" in draw(lowered).source
        True
        """
        from .unrolled import recorded

        return recorded(self._function.function, self._arguments, self.traced, self.nest)

    def compile(self, argnums: int | tuple[int, ...] | None = None) -> Callable[..., Any]:
        """Bind the function to its machine code, for arguments of this structure alone.

        If these are floats that are given by position, and the function reads nothing but functions,
        modules and built-in classes from outside, a call costs little more than one of a built-in
        function. Functions and modules stay those that they are now.

        Args:
            argnums: by which arguments to differentiate; then it returns the value and the gradient,
                as `Jitted.value_and_grad` does. Without it, the value.

        >>> from autograd import jit
        >>> both = jit(lambda x, y: x * y).lower(1.0, 1.0).compile(argnums=(0, 1))
        >>> both(2.0, 5.0)
        (10.0, (5.0, 2.0))
        """
        args, kwargs = self._arguments
        fallback = Bound(self.name, self._function, self._arguments, argnums)
        fallback(*args, **kwargs)  # compiles, and says what is wrong
        reach = self.traced.captures.reach
        has_state = reach.reads_any or any(map(_has_state, reach.places))
        return self._function.bound(self._arguments, argnums, fallback, has_state) or fallback


class Bound:
    """A compiled function that takes arguments of one structure only."""

    def __init__(self, name: str, function: Jitted, arguments: Arguments, argnums: Any) -> None:
        self.__name__ = name
        self._function, self._argnums = function, argnums
        self._signature = read(arguments).signature
        self._takes = _described(arguments)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if read((args, kwargs)).signature != self._signature:
            raise TypeError(
                f"{self.__name__}: expected arguments like those that it was compiled for, "
                f"({self._takes}), got ({_described((args, kwargs))}); call the function itself, "
                f"which compiles for others as well"
            )
        if self._argnums is None:
            return self._function(*args, **kwargs)
        return self._function.value_and_grad(*args, argnums=self._argnums, **kwargs)


def _has_state(place: Place) -> bool:
    found = place.found
    if found is None:
        return place.name not in ("__defaults__", "__kwdefaults__")
    if isinstance(found, Enum | type):  # switches, and classes whose methods may be replaced
        return isinstance(found, Enum) or wrote_class(found)
    return not (found is MISSING or isinstance(found, WITHOUT_STATE))


def _described(arguments: Arguments) -> str:
    args, kwargs = arguments
    named = [f"{name}={_kind(x)}" for name, x in kwargs.items()]
    return ", ".join([*map(_kind, args), *named])


def _kind(x: Any) -> str:
    if isinstance(x, np.ndarray):
        return f"an array of {x.dtype} of shape {x.shape}"
    if isinstance(x, list | tuple | dict):
        return f"a {type(x).__name__} of {len(x)}"
    return f"{type(x).__name__}"


# ---- text ----


class _Text:
    """Writes a folded program: every instruction once, with the line that it comes from."""

    def __init__(self, tape: Tape, nest: Nest) -> None:
        self.tape, self.nest = tape, nest
        self.made_by = np.zeros(len(tape) + 1, int)  # for every time, its instruction's number
        for number, instruction in enumerate(instructions(nest.body), start=1):
            self.made_by[instruction.times] = number

    def lines(self, name: str) -> Iterator[str]:
        folded = list(instructions(self.nest.body))
        yield f"{name}: {len(self.tape):,} instructions, folded to {len(folded):,}"
        rows = [*self._body(self.nest.body, 0), (self._returned(), "")]
        width = min(60, max(len(left) for left, _ in rows))
        yield from (f"{left:{width}}  {right}".rstrip() for left, right in rows)

    def _body(self, body: Sequence[Loop | Instruction], depth: int) -> Iterator[tuple[str, str]]:
        pad = "    " * depth
        for part in body:
            if isinstance(part, Loop):
                least, most = int(part.trips.min()), int(part.trips.max())
                yield f"{pad}loop ×{least}" + (f" to {most}" if most > least else ""), ""
                yield from self._body(part.body, depth + 1)
            else:
                yield pad + self._instruction(part), self._line(part)

    def _instruction(self, part: Instruction) -> str:
        op = self.tape.kinds[part.code].op
        operands = list(self._operands(part))
        if isinstance(op, Guard):
            return f"guard {f' {op.symbol} '.join(operands)} is {op.taken}"
        if len(operands) == 2 and not op.symbol.isalnum():
            text = f" {op.symbol} ".join(operands)
        else:
            shown = operands[:MOST_OPERANDS] + ["..."] * (len(operands) > MOST_OPERANDS)
            text = f"{op.name}({', '.join(shown)})"
        return f"%{self.made_by[part.times[0]]} = {text}"

    def _operands(self, part: Instruction) -> Iterator[str]:
        at = self.tape.first[part.times]
        for space in self.tape.kinds[part.code].spaces:
            addresses = self.tape.slots[at]
            if isinstance(space, Row):
                bases = self.tape.slots[at + 1]
                yield f"x[{self._place(INPUTS, bases)} + {space.stride} {self._place(INPUTS, addresses)}]"
                at = at + 1
            else:
                yield self._place(space, addresses)
            at = at + 1

    def _place(self, space: str, addresses: Any) -> str:
        first, last = int(addresses[0]), int(addresses[-1])
        more = "" if (addresses == first).all() else "…"
        if space == INPUTS:
            return f"x{first}{more}"
        if space == CONSTANTS:
            numbers = self.tape.constants[addresses]
            return f"{numbers[0]:g}" + ("" if (numbers == numbers[0]).all() else "…")
        before, after = self.made_by[first], self.made_by[last]
        return f"%{after}" if before == after else f"(%{before}, then %{after})"

    def _line(self, part: Instruction) -> str:
        line = self.tape.lines[part.times[0]] if self.tape.lines is not None else None
        if line is None:
            return ""
        file, number = line
        return f"{file}:{number}: {linecache.getline(file, number).strip()}".rstrip(": ")

    def _returned(self) -> str:
        outputs = [self._place(space, np.array([at])) for space, at in self.tape.outputs]
        return "return " + ", ".join(outputs[:20]) + ", ..." * (len(outputs) > 20)
