"""`tree`: a graph as text for a terminal, aligned, with values, gradients and local derivatives.

Below every node stand its inputs. A node that was used several times is drawn once, and referred to
by an arrow elsewhere. What does not fit is left out from the far end, and counted.

    row        one line: a node below one of its uses, or what stands for nodes that are left out
    expanded   a node whose inputs are drawn; which ones is decided level by level
    deep       so far to the right that the largest input goes on in the column of its user
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import index
from typing import Any, SupportsIndex

from autograd.engine import ADD, Value, local_partials, refuse_stale

from .labels import clean, number, stem
from .subject import outputs_of

MOST_LINES, FEWEST_LINES = 60, 5
MANY_TERMS = 8  # of a sum written with +: drawn as one
ALIKE, SHOWN_ALIKE = 4, 2  # inputs in a row, if lines are scarce; so many of them are drawn
MOST_COMPARED = 10_000
DEEP = 8  # levels
WIDEST, NARROWEST_NAME = 48, 8  # columns of the tree; of a name in it
MOST_SHOWN = 4  # inputs
WHERE = {"↑": "above", "↓": "below"}
MARKS = {"Mn", "Me", "Cf"}
INFIX = {"+", "−", "×", "/", "//", "%", "^"}
ASCII = str.maketrans(
    {
        "├": "|", "└": "`", "│": "|", "─": "-", "↳": "\\", "…": "...", "↑": "^", "↓": "v",
        "−": "-", "×": "*", "∂": "d", "–": "-", "²": "^2", "ₓ": "x", "\ufffd": "?",
    }
)  # fmt: skip

Inputs = list[tuple[Value, float | None]]  # of a node, with its derivatives by them


class Text(str):
    """Text that prints as it is, in an interactive session too.

    >>> Text("two\\nlines")
    two
    lines
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(slots=True, eq=False)
class Row:
    """One line of the tree, and what hangs from it."""

    node: Value | None = None
    partial: float | None = None  # of the user's value by this one's
    left_out: str = ""  # what it says if it is no node,
    hides: int = 0  # but stands for so many
    rows: list[Row] = field(default_factory=list)
    first: Row | None = None  # where the node is drawn, if not here
    size: int = 1  # rows from here on

    @property
    def is_cut(self) -> bool:
        """Whether the node has inputs that are drawn nowhere."""
        if self.node is None or self.first is not None or self.rows:
            return False
        return _is_computed(self.node)


def tree(y: Any, *, max_lines: int | None = MOST_LINES, ascii: bool = False) -> Text:
    """Write what a Value was computed from as an indented text: values, gradients.

    Args:
        y: a Value; a list of them; a Module, which is run on inputs x1, x2, ... that are 1; or a
            compiled function, ``jit(f).lower(2.0)``.
        max_lines: nodes far from ``y`` are left out so that there are no more lines; None for all.
        ascii: whether to do without characters that some terminals lack.

    Returns:
        Text to print. The last column is the local derivative of the node above by this one.

    Raises:
        TypeError: if ``y`` is none of these.
        ValueError: if ``max_lines`` is too small for any tree.

    >>> a, b = Value(-4.0, label="a"), Value(2.0, label="b")
    >>> c = a * b + b**3
    >>> c.label = "c"; c.backward()
    >>> tree(c)
               value  grad  ∂ parent
    c = +          0    +1
    ├─ ×          −8    +1         1
    │  ├─ a       −4    +2         2
    │  └─ b        2    +8        −4
    └─ ^3          8    +1         1
       └─ ↑ b                     12
    ↑ is drawn above
    """
    if max_lines is not None and not (
        isinstance(max_lines, SupportsIndex) and index(max_lines) >= FEWEST_LINES
    ):
        raise ValueError(
            f"tree: expected max_lines to be an integer from {FEWEST_LINES} on, got {max_lines!r}; "
            "None shows every node"
        )
    graph = _Graph(*outputs_of(y, "tree"))
    top = _rows(graph, math.inf if max_lines is None else max_lines - 3)  # header, two remarks
    return Text("\n".join(_write(graph, top, ascii)))


