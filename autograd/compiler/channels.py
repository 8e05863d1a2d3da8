"""How adjoints travel in the reverse sweep: through registers or through memory, in eager's order.

Each adjoint is a sum, and floats are added in the order in which the engine adds them: the youngest
consumer first. A source that flow.py found in a register takes its adjoint back the same way, unless
that would change the order; then it goes through memory, where everything arrives at its own time.

    edge       operand q of a site, a value to which the site hands on a contribution
    flush      the contribution of a carried operand's first round: it leaves the loop at its end
    key        when a contribution is due: its consumer's time and operand; the largest comes first
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from .flow import Carried, Edge, Final, Flow, Local, Memory, Site, Source, ends, starts
from .needs import Needs, needs
from .places import Body
from .tape import INPUTS, RETURN, VALUES, Array, Guard, Row


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of an edge: the flush of a carried one, or all the rest.

    Attributes:
        rounds: of the site, in which it contributes.
        targets: the values to which it contributes then.
        source: where those come from, which is where the contributions go.
    """

    edge: Edge
    is_flush: bool
    rounds: Array
    targets: Array
    source: Source

    @property
    def in_memory(self) -> bool:
        """Whether its contributions go through memory."""
        return isinstance(self.source, Memory)


class Channels:
    """What the reverse sweep does at every site.

    Attributes:
        wanted: for every site with a part in the sweep, which operands get a contribution.
        needs: what their rules look at.
        sources: where the contributions of an edge go.
        adds: (edge, is_flush) of the contributions that are added to what memory holds; the others
            are the first to arrive, and stored.
        reset: sites whose places in memory must be zero again after they were read.
    """

    def __init__(self, flow: Flow, wanted_inputs: Array) -> None:
        self.flow = flow
        self.wanted: dict[Site, tuple[bool, ...]] = {}
        self.needs: dict[Site, Needs] = {}
        self._needs_of = cache(needs)  # for this program alone: a rule may read what changes
        self._want(wanted_inputs)
        self.sources: dict[Edge, Source] = {
            (site, q): flow.source[site, q]
            for site, wanted in self.wanted.items()
            for q, wants in enumerate(wanted)
            if wants and site.kind.spaces[q] == VALUES
        }
        while self._demote():
            pass
        flushes = [edge for edge, source in self.sources.items() if isinstance(source, Carried)]
        flushes.sort(key=lambda edge: (edge[0].body.levels, edge[0].place, edge[1]))
        self._ranks = {edge: 1 + k for k, edge in enumerate(flushes)}
        self.adds: set[tuple[Edge, bool]] = set()
        self.reset: set[Site] = set()
        self._find_first()

    # ---- which sites take part ----

    def _want(self, wanted_inputs: Array) -> None:
        """Find the operands through which outputs depend on wanted inputs."""
        readers: dict[Site, list[Site]] = defaultdict(list)
        for (reader, _), producers in self.flow.producers.items():
            for made in producers:
                readers[made].append(reader)
        active: set[Site] = set()
        ready = deque(self.flow.sites)
        while ready:
            site = ready.popleft()
            if site not in active and any(self._active(site, active, wanted_inputs)):
                active.add(site)
                ready.extend(readers[site])
        useful = {site for site in active if site.kind.op is RETURN}
        stack = list(useful)
        while stack:
            site = stack.pop()
            op = site.kind.op
            assert not isinstance(op, Guard)
            self.wanted[site] = wanted = self._active(site, active, wanted_inputs)
            self.needs[site] = self._needs_of(op, wanted)
            for q, wants in enumerate(wanted):
                for made in self.flow.producers.get((site, q), ()) if wants else ():
                    if made in active and made not in useful:
                        useful.add(made)
                        stack.append(made)

    def _active(self, site: Site, active: set[Site], wanted_inputs: Array) -> tuple[bool, ...]:
        """Which operands of a site can change if wanted inputs do, and change what it gives."""
        op = site.kind.op
        if isinstance(op, Guard):
            return ()
        depends = []
        for q, (space, addresses) in enumerate(zip(site.kind.spaces, site.operands)):
            if isinstance(space, Row):
                rows = addresses[1][:, None] + space.stride * np.arange(space.count)
                depends.append(bool(wanted_inputs[rows].any()))
            elif space == INPUTS:
                depends.append(bool(wanted_inputs[addresses[0]].any()))
            else:
                producers = self.flow.producers.get((site, q), ())
                depends.append(any(made in active for made in producers))
        if not any(depends):
            return tuple(depends)
        flat = self._needs_of(op, tuple(depends)).flat
        return tuple(d and not f for d, f in zip(depends, flat))

    # ---- registers, where the order stays ----

    def parts(self) -> Iterator[Part]:
        """All contributions to values."""
        for (site, q), source in self.sources.items():
            addresses = site.operands[q][0]
            rounds = np.arange(len(addresses))
            if isinstance(source, Carried):
                later, firsts = site.body.later, site.body.firsts
                yield Part((site, q), False, later, addresses[later], source)
                yield Part((site, q), True, firsts, addresses[firsts], source.initial)
            else:
                yield Part((site, q), False, rounds, addresses, source)

    def _demote(self) -> bool:
        """Send edges through memory that would change an order; say whether there were any."""
        parts = list(self.parts())
        in_memory = self._count(part.targets for part in parts if part.in_memory)
        in_registers = self._count(part.targets for part in parts if not part.in_memory)
        total = in_memory + in_registers
        # What memory holds is added to what a register holds: of two, either may come first.
        mixed = (in_memory > 0) & (in_registers > 0) & (total > 2)
        demoted = False
        for part in parts:
            if not part.in_memory and mixed[part.targets].any():
                self._through_memory(part)
                demoted = True
        if demoted:
            return True
        for part in self._flushed_late(parts, total):
            self._all_through_memory(part.edge)
            demoted = True
        return demoted

    def _through_memory(self, part: Part) -> None:
        source = self.sources[part.edge]
        if part.is_flush and isinstance(source, Carried):
            initial = Memory(source.addresses)
            self.sources[part.edge] = Carried(source.site, initial, source.addresses)
        else:
            self._all_through_memory(part.edge)

    def _all_through_memory(self, edge: Edge) -> None:
        site, q = edge
        self.sources[edge] = Memory(site.operands[q][0])

    def _flushed_late(self, parts: list[Part], total: Array) -> list[Part]:
        """The flushes that overtake, or rather are overtaken by, an older consumer's contribution.

        They leave the loop when all of its first round has been undone, what is older than they
        are included. Among one or two contributions that makes no difference.
        """
        flushes = [part for part in parts if part.is_flush and (total[part.targets] > 2).any()]
        if not flushes:
            return []
        span = 1 + int(self.flow.tape.first[-1]) + len(total)
        keys: dict[Body | None, list[Array]] = defaultdict(list)
        for part in parts:
            key = part.targets * span + self._due(part)
            keys[None].append(key)
            if part.is_flush:
                keys[part.edge[0].body].append(key)
        ordered = {body: np.sort(np.concatenate(found)) for body, found in keys.items()}
        late = []
        for flush in flushes:
            body = flush.edge[0].body
            begins = self._begins(starts(body)[flush.rounds])
            between = flush.targets * span + (begins, self._due(flush))
            low, high = np.searchsorted(ordered[None], between)
            # But for other flushes of the loop: they keep their order.
            own_low, own_high = np.searchsorted(ordered[body], between)
            if (high - low > own_high - own_low).any():
                late.append(flush)
        return late

    # ---- memory ----

    def _find_first(self) -> None:
        """Find out who comes first at every place in memory, and so need not add."""
        parts = [part for part in self.parts() if part.in_memory]
        first = np.full(len(self.flow.owner), -1)
        for part in parts:
            np.maximum.at(first, part.targets, self._arrives(part))
        for part in parts:
            is_first = first[part.targets] == self._arrives(part)
            if not is_first.all():
                self.adds.add((part.edge, part.is_flush))
                if is_first.any():
                    self.reset.update(self.flow.producers[part.edge])

    def arrivals(self) -> tuple[Array, Array]:
        """For every value, how many contributions arrive in memory, and when the last one does.

        Times run backwards here: the last to arrive has the smallest.
        """
        parts = [part for part in self.parts() if part.in_memory]
        last = np.full(len(self.flow.owner), np.iinfo(np.int64).max)
        for part in parts:
            np.minimum.at(last, part.targets, self._arrives(part))
        return self._count(part.targets for part in parts), last

    def undone(self, body: Body) -> Array:
        """When the sweep begins with a round: what arrives by then is seen all through it."""
        return self._begins(ends(body) + 1) * self._spread - self._spread + 1

    def _begins(self, times: Array) -> Array:
        """Before all contributions of these consumers, in the order of `_due`."""
        return self.flow.tape.first[times] + times

    def _due(self, part: Part) -> Array:
        """When the engine hands on the contributions of a part, one a round."""
        site, q = part.edge
        return self._begins(site.times[part.rounds]) + q

    def _arrives(self, part: Part) -> Array:
        """When the program does: flushes at the end of the loop, in their order there.

        Of loops that begin at the same time, the inner one ends first when they are undone.
        """
        site, _ = part.edge
        if not part.is_flush:
            return self._due(part) * self._spread
        begins = self._begins(starts(site.body)[part.rounds])
        return begins * self._spread - self._spread + self._ranks[part.edge]

    @property
    def _spread(self) -> int:
        """How many times apart two that are due are, so that all flushes have room in between."""
        return 1 + len(self._ranks)

    def _count(self, targets: Iterable[Array]) -> Array:
        joined = np.concatenate([np.zeros(0, np.int64), *targets])
        return np.bincount(joined, minlength=len(self.flow.owner))


def key_of(source: Local | Final) -> tuple[Site, bool]:
    """What an accumulator is for: the site's adjoint in this round, or in its loop's last one."""
    return source.site, isinstance(source, Final)
