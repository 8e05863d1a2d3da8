"""Where every operand of a folded tape comes from.

The fold says what runs how often; the tape, where each operand was. An operand that was always
computed in the same round, or always in the round before, or always in the last round of a loop just
done, needs no memory: it is a register. The rest is read from places in arrays.

    site      an instruction of the nest: one statement, executed once in every round of its body
    edge      an operand of a site that is a value: from the site that computes it (the source)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from .fold import Instruction, Loop, Nest, instructions
from .places import Body
from .tape import VALUES, Array, Kind, Tape, width

# LLVM's time grows faster than a function: longer programs are cut into functions of about BLOCK.
LONGEST_WHOLE, BLOCK = 120, 20


@dataclass(slots=True, eq=False)
class Site:
    """An instruction of the nest.

    Attributes:
        times: its places on the tape, one a round of its body.
        operands: for every operand, its addresses, one a round; a Row's are (index, base).
    """

    kind: Kind
    times: Array
    body: Body
    place: int
    operands: list[tuple[Array, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """A register of the same round of the body, or of one around it."""

    site: Site


@dataclass(frozen=True, slots=True, eq=False)
class Final:
    """What the site had in the last round of its loop, which stands before, in this body or around."""

    site: Site


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """What the site had in the round before; ``initial``, at ``addresses``, in the first."""

    site: Site
    initial: Source
    addresses: Array


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """Values of any rounds of any sites."""

    addresses: Array


Source = Local | Final | Carried | Memory
Edge = tuple[Site, int]


class Flow:
    """The sites of a nest, and the sources of their operands.

    Attributes:
        root: the outermost body.
        sites: all of them, in order.
        owner: for every instruction on the tape, the place of its site.
        source: where the operand of every edge comes from.
        producers: the sites that compute it, in one round or another.
    """

    def __init__(self, tape: Tape, nest: Nest) -> None:
        self.tape = tape
        self.root = Body()
        self.sites: list[Site] = []
        count = sum(1 for _ in instructions(nest.body))
        self._enter(nest.body, self.root, BLOCK if count > LONGEST_WHOLE else count)
        self.owner = np.empty(len(tape), np.int32)
        for k, site in enumerate(self.sites):
            self.owner[site.times] = k
        self.source: dict[Edge, Source] = {}
        self.producers: dict[Edge, list[Site]] = {}
        for site in self.sites:
            for q, (space, addresses) in enumerate(zip(site.kind.spaces, site.operands)):
                if space == VALUES:
                    (read,) = addresses
                    here = self._here(read, site.body) or self._before(read, site.body)
                    self.source[site, q] = here or Memory(read)
                    made_by = np.unique(self.owner[read]).tolist()
                    self.producers[site, q] = [self.sites[k] for k in made_by]

    # ---- the nest as bodies and sites ----

    def _enter(self, nodes: Sequence[Loop | Instruction], body: Body, size: int) -> None:
        """Put ``nodes`` into ``body``, in blocks if they are more than ``size`` sites."""
        groups = list(_grouped(nodes, size))
        for group in groups:
            inner = body
            if len(groups) > 1:
                inner = Body(body, place=len(body.items))
                body.items.append(inner)
            for node in group:
                if isinstance(node, Loop):
                    loop = Body(inner, node.trips, place=len(inner.items))
                    inner.items.append(loop)
                    self._enter(node.body, loop, size)
                else:
                    site = self._site(node, inner)
                    inner.items.append(site)
                    self.sites.append(site)

    def _site(self, node: Instruction, body: Body) -> Site:
        tape, times = self.tape, node.times
        site = Site(tape.kinds[node.code], times, body, len(body.items))
        slot = tape.first[times]
        for space in site.kind.spaces:
            site.operands.append(tuple(tape.slots[slot + k] for k in range(width(space))))
            slot = slot + width(space)
        return site

    # ---- sources ----

    def _here(self, addresses: Array, body: Body) -> Source | None:
        """A register of this round that holds what is read at ``addresses``, once a round."""
        made_by = self.sites[self.owner[addresses[0]]]
        rounds = np.arange(body.rounds)
        while True:
            if made_by.body is body:
                if np.array_equal(made_by.times[rounds], addresses):
                    return Local(made_by)
                return None
            loop = made_by.body
            if loop.is_loop and loop.parent is body:
                if np.array_equal(made_by.times[loop.lasts[rounds]], addresses):
                    return Final(made_by)
                return None
            if body.parent is None or not body.is_loop:
                return None  # registers do not leave a block
            rounds, body = body.parent_round[rounds], body.parent

    def _before(self, addresses: Array, body: Body) -> Source | None:
        """A register of the round before, in all but the first rounds."""
        if not body.later.size:
            return None
        made_by = self.sites[self.owner[addresses[body.later[0]]]]
        if made_by.body is not body:
            return None
        if not np.array_equal(made_by.times[body.later - 1], addresses[body.later]):
            return None
        initial = addresses[body.firsts]
        if (initial >= starts(body)[body.firsts]).any():
            return None
        assert body.parent is not None
        source = self._here(initial, body.parent) or Memory(initial)
        return Carried(made_by, source, initial)


def starts(body: Body) -> Array:
    """The time of the first instruction of every round."""
    item = body.items[0]
    return item.times if isinstance(item, Site) else starts(item)[item.firsts]


def ends(body: Body) -> Array:
    """The time of the last instruction of every round."""
    item = body.items[-1]
    return item.times if isinstance(item, Site) else ends(item)[item.lasts]


def _grouped(nodes: Sequence[Loop | Instruction], size: int) -> Iterator[list[Loop | Instruction]]:
    """Neighbours in groups of at most ``size`` sites, or one loop of more."""
    group: list[Loop | Instruction] = []
    held = 0
    for node in nodes:
        sites = sum(1 for _ in instructions([node]))
        if group and held + sites > size:
            yield group
            group, held = [], 0
        group.append(node)
        held += sites
    if group:
        yield group
