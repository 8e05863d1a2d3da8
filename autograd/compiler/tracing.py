"""A function run once, to learn what it computes: its tape, and where that is valid.

Numbers in arguments and captures are inputs. While the function runs there are Values in the places of
those that are differentiated by, and of the others what stands for plain numbers (standins.py). What it
asks of them in comparisons becomes guards.

    made     the nodes that f computes, and the comparisons that steered it, in order
    since    the order at which the trace began: Values older than it are from outside
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
import os
import random
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from .. import engine, modes
from ..engine import Value
from ..ops import OPS, operand
from ..pytree import Shape, flatten
from ..recording import Choice, Line
from .arrays import object_array
from .bytecode import line_of, names_in
from .captures import Captures
from .collector import without_collector
from .copies import Copies, changed_object
from .reach import Reach
from .standins import EXACT, Float, Int, Truth, pattern_of, plain
from .structure import (
    ReadOnlyList,
    Viewer,
    bound_of,
    class_of,
    largest,
    plain_containers,
    read,
    read_only,
)
from .tape import COMPARISONS, DETACH, Row, Tape, linearise

# Who says one of these asks what an array holds, or makes a plain one of it.
KINDS = {"dtype", "itemsize", "nbytes", "array", "asarray", "asanyarray", "ascontiguousarray"}


class Tracer(modes.Mode):
    """The mode in which a function is traced, and what it remembers.

    Args:
        asks: whether comparisons are asked at once, for functions that cannot do with Truths.
        plain: whether ints, and floats not differentiated by, are plain, and guarded: for functions
            that cannot do with what stands for them.
        plain_arrays: the same for arrays of such numbers.
        lines: whether to remember the user's line of every node.
    """

    def __init__(self, asks: bool, plain: bool, plain_arrays: bool, lines: bool) -> None:
        super().__init__(modes.tracer)
        self.asks, self.plain, self.plain_arrays = asks, plain, plain_arrays
        self.since = next(engine.ticks)
        self.refused: modes.Refused | None = None  # what the function did that cannot be repeated
        self.made: list[Value | Choice] = []
        self.lines: list[Line | None] | None = [] if lines else None
        self.detached: set[Value] = set()
        self.inputs: list[Value] = []
        self.rows: dict[Value, tuple[Row, int, int]] = {}
        self._is_plain: dict[Value, bool] = {}  # whether Values stand for floats
        self._addresses: dict[Value, int] = {}
        self._numbered = 0  # how many inputs have their address there
        self._patterns: dict[int, tuple[Any, Any]] = {}
        self.remember: Callable[[Any], None] = self._remember_line if lines else self.made.append

    def _remember_line(self, made: Value | Choice) -> None:
        self.made.append(made)
        assert self.lines is not None
        self.lines.append(made.line if isinstance(made, Choice) else modes.user_line())

    def compare(self, a: Value, symbol: str, b: Any, taken: bool) -> Any:
        """What ``a symbol b`` is to the function: a Truth, or a bool that is guarded."""
        right = b if b.__class__ is Value else _number(b)
        if b.__class__ is int and right != b:  # beside it there is no float in between
            if symbol in ("==", "!="):
                return taken
            symbol = symbol[0] + ("=" if (right > b) == (symbol[0] == ">") else "")
        truth = Truth(self, a, symbol, right, taken)
        return truth._plain() if self.asks else truth

    def ask(self, a: Value, symbol: str, b: Value | float, taken: bool) -> bool:
        """Make a guard; return ``taken``."""
        self.remember(Choice(a, symbol, b, taken, modes.user_line()))
        return taken

    def ask_number(self, v: Value, number: float) -> None:
        """Make guards: v is this number, a nan or this zero."""
        if number != number:
            self.ask(v, "!=", v, True)
        else:
            self.ask(v, "==", number, True)
        if number == 0.0:
            self.ask(1.0 / v, ">", 0.0, math.copysign(1.0, number) > 0.0)

    def adopt(self, v: Value) -> int | None:
        """Make a Value from outside an input, though it is not known where it was found."""
        if v.op is None and v._order > self.since:
            return None  # a leaf that the function made is a constant
        if v.op is not None and abs(v._order) > self.since:
            raise modes.Refused(
                "jit: expected Values to be computed where the function runs, got one that another "
                "thread computed meanwhile; start threads outside"
            )
        self.inputs.append(v)
        return len(self.inputs) - 1

    def forget(self) -> None:
        """Let go of the graph."""
        for held in (self.made, self.detached, self.inputs, self.rows, self._addresses):
            held.clear()
        self._patterns.clear()
        self._is_plain.clear()

    def detach(self, v: Value, label: str = "") -> Value:
        """A Value with the number of ``v``, through which no gradient flows."""
        y = engine.make_node(v._data, DETACH, v, None)
        y.label = label
        return y

    def unwrapped(self, x: Any) -> Any:
        """What stands for a float, if ``x`` is a Value that is computed from plain numbers alone."""
        stack = [x] if x.__class__ is Value else []
        while stack:
            y = stack[-1]
            hides = y.op is None or y.op is DETACH or y.op in COMPARISONS.values()
            below = [] if hides else [v for v in y.inputs if v.__class__ is Value]
            fresh = [v for v in below if v not in self._is_plain]
            if fresh and y not in self._is_plain:
                stack += fresh
            else:
                is_own = abs(y._order) > self.since
                self._is_plain.setdefault(y, is_own and all(self._is_plain[v] for v in below))
                stack.pop()
        return Float(self, x, x._data) if self._is_plain.get(x) else x

    def pattern(self, items: list[Any]) -> Any:
        """Where the items of a list are among the inputs, if that is regular: see `pattern_of`."""
        if type(items) is not ReadOnlyList:  # others may change
            return pattern_of(items, self.addresses())
        if id(items) not in self._patterns:
            self._patterns[id(items)] = items, pattern_of(items, self.addresses())
        return self._patterns[id(items)][1]

    def addresses(self) -> dict[Value, int]:
        """Where each input is."""
        for v in self.inputs[self._numbered :]:
            self._addresses.setdefault(v, self._numbered)
            self._numbered += 1
        return self._addresses

    def variable(self, leaf: Any) -> Any:
        """Make a number that may be differentiated by an input; return what the function sees."""
        return self._input(leaf, Value)

    def number(self, leaf: Any) -> Any:
        """The same for a number that is not differentiated by. Values are what they are."""
        return self._input(leaf, float)

    def _input(self, leaf: Any, kind: type, most: int = 0) -> Any:
        """Make the numbers of a leaf inputs; return what the function sees.

        Args:
            kind: what floats are to the function.
            most: the largest magnitude of an array that an int is in.
        """
        if isinstance(leaf, np.ndarray):
            most = largest(leaf) or 0
            parts = [self._input(x, kind, most) for x in leaf.ravel()]
            if Value not in map(type, parts) and (self.plain or self.plain_arrays):
                for part in parts:
                    plain(part)
                return read_only(leaf.copy())
            return read_only(object_array(parts, leaf.shape))
        v = leaf if leaf.__class__ is Value else Value(float(leaf))
        self.inputs.append(v)
        is_float = isinstance(leaf, float | np.floating)
        if leaf.__class__ is Value or (is_float and kind is Value):
            self._is_plain[v] = False
            return v
        if self.plain:
            self.ask_number(v, float(leaf))
            return leaf
        if is_float:
            return Float(self, v, leaf)
        bound = bound_of(max(abs(int(leaf)), most)) or EXACT
        return Int(self, v, leaf, bound, len(self.inputs) - 1)


def compensated_sum(x: Iterable[Any], /, start: Any = 0) -> Any:
    """The builtin ``sum`` as of Python 3.12, which loses less where floats come first.

    Source:
        Neumaier 1974, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM
        54; CPython's bltinmodule.c: an int among the floats is added without.

    >>> compensated_sum([0.1] * 10), compensated_sum([1e100, 1.0, -1e100, 2])
    (1.0, 3.0)
    """
    total, rest, where = start, iter(x), OPS["where"].on
    for v in rest:
        if not (_is_float(total) and _is_float(v)):
            total = total + v
            if not (_is_float(total) or isinstance(total, int)):  # never again
                return functools.reduce(operator.add, rest, total)
            continue
        error: Any = 0.0
        for w in chain([v], rest):
            if _is_float(w):
                before, total = total, total + w
                is_larger = abs(before) >= abs(w)
                error = error + where(is_larger, (before - total) + w, (w - total) + before)
            elif isinstance(w, int):
                total = total + w
            else:
                break
        else:
            w = None
        total = where((error != 0.0) & (abs(error) < math.inf), total + error, total)
        return total if w is None else functools.reduce(operator.add, rest, total + w)
    return total


def _is_float(x: Any) -> bool:
    return type(x) is float or (type(x) is Float and type(x.number) is float)


@dataclass(frozen=True, slots=True)
class Traced:
    """What a function computes, as far as its guards hold.

    Attributes:
        tape: the instructions; their inputs are the numbers of the arguments, then the captured.
        outputs: the structure of the result; tape.outputs are its numbers.
        guards: the comparisons that steered, as the Guard instructions of the tape are numbered.
        captures: what was read from outside of the arguments.
        frozen: what was read but is not watched, as text.
        slots: which inputs are the numbers of each positional argument.
    """

    tape: Tape
    outputs: Shape
    guards: list[Choice]
    captures: Captures
    frozen: list[str]
    slots: list[range]


@without_collector()
def trace(
    f: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    wanted: Collection[int] | None = None,
    lines: bool = False,
) -> Traced:
    """Run ``f`` once and return what it computed, for all numbers that pass the guards.

    Args:
        f: the function.
        args, kwargs: what to call it with.
        wanted: the positions of the arguments to differentiate by, whose floats f meets as Values;
            None for any. All other floats are floats to f.
        lines: whether the tape shall know the user's line of every instruction.

    Raises:
        RuntimeError: if f does what a compiled function could not repeat.
        TypeError: if it does not return numbers.
    """
    plan = _Plan(f, args, kwargs, range(len(args)) if wanted is None else wanted)
    try:
        return plan.attempt(lines, plan.asks, plan.plain)
    except modes.Refused:
        raise
    except Exception:  # perhaps for what stands for plain numbers: again, without
        pass
    try:
        return plan.attempt(lines, asks=True, plain=True)
    except AttributeError:  # f may be written for Values: x.exp()
        if wanted is None:
            raise
    return trace(f, args, kwargs, lines=lines)


class _Plan:
    """What a function is called with and can reach, before it runs."""

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        wanted: Collection[int],
    ) -> None:
        self.f, self.args, self.kwargs, self.wanted = f, args, kwargs, wanted
        self.reading = read((tuple(args), dict(kwargs)))
        self.roots = {str(i): x for i, x in enumerate([f, *self.reading.statics])}
        self.wrote = _who_wrote(f)
        self.reach = Reach(self.roots, self.wrote)
        names = [names_in(code) for code in self.reach.codes]
        setters = ("__setattr__", "__delattr__")  # of frozen dataclasses; nothing is set here
        self.plain = any(  # of the others, the builtin is replaced
            "type" in names_in(code).globals
            for code in self.reach.static_codes
            if code.co_name not in setters
        )
        self.plain_arrays = any(not n.attributes.isdisjoint(KINDS) for n in names)
        self.asks = self.plain or any(n.asks for n in names)

    def attempt(self, lines: bool, asks: bool, plain: bool) -> Traced:
        """Run the function once.

        Args:
            lines, asks, plain: as for `Tracer`.
        """
        tracer = Tracer(asks, plain, self.plain_arrays, lines)
        try:
            return self._run(tracer)
        finally:  # the copies of functions are cycles, from which the graph must not hang
            tracer.forget()

    def _run(self, tracer: Tracer) -> Traced:
        captures = Captures(self.reach, self.roots, self.wrote)
        with modes.ensure_recording(), tracer, unchanged_randomness(self._things()):
            slots, viewer, args, kwargs, copies = self._views(tracer)
            returned, outputs = flatten(
                plain_containers(copies.view(self.roots, "0")(*args, **kwargs))
            )
            if tracer.refused is not None:  # though the function caught it
                raise tracer.refused
            results = [_result(self.f, y, tracer) for y in returned]
            self._refuse_changes(copies.changed() or changed_object(viewer))
        inputs = len(tracer.inputs)
        tape = linearise(
            tracer.made,
            tracer.inputs,
            results,
            tracer.rows,
            tracer.lines,
            tracer.detached,
            tracer.adopt,
        )
        captures.start(tracer.inputs[inputs:], self.reading.leaves)
        guards = [_alone(choice) for choice in tracer.made if isinstance(choice, Choice)]
        frozen = list(dict.fromkeys(self.reach.frozen))
        return Traced(tape, outputs, guards, captures, frozen, slots)

    def _views(self, tracer: Tracer) -> Any:
        """What stands in the places of arguments and captures; arguments come first as inputs."""
        instead: dict[str, Any] = {"sum": compensated_sum} if sys.version_info >= (3, 12) else {}
        if not tracer.plain:
            instead["type"] = class_of
        copies = Copies(self.reach, tracer.number, tracer.plain, instead)
        viewer = Viewer(tracer.number, copies.static, exact=tracer.plain, in_objects=tracer.number)
        slots, args = [], []
        for i, arg in enumerate(self.args):
            viewer.variable = tracer.variable if i in self.wanted else tracer.number
            start = len(tracer.inputs)
            args.append(viewer.view(arg))
            slots.append(range(start, len(tracer.inputs)))
        viewer.variable = tracer.number
        kwargs = {name: viewer.view(x) for name, x in self.kwargs.items()}
        copies.fill()
        return slots, viewer, args, kwargs, copies

    def _things(self) -> list[Any]:
        """What may be a random number generator."""
        return [*self.reach.statics, *self.reading.statics]

    def _refuse_changes(self, name: str | None) -> None:
        again = Reach(self.roots, self.wrote).reading.signature
        if name is None and again == self.reach.reading.signature:
            return
        line = line_of(self.reach.codes, name) if name else None
        where = f" ({line[0]}, line {line[1]})" if line else ""
        raise modes.Refused(
            f"jit: expected a function that only computes, got one that changes "
            f"{name or 'what it finds outside'}{where}; return what shall change, and assign it "
            f"outside"
        )


def _alone(choice: Choice) -> Choice:
    """A comparison without the graphs of what was compared, which would be kept alive."""
    right = choice.right
    return choice._replace(
        left=Value(choice.left._data),
        right=Value(right._data) if isinstance(right, Value) else right,
    )


def _number(x: Any) -> float:
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def _who_wrote(f: Any) -> Callable[[str], bool]:
    """Which files are looked into: the user's; those of its own package if f is installed."""
    code = getattr(inspect.unwrap(getattr(f, "func", f)), "__code__", None)
    if code is None or not modes.is_foreign(code.co_filename) or modes.is_users(code.co_filename):
        return modes.is_users
    folder = os.path.dirname(code.co_filename)
    while os.path.exists(os.path.join(os.path.dirname(folder), "__init__.py")):
        folder = os.path.dirname(folder)
    return lambda file: modes.is_users(file) or file.startswith(folder + os.sep)


