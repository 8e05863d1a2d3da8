"""What a page is told of a graph: numbers and text as JSON, and its ops as JavaScript.

The columns of nodes stand in the order of the trace. What the page then does with them is in the
folder page/.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd.backends import js
from autograd.engine import Value
from autograd.ops import Op
from autograd.recording import Choice, Line, Recorded, Source

from .labels import (
    BIDI,
    LONGEST_NAME,
    LONGEST_NOTE,
    LONGEST_TIP,
    UNDRAWABLE,
    clean,
    number,
    numbers,
)
from .modules import Path
from .scene import where_wrong_began
from .trace import Trace
from .views import Views


class Ops:
    """The ops of a page, each written as JavaScript once for every number of inputs it has.

    >>> from autograd import Value
    >>> ops = Ops()
    >>> program(Trace([Value(1.0).exp()]), ops)
    {'op': [-1, 0], 'inputs': [[], [0]], 'value': [1.0, 2.718281828459045], 'constants': []}
    >>> ops.names
    [{'name': 'exp', 'symbol': 'exp', 'selects': False}]
    """

    def __init__(self) -> None:
        self.code: list[str] = []
        self.names: list[dict[str, Any]] = []
        self.refused: list[str] = []  # why an op could not be written
        self._at: dict[tuple[Op, int], int] = {}

    def index(self, op: Op, arity: int) -> int:
        """The position of an op, which is written if it was not."""
        if (op, arity) not in self._at:
            self._at[op, arity] = len(self.code)
            self.names.append({"name": op.name, "symbol": clean(op.symbol), "selects": op.selects})
            try:
                self.code.append(js.write(op, arity))
            except js.NotWritable as error:
                self.code.append("null")
                self.refused.append(str(error))
        return self._at[op, arity]


def program(trace: Trace, ops: Ops) -> dict[str, Any]:
    """Return a graph as columns, from which a page can compute it; a constant is -1 - its position."""
    constants: dict[str, int] = {}  # by text: 0.0 and -0.0 are equal
    rows = []
    for i, node in enumerate(trace.nodes):
        row = dict(trace.places[i])
        for place, x in enumerate(node.inputs):
            if place not in row:
                row[place] = -1 - constants.setdefault(repr(x), len(constants))
        rows.append([row[place] for place in range(len(row))])
    return {
        "op": [-1 if v.op is None else ops.index(v.op, len(v.inputs)) for v in trace.nodes],
        "inputs": rows,
        "value": numbers(node.data for node in trace.nodes),
        "constants": numbers(map(float, constants)),
    }


def describe(
    trace: Trace, recorded: Recorded | None = None, training: Any = None
) -> tuple[dict[str, Any], str]:
    """Return all that a page is told of a graph, and the JavaScript of its ops.

    Args:
        trace: the graph.
        recorded: where its nodes were made, if that is known.
        training: how its parameters were adjusted, as `nn.Module.training_record` returns it.

    >>> from autograd import Value
    >>> data, code = describe(Trace([Value(2.0, label="x") ** 2]))
    >>> data["nodes"]["value"], data["nodes"]["grad"]
    ([2.0, 4.0], [4.0, 1.0])
    """
    ops, views = Ops(), Views(trace)
    graph = program(trace, ops)
    constants = graph.pop("constants")
    positions = range(len(trace.nodes))
    grads = trace.gradients()
    labels = [trace.label(i) for i in positions]
    names = [clean(label) if label else "" for label in labels]
    began = where_wrong_began(trace, grads)
    lines = Lines(trace, recorded)
    data = {
        "title": clean(trace.name, LONGEST_NAME * 2),
        "nodes": {
            **graph,
            "grad": numbers(grads),
            "label": names,
            "full": {
                i: clean(label, LONGEST_TIP)
                for i, label in enumerate(labels)
                if len(label) > LONGEST_NAME
            },
            "line": None if recorded is None else lines.of_nodes,
            "home": [
                -1 if home is None else views.index.get(home, -1) for home in trace.homes
            ],
        },
        "constants": constants,
        "parameters": [i for i in positions if trace.kind(i) == "parameter"],
        "outputs": sorted(trace.outputs),
        "ops": ops.names,
        "partials": _all_partials(trace) if ops.refused else None,
        "modules": [
            {
                "name": clean(path[-1] if path else trace.title),
                "path": clean(_path(trace, path), LONGEST_TIP),
                "parent": views.index.get(path[:-1], -1) if path else -1,
                "view": view,
            }
            for path, view in zip(views.modules, views.opened_in)
        ],
        "classes": None if views.classes.are_nodes else views.classes.members,
        "views": views.data,
        "isProgram": trace.is_program,
        "full": views.full,
        "folded": views.folded,
        "guards": lines.guards,
        "lines": lines.lines,
        "files": lines.files,
        "notes": [*views.notes, *_warnings(ops), *lines.warnings()],
        "began": None if began is None else {"node": began[0], "text": clean(began[1], 60)},
        "training": None if training is None else _training(trace, training, ops),
    }  # fmt: skip
    return data, f"[{', '.join(ops.code)}]"


def _path(trace: Trace, path: Path) -> str:
    """What a module is called out of its place; a loop's name says where it is."""
    return path[-1] if path and trace.is_program else ".".join(path) or trace.title


