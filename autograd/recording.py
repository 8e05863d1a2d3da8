"""Where every node came from: the user's line, and the calls it was made in, while a function runs.

`record_calls` is the mode that remembers; `run` is what `explain(f, 2.0, 3.0)` does with a function.

    line     (file, line) of the innermost line that the user wrote
    scope    the names of the user's functions that were running, the outermost first
    calls    a number for each of these *calls*: two calls of one function are told apart
    base     the frame in which the recording began; what runs outside of it is left out
"""

from __future__ import annotations

import inspect
import linecache
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from threading import local
from types import CodeType, FrameType
from typing import Any, NamedTuple, NoReturn

from . import modes
from .engine import Value, graph
from .ops import NUMPY_BOOLS, as_real
from .pytree import Shape, flatten

Line = tuple[str, int]

# Of a loop only the last round's variables are there to name: in a large graph, where rounds are
# drawn as one, they would stand apart for no other reason.
MOST_NAMED = 150
FEW_LINES_APART = 3  # pieces of source that are nearer stand together


class Scope(NamedTuple):
    """The calls that were running: their names and numbers, the outermost first."""

    names: tuple[str, ...] = ()
    calls: tuple[int, ...] = ()


class Choice(NamedTuple):
    """A comparison that was made: what followed from it is all that was recorded."""

    left: Value
    symbol: str
    right: Value | float
    taken: bool
    line: Line | None


class record_calls(modes.Mode):
    """Remember, for every Value computed in the block, its line and the calls it was made in.

    A with-block, for this thread or task only. Values that it remembers are kept, for as long as it
    is kept itself.

    Args:
        f: what will run. If it is a part of an installed package, so may be the lines and calls.

    >>> def square(x):
    ...     return x * x
    >>> with record_calls(square) as recorded:
    ...     y = square(Value(3.0))
    >>> recorded.scope(y), recorded.calls(y)
    (('square',), (1,))
    """

    def __init__(self, f: Any) -> None:
        super().__init__(modes.recorder)
        code = _code(f)
        installed = code is not None and not modes.is_users(code.co_filename)
        self._wrote: Callable[[str], bool] = modes.is_foreign if installed else modes.is_users
        self._base: FrameType | None = None
        self._running = _Running()
        self._numbers = count(1)
        self._nodes: dict[Value, tuple[Line | None, Scope]] = {}
        self._choices: dict[tuple[int, str, Any], Choice] = {}
        self.variables: dict[Value, str] = {}  # by what they were last called, by whom they outlive
        self.codes: dict[CodeType, None] = {}  # of f, and of all the functions seen, in order
        if code is not None and self._wrote(code.co_filename):
            self.codes[code] = None

    def __call__(self, f: Any) -> NoReturn:
        raise TypeError(
            "record_calls: expected a with-block, got a function to decorate; "
            "write `with record_calls(f) as recorded:` around its call"
        )

    def __enter__(self) -> Any:
        self._base = self._base or sys._getframe(1)
        return super().__enter__()

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        if not self._tokens:  # the outermost block; frames keep what is in their variables
            self._running.cut(None, self._leave)
            self._base, self._running = None, _Running()

    def remember(self, node: Value) -> None:
        """Keep the user's line and the calls that are running."""
        line, fresh, known = None, [], None
        for frame in modes.stack():
            if self._wrote(frame.f_code.co_filename):
                line = line or (frame.f_code.co_filename, frame.f_lineno)
                if self._running.stays(frame):
                    known = frame  # and so are those around it
                    break
                fresh.append(frame)
            if frame is self._base:
                break
        self._nodes[node] = line, self._scope(known, fresh)

    def remember_choice(self, a: Value, symbol: str, b: Any, taken: bool) -> None:
        """Keep a comparison of Values, which may have steered."""
        key = id(a), symbol, id(b) if isinstance(b, Value) else float(b)
        if key not in self._choices:
            files = ((f.f_code.co_filename, f.f_lineno) for f in modes.stack())
            line = next((line for line in files if self._wrote(line[0])), None)
            right = b if isinstance(b, Value) else float(b)
            self._choices[key] = Choice(a, symbol, right, taken, line)

    @property
    def choices(self) -> list[Choice]:
        """The comparisons of Values that were made, each once."""
        return list(self._choices.values())

    def _leave(self, frame: FrameType) -> None:
        """Learn from a call that is over what its variables are called; callers know better."""
        for name, value in frame.f_locals.items():
            if value.__class__ is Value:
                self.variables[value] = name

    def line(self, node: Value) -> Line | None:
        """The user's line that made a node; None if it was made elsewhere."""
        return self._nodes[node][0] if node in self._nodes else None

    def scope(self, node: Value) -> tuple[str, ...]:
        """The names of the user's functions that were running, the outermost first."""
        return self._nodes[node][1].names if node in self._nodes else ()

    def calls(self, node: Value) -> tuple[int, ...]:
        """The numbers of these calls."""
        return self._nodes[node][1].calls if node in self._nodes else ()

    def _scope(self, known: FrameType | None, fresh: Sequence[FrameType]) -> Scope:
        """The scope of the innermost frame: of the known one, and the fresh ones inside of it."""
        scope = self._running.cut(known, self._leave)
        for frame in reversed(fresh):
            if frame is not self._base and _is_function(frame.f_code):
                self.codes.setdefault(frame.f_code)
                number = self._running.number(frame, self._numbers)
                scope = Scope((*scope.names, _name(frame.f_code)), (*scope.calls, number))
                self._running.scopes[frame] = scope
        return scope


