"""What a rule looks at: which of y and x the partials of an op are made from.

The rule runs once on marks, numbers without a value that know what they were made from. So the
reverse sweep loads, and the forward pass keeps, only what it needs; no op is listed anywhere.

    y, x      what an op gave, its inputs
    sources   where a mark comes from: places of inputs, -1 for y
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from ..backends.registers import PRIMITIVES
from ..floats import Namespace
from ..ops import OPS, Op, chosen


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


@lru_cache(maxsize=1000)
def needs(op: Op, wanted: tuple[bool, ...]) -> Needs:
    """Find out what the partials of ``op`` by the ``wanted`` inputs are made from.

    >>> needs(OPS["tanh"], (True,))
    Needs(y=False, x=(True,), flat=(False,), one=(False,))
    >>> needs(OPS["add"], (True, False))
    Needs(y=False, x=(False, False), flat=(False, False), one=(True, False))
    """
    x = tuple(Mark(frozenset([i])) for i in range(len(wanted)))
    try:
        entries = chosen(op, op.partials(Marks(OPS), Mark(frozenset([-1])), *x), wanted)
    except NotImplementedError:
        raise
    except Exception:  # a rule that chooses in Python, or calls math: it may need anything
        every, none = (True,) * len(wanted), (False,) * len(wanted)
        return Needs(y=True, x=every, flat=none, one=none)
    sources: frozenset[int] = frozenset().union(
        *(e.sources for e in entries if isinstance(e, Mark))
    )
    constants = [None if isinstance(e, Mark) else e for e in entries]
    return Needs(
        y=-1 in sources,
        x=tuple(i in sources for i in range(len(wanted))),
        flat=tuple(op.selects and p == 0.0 for p in constants),
        one=tuple(p == 1.0 for p in constants),
    )


class Marks(Namespace):
    """The namespace of marks."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return _joined if name in PRIMITIVES else super().__getattr__(name)


def _joined(*x: Any) -> Mark:
    return Mark(frozenset().union(*(v.sources for v in x if isinstance(v, Mark))))


class Mark:
    """A number that knows from which y and x it was made, and nothing else."""

    __slots__ = ("sources",)

    def __init__(self, sources: frozenset[int]) -> None:
        self.sources = sources

    def _join(self, *x: Any) -> Mark:
        return _joined(self, *x)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _join
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _join
    __mod__ = __rmod__ = __pow__ = __rpow__ = __neg__ = __pos__ = __abs__ = _join
    __lt__ = __le__ = __gt__ = __ge__ = _join
    __and__ = __rand__ = __or__ = __ror__ = _join

    def __bool__(self) -> bool:
        raise TypeError("expected no choice by a mark, which has no value")

    __eq__ = __ne__ = _join  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]
