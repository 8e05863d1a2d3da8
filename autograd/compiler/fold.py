"""Roll a tape up into the nest of loops that it was unrolled from.

A traced program repeats itself: what was a loop is its body, again and again. `fold` looks for terms
that repeat with some period, puts one term in their place, and goes on with what it has then: so
loops of loops are found, from the inside out. It never walks along the tape: every step is a few
NumPy operations on all terms, whose number shrinks as they are rolled up.

The nest gives back the tape whatever is taken for a loop. What deserves to be one, a `Rule` says:
mostly, that addresses advance evenly; and of all borders that could be drawn between rounds, those
are taken that the fewest results have to pass.

    term      a stretch of the tape: an instruction, or a loop already rolled up
    name      64 bits that say what a term does: of a loop its body, how addresses advance from round
              to round, and how many rounds there are. (A hash: were two names equal by chance, `fold`
              would notice, and raise.)
    skeleton  the same without addresses and counts
    slots     the addresses of a term's operands; of a loop, those of its first round
    p         a period: how many terms make a round
    low       where loops begin, counted in terms; high: where they end

Source:
    Ketterlin and Clauss 2008, "Prediction and trace compression of data access addresses through
    nested loop recognition", CGO: the idea. There terms are pushed on a stack, one at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .collector import without_collector
from .tape import SPACES, VALUES, Array, Guard, Row, Space, Tape


@dataclass(slots=True)
class Instruction:
    """``times``: the places of its instances on the tape, in order of execution."""

    code: int
    times: Array


@dataclass(slots=True)
class Loop:
    """``trips``: of each of its executions, in order, how many rounds it has."""

    trips: Array
    body: list[Term]


Term = Loop | Instruction


@dataclass(slots=True)
class Nest:
    """A program with loops: executed in order, it is the tape it was made from."""

    body: list[Term]

    def __str__(self) -> str:
        return "\n".join(_text(self.body, None))

    def to_text(self, tape: Tape) -> str:
        """As `str`, with ops, the spaces of their operands, and source lines if the tape has them."""
        return "\n".join(_text(self.body, tape))


class Rule(NamedTuple):
    """When terms that repeat are rounds of a loop.

    Attributes:
        rounds: how many there must be. From each to the next, an operand's address must advance by
            the same step; between two rounds, it always does.
        saves: how many instructions fewer there must be with the loop than without.
        gathers: inputs, constants and values older than the loop may be anywhere.
        loose: all operands may be anywhere, and inner loops may have any number of rounds.
    """

    rounds: int
    saves: int
    gathers: bool = False
    loose: bool = False


# The rules of a stage take turns at each period. Operands that are anywhere cost a table.
STAGES = (
    (Rule(4, saves=2), Rule(3, saves=4, gathers=True), Rule(3, saves=2)),
    (Rule(2, saves=2),),
    (Rule(2, saves=8, loose=True),),
)


@without_collector()
def fold(tape: Tape) -> Nest:
    """Find the loops of a tape; each has a round at least, whenever it is executed.

    >>> from autograd.ops import OPS
    >>> from autograd.compiler.tape import Kind, Tape
    >>> add = Kind(OPS["add"], ("v", "x"))  # each adds an input to the one before
    >>> times, pairs = np.arange(8), np.arange(9) * 2
    >>> slots = np.column_stack([times - 1, times]).ravel()
    >>> tape = Tape((add,), 0 * times, pairs, slots, np.zeros(0), 8, (("v", 7),))
    >>> print(fold(tape).to_text(tape))
    loop ×8:
        add v x
    """
    terms = _Terms(tape)
    for rules in STAGES:
        period = 1
        while period:
            period = terms.roll_up(period, rules)
    nest = Nest(_absorb(terms.bodies(), tape.codes))
    if not gives_back(nest, tape):  # two names that are equal by chance, or a mistake of ours
        raise AssertionError(
            f"fold: expected a nest of loops that gives back its tape, got\n{nest}"
        )
    return nest


def gives_back(nest: Nest, tape: Tape) -> bool:
    """Say whether a nest, executed in order, is a tape."""
    parts = list(instructions(nest.body))
    times = np.concatenate([np.zeros(0, np.int64), *(part.times for part in parts)])
    codes = np.repeat([part.code for part in parts], [len(part.times) for part in parts])
    is_whole = np.array_equal(unroll(nest), np.arange(len(tape)))
    return is_whole and np.array_equal(tape.codes[times], codes)


def unroll(nest: Nest) -> Array:
    """The times of a nest in order of execution: 0, 1, 2, ... if it is right.

    >>> a, b = Instruction(0, np.array([0, 2, 3])), Instruction(1, np.array([1, 4]))
    >>> inner = Loop(np.array([1, 2]), [a])
    >>> unroll(Nest([Loop(np.array([2]), [inner, b])]))
    array([0, 1, 2, 3, 4])
    """
    if not nest.body:
        return np.zeros(0, np.int64)
    once = Loop(np.ones(1, np.int64), nest.body)
    order = np.full(_lengths(once)[0], -1)
    _place(once, np.zeros(1, np.int64), order)
    return order


class _Terms:
    """A tape, partly rolled up: a column for each thing to know of its terms, or of their slots."""

    def __init__(self, tape: Tape) -> None:
        n = len(tape)
        self.codes = tape.codes
        self.names = _mixed(tape.codes.astype(np.uint64))
        self.skeletons = self.names.copy()
        self.sizes = np.ones(n, np.int64)  # in instructions, each of a body counted once
        self.starts = np.arange(n + 1)  # on the tape; with its end, as in the next
        self.first = tape.first  # of a term's slots
        self.slots = tape.slots.astype(np.int32)
        self.is_value = tape.spaces() == SPACES.index(VALUES)
        self.readers = np.repeat(np.arange(n), np.diff(tape.first))  # of a slot, its term
        self.refs = np.arange(n)  # an instruction's time; ~k for the k-th loop rolled up
        self.trips = self.periods = np.zeros(0, np.int64)  # of the k-th loop
        self.parts = [np.zeros(0, np.int64)]  # the refs of all its terms, loop after loop

    def roll_up(self, period: int, rules: tuple[Rule, ...]) -> int:
        """Roll up loops of the shortest period from this on.

        Returns:
            The period to go on with, or 0 if there was no loop.
        """
        names = self.skeletons if rules[0].loose else self.names
        for p in _periods(names, period, rules[-1].rounds):
            rolled = [self.roll(low, rounds, p, rule) for low, rounds, rule in self.loops(p, rules)]
            if rolled:
                return min(rolled)
        return 0

    def loops(self, p: int, rules: tuple[Rule, ...]) -> Iterator[tuple[Array, Array, Rule]]:
        """Loops of this period, rule by rule: where they begin, and how many rounds they have."""
        for rule in rules:
            names = self.skeletons if rule.loose else self.names
            low, high = _runs(names[p:] == names[:-p], (rule.rounds - 1) * p)
            high = high + p
            if rule.rounds > 2:
                low, high = self.even(low, high, p, rule.gathers)
            elif not rule.loose:
                low = _ranges(low, (high - low) // (2 * p), 2 * p)
                high = low + 2 * p
            low[1:] = np.maximum(low[1:], high[:-1])
            low, high = _only(high - low >= rule.rounds * p, low, high)
            low = low + self.rotation(low, high, p)
            rounds = (high - low) // p
            saved = (rounds - 1) * self.sizes[_rows(low, p)].sum(axis=1)
            low, rounds = _only((rounds >= rule.rounds) & (saved >= rule.saves), low, rounds)
            if len(low):
                yield low, rounds, rule

    def even(self, low: Array, high: Array, p: int, gathers: bool) -> tuple[Array, Array]:
        """Where, between low and high, addresses advance by the same step from round to round."""
        begin, lag = self.first[low], self.first[low + p] - self.first[low]
        count = self.first[high] - begin - 2 * lag
        at, lag = _ranges(begin + 2 * lag, count), np.repeat(lag, count)
        this, before = self.slots[at], self.slots[at - lag]
        uneven = this - before != before - self.slots[at - 2 * lag]
        if gathers:
            uneven &= self.is_value[at] & (this >= np.repeat(self.starts[low], count))
        is_even = np.zeros(len(self.refs), bool)
        is_even[_ranges(low + 2 * p, high - low - 2 * p)] = True
        is_even[self.readers[at[uneven]]] = False
        low, high = _runs(is_even, p)
        return low - 2 * p, high

    def rotation(self, low: Array, high: Array, p: int) -> Array:
        """How many terms later than found a loop should begin.

        What repeats, repeats from any term on; but rounds should be those of the source, with little
        to hand on. A result passes a border that lies between its term and the last to read it, if
        that is less than a round later (else it passes one wherever they are). Read off the second
        round: the first may differ.
        """
        if p == 1 or not len(low):
            return np.zeros_like(low)
        begin = self.first[low + p]
        count = self.first[low + 2 * p] - begin
        at, loop = _ranges(begin, count), np.repeat(np.arange(len(low)), count)
        at, loop = _only(self.is_value[at], at, loop)
        maker = np.searchsorted(self.starts, self.slots[at], "right") - 1
        at, loop, maker = _only(maker >= low[loop], at, loop, maker)
        reach = np.zeros((len(low), p), np.int64)
        later = np.minimum(self.readers[at] - maker, p)
        np.maximum.at(reach, (loop, (maker - low[loop]) % p), later)
        # The result of term k passes borders k + 1 to k + reach, and border k is border k + p.
        loop, k = np.nonzero(reach)
        passing = np.zeros((len(low), 2 * p + 1), np.int64)
        np.add.at(passing, (loop, k + 1), 1)
        np.add.at(passing, (loop, k + 1 + reach[loop, k]), -1)
        passing = np.cumsum(passing, axis=1)
        left = (high - low)[:, None] - np.arange(p)
        best: Array = np.argmin((passing[:, :p] + passing[:, p:-1]) * p + left % p, axis=1)
        return best

    def roll(self, low: Array, rounds: Array, p: int, rule: Rule) -> int:
        """Put a term in the place of each loop; return the period to go on with."""
        body = _rows(low, p)
        second, end = self.first[low + p], self.first[low + p * rounds]
        self.parts.append(self.refs[_ranges(low, p * rounds)])
        self.refs[low] = ~np.arange(len(self.trips), len(self.trips) + len(low))
        self.trips = np.append(self.trips, rounds)
        self.periods = np.append(self.periods, np.full(len(low), p))
        self.names[low] = self.loop_names(low, rounds, p, rule)
        # Not the digest alone: of one term of code 0 that is 0, and a loop of it would pass for it.
        self.skeletons[low] = _mixed(_digest(self.skeletons[body]) + _GOLD)
        self.sizes[low] = self.sizes[body].sum(axis=1)
        widths = np.diff(self.first)
        widths[low] = second - self.first[low]

        kept, kept_slots = np.ones(len(self.refs), bool), np.ones(len(self.slots), bool)
        kept[_ranges(low + 1, p * rounds - 1)] = False
        kept_slots[_ranges(second, end - second)] = False
        self.names, self.skeletons = _only(kept, self.names, self.skeletons)
        self.sizes, self.refs, widths = _only(kept, self.sizes, self.refs, widths)
        self.slots, self.is_value = _only(kept_slots, self.slots, self.is_value)
        self.starts = self.starts[np.append(kept, True)]
        self.first = np.append(0, np.cumsum(widths))
        self.readers = np.repeat(np.arange(len(widths)), widths)

        # Shorter periods have had their turn: there is a new one only where new loops are alike.
        place = np.cumsum(kept)[low] - 1
        names = (self.skeletons if rule.loose else self.names)[place]
        order = np.argsort(names, kind="stable")
        apart = np.diff(place[order])[np.diff(names[order]) == 0]
        return int(apart.min(initial=p + 1))

    def loop_names(self, low: Array, rounds: Array, p: int, rule: Rule) -> Array:
        """Names for new loops."""
        begin, second = self.first[low], self.first[low + p]
        count = second - begin
        at = _ranges(begin, count)
        then = self.slots[at + np.repeat(count, count)]
        steps = _mixed((then - self.slots[at]).astype(np.uint64) ^ _STEP)
        steps = _mixed(steps + _GOLD * _ranges(0 * begin, count).astype(np.uint64))
        if rule.gathers:
            steps *= self.is_value[at] & (then >= np.repeat(self.starts[low], count))
        bodies = _digest(self.names[_rows(low, p)])
        return _mixed(bodies + _sums(steps, count) + _GOLD * rounds.astype(np.uint64))

    def bodies(self) -> list[Term]:
        """What stands in the nest for each term."""
        sizes = self.trips * self.periods
        begins, parts = np.cumsum(sizes) - sizes, np.concatenate(self.parts)
        codes = np.where(self.refs < 0, -1, self.codes[self.refs]).tolist()
        return [
            self.term(ref, begins, parts) if code < 0 else Instruction(code, ref)
            for code, ref in zip(codes, self.refs[:, None])
        ]

    def term(self, refs: Array, begins: Array, parts: Array) -> Term:
        """What stands for all of these, executions of one term of a body."""
        if refs[0] >= 0:
            return Instruction(int(self.codes[refs[0]]), refs)
        loops = ~refs
        trips, p = self.trips[loops], int(self.periods[loops[0]])
        rounds = parts[_ranges(begins[loops], p * trips)].reshape(-1, p)
        columns = np.ascontiguousarray(rounds.T)
        return Loop(trips, [self.term(column, begins, parts) for column in columns])


def _periods(names: Array, start: int, rounds: int) -> Iterator[int]:
    """Periods from ``start`` on with which there may be so many rounds.

    If the names from i to i + 2p are two rounds, with 2k <= p < 4k, then there is a multiple of k
    such that the k names from there on are in the first, and come again p later. So every k-th
    stretch of k names is compared to those 2k to 4k later, for k = 4, 8, 16 and so on: two
    comparisons a name and k. What comes again at more than 8 distances has a shorter period.
    """
    most = len(names) // rounds
    yield from range(start, min(8, most + 1))
    stretches, k, base = names, 1, np.array([_GOLD])
    while 2 * k <= most:
        if k >= 4 and 4 * k > start:
            padded = np.append(stretches, np.zeros(4 * k, np.uint64))
            rows = np.lib.stride_tricks.sliding_window_view(padded, 4 * k)[: len(stretches) : k]
            equal = rows[:, 2 * k :] == rows[:, :1]
            equal[np.count_nonzero(equal, axis=1) > 8] = False
            hits = 2 * k + np.flatnonzero(equal.any(axis=0))
            yield from hits[(hits >= start) & (hits <= most)].tolist()
        stretches = stretches[:-k] * base + stretches[k:]  # twice as long, hashed
        k, base = 2 * k, base * base


def _absorb(body: list[Term], codes: Array) -> list[Term]:
    """Let loops with growing inner loops take in what beside them is more rounds.

    With an inner loop's first round or two nothing repeats yet, so that the outer round looks like
    no other. But once the others are known, it can be read as one more.
    """
    if not any(map(_grows, body)):
        return body
    tape = [*codes.tolist(), -1]
    borders = [*map(_start, body), len(codes)]
    ends = set(borders)
    answer: list[Term] = []
    done = 0
    for term, start, end in zip(body, borders, borders[1:]):
        if start < done:  # is in the loop before
            continue
        if isinstance(term, Loop) and _grows(term):
            reader = _Reader(term, tape)
            before = []
            while (k := reader.rounds_before(start, answer)) is not None:
                start = _start(answer[k])
                before.append(reader.log)
                del answer[k:]
            done = reader.rounds_after(end, ends)
            _extend(term, [entry for log in reversed(before) for entry in log], reader.log)
        answer.append(term)
    return answer


class _Reader:
    """Reads stretches of a tape as rounds of a loop: an inner loop that varies, as long as it goes on.

    Attributes:
        wanted: how many rounds an inner loop has, by its id; 0 if that varies.
        log: what was read: an instruction and its time, an inner loop and its rounds, the loop and 1.
    """

    def __init__(self, loop: Loop, tape: list[int]) -> None:
        inner = [term for term in inside(loop.body) if isinstance(term, Loop)]
        self.loop, self.tape = loop, tape
        self.wanted = {id(term): 0 if _varies(term) else int(term.trips[0]) for term in inner}
        self.log: list[tuple[Term, int]] = []

    def rounds_before(self, goal: int, body: list[Term]) -> int | None:
        """From which of the body's last terms on, if any, there are rounds up to the goal."""
        terms = len(self.wanted) + sum(1 for _ in inside(self.loop.body))
        vain = {-1}  # from these times on there are none
        for k in reversed(range(max(0, len(body) - 4 * terms), len(body))):
            self.log, t = [], _start(body[k])
            while t < goal and t not in vain:
                vain.add(t)
                t = self.round(t)
            if t == goal:
                return k
        return None

    def rounds_after(self, t: int, borders: set[int]) -> int:
        """Where the rounds from t on end; not within a term."""
        self.log, sure, sure_end = [], 0, t
        while (end := self.round(t)) > t:
            t = end
            if end in borders:
                sure, sure_end = len(self.log), end
        del self.log[sure:]
        return sure_end

    def round(self, t: int) -> int:
        """Where the round from t on ends; -1 if there is none."""
        end = self.read(self.loop.body, t)
        self.log.append((self.loop, 1))
        return end

    def read(self, body: list[Term], t: int) -> int:
        """Where a body from t on ends; -1 if there is something else."""
        begun = len(self.log)
        for term in body:
            if isinstance(term, Instruction):
                fits, number = self.tape[t] == term.code, t
                t += 1
            else:
                wanted, number = self.wanted[id(term)], 0
                while not 0 < wanted == number and (end := self.read(term.body, t)) > t:
                    t, number = end, number + 1
                fits = number >= max(wanted, 1)
            if not fits:
                del self.log[begun:]
                return -1
            self.log.append((term, number))
        return t


