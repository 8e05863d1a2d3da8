"""From a folded tape to a program: loads and stores, and the reverse sweep as loops that count down.

The forward pass keeps in memory what is read later on, or what the reverse sweep needs. The sweep
undoes the nest, last statement first; adjoints travel as channels.py says.

    v, g      memory for values, for adjoints     slot    a place in one of them
    final     a register's number after its loop
    adjoints  by (site, is_final): the sum of what has arrived so far, in this round or for the last
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .channels import Channels, key_of
from .flow import Carried, Edge, Final, Flow, Local, Memory, Site, Source, ends, starts
from .fold import Instruction, Nest, fold
from .fold import Loop as FoldedLoop
from .places import Body, Tables
from .program import (
    Add,
    Block,
    Carry,
    Check,
    Choice,
    Compute,
    Constant,
    Index,
    Load,
    Loop,
    Program,
    Pull,
    Register,
    Statement,
    Store,
)
from .tape import INPUTS, RETURN, VALUES, Array, Guard, Kind, Row, Tape

Key = tuple[Site, bool]


def program(tape: Tape, nest: Nest, wanted: Array | None) -> Program:
    """Write the program of a tape.

    Args:
        tape: what to compute.
        nest: the same, folded.
        wanted: for every input, whether its gradient is; None for a program without a sweep.

    Raises:
        NotImplementedError: if an op that must be differentiated has no partials.
    """
    tape, nest = _with_returns(tape, nest)
    flow = Flow(tape, nest)
    return _Writer(flow, None if wanted is None else Channels(flow, wanted)).program()


def _with_returns(tape: Tape, nest: Nest) -> tuple[Tape, Nest]:
    """Append an instruction for each output, folded as well: there may be thousands.

    The last output comes first, so that the sweep, which goes backwards, begins with the first one's
    seed, as `vjp` does.
    """
    outputs = tape.outputs[::-1]
    kinds = list(tape.kinds)
    places: dict[Kind, int] = {}
    for space, _ in outputs:
        kind = Kind(RETURN, (space,))
        if kind not in places:
            places[kind] = len(kinds)
            kinds.append(kind)
    codes = np.array([places[Kind(RETURN, (space,))] for space, _ in outputs], np.int32)
    slots = np.array([address for _, address in outputs], np.int64)
    ends = replace(
        tape, kinds=tuple(kinds), codes=codes, first=np.arange(len(codes) + 1), slots=slots
    )
    whole = replace(
        ends,
        codes=np.concatenate([tape.codes, codes]),
        first=np.concatenate([tape.first, tape.first[-1] + 1 + np.arange(len(codes))]),
        slots=np.concatenate([tape.slots, slots]),
    )
    returns = [_later(node, len(tape)) for node in fold(ends).body]
    return whole, Nest([*nest.body, *returns])


def _later(node: FoldedLoop | Instruction, by: int) -> FoldedLoop | Instruction:
    if isinstance(node, Instruction):
        return Instruction(node.code, node.times + by)
    return FoldedLoop(node.trips, [_later(inner, by) for inner in node.body])


class _Slots:
    """Memory for some instances of sites: those of all rounds, or of the last of every loop."""

    def __init__(self, flow: Flow) -> None:
        self.size = 0
        self.at = np.full(len(flow.owner), -1)
        self.every: set[Site] = set()
        self.last: set[Site] = set()

    def give(self, site: Site, only_last: bool) -> None:
        times = site.times[site.body.lasts] if only_last else site.times
        (self.last if only_last else self.every).add(site)
        self.at[times] = self.size + np.arange(len(times))
        self.size += len(times)


class _Writer:
    def __init__(self, flow: Flow, channels: Channels | None) -> None:
        self.flow = flow
        self.channels = channels
        self.tables = Tables()
        self.out: list[Statement] = []
        self.registers = 0
        self.numbers = _ranks(flow)
        self.v = self._values_kept()
        self.g = self._adjoints_kept()
        # forward
        self.now: dict[Site, Register] = {}
        self.finals: dict[Site, Register] = {}
        self.carried: dict[Edge, Register] = {}
        self.has_final = self.v.last | {
            source.site
            for site in flow.sites
            for q, space in enumerate(site.kind.spaces)
            if space == VALUES
            for source in _with_initial(flow.source[site, q])
            if isinstance(source, Final)
        }
        # reverse
        self.adjoints: dict[Key, Register] = {}
        self.to_round_before: dict[Site, Register] = {}
        self.contributions: dict[Edge, Register] = {}

    def program(self) -> Program:
        tape = self.flow.tape
        self.forward(self.flow.root)
        if self.channels is not None:
            self.reverse(self.flow.root)
        return Program(
            body=self.out,
            inputs=tape.inputs,
            outputs=len(tape.outputs),
            values=self.v.size,
            adjoints=self.g.size,
            constants=self.tables.constants,
            table=self.tables.integers,
            has_gradient=self.channels is not None,
        )

    def register(self) -> Register:
        self.registers += 1
        return self.registers

    def constant(self, number: float) -> Register:
        target = self.register()
        self.out.append(Constant(target, number))
        return target

    def load(self, array: str, index: Index, choice: Choice | None = None) -> Register:
        target = self.register()
        self.out.append(Load(target, array, index, choice))
        return target

    def sum(self, a: Register | None, b: Register) -> Register:
        if a is None:
            return b
        target = self.register()
        self.out.append(Add(target, a, b))
        return target

    # ---- what is kept in memory ----

    def _values_kept(self) -> _Slots:
        read = np.zeros(len(self.flow.owner), bool)
        first_read = np.full(len(self.flow.owner), len(self.flow.owner))
        for (site, _), source in self.flow.source.items():
            if isinstance(source, Memory):
                read[source.addresses] = True
                np.minimum.at(first_read, source.addresses, site.times)
            elif isinstance(source, Carried) and isinstance(source.initial, Memory):
                begins = starts(site.body)[site.body.firsts]
                read[source.initial.addresses] = True
                np.minimum.at(first_read, source.initial.addresses, begins)
        for site, need in self.channels.needs.items() if self.channels else ():
            if need.y:
                read[site.times] = True
            for q, space in enumerate(site.kind.spaces):
                if need.x[q] and space == VALUES:
                    read[site.operands[q][0]] = True
        slots = _Slots(self.flow)
        for site in self.flow.sites:
            if read[site.times].any():
                lasts = site.body.lasts
                after_loop = first_read[site.times[lasts]] > ends(site.body)[lasts]
                earlier = read[site.times[site.body.later - 1]].any()
                slots.give(site, not earlier and bool(after_loop.all()) and _repeats(site))
        return slots

    def _adjoints_kept(self) -> _Slots:
        slots = _Slots(self.flow)
        if self.channels is None:
            return slots
        arriving, last = self.channels.arrivals()
        for site in self.flow.sites:
            if arriving[site.times].any():
                body = site.body
                after_loop = last[site.times[body.lasts]] >= self.channels.undone(body)[body.lasts]
                earlier = arriving[site.times[body.later - 1]].any()
                slots.give(site, not earlier and bool(after_loop.all()) and _repeats(site))
        return slots

    def place(self, slots: _Slots, addresses: Array, body: Body) -> Index:
        return self.tables.index(slots.at[addresses], body)

    # ---- forward ----

    def forward(self, body: Body) -> None:
        for item in body.items:
            if isinstance(item, Site):
                self.compute(item)
            elif item.is_loop:
                self.repeat(item)
            else:
                self.block(self.forward, item)

    def block(self, write: Any, body: Body) -> None:
        outer, self.out = self.out, []
        write(body)
        inner, self.out = self.out, outer
        if inner:
            self.out.append(Block(inner))

    def compute(self, site: Site) -> None:
        op = site.kind.op
        x = tuple(self.operand(site, q) for q in range(len(site.kind.spaces)))
        if op is RETURN:
            self.out.append(Store("y", self.number(site), x[0]))
            return
        if isinstance(op, Guard):
            self.out.append(Check(op.symbol, op.taken, x[0], x[1], self.number(site)))
            return
        target = self.now[site] = self.register()
        self.out.append(Compute(target, op, x))
        if site in self.v.every:
            self.out.append(Store("v", self.place(self.v, site.times, site.body), target))

    def number(self, site: Site) -> Index:
        """Which of the guards, or of the outputs, it is."""
        return self.tables.index(self.numbers[site.times], site.body)

    def operand(self, site: Site, q: int) -> Register:
        if site.kind.spaces[q] != VALUES:
            return self.given(site, q)
        if (site, q) in self.carried:
            return self.carried[site, q]
        return self.read(self.flow.source[site, q], site.body)

    def given(self, site: Site, q: int) -> Register:
        """An input or a constant."""
        space, addresses, body = site.kind.spaces[q], site.operands[q], site.body
        if isinstance(space, Row):
            return self.load("x", self.tables.index(addresses[1], body), self.choice(site, q))
        if space == INPUTS:
            return self.load("x", self.tables.index(addresses[0], body))
        numbers = self.flow.tape.constants[addresses[0]]
        if (numbers.view(np.int64) == numbers.view(np.int64)[0]).all():
            return self.constant(float(numbers[0]))
        return self.load("c", self.tables.constant(numbers, body))

    def choice(self, site: Site, q: int) -> Choice | None:
        space = site.kind.spaces[q]
        if not isinstance(space, Row):
            return None
        return Choice(self.tables.index(site.operands[q][0], site.body), space.stride, space.count)

    def read(self, source: Source, body: Body) -> Register:
        """The register of a source, in a round of ``body``."""
        match source:
            case Local(site):
                return self.now[site]
            case Final(site):
                return self.finals[site]
            case Memory(addresses):
                return self.load("v", self.place(self.v, addresses, body))
        raise AssertionError("a carried register is made by its loop")

    def repeat(self, body: Body) -> None:
        """Write a loop."""
        assert body.parent is not None
        sites = [item for item in body.items if isinstance(item, Site)]
        carries: dict[tuple[Site, bytes], Carry] = {}
        for edge in _edges(sites):
            source = self.flow.source[edge]
            if isinstance(source, Carried):
                key = source.site, source.addresses.tobytes()
                if key not in carries:
                    initial = self.read(source.initial, body.parent)
                    carries[key] = Carry(self.register(), initial, 0, self.register())
                self.carried[edge] = carries[key].register
        carried = {site for site, _ in carries}
        read_after = [site for site in sites if site in self.has_final and site not in carried]
        zero = self.constant(0.0) if read_after else 0
        outer, self.out = self.out, []
        self.forward(body)
        inner, self.out = self.out, outer
        for (site, _), carry in carries.items():
            carry.following = self.now[site]
            self.finals[site] = carry.final
        lasts = [Carry(self.register(), zero, self.now[s], self.register()) for s in read_after]
        self.finals |= {site: carry.final for site, carry in zip(read_after, lasts)}
        self.out.append(Loop(self.trips(body), inner, [*carries.values(), *lasts]))
        for site in sites:
            if site in self.v.last:
                place = self.place(self.v, site.times[body.lasts], body.parent)
                self.out.append(Store("v", place, self.finals[site]))

    def trips(self, body: Body) -> int | Index:
        assert body.parent is not None and body.trips is not None
        index = self.tables.index(body.trips, body.parent)
        return index if index.lookup or any(index.strides) else index.base

    # ---- reverse ----

    def reverse(self, body: Body) -> None:
        for item in reversed(body.items):
            if isinstance(item, Site):
                self.pull(item)
            elif item.is_loop:
                self.undo(item)
            else:
                self.block(self.reverse, item)

    def pull(self, site: Site) -> None:
        """Hand the adjoint of a site on to its operands, the second before the first."""
        assert self.channels is not None
        adjoint = self.adjoints.pop((site, False), None)
        wanted = self.channels.wanted.get(site)
        if wanted is None:
            return
        if site.kind.op is RETURN:
            adjoint = self.load("s", self.number(site))
            self.hand_on(site, 0, adjoint)
            return
        if site in self.g.every:
            adjoint = self.sum(adjoint, self.taken(site, site.times, site.body))
        if adjoint is None:
            return
        assert not isinstance(site.kind.op, Guard)
        need = self.channels.needs[site]
        y = self.load("v", self.place(self.v, site.times, site.body)) if need.y else None
        x = tuple(self.again(site, q) if need.x[q] else None for q in range(len(wanted)))
        given = [self.register() if w and not one else None for w, one in zip(wanted, need.one)]
        if any(target is not None for target in given):
            self.out.append(Pull(tuple(given), site.kind.op, y, x, adjoint))
        for q in reversed(range(len(wanted))):
            target = given[q]
            if wanted[q]:
                self.hand_on(site, q, adjoint if target is None else target)

    def taken(self, site: Site, times: Array, body: Body) -> Register:
        """Read an adjoint from memory, and leave it ready for the next run."""
        assert self.channels is not None
        place = self.place(self.g, times, body)
        adjoint = self.load("g", place)
        if site in self.channels.reset:
            self.out.append(Store("g", place, self.constant(0.0)))
        return adjoint

    def again(self, site: Site, q: int) -> Register:
        """An operand, as the forward pass had it."""
        if site.kind.spaces[q] != VALUES:
            return self.given(site, q)
        return self.load("v", self.place(self.v, site.operands[q][0], site.body))

    def hand_on(self, site: Site, q: int, contribution: Register) -> None:
        assert self.channels is not None
        space, body = site.kind.spaces[q], site.body
        if space != VALUES:
            choice = self.choice(site, q)
            index = self.tables.index(site.operands[q][0 if choice is None else 1], body)
            self.out.append(Store("gx", index, contribution, adds=True, choice=choice))
            return
        source = self.channels.sources[site, q]
        if isinstance(source, Carried):
            before = self.to_round_before.get(source.site)
            self.to_round_before[source.site] = self.sum(before, contribution)
            self.contributions[site, q] = contribution
        else:
            self.arrive((site, q), False, source, contribution, body)

    def arrive(
        self, edge: Edge, is_flush: bool, source: Source, contribution: Register, body: Body
    ) -> None:
        """Add a contribution to the adjoint of its source, in a round of ``body``."""
        assert self.channels is not None
        if isinstance(source, Memory):
            adds = (edge, is_flush) in self.channels.adds
            place = self.place(self.g, source.addresses, body)
            self.out.append(Store("g", place, contribution, adds))
        else:
            assert not isinstance(source, Carried)
            key = key_of(source)
            self.adjoints[key] = self.sum(self.adjoints.get(key), contribution)

    def undo(self, body: Body) -> None:
        """Write the loop that undoes a loop."""
        assert self.channels is not None and body.parent is not None
        sites = [item for item in body.items if isinstance(item, Site)]
        carried = [edge for edge in _edges(sites) if self.is_carried(edge)]
        outer, before = self.out, self.adjoints
        # Adjoints that grow in this loop though they are made outside of it.
        grown = {key: before.get(key) for key in self.growing(body)}
        zero = self.constant(0.0)
        started = {site: initial for site in sites if (initial := self.beginning(site)) is not None}
        for edge in carried:
            source = self.channels.sources[edge]
            assert isinstance(source, Carried)
            started.setdefault(source.site, zero)
        self.adjoints = {key: self.register() for key in grown}
        rounds = {site: self.register() for site in started}
        self.adjoints |= {(site, False): register for site, register in rounds.items()}
        heads = {key: self.adjoints[key] for key in grown}
        self.out = []
        self.reverse(body)
        carries = [
            Carry(
                heads[key],
                zero if initial is None else initial,
                self.adjoints[key],
                self.register(),
            )
            for key, initial in grown.items()
        ]
        for site, register in rounds.items():
            following = self.to_round_before.pop(site, None)
            if following is None:
                following = self.constant(0.0)
            carries.append(Carry(register, started[site], following, self.register()))
        flushes = [
            Carry(self.register(), zero, self.contributions.pop(edge), self.register())
            for edge in carried
        ]
        inner, self.out, self.adjoints = self.out, outer, before
        if not inner and all(c.following == c.register for c in carries) and not flushes:
            return
        loop = Loop(self.trips(body), inner, carries + flushes, down=True)
        loop.down = not _any_order(inner, carries, flushes, body.levels - 1)
        self.out.append(loop)
        for key, carry in zip(grown, carries):
            self.adjoints[key] = carry.final
        for edge, flush in reversed([*zip(carried, flushes)]):
            source = self.channels.sources[edge]
            assert isinstance(source, Carried)
            self.arrive(edge, True, source.initial, flush.final, body.parent)

    def is_carried(self, edge: Edge) -> bool:
        assert self.channels is not None
        return isinstance(self.channels.sources.get(edge), Carried)

    def beginning(self, site: Site) -> Register | None:
        """What has arrived for the last round of a loop, before it is undone."""
        arrived = self.adjoints.pop((site, True), None)
        if site in self.g.last:
            assert site.body.parent is not None
            lasts = site.times[site.body.lasts]
            arrived = self.sum(arrived, self.taken(site, lasts, site.body.parent))
        return arrived

    def growing(self, body: Body) -> list[Key]:
        """The adjoints that get contributions in ``body``, and are not of its sites."""
        assert self.channels is not None
        keys: dict[Key, None] = {}
        for item in body.items:
            if isinstance(item, Body):
                keys |= dict.fromkeys(self.growing(item))
                for edge in _edges([x for x in item.items if isinstance(x, Site)]):
                    source = self.channels.sources.get(edge)
                    if isinstance(source, Carried) and isinstance(source.initial, (Local, Final)):
                        keys[key_of(source.initial)] = None
                continue
            for edge in _edges([item]):
                source = self.channels.sources.get(edge)
                if isinstance(source, (Local, Final)):
                    keys[key_of(source)] = None
        return [key for key in keys if (key[0].body.parent if key[1] else key[0].body) is not body]


def _any_order(
    body: list[Statement], carries: list[Carry], flushes: list[Carry], level: int
) -> bool:
    """Whether the rounds of a loop may as well run upwards, which LLVM makes the better code of.

    They may if they hand nothing on, and each writes to places of its own.
    """
    if any(carry.following != carry.register for carry in carries):
        return False
    same = {carry.register for carry in carries}
    if any(flush.following not in same for flush in flushes):
        return False
    places: dict[str, Index] = {}
    for statement in body:
        if isinstance(statement, (Loop, Block)):
            return False
        if isinstance(statement, Store):
            index = statement.index
            if statement.choice or not index.strides[level]:
                return False
            if places.setdefault(statement.array, index) != index:
                return False
    return all(
        places.get(statement.array, statement.index) == statement.index
        for statement in body
        if isinstance(statement, Load)
    )


def _edges(sites: list[Site]) -> list[Edge]:
    return [
        (site, q) for site in sites for q, space in enumerate(site.kind.spaces) if space == VALUES
    ]


def _with_initial(source: Source) -> list[Source]:
    return [source, source.initial] if isinstance(source, Carried) else [source]


def _repeats(site: Site) -> bool:
    """Whether its loop, if it is in one, ever comes to a second round."""
    return bool(site.body.later.size)


def _ranks(flow: Flow) -> Array:
    """For every guard and every output which one of its sort it is."""
    ranks = np.zeros(len(flow.owner), np.int64)
    guards = [site.times for site in flow.sites if isinstance(site.kind.op, Guard)]
    returns = [site.times for site in flow.sites if site.kind.op is RETURN]
    for times in (guards, returns):
        joined = np.sort(np.concatenate([np.zeros(0, np.int64), *times]))
        ranks[joined] = np.arange(len(joined))
    for site_times in returns:
        ranks[site_times] = len(flow.tape.outputs) - 1 - ranks[site_times]
    return ranks