class _Running(local):
    """The frames that were running when the last node was made, in this thread.

    They are kept, and compared by identity: an id would be taken again by a later call. Functions
    that pause (generators, coroutines) may go on below another caller, but are the same call.
    """

    def __init__(self) -> None:
        self.scopes: dict[FrameType, Scope] = {}  # the innermost last
        self.pausing: dict[FrameType, int] = {}

    def stays(self, frame: FrameType) -> bool:
        """Say whether a frame's scope is known, and the same still."""
        return frame in self.scopes and not frame.f_code.co_flags & modes.SUSPENDS

    def cut(self, frame: FrameType | None, leave: Callable[[FrameType], None]) -> Scope:
        """Leave and forget the frames inside of this one, or all; return the scope that is left."""
        while self.scopes:
            innermost, scope = self.scopes.popitem()
            if innermost is frame:
                self.scopes[frame] = scope
                return scope
            leave(innermost)
        return Scope()

    def number(self, frame: FrameType, numbers: Iterator[int]) -> int:
        """The number of a call that is not among the scopes."""
        if not frame.f_code.co_flags & modes.SUSPENDS:
            return next(numbers)
        if frame not in self.pausing:
            self.pausing[frame] = next(numbers)
        return self.pausing[frame]


def _is_function(code: CodeType) -> bool:
    """A function with a name, or a lambda: no comprehension, module or class body."""
    named = code.co_name == "<lambda>" or not code.co_name.startswith("<")
    return named and bool(code.co_flags & inspect.CO_NEWLOCALS)


def _name(code: CodeType) -> str:
    """What a function is called: ``norm``, ``Model.loss``, ``lambda``."""
    return code.co_qualname.rpartition("<locals>.")[2].replace("<lambda>", "lambda")


def _code(f: Any) -> CodeType | None:
    """The code of a function, of a method, or of what calling an object runs."""
    f = inspect.unwrap(getattr(f, "func", f))  # of functools.partial
    code = getattr(f if hasattr(f, "__code__") else type(f).__call__, "__code__", None)
    return code if isinstance(code, CodeType) else None


# ---- explain(f, *args) ----