class _Graph:
    """The nodes as they are drawn: a sum of many terms is one node, and so are all the + in it."""

    def __init__(self, outputs: Sequence[Value], title: str, grads: bool) -> None:
        self.outputs, self.title, self.has_grads = outputs, title, grads
        self._uses = dict.fromkeys(outputs, 1)  # being an output counts
        self._terms: dict[Value, list[Value | float]] = {}
        self._sums: dict[Value, list[Value]] = {}  # by the last +, all that are drawn as one
        nodes = list(self._uses)
        for node in nodes:  # the list grows as it is read
            for x in node.inputs:
                if x.__class__ is Value:
                    if x not in self._uses:
                        self._uses[x] = 0
                        nodes.append(x)
                    self._uses[x] += 1

    def __len__(self) -> int:
        return len(self._uses)

    def terms(self, node: Value) -> list[Value | float]:
        """What a sum adds up, through every + in it without a name or another use; [] if few."""
        if node.op is not ADD:
            return []
        if node not in self._terms:
            terms: list[Value | float] = []
            sums = []
            stack: list[Value | float] = [node]
            while stack:
                x = stack.pop()
                if isinstance(x, Value) and x.op is ADD and (x is node or self._passes(x)):
                    sums.append(x)
                    stack += reversed(x.inputs)
                else:
                    terms.append(x)
            is_long = len(terms) >= MANY_TERMS
            self._terms[node], self._sums[node] = (terms, sums) if is_long else ([], [])
        return self._terms[node]

    def drawn_as(self, node: Value) -> list[Value]:
        """The nodes that are drawn as this one."""
        return self._sums[node] if self.terms(node) else [node]

    def _passes(self, node: Value) -> bool:
        return self._uses[node] == 1 and not _label(node)

    def inputs(self, node: Value) -> Inputs:
        """The Values that a node is made from, each with the node's derivative by it."""
        terms = self.terms(node)
        if terms:
            return [(x, 1.0) for x in terms if isinstance(x, Value)]
        partials = local_partials(node)
        return [(x, p) for x, p in zip(node.inputs, partials) if isinstance(x, Value)]


def _label(node: Value) -> str:
    """The name, drawable; whatever was assigned."""
    return "" if node.label in (None, "") else clean(str(node.label))


def _is_computed(node: Value) -> bool:
    return any(x.__class__ is Value for x in node.inputs)


# ---- which rows ----


def _rows(graph: _Graph, room: float) -> list[Row]:
    """The rows of the outputs, with those below them: all if they fit, else those near the top."""
    outputs: Inputs = [(x, None) for x in graph.outputs]
    all_below = _expand(graph, graph.outputs, room)
    if all_below is not None:
        top = [Row(*x) for x in outputs]
        below = {node: [Row(*x) for x in all_below[node]] for node in all_below}
    else:
        top = _folded(outputs, room)
        below = _expand_folded(graph, top, room)
    _hang(top, below)
    return top


def _expand(graph: _Graph, outputs: Sequence[Value], room: float) -> dict[Value, Inputs] | None:
    """The inputs of every node; None if there are too many."""
    below: dict[Value, Inputs] = {}
    pending = [*outputs]
    for node in pending:  # the list grows as it is read
        if len(pending) > room:
            return None
        if node not in below:
            below[node] = graph.inputs(node)
            pending += [x for x, _ in below[node]]
    return below


def _expand_folded(graph: _Graph, top: Sequence[Row], room: float) -> dict[Value, list[Row]]:
    """The rows below the nodes near the top, as many as there is room for."""
    below: dict[Value, list[Row]] = {}
    pending = [row.node for row in top]
    for node in pending:
        if node is None or node in below:
            continue
        inputs, left = graph.inputs(node), room - len(pending)
        if len(inputs) > left and left < 2:
            break
        below[node] = _folded(inputs, left)
        pending += [row.node for row in below[node]]
    return below


def _folded(inputs: Inputs, room: float) -> list[Row]:
    """Inputs in few rows: of those that look alike two, and no more than there is room for."""
    rows: list[Row] = []
    for _, run in groupby(inputs[:MOST_COMPARED], _look):
        alike = [Row(*x) for x in run]
        more = len(alike) - SHOWN_ALIKE
        if len(alike) >= ALIKE:
            alike = [*alike[:SHOWN_ALIKE], Row(left_out=f"… {more:,} more like this", hides=more)]
        rows += alike
    if len(rows) > room or len(inputs) > MOST_COMPARED:
        del rows[int(room) - 1 :]
        rest = len(inputs) - sum(row.hides or 1 for row in rows)
        rows.append(Row(left_out=f"… {rest:,} more", hides=rest))
    return rows


