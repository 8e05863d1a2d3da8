"""Let the first link of a chain look like the others, so that a loop can begin with it.

In ``((bias + a) + b) + c`` the first addition reads an input, the others what the one before gave:
two kinds, and a loop of two rounds. With a copy of the input in front, there are three rounds of one
kind. So is it with products, with maxima, with every op that is applied to its own result.

    link      an instruction whose operand ``q`` was computed by a link, or is where the chain starts
    copy      an `identity` of what the chain starts from; the compiled code does without
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..ops import OPS
from .tape import CONSTANTS, INPUTS, SPACES, VALUES, Array, Guard, Kind, Row, Tape

LONGEST_ROUND = 8  # instructions from the first link to the second


def with_starts(tape: Tape) -> Tape:
    """Return the tape with a copy in front of the chains that start from an input or a constant.

    A gradient is not changed by it, nor the order in which contributions to it arrive.
    """
    linking = [*_linking(tape)]
    found = [_first_links(tape, code, q) for code, q in linking]
    links, index = np.unique(
        np.concatenate([np.zeros(0, np.int64), *(links for links, _ in found)]), return_index=True
    )
    if not len(links):
        return tape
    rounds = np.concatenate([rounds for _, rounds in found])[index]
    edges = np.repeat(np.arange(len(found)), [len(links) for links, _ in found])[index]
    codes, operands = np.array(linking).T
    codes, operands = codes[edges], operands[edges]
    at = tape.first[links] + np.array([_place(tape.kinds[c], q) for c, q in zip(codes, operands)])
    places = links - rounds + 1
    is_free = ~_read_between(tape, places, links, tape.slots[at])
    order = np.argsort(places[is_free], kind="stable")
    return _with_copies(tape, *(x[is_free][order] for x in (places, links, operands, codes, at)))


def _linking(tape: Tape) -> Iterator[tuple[int, int]]:
    """The kinds that can be applied to their own result: code, operand."""
    for code, kind in enumerate(tape.kinds):
        for q, space in enumerate(kind.spaces):
            # A later operand's contribution would come after those of the earlier ones.
            earlier = kind.spaces[:q]
            shares = any(s == INPUTS or isinstance(s, Row) for s in earlier)
            if space == VALUES and not isinstance(kind.op, Guard) and not shares:
                yield code, q


def _first_links(tape: Tape, code: int, q: int) -> tuple[Array, Array]:
    """The first links of chains of a kind, and how far the second is from each."""
    kind = tape.kinds[code]
    links = np.flatnonzero(tape.codes == code)
    before = tape.slots[tape.first[links] + _place(kind, q)]
    is_first = np.zeros(len(tape.kinds), bool)
    for other, (op, spaces) in enumerate(tape.kinds):
        others = (*spaces[:q], *spaces[q + 1 :])
        is_first[other] = (
            op is kind.op
            and len(spaces) == len(kind.spaces)
            and others == (*kind.spaces[:q], *kind.spaces[q + 1 :])
            and spaces[q] in (INPUTS, CONSTANTS)
        )
    chosen = is_first[tape.codes[before]] & (links - before <= LONGEST_ROUND)
    first, distances = before[chosen], (links - before)[chosen]
    chosen = first - distances + 1 >= 0
    return first[chosen], distances[chosen]


def _read_between(tape: Tape, begins: Array, ends: Array, addresses: Array) -> Array:
    """Whether an input is read from one instruction on until another."""
    spaces = tape.spaces()
    first, last = tape.first[begins], tape.first[ends]
    slots = first[:, None] + np.arange((last - first).max())
    inside = slots < last[:, None]
    slots[~inside] = 0
    is_input = spaces[slots] == SPACES.index(INPUTS)
    is_row = spaces[slots] >= len(SPACES)  # which may be any input
    read = is_input & (tape.slots[slots] == addresses[:, None]) | is_row
    return np.asarray((read & inside).any(axis=1))


def _place(kind: Kind, q: int) -> int:
    return Kind(kind.op, kind.spaces[:q]).width


def _with_copies(
    tape: Tape, places: Array, links: Array, operands: Array, codes: Array, at: Array
) -> Tape:
    """Insert a copy of what ``links`` read at slots ``at`` before the instructions ``places``."""
    kinds = list(tape.kinds)
    copies = places + np.arange(len(links))
    is_new = np.zeros(len(tape) + len(links), bool)
    is_new[copies] = True
    moved = np.flatnonzero(~is_new)  # where every instruction goes

    slots = tape.slots.copy()
    values = tape.spaces() == SPACES.index(VALUES)
    slots[values] = moved[slots[values]]
    sources = slots[at]
    slots[at] = copies
    spaces = [tape.kinds[c].spaces[q] for c, q in zip(tape.codes[links], operands)]
    copy_codes = np.empty(len(links), np.int32)
    for space in dict.fromkeys(spaces):
        kind = Kind(OPS["identity"], (space,))
        if kind not in kinds:
            kinds.append(kind)
        copy_codes[[s == space for s in spaces]] = kinds.index(kind)

    new_codes = np.empty(len(is_new), np.int32)
    new_codes[moved] = tape.codes
    new_codes[moved[links]] = codes
    new_codes[copies] = copy_codes
    widths = np.ones(len(is_new), np.int64)
    widths[moved] = np.diff(tape.first)
    first = np.concatenate([[0], np.cumsum(widths)])
    new_slots = np.empty(first[-1], np.int64)
    is_copied = np.zeros(first[-1], bool)
    is_copied[first[copies]] = True
    new_slots[is_copied] = sources
    new_slots[~is_copied] = slots
    lines = tape.lines
    if lines is not None:
        origins = np.empty(len(is_new), np.int64)
        origins[moved] = np.arange(len(tape))
        origins[copies] = links
        lines = [lines[t] for t in origins.tolist()]
    outputs = tuple((s, int(moved[a]) if s == VALUES else a) for s, a in tape.outputs)
    return replace(
        tape,
        kinds=tuple(kinds),
        codes=new_codes,
        first=first,
        slots=new_slots,
        outputs=outputs,
        lines=lines,
    )