@dataclass(frozen=True, slots=True)
class Source:
    """Consecutive lines of one file, ``text``, of which the first has the number ``start``."""

    file: str
    start: int
    text: tuple[str, ...]

    @property
    def name(self) -> str:
        """What to call the file: its name without folders, or the notebook's cell.

        >>> Source("/home/me/model.py", 1, ()).name
        'model.py'
        """
        return _cell(self.file) or re.split(r"[/\\]", self.file)[-1]

    def holds(self, line: Line) -> bool:
        """Say whether a line is one of these."""
        return line[0] == self.file and 0 <= line[1] - self.start < len(self.text)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a function made of its arguments; dicts are by node, and hold those that are known.

    Attributes:
        outputs: the Values it returned, each once.
        names: what to call arguments and outputs that have no label.
        lines: the user's file and line.
        scopes: the names of the functions that were running, the outermost first.
        calls: their calls, each by a number of its own.
        sources: the text of these functions, in the order of files and lines, as far as it is known.
        choices: the comparisons of Values that were made.
        name: of the function, if it is to be told.
        instructions: of a folded program: for every node in a loop, the number of the instruction
            that it comes from.
    """

    outputs: list[Value]
    names: dict[Value, str]
    lines: dict[Value, Line]
    scopes: dict[Value, tuple[str, ...]]
    calls: dict[Value, tuple[int, ...]]
    sources: list[Source]
    choices: list[Choice]
    name: str = ""
    instructions: dict[Value, int] = field(default_factory=dict)


def run(
    f: Callable[..., Any],
    args: Sequence[Any],
    named: Mapping[str, Any] | None = None,
    who: str = "explain",
) -> Recorded:
    """Run ``f`` on Values that have the numbers of ``args``, and remember where each node came from.

    Numbers become Values labelled by the parameter they are for: ``x``, ``x[0]``, ``x['a']``. Bools
    stay as they are, for they are switches; so do ints for a parameter annotated ``int``, and all
    ints if ``f`` cannot do with Values in their places: they count something. So does whatever else
    is in there: Values, Modules, functions, text. Values that have no label get the name of the
    variable that they were in when a function ended.

    Args:
        args: its arguments, numbers in any structure.
        named: its keyword arguments.
        who: what the user called, for messages.

    Raises:
        TypeError: if ``f`` is no function, or returns no Value.

    >>> recorded = run(lambda x, n: x[0] * n, [(2.0, 5.0), 3])
    >>> recorded.outputs[0].inputs[0].label, recorded.outputs[0].inputs[1].label
    ('x[0]', 'n')
    """
    if not callable(f):
        raise TypeError(f"{who}: expected a function, got {f!r:.80}; its arguments come after it")
    named = named or {}
    try:
        arguments, recorded, returned = _traced(f, args, named)
    except TypeError as error:
        if not _Arguments(f, args, named).ints:
            raise
        try:
            arguments, recorded, returned = _traced(f, args, named, keep_ints=True)
        except TypeError:
            raise error from None
    leaves, shape = flatten(returned)
    outputs = [y for y in leaves if isinstance(y, Value)]
    if not outputs:
        raise TypeError(
            f"{who}: expected {called(f)} to return a Value, got {returned!r:.80}; return what "
            "it computed from its arguments, with autograd's functions instead of math's"
        )
    nodes = graph(*outputs)
    variables = recorded.variables if len(nodes) <= MOST_NAMED else {}
    names = {**variables, **arguments.names}
    for name, y in zip(paths("out", shape), leaves):
        if isinstance(y, Value) and y not in arguments.names:
            names[y] = called(f) if shape.build is None else name
    lines = {node: line for node in nodes if (line := recorded.line(node))}
    return Recorded(
        outputs=list(dict.fromkeys(outputs)),
        names=names,
        lines=lines,
        scopes={node: scope for node in nodes if (scope := recorded.scope(node))},
        calls={node: calls for node in nodes if (calls := recorded.calls(node))},
        sources=sources_of(recorded.codes, lines.values()),
        choices=recorded.choices,
    )


def _traced(
    f: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any], keep_ints: bool = False
) -> tuple[_Arguments, record_calls, Any]:
    """Run ``f``; return its arguments, what was recorded, what it returned."""
    arguments = _Arguments(f, args, named, keep_ints)
    with modes.ensure_recording(), record_calls(f) as recorded:
        returned = f(*arguments.values, **arguments.named)
    return arguments, recorded, returned


class _Arguments:
    """The arguments of a function, with Values in the places of numbers.

    Attributes:
        names: of all Values among them.
        ints: the names of those that were ints.
    """

    def __init__(
        self, f: Any, args: Sequence[Any], named: Mapping[str, Any], keep_ints: bool = False
    ) -> None:
        self.names: dict[Value, str] = {}
        self.ints: list[str] = []
        self._keeps_ints = keep_ints
        self.values = [
            self._traced(arg, name, annotation)
            for arg, (name, annotation) in zip(args, parameters_of(f, len(args)))
        ]
        self.named = {name: self._traced(arg, name, "") for name, arg in named.items()}

    def _traced(self, arg: Any, name: str, annotation: str) -> Any:
        leaves, shape = flatten(arg)
        traced = [self._leaf(x, path, annotation) for x, path in zip(leaves, paths(name, shape))]
        # What holds no number is passed itself, not as a copy.
        return arg if all(a is b for a, b in zip(leaves, traced)) else shape.fill(traced)

    def _leaf(self, x: Any, path: str, annotation: str) -> Any:
        if isinstance(x, Value):
            self.names.setdefault(x, path)
            return x
        number, is_int = as_real(x), hasattr(x, "__index__")
        is_switch = type(x).__name__ in NUMPY_BOOLS  # Python's own is called so too
        if number is None or is_switch or (is_int and (self._keeps_ints or _counts(annotation))):
            return x
        if is_int:
            self.ints.append(path)
        value = Value(number, label=path)
        self.names[value] = path
        return value


def _counts(annotation: str) -> bool:
    """Say whether an annotation is for ints: ``int``, ``int | None``, ``list[int]``."""
    words = set(re.findall(r"\w+", annotation))
    return "int" in words and not words & {"float", "Value"}


def parameters_of(f: Any, count: int) -> Iterator[tuple[str, str]]:
    """The name and the annotation of each of so many arguments: x1, x2, ... if nothing is known."""
    parameters: list[inspect.Parameter] = []
    with suppress(TypeError, ValueError):
        parameters = list(inspect.signature(f).parameters.values())
    single = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p for p in parameters if p.kind is p.VAR_POSITIONAL), None)
    for i in range(count):
        if i < len(single):
            yield single[i].name, _annotation(single[i])
        elif rest is not None:
            yield f"{rest.name}[{i - len(single)}]", _annotation(rest)
        else:
            yield f"x{i + 1}", ""


def _annotation(parameter: inspect.Parameter) -> str:
    annotation = parameter.annotation
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def paths(name: str, shape: Shape) -> Iterator[str]:
    """What to call each number of a structure: ``x[0]``, ``x['a'][1]``."""
    if shape.build is None:
        yield name
        return
    for key, part in zip(shape.keys or range(len(shape.parts)), shape.parts):
        yield from paths(f"{name}[{key!r}]", part)


def called(f: Any) -> str:
    """What to call a function; f, if it is a lambda."""
    f = getattr(f, "func", f)  # of functools.partial
    name = str(getattr(f, "__name__", None) or getattr(f, "name", None) or type(f).__name__)
    return "f" if name == "<lambda>" else name


# ---- source text ----


def sources_of(codes: Iterable[CodeType], lines: Iterable[Line]) -> list[Source]:
    """The text of functions, and of further lines, where it is known."""
    pieces: dict[str, list[tuple[int, int]]] = {}
    for code in codes:
        pieces.setdefault(code.co_filename, []).append(_extent(code))
    for file, line in dict.fromkeys(lines):
        pieces.setdefault(file, []).append((line, line))
    return [
        Source(file, start, text)
        for file in pieces
        for start, stop in _merged(pieces[file])
        if (text := tuple(line.rstrip("\r\n") for line in _text(file)[start - 1 : stop]))
    ]


def _text(file: str) -> list[str]:
    linecache.checkcache(file)  # the file may have been changed, and its module loaded again
    return linecache.getlines(file)


def _extent(code: CodeType) -> tuple[int, int]:
    """The first and the last line of a function."""
    first = code.co_firstlineno
    last = max(line or first for _, _, line in code.co_lines())
    with suppress(Exception):  # a lambda need not begin where a statement does
        block = inspect.getblock(_text(code.co_filename)[first - 1 :])
        last = max(last, first + len(block) - 1)
    return first, last


def _merged(pieces: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pieces that overlap, or nearly touch, as one.

    >>> _merged([(20, 25), (1, 4), (3, 9), (12, 14)])
    [(1, 14), (20, 25)]
    """
    merged: list[tuple[int, int]] = []
    for first, last in sorted(pieces):
        if merged and first - merged[-1][1] <= FEW_LINES_APART:
            before = merged.pop()
            first, last = before[0], max(before[1], last)
        merged.append((first, last))
    return merged


def _cell(file: str) -> str:
    """What IPython calls the notebook's cell with this file: ``Cell In[3]``; "" if it is none."""
    with suppress(Exception):
        shell: Any = sys.modules["IPython"].get_ipython()
        return " ".join(shell.compile.format_code_name(file))
    return ""
