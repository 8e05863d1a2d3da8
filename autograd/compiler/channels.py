"""How adjoints travel in the reverse sweep: through registers or through memory, in eager's order.

Each adjoint is a sum, and floats are added in the order in which the engine adds them: the youngest
consumer first. A source that flow.py found in a register takes its adjoint back the same way, unless
that would change the order; then it goes through memory, where everything arrives at its own time.

    edge       operand q of a site, a value to which the site hands on a contribution
    flush      the contribution of a carried operand's first round: it leaves the loop at its end
    key        when a contribution is due: its consumer's time and operand; the largest comes first
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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
        self._want(wanted_inputs)
        self.sources: dict[Edge, Source] = {
            (site, q): flow.source[site, q]
            for site, wanted in self.wanted.items()
            for q, wants in enumerate(wanted)
            if wants and site.kind.spaces[q] == VALUES
        }
        self._width = 1 + max(len(site.kind.spaces) for site in flow.sites)
        self._spread = self._width * (1 + max(len(site.body.items) for site in flow.sites))
        while self._demote():
            pass
        self.adds: set[tuple[Edge, bool]] = set()
        self.reset: set[Site] = set()
        self._find_first()

    # ---- which sites take part ----

    def _want(self, wanted_inputs: Array) -> None:
        """Find the operands through which outputs depend on wanted inputs."""
        active: set[Site] = set()
        growing = True
        while growing:  # loops carry activity round
            before = len(active)
            for site in self.flow.sites:
                if site not in active and any(self._active(site, active, wanted_inputs)):
                    active.add(site)
            growing = len(active) > before
        useful = {site for site in active if site.kind.op is RETURN}
        stack = list(useful)
        while stack:
            site = stack.pop()
            self.wanted[site] = wanted = self._active(site, active, wanted_inputs)
            self.needs[site] = needs(site.kind.op, wanted)
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
        flat = needs(op, tuple(depends)).flat
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
            site, q = part.edge
            self.sources[part.edge] = Memory(site.operands[q][0])
            demoted = True
        return demoted

    def _through_memory(self, part: Part) -> None:
        site, q = part.edge
        source = self.sources[part.edge]
        if part.is_flush and isinstance(source, Carried):
            initial = Memory(source.addresses)
            self.sources[part.edge] = Carried(source.site, initial, source.addresses)
        else:
            self.sources[part.edge] = Memory(site.operands[q][0])

    def _flushed_late(self, parts: list[Part], total: Array) -> list[Part]:
        """The flushes that overtake, or rather are overtaken by, an older consumer's contribution.

        They leave the loop when all of its first round has been undone, what is older than they
        are included. Among one or two contributions that makes no difference.
        """
        flushes = [part for part in parts if part.is_flush and (total[part.targets] > 2).any()]
        late = []
        for flush in flushes:
            site, _ = flush.edge
            others = [p for p in parts if not (p.is_flush and p.edge[0].body is site.body)]
            watched = np.zeros(len(total), bool)
            watched[flush.targets] = True
            span = (len(total) + 1) * self._width
            keys = np.sort(
                np.concatenate(
                    [(p.targets * span + self._due(p))[watched[p.targets]] for p in others]
                    or [np.zeros(0, np.int64)]
                )
            )
            begins = flush.targets * span + starts(site.body)[flush.rounds] * self._width
            ends = flush.targets * span + self._due(flush)
            if (np.searchsorted(keys, begins) < np.searchsorted(keys, ends)).any():
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
        return ((ends(body) + 1) * self._width - 1) * self._spread

    def _due(self, part: Part) -> Array:
        """When the engine hands on the contributions of a part, one a round."""
        site, q = part.edge
        return site.times[part.rounds] * self._width + q

    def _arrives(self, part: Part) -> Array:
        """When the program does: flushes at the end of the loop, in their order there."""
        site, q = part.edge
        if not part.is_flush:
            return self._due(part) * self._spread
        begins = starts(site.body)[part.rounds] * self._width
        return begins * self._spread - self._spread + site.place * self._width + q

    def _count(self, targets: Iterable[Array]) -> Array:
        joined = np.concatenate([np.zeros(0, np.int64), *targets])
        return np.bincount(joined, minlength=len(self.flow.owner))


def key_of(source: Local | Final) -> tuple[Site, bool]:
    """What an accumulator is for: the site's adjoint in this round, or in its loop's last one."""
    return source.site, isinstance(source, Final)
