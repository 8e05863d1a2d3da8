"""One view of a page: its cards, the arrows between them, and the places of all.

Where all members of a group are one class, of as many nodes as there are calls, the card shows one
call at a time, chosen in the page.

    group     the classes that one card stands for       at    the position of a card
    calls     how many nodes a card has that shows one call; such a card is `percall`
    opened    the modules that the view shows from inside
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from .cards import DEEPEST_FRAME, Group, Heading, constant_card, heading, is_looped
from .classes import Classes
from .dot import MOST_LABELLED_ARROWS
from .labels import clean, numbers
from .layout import Box, Line, lay_out
from .modules import Path
from .scene import shows_numbers

MOST_SHOWN = 8  # of the numbers that one card stands for
WIDTH, LETTER, BADGE, PADDING = 132, 8, 46, 20  # pixels: of the least card, of what is in a header
HEADER, ROW, NOTE = 28, 24, 18  # pixels: heights of the parts of a card


class View:
    """A view being made.

    Args:
        classes: of the graph's nodes.
        opened: modules.
        groups: of classes, one a card.
        modules: by path, their numbers in the page.
        headings: by path, what is said on the cards of folded modules.
    """

    def __init__(
        self,
        classes: Classes,
        opened: Collection[Path],
        groups: list[Group],
        modules: Mapping[Path, int],
        headings: Mapping[Path, Heading],
    ) -> None:
        self.classes, self.trace = classes, classes.trace
        self.opened, self.groups = opened, groups
        self.modules, self.headings = modules, headings
        self.card_of = {
            i: at
            for at, group in enumerate(groups)
            for c in group.nodes
            for i in self.classes.members[c]
        }
        self.card_of_class = {c: at for at, group in enumerate(groups) for c in group.nodes}
        self.calls, self.percall = self._find_calls()
        self.shared: dict[Any, int] = {}  # where the card of some constants is
        self.cards: list[dict[str, Any]] = []
        self.boxes: list[Box] = []
        self.lines: list[Line] = []
        self.places: list[int] = []

    def data(self) -> dict[str, Any]:
        """Lay out the view, and return it as the page reads it."""
        for at, group in enumerate(self.groups):
            self._add_group(at, group)
        for at, group in enumerate(self.groups):
            self._connect(at, group)
        few = sum(place >= 0 for place in self.places) <= MOST_LABELLED_ARROWS
        for line, place in zip(self.lines, self.places):
            line.has_label = few and place >= 0
        layout = lay_out(self.boxes, self.lines)
        for card, box in zip(self.cards, self.boxes):
            card.update(x=box.x, y=box.y, w=box.width, h=box.height)
        return {
            "width": layout.width,
            "height": layout.height,
            "rankdir": layout.rankdir,
            "open": sorted(at for path, at in self.modules.items() if path in self.opened),
            "calls": self.calls if self.percall else 0,
            "cards": self.cards,
            "arrows": [
                {
                    "tail": line.tail,
                    "head": line.head,
                    "place": place,
                    "points": line.points,
                    "label": line.label,
                    **({"carried": True} if line.carried else {}),
                }
                for line, place in zip(self.lines, self.places)
            ],
            "frames": [
                {"module": module, "x": x, "y": y, "w": w, "h": h}
                for module, (x, y, w, h) in layout.frames.items()
            ],
        }

    # ---- calls ----

    def _find_calls(self) -> tuple[int, set[int]]:
        """The number of calls, and the cards that can show one of them."""
        sizes = {
            at: len(self.classes.members[group.nodes[0]])
            for at, group in enumerate(self.groups)
            if len(group.nodes) == 1 and group.module is None
        }
        counts = Counter(
            size
            for at, size in sizes.items()
            if size > 1 and (self._is_looped(at) or not self.trace.is_program)
        )
        if not counts:
            return 0, set()
        calls = max(counts, key=lambda size: (counts[size], size))
        percall = {at for at, size in sizes.items() if size == calls}
        while wrong := self._not_by_call(percall):
            percall -= wrong
        return calls, percall

    def _not_by_call(self, percall: set[int]) -> set[int]:
        """The cards whose k-th node is not made as the others are: from k-th nodes, or from one."""
        call = {i: k for at in percall for k, i in enumerate(self._members(at))}
        wrong: set[int] = set()
        for at in percall:
            made_from = self._made_from(self._members(at)[0])
            for k, i in enumerate(self._members(at)):
                differs = self._made_from(i) != made_from or at in made_from
                if differs and not self.trace.is_program:
                    wrong.add(at)
                    break
                mixed = {
                    self.card_of[j]
                    for j in self.trace.inputs[i]
                    if call.get(j, k) != k and not self.trace.is_carried(j, i)
                }
                wrong |= mixed | {at} if mixed else mixed
        return wrong

    def _made_from(self, i: int) -> list[int | None]:
        """The cards of a node's inputs, in their places; None for constants."""
        cards: list[int | None] = [None] * len(self.trace.nodes[i].inputs)
        for place, j in self.trace.places[i]:
            cards[place] = self.card_of.get(j)
        return cards

    def _members(self, at: int) -> list[int]:
        return self.classes.members[self.groups[at].nodes[0]]

    def _is_shown_by_node(self, at: int) -> bool:
        """Whether a card shows one node at a time."""
        group = self.groups[at]
        single = len(group.nodes) == 1 and len(self._members(at)) == 1
        return group.module is None and (single or at in self.percall)

    def _is_one_for_one(self, tail: int, head: int) -> bool:
        """Whether each node of the head has one arrow for each of its inputs on the tail."""
        is_node = self._is_shown_by_node(tail)
        return is_node and (tail not in self.percall or head in self.percall)

    # ---- cards ----

    def _add_group(self, at: int, group: Group) -> None:
        head = self._heading(group)
        by_node = self._is_shown_by_node(at)
        uses = len(self.trace.uses[self._members(at)[0]]) if by_node else 0
        card: dict[str, Any] = {"kind": head.kind, "name": clean(head.name), "classes": group.nodes}
        card |= {"badge": clean(head.badge)} if head.badge else {}
        card |= {"count": head.count} if head.count > 1 else {}
        card |= {"percall": True} if at in self.percall else {}
        card |= {"looped": True} if self._is_looped(at) else {}
        if group.module is not None:
            card |= {"module": self.modules[group.module], "row": head.size}
        self._add(card, self._frames(group), rows=2, notes=1 if uses > 1 else 0)

    def _heading(self, group: Group) -> Heading:
        if group.module is not None and group.module not in self.opened:
            return self.headings[group.module]
        nodes = Group(self.classes.nodes_of(group), group.module, group.apart)
        head = heading(self.trace, nodes)
        return replace(head, name=f"rest of {head.name}") if group.module is not None else head

    def _add(self, card: dict[str, Any], frames: tuple[int, ...], rows: int, notes: int) -> None:
        counted = "count" in card and "looped" not in card
        title = f"{card['name']} ×{card['count']:,}" if counted else card["name"]
        across = LETTER * max(len(title), len(card.get("row", ""))) + PADDING
        if card.get("badge"):
            across += max(BADGE, LETTER * len(card["badge"]) + PADDING)
        if card["kind"] == "loop":
            across += PADDING  # for the sign that opens it
        width = max(WIDTH if rows else BADGE, across)
        self.cards.append(card)
        self.boxes.append(Box(width, HEADER + rows * ROW + notes * NOTE, frames))

    def _frames(self, group: Group) -> tuple[int, ...]:
        """The modules drawn around a card, outermost first."""
        home: Path | None
        if group.module is not None and group.module not in self.opened:
            home = group.module[:-1] if group.module else None
        elif group.module is not None:
            home = group.module
        else:
            home = None if group.apart else self.classes.homes[group.nodes[0]]
        if home is None:
            return ()
        around = (home[:n] for n in range(len(home) + 1))
        return tuple(self.modules[p] for p in around if p in self.modules)[:DEEPEST_FRAME]

    # ---- arrows ----

    def _connect(self, at: int, group: Group) -> None:
        if self._is_shown_by_node(at):
            nodes = self._members(at)
            ends: dict[tuple[int, int], bool] = {}  # whether they are carried
            for i in nodes if self.trace.is_program else nodes[:1]:  # the others are like the first
                for place, j in self.trace.places[i]:
                    if j in self.card_of:
                        tail, is_carried = self.card_of[j], self.trace.is_carried(j, i)
                        end = tail, place if self._is_one_for_one(tail, at) else -1
                        ends[end] = ends.get(end, True) and is_carried
            for tail, place in sorted(ends, key=lambda end: (end[1], end[0])):
                self._add_line(tail, at, place, ends[tail, place])
            columns = zip_longest(*map(self.trace.constants, nodes))
            constants = [[x for x in column if x is not None] for column in columns]
            if len(constants) > MOST_SHOWN:
                constants = [[x for values in constants for x in values]]
            for values in constants:
                self._add_constants(values, at)
            return
        tails = dict[int, bool]()
        for i, j in self._edges(group):
            tail, is_carried = self.card_of[j], self.trace.is_carried(j, i)
            tails[tail] = tails.get(tail, True) and is_carried
        for tail, is_carried in tails.items():
            if tail != at or (is_carried and group.module is None):
                self._add_line(tail, at, -1, is_carried)
        together = [
            x
            for c in group.nodes
            if shows_numbers(self.classes, group, c)
            for x in self.classes.numbers[c]
        ]
        if together:
            self._add_constants(together, at)

    def _edges(self, group: Group) -> Iterator[tuple[int, int]]:
        """The nodes of a group, each with each of its inputs that are drawn."""
        for c in group.nodes:
            members = self.classes.members[c]
            for i in members if self.trace.is_program else members[:1]:
                yield from ((i, j) for j in self.trace.inputs[i] if j in self.card_of)

    def _is_looped(self, at: int) -> bool:
        return is_looped(self.classes.instruction, self.groups[at])

    def _add_line(self, tail: int, head: int, place: int, carried: bool = False) -> None:
        self.lines.append(Line(tail, head, carried=carried))
        self.places.append(place)

    def _add_constants(self, values: list[float], head: int) -> None:
        """Add the card of some constants, or an arrow from it: modules beside each other share data."""
        distinct = list(dict.fromkeys(values))
        percall = head in self.percall and len(values) == self.calls and len(distinct) > 1
        key = (tuple(values), self.boxes[head].frames)
        if self.groups[head].module is not None and key in self.shared:
            self._add_line(self.shared[key], head, -1)
            return
        self.shared[key] = len(self.cards)
        name = "number" if percall else constant_card(values, ()).name
        card: dict[str, Any] = {"kind": "constant", "name": name, "classes": []}
        card["values"] = numbers(values if percall else distinct[:MOST_SHOWN])
        card |= {"percall": True} if percall else {}
        is_one = len(distinct) == 1 and self._is_looped(head)
        card |= {"count": len(values)} if len(values) > 1 and not is_one else {}
        self._add_line(len(self.cards), head, -1)
        self._add(card, self.boxes[head].frames, rows=0, notes=0)