def _look(x: tuple[Value, float | None]) -> Any:
    """What inputs have in common that are alike: the op, what it is used on, the name but for numbers."""
    node = x[0]
    made_from = [v.op if isinstance(v, Value) else float for v in node.inputs[:MOST_SHOWN]]
    return node.op, len(node.inputs), made_from, stem(_label(node))


def _hang(top: Sequence[Row], below: dict[Value, list[Row]]) -> None:
    """Hang the rows below each node where it is drawn first, and find the sizes."""
    drawn: dict[Value, Row] = {}
    rows = list(reversed(top))
    order = []
    while rows:
        row = rows.pop()
        order.append(row)
        if row.node is None:
            continue
        if row.node in drawn:
            row.first = drawn[row.node]
            continue
        drawn[row.node] = row
        row.rows = below.get(row.node, [])
        rows += reversed(row.rows)
    for row in reversed(order):
        row.size += sum(inner.size for inner in row.rows)


# ---- as text ----


def _write(graph: _Graph, top: Sequence[Row], ascii: bool) -> Iterator[str]:
    """Write the rows in columns, and what there is to say about them."""
    lines = list(_in_order(top))
    rows = [row for row, _ in lines]
    _draw_ends_early(rows)
    names = _Names(graph, rows, ascii)
    cells: list[tuple[str, ...]] = [(clean(graph.title), "value", "grad", "∂ parent", "")]
    cells += [(names.text(row, prefix), *_numbers(graph, row)) for row, prefix in lines]
    remarks = _remarks(graph, rows, {arrow for row in rows if (arrow := names.arrow(row))})
    if ascii:
        cells = [tuple(map(_plain, each)) for each in cells]
        remarks = map(_plain, remarks)
    yield from _aligned(cells)
    yield from remarks


def _draw_ends_early(rows: Sequence[Row]) -> None:
    """Draw nodes that have nothing below them at the first of their rows, as these are read."""
    drawn: dict[Value, Row] = {}
    for row in rows:
        if row.node is not None and not (row.first or row).rows:
            first = drawn.setdefault(row.node, row)
            row.first = None if first is row else first


def _in_order(top: Sequence[Row]) -> Iterator[tuple[Row, str]]:
    """Each row, and what stands before it; a row that goes on from its user comes last."""
    # A row, what stands before it, what stands before the rows below it, and its level.
    stack = [(row, "", "", 0) for row in reversed(top)]
    while stack:
        row, prefix, guide, level = stack.pop()
        yield row, prefix
        rows = list(row.rows)
        if level >= DEEP and rows:
            largest = max(rows, key=lambda inner: inner.size)
            if largest.rows:
                rows.remove(largest)
                before = guide[:-3]
                stack.append((largest, before + "↳  ", guide, level))
                guide = before + "│  "
        ends = len(rows) - 1
        for i in range(ends, -1, -1):
            is_last = i == ends
            stack.append(
                (
                    rows[i],
                    guide + ("└─ " if is_last else "├─ "),
                    guide + ("   " if is_last else "│  "),
                    level + 1,
                )
            )


