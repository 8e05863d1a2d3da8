"""The views of a page: which modules are open in each, and which nodes share a card.

A view is a grouping of classes of nodes; view.py makes its cards and arrows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property, partial
from itertools import product
from typing import Any

from .cards import Group, Heading, heading
from .classes import MOST_CLASSES, Classes
from .fold import (
    ALONE,
    FEW_CARDS,
    MOST_NODES,
    SAME_KINDS,
    SAME_LABELS,
    SAME_STEMS,
    fold,
    is_readable,
)
from .modules import Path
from .trace import Trace
from .view import View

MOST_VIEWS = 60
MOST_SIBLINGS = 6  # each with a card of its own while one of them is open
WAYS = (  # which nodes count as equal, outside of modules and inside
    (ALONE, ALONE),
    (SAME_LABELS, ALONE),
    (SAME_STEMS, ALONE),
    (SAME_KINDS, ALONE),
    (SAME_LABELS, SAME_LABELS),
    (SAME_STEMS, SAME_STEMS),
    (SAME_KINDS, SAME_KINDS),
)
FoldedInto = Callable[[Path], Path | None]


class Views:
    """All the views of a trace; a page begins with the first.

    Args:
        trace: the graph.

    >>> from autograd import Value
    >>> x = Value(3.0, label="x")
    >>> views = Views(Trace([x * x]))
    >>> [card["name"] or card["badge"] for card in views.data[0]["cards"]]
    ['x', '×']
    """

    def __init__(self, trace: Trace) -> None:
        self.trace, self.notes = trace, list[str]()
        self.classes = Classes(trace)
        homes = {home for home in trace.homes if home is not None}
        paths = {home[:n] for home in homes for n in range(len(home) + 1)}
        if () not in homes:
            paths.discard(())
        self.modules = sorted(paths, key=_natural)
        self.index = {path: at for at, path in enumerate(self.modules)}
        self.data: list[dict[str, Any]] = []
        self.full = self.folded = -1
        self.opened_in = [-1] * len(self.modules)
        self._make()

    def _make(self) -> None:
        """Lay out: all nodes, if they are few; all folded; every module open by itself.

        Of a program with loops: all folded first, then all open.
        """
        if self.classes.are_nodes:
            self.full = self._add({(), *self.modules}, [lambda home: None], WAYS[:1])
            if not self.modules:
                return
        if not self.modules and len(self.classes.members) > MOST_CLASSES:
            self._add_newest()  # not even tried: it would take long, and be in vain
            return
        is_one = () in self.index  # parameters sit right in the model
        self.folded = self._add(set() if is_one else {()}, [whole if is_one else tops])
        if self.folded < 0 and self.full < 0:
            self._add_newest()
            return
        if self.trace.is_program:
            self.full = self._add({(), *self.modules}, [lambda home: None])
        for at, path in enumerate(self.modules):
            if len(self.data) < MOST_VIEWS:
                around = {path[:n] for n in range(len(path) + 1)}
                siblings = sum(other[:-1] == path[:-1] for other in self.modules)
                foldings = [partial(beside, path), partial(apart, path)]
                self.opened_in[at] = self._add(
                    {(), *around}, foldings[1:] if siblings > MOST_SIBLINGS else foldings
                )
        missing = self.opened_in.count(-1)
        if missing:
            self.notes.append(
                f"{missing:,} of {len(self.modules):,} modules cannot be opened here: "
                f"a page has at most {MOST_VIEWS} views of {MOST_NODES} cards; explain one "
                "module's output by itself to see inside"
            )

    def _add(
        self,
        opened: Collection[Path],
        foldings: Sequence[FoldedInto],
        ways: Sequence[tuple[int, int]] = WAYS,
    ) -> int:
        """Add a view, and return its index; -1 if it would have more cards than can be read."""
        fewest: list[Group] = []
        for folded_into, (outside, inside) in product(foldings, ways):
            groups = fold(self.classes, folded_into, outside, inside)
            fewest = min(fewest or groups, groups, key=len)
            if is_readable(self.classes, groups):
                fewest = groups
                break
            if self.trace.is_program and len(fewest) <= MOST_NODES:
                break  # what shares a card comes from one instruction already
        if len(fewest) > MOST_NODES:
            return -1
        self.data.append(self._view(opened, fewest))
        return len(self.data) - 1

    def _add_newest(self) -> None:
        """Add a view of the newest nodes alone, of a graph that does not fold."""
        n = len(self.trace.nodes)
        self.classes = Classes(self.trace, are_nodes=True)
        newest = [Group([i]) for i in range(n - FEW_CARDS, n)]
        self.data.append(self._view({(), *self.modules}, newest))
        self.notes.append(
            f"{n - FEW_CARDS:,} of {n:,} nodes are not drawn, only the last {FEW_CARDS}: this graph "
            f"does not fold to {MOST_NODES} cards or fewer; the table has all of them"
        )

    def _view(self, opened: Collection[Path], groups: list[Group]) -> dict[str, Any]:
        return View(self.classes, opened, groups, self.index, self._headings).data()

    @cached_property
    def _headings(self) -> dict[Path, Heading]:
        """What is said on the cards of folded modules: the same in every view."""
        nodes: dict[Path, list[int]] = {path: [] for path in self.modules}
        for i, home in enumerate(self.trace.homes):
            if home is not None and i not in self.trace.outputs:
                for n in range(len(home) + 1):
                    if home[:n] in nodes:
                        nodes[home[:n]].append(i)
        return {path: heading(self.trace, Group(inside, path)) for path, inside in nodes.items()}


def whole(home: Path) -> Path | None:
    """Fold the model into one card."""
    return ()


def tops(home: Path) -> Path | None:
    """Fold the modules right in the model."""
    return home[:1]


def beside(opened: Path, home: Path) -> Path | None:
    """Fold all but one module and what is around it, each module beside them by itself.

    >>> beside(("layers.0",), ("layers.0", "neurons.3")), beside(("layers.0",), ("layers.1",))
    (('layers.0', 'neurons.3'), ('layers.1',))
    """
    shared = next((n for n, (a, b) in enumerate(zip(opened, home)) if a != b), len(opened))
    return home[: shared + 1] if len(home) > shared else None


def apart(opened: Path, home: Path) -> Path | None:
    """As `beside`, but what is in one module around it becomes one card: its rest.

    >>> apart(("layers.0", "neurons.1"), ("layers.0", "neurons.3"))
    ('layers.0',)
    """
    folded = beside(opened, home)
    return folded and (folded[:-1] if 1 < len(folded) <= len(opened) else folded)


def _natural(path: Path) -> list[Any]:
    """Sort neurons.10 after neurons.9."""
    stems = [part.rstrip("0123456789") for part in path]
    return [(stem, len(part), part) for stem, part in zip(stems, path)]
