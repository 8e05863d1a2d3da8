"""Loops with all of their rounds, for readers: first rounds that were split off are put back.

The first round of a loop often reads other spaces than those after it: the 0.0 that a sum starts
from, an input where later rounds read a result. To compiled code that is another program, so `fold`
leaves it in front of a loop of one round less. Who wrote the loop reads one round more.

    round     one execution of a loop's body
    what      for every instruction of the tape a number: equal if it does the same on the same line
    starts    when a term began: one time for each execution of the body that it is in
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .fold import Instruction, Loop, Nest, Term, inside
from .tape import SPACES, VALUES, Array, Tape


def rejoined(tape: Tape, nest: Nest) -> Nest:
    """Return a nest in which what looks like the round before the first of a loop is that.

    >>> from autograd.compiler.fold import fold
    >>> from autograd.compiler.tracing import trace
    >>> tape = trace(lambda xs: sum(x * x for x in xs), [[1.0, 2.0, 3.0, 4.0, 5.0]], {}).tape
    >>> print(fold(tape).to_text(tape))
    mul x x
    add c v
    loop ×4:
        mul x x
        add v v
    >>> print(rejoined(tape, fold(tape)).to_text(tape))
    loop ×5:
        mul x x
        add v v
    """
    return Nest(_joined(nest.body, np.array([0]), _Rounds(tape)))


def _joined(body: Sequence[Term], begins: Array, rounds: _Rounds) -> list[Term]:
    """The body, given when each of its executions began."""
    terms: list[Term] = []
    times = [begins]  # when each term began, and the next one will
    for term in body:
        if isinstance(term, Instruction):
            terms.append(Instruction(term.code, term.times))
        else:
            loop = Loop(term.trips, _joined(term.body, starts(term.body[0]), rounds))
            while (first := rounds.before(loop, times)) is not None:
                _extend(loop, times[first])
                del terms[first:], times[first + 1 :]
            terms.append(loop)
        times.append(_ends(terms[-1]))
    return terms


class _Rounds:
    """Says whether a stretch of the tape is one round of a loop."""

    def __init__(self, tape: Tape) -> None:
        known: dict[Any, int] = {}
        ops = [tape.kinds[code].op for code in tape.codes.tolist()]
        lines = tape.lines or [None] * len(tape)
        self._what = np.array([known.setdefault(key, len(known)) for key in zip(ops, lines)])
        self._first, self._slots = tape.first, tape.slots
        self._spaces = tape.spaces()

    def before(self, loop: Loop, times: list[Array]) -> int | None:
        """The term from which on there is one more round, up to the last of these times."""
        if any(isinstance(inner, Loop) and np.ptp(inner.trips) for inner in inside(loop.body)):
            return None
        begins = starts(loop.body[0])
        size = int(_ends(loop.body[-1])[0] - begins[0])
        firsts = begins[np.cumsum(loop.trips) - loop.trips]  # rounds, one of each execution
        for k in reversed(range(len(times) - 1)):
            sizes = times[-1] - times[k]
            if (sizes > size).any():
                return None
            if (sizes == size).all():
                return k if self._are_alike(times[k], firsts, size) else None
        return None

    def _are_alike(self, begins: Array, rounds: Array, size: int) -> bool:
        """Whether what began then does what the rounds do that began after it."""
        places = np.arange(size)
        if (self._what[begins[:, None] + places] != self._what[rounds[:, None] + places]).any():
            return False
        ours, theirs = self._first[begins], self._first[rounds]
        widths = np.concatenate(
            [self._first[begins + size] - ours, self._first[rounds + size] - theirs]
        )
        if np.ptp(widths):
            return False
        at, there = (first[:, None] + np.arange(widths[0]) for first in (ours, theirs))
        is_same = self._spaces[at] == self._spaces[there]
        here, address = self._slots[at] - begins[:, None], self._slots[there] - rounds[:, None]
        is_value = self._spaces[there] == SPACES.index(VALUES)
        is_own, is_carried = (
            is_value & (address >= 0),
            is_value & (-size <= address) & (address < 0),
        )
        return bool(np.where(is_own, is_same & (here == address), is_same | is_carried).all())


def _extend(loop: Loop, begins: Array) -> None:
    """Give each execution of a loop one more round, its first, which began then."""
    old = starts(loop.body[0])
    places = np.cumsum(loop.trips) - loop.trips  # of first rounds
    for term in inside(loop.body):
        if isinstance(term, Instruction):
            rows = term.times.reshape(len(old), -1)
            more = rows[0] - old[0] + begins[:, None]
            term.times = np.insert(rows, places, more, axis=0).ravel()
        else:
            rows = term.trips.reshape(len(old), -1)
            term.trips = np.insert(rows, places, rows[0], axis=0).ravel()
    loop.trips = loop.trips + 1


def starts(term: Term) -> Array:
    """When each execution of a term began."""
    if isinstance(term, Instruction):
        return term.times
    return np.asarray(starts(term.body[0])[np.cumsum(term.trips) - term.trips])


def _ends(term: Term) -> Array:
    if isinstance(term, Instruction):
        return np.asarray(term.times + 1)
    return np.asarray(_ends(term.body[-1])[np.cumsum(term.trips) - 1])