def _extend(loop: Loop, before: list[tuple[Term, int]], after: list[tuple[Term, int]]) -> None:
    """Give a loop, executed once, the rounds that were read."""
    columns: list[dict[int, list[int]]] = [defaultdict(list), defaultdict(list)]
    for column, log in zip(columns, (before, after)):
        for term, number in log:
            column[id(term)].append(number)
    for term in inside(loop.body):
        name = "times" if isinstance(term, Instruction) else "trips"
        parts = columns[0][id(term)], getattr(term, name), columns[1][id(term)]
        setattr(term, name, np.concatenate(parts, dtype=np.int64, casting="unsafe"))
    loop.trips = loop.trips + len(columns[0][id(loop)] + columns[1][id(loop)])


def inside(body: Iterable[Term]) -> Iterator[Term]:
    """All terms of a body, those in its loops included, each before what is in it."""
    for term in body:
        yield term
        if isinstance(term, Loop):
            yield from inside(term.body)


def instructions(body: Iterable[Term]) -> Iterator[Instruction]:
    """All instructions of a body, those in its loops included."""
    return (term for term in inside(body) if isinstance(term, Instruction))


def _grows(term: Term) -> bool:
    return isinstance(term, Loop) and any(
        isinstance(t, Loop) and _varies(t) for t in inside(term.body)
    )