def _result(f: Any, y: Any, tracer: Tracer) -> Any:
    """A number that f returned."""
    try:
        y = operand(y, "jit")  # a Value, or a float
    except TypeError:
        name = getattr(f, "__name__", repr(f))
        raise TypeError(
            f"jit: expected {name} to return a number, or lists, tuples, dicts or arrays of "
            f"numbers, got {y!r:.80} among them; return what it computes from its arguments"
        ) from None
    return OPS["identity"].on(y) if y in tracer.rows else y


# ---- random numbers ----


@contextmanager
def unchanged_randomness(things: Sequence[Any]) -> Iterator[None]:
    """Refuse a block that draws random numbers: a compiled function would draw the same ones again.

    Args:
        things: what the block can reach, in which there may be generators.
    """
    sources = [source for x in [random, np.random, *things] if (source := _state_of(x))]
    before = [get() for get, _ in sources]
    drew = False
    try:
        yield
    finally:
        for (get, put), state in zip(sources, before):
            if not _equal(get(), state):
                put(state)
                drew = True
    if drew:
        raise modes.Refused(
            "jit: expected a function that computes the same for the same arguments, got one that "
            "draws random numbers; draw them outside, and pass them as an argument"
        )


def _state_of(x: Any) -> tuple[Callable[[], Any], Callable[[Any], Any]] | None:
    """How to get and to put back the state of a random number generator; None if x is none."""
    if x is random or (isinstance(x, random.Random) and not isinstance(x, random.SystemRandom)):
        return x.getstate, x.setstate
    if x is np.random or isinstance(x, np.random.RandomState):
        return x.get_state, x.set_state
    if isinstance(x, np.random.Generator):
        bits = x.bit_generator
        return lambda: bits.state, lambda state: setattr(bits, "state", state)
    return None


def _equal(a: Any, b: Any) -> bool:
    """Compare states, in which there may be arrays."""
    return bool(_comparable(a) == _comparable(b))


def _comparable(state: Any) -> Any:
    if isinstance(state, dict):
        return [(key, _comparable(x)) for key, x in state.items()]
    if isinstance(state, (list, tuple)):
        return [_comparable(x) for x in state]
    return state.tobytes() if isinstance(state, np.ndarray) else state