class Lines:
    """The lines of source that made the nodes, and pieces of the files they are in.

    And the comparisons that steered the function: what is recorded follows from how they came out.
    """

    def __init__(self, trace: Trace, recorded: Recorded | None) -> None:
        self.lines: list[dict[str, Any]] = []
        self.of_nodes: list[int] = []
        self.guards: list[dict[str, Any]] = []
        self._unseen: list[Choice] = []  # comparisons of numbers that are not in the graph
        self._sources: list[Source] = []
        self._at: dict[Any, int] = {}
        if recorded is not None:
            self._sources += recorded.sources
            scopes, lines = recorded.scopes, recorded.lines
            self.of_nodes = [self._find(lines.get(v), scopes.get(v, ())) for v in trace.made]
            self._guard(trace, recorded.choices)

    @property
    def files(self) -> list[dict[str, Any]]:
        """The pieces of source."""
        return [
            {
                "name": clean(piece.name, LONGEST_NOTE),
                "start": piece.start,
                "text": [_code(line) for line in piece.text],
            }
            for piece in self._sources
        ]

    def warnings(self) -> Iterable[str]:
        """What an edit may make wrong without the page noticing."""
        for choice in self._unseen[:1]:
            where = "" if choice.line is None else f" (line {choice.line[1]})"
            yield (
                f"The function compares numbers that are not in this graph{where}: with other numbers "
                "it may go another way than the one that was recorded, which is all that is shown."
            )

    def _find(self, line: Line | None, scope: tuple[str, ...]) -> int:
        """The position of a line among the lines, -1 if it is not known."""
        if line is None:
            return -1
        if (line, scope) not in self._at:
            self._at[line, scope] = len(self._at)
            file = next((k for k, piece in enumerate(self._sources) if piece.holds(line)), None)
            if file is None:  # its text is not known
                file = len(self._sources)
                self._sources.append(Source(line[0], line[1], ("",)))
            names = [clean(name) for name in scope]
            self.lines.append({"file": file, "line": line[1], "scope": names})
        return self._at[line, scope]

    def _guard(self, trace: Trace, choices: Iterable[Choice]) -> None:
        at = {node: i for i, node in enumerate(trace.made)}
        for choice in choices:
            sides = choice.left, choice.right
            if any(isinstance(side, Value) and side not in at for side in sides):
                self._unseen.append(choice)
                continue
            left, right = (
                at[side] if isinstance(side, Value) else {"constant": numbers([side])[0]}
                for side in sides
            )
            words = [
                number(side)
                if isinstance(side, float)
                else trace.label(at[side]) or f"v{at[side] + 1}"  # as the page calls it
                for side in sides
            ]
            self.guards.append(
                {
                    "left": left,
                    "op": choice.symbol,
                    "right": right,
                    "taken": choice.taken,
                    "line": self._find(choice.line, ()),
                    "text": clean(f"{words[0]} {choice.symbol} {words[1]}", LONGEST_NOTE),
                }
            )


def _code(line: str) -> str:
    """A line of source as it can be drawn; unlike `clean` this keeps the indentation."""
    text = BIDI.sub("", UNDRAWABLE.sub("\ufffd", line))
    return text if len(text) <= LONGEST_TIP else text[: LONGEST_TIP - 1] + "…"


def _training(trace: Trace, record: Any, ops: Ops) -> dict[str, Any]:
    at = {node: i for i, node in enumerate(trace.nodes)}
    boundary = record.boundary
    return {
        "parameters": [at[p] for p in record.parameters],
        "values": [numbers(step) for step in record.steps],
        "steps": [clean(name, LONGEST_NOTE) for name in record.names],
        "loss": numbers(record.losses),
        "validation": numbers(record.validation),
        "how": clean(record.how, LONGEST_TIP),
        "boundary": None if boundary is None or ops.refused else _boundary(boundary, at, ops),
    }


def _boundary(boundary: Any, at: dict[Value, int], ops: Ops) -> dict[str, Any]:
    trace = Trace(boundary.outputs)
    own = {node: i for i, node in enumerate(trace.nodes)}
    nodes = program(trace, ops)
    return {
        "nodes": nodes,
        "constants": nodes.pop("constants"),
        "inputs": [own[x] for x in boundary.inputs],
        "parameters": {own[p]: at[p] for p in boundary.parameters if p in at},
        "outputs": [own[y] for y in boundary.outputs],
        "x": list(boundary.x),
        "y": list(boundary.y),
        "names": [clean(name) for name in boundary.names],
        "points": boundary.points,
        "classes": boundary.classes and [clean(name) for name in boundary.classes],
        "threshold": boundary.threshold,
    }


def _all_partials(trace: Trace) -> list[list[float | str | None]]:
    return [
        numbers(trace.partial(i, place) for place in range(len(node.inputs)))
        for i, node in enumerate(trace.nodes)
    ]


def _warnings(ops: Ops) -> Iterable[str]:
    for reason in dict.fromkeys(ops.refused):
        yield f"Numbers cannot be edited here: {reason}"