def _varies(loop: Loop) -> bool:
    return bool(loop.trips.min() < loop.trips.max())


def _start(term: Term) -> int:
    return int(term.times[0]) if isinstance(term, Instruction) else min(map(_start, term.body))


def _lengths(term: Term) -> Array:
    """How many instructions each execution of a term takes."""
    if isinstance(term, Instruction):
        return np.ones_like(term.times)
    return _sums(np.sum([_lengths(t) for t in term.body], axis=0), term.trips)


def _place(term: Term, starts: Array, order: Array) -> None:
    """Write a term's times to where its executions are."""
    if isinstance(term, Instruction):
        order[starts] = term.times
        return
    lengths = [_lengths(t) for t in term.body]
    rounds = np.sum(lengths, axis=0)
    before = np.append(0, np.cumsum(rounds))
    begun = before[np.cumsum(term.trips) - term.trips]
    starts = before[:-1] + np.repeat(starts - begun, term.trips)
    for t, length in zip(term.body, lengths):
        _place(t, starts, order)
        starts = starts + length


def _text(body: Iterable[Term], tape: Tape | None, pad: str = "") -> Iterator[str]:
    for term in body:
        if isinstance(term, Loop):
            least, most = term.trips.min(), term.trips.max()
            yield f"{pad}loop ×{least} to {most}:" if least < most else f"{pad}loop ×{least}:"
            yield from _text(term.body, tape, pad + "    ")
        elif tape is None:
            yield f"{pad}code {term.code}"
        else:
            op, spaces = tape.kinds[term.code]
            name = f"guard {op.symbol}" if isinstance(op, Guard) else op.name
            line = tape.lines[term.times[0]] if tape.lines else None
            source = f"  # {line[0]}:{line[1]}" if line else ""
            yield f"{pad}{' '.join([name, *map(_space_text, spaces)])}{source}"