class _Names:
    """What rows say in the first column; nodes that are referred to get a number if they need one."""

    def __init__(self, graph: _Graph, rows: Sequence[Row], ascii: bool) -> None:
        self._graph, self._ascii = graph, ascii
        self._place = {row: place for place, row in enumerate(rows)}
        drawn = [row.node for row in rows if row.node is not None and row.first is None]
        common = Counter(map(_label, drawn))
        referred = {row.node for row in rows if row.first is not None}
        unclear = [x for x in drawn if x in referred and (not _label(x) or common[_label(x)] > 1)]
        self._tags = {node: f" #{i}" for i, node in enumerate(unclear, start=1)}

    def text(self, row: Row, prefix: str) -> str:
        node = row.node
        if node is None:
            return prefix + row.left_out
        how = self._formula(node)
        tag = self._tags.get(node, "")
        room = max(WIDEST - len(prefix), NARROWEST_NAME)
        if row.first is not None:
            return (
                f"{prefix}{self.arrow(row)} " + (clean(_label(node), room) or how or "input") + tag
            )
        name = clean(_label(node), max(room - len(how) - 3, NARROWEST_NAME))
        text = f"{name}{tag} = {how}" if name and how else f"{name or how or 'input'}{tag}"
        return prefix + text + " …" * row.is_cut

    def arrow(self, row: Row) -> str:
        """Where to find the node, if it is not drawn here."""
        if row.first is None:
            return ""
        return "↑" if self._place[row.first] < self._place[row] else "↓"

    def _formula(self, node: Value) -> str:
        """The op, with the numbers among its inputs: ``+``, ``_ − 1``, ``clip(_, 0, 1)``."""
        if node.op is None:
            return ""
        symbol = clean(node.op.symbol)
        if self._ascii and not symbol.translate(ASCII).isascii():
            symbol = node.op.name
        inputs = self._graph.terms(node) or node.inputs
        numbers = [x for x in inputs if not isinstance(x, Value)]
        shown = [number(x) if isinstance(x, float) else "_" for x in inputs[:MOST_SHOWN]]
        if len(inputs) > MOST_SHOWN:
            rest = [x for x in numbers if x != 0.0 or node.op is not ADD]
            count = f"{symbol} of {len(inputs) - len(numbers):,}"
            return count + f", and {len(rest):,} number{'s' * (len(rest) > 1)}" * bool(rest)
        if not numbers:
            return symbol
        if node.op.name == "pow" and isinstance(node.inputs[0], Value):
            return symbol + shown[1]
        if len(shown) == 2 and symbol in INFIX:
            return f"{shown[0]} {symbol} {shown[1]}"
        return f"{symbol}({', '.join(shown)})"


def _numbers(graph: _Graph, row: Row) -> tuple[str, str, str, str]:
    """The other columns of a row: its value, gradient, local derivative; a remark."""
    node, partial = row.node, "" if row.partial is None else number(row.partial)
    if node is None or row.first is not None:
        return "", "", partial, ""
    has_grad = graph.has_grads and node.has_grad
    return (
        number(node.data),
        number(node.grad, signed=True) if has_grad else "–",
        partial,
        _note(graph, node),
    )


def _note(graph: _Graph, node: Value) -> str:
    if node.op is not None:
        try:
            refuse_stale(graph.drawn_as(node))
        except RuntimeError:
            return "  older than its inputs"
    inputs = graph.terms(node) or node.inputs
    x = [v.data if isinstance(v, Value) else v for v in inputs]
    if math.isfinite(node.data) or not all(map(math.isfinite, x)):
        return ""
    return f"  {number(node.data)} begins here"


def _remarks(graph: _Graph, rows: Sequence[Row], arrows: Collection[str]) -> Iterator[str]:
    drawn = [row.node for row in rows if row.node is not None and row.first is None]
    sums = [graph.terms(row.node) for row in rows if row.node is not None and row.rows]
    inside = sum(len(terms) - 2 for terms in sums if terms)
    hidden = len(graph) - len(drawn) - inside
    if hidden:
        yield f"… {hidden:,} more nodes"
    remarks = [f"{arrow} is drawn {where}" for arrow, where in WHERE.items() if arrow in arrows]
    if not all(graph.has_grads and node.has_grad for node in drawn):
        remarks.append("grad –: backward() has not been here")
    if remarks:
        yield "; ".join(remarks)


def _aligned(cells: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Set columns, the first to the left, numbers to the right; none where there is no number."""
    used = [j for j in range(len(cells[0])) if j == 0 or any(line[j] for line in cells[1:])]
    widths = {j: max(_width(line[j]) for line in cells) for j in used}
    for line in cells:
        first, *rest = (" " * (widths[j] - _width(line[j])) for j in used)
        numbers = "".join(f"  {pad}{line[j]}" for j, pad in zip(used[1:], rest))
        yield f"{line[0]}{first}{numbers}".rstrip()


def _width(text: str) -> int:
    """Columns of a terminal: two for wide characters, none for marks set on the one before."""
    if text.isascii():
        return len(text)
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else unicodedata.category(c) not in MARKS
        for c in text
    )


def _plain(text: str) -> str:
    return text.translate(ASCII).encode("ascii", "replace").decode()