def _space_text(space: Space) -> str:
    return "x[]" if isinstance(space, Row) else space


_GOLD = np.uint64(0x9E3779B97F4A7C15)
_STEP = np.uint64(0xD1B54A32D192ED03)  # or a step would pass for the code that is the same number


def _mixed(x: Array) -> Array:
    """SplitMix64's finisher: every bit of the answer depends on every bit of x."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def _digest(rows: Array) -> Array:
    """A number for every row, in which order counts."""
    place = np.arange(rows.shape[1], dtype=np.uint64)
    digest: Array = _mixed(rows + _GOLD * place).sum(axis=1, dtype=np.uint64)
    return digest


def _runs(flags: Array, least: int) -> tuple[Array, Array]:
    """Where runs of at least so many True begin and end."""
    if np.count_nonzero(flags) < least:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    low, high = edges[::2], edges[1::2]
    return low[high - low >= least], high[high - low >= least]


def _only(kept: Array, *columns: Array) -> Iterator[Array]:
    return (column[kept] for column in columns)


def _ranges(starts: Array, counts: Array, step: int = 1) -> Array:
    """For each start: start, start + step, start + 2 step ... as many numbers as ``counts`` says."""
    ends = np.cumsum(counts)
    total = ends[-1] if len(ends) else 0
    numbers = np.arange(0, total * step, step)
    numbers += np.repeat(starts - step * (ends - counts), counts)
    return numbers


def _rows(low: Array, p: int) -> Array:
    """For each place, it and the p - 1 after it."""
    rows: Array = low[:, None] + np.arange(p)
    return rows


def _sums(x: Array, counts: Array) -> Array:
    """The sum of the first counts[0] numbers, then of the next counts[1], and so on."""
    totals = np.append(np.zeros(1, x.dtype), np.cumsum(x))
    ends = np.cumsum(counts)
    sums: Array = totals[ends] - totals[ends - counts]
    return sums
