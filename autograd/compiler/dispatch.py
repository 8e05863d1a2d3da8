"""`jit`: what a user calls. Each call finds the trace that is right for it, or makes one, and runs it.

A trace is one run of the function, as machine code. It is right for calls with the same structure of
arguments (the signature) and of what is read from outside, as long as its guards hold: comparisons
that steered. The traces of a signature are a tree: a call goes down from the first trace to those
that were made when the same guard had failed, until the guards of one all hold.

    signature   all of the arguments but their numbers (structure.py)
    place       the traces to try, by number: for a signature, or where a guard of a trace fails
    leaves      the numbers of a call: of its arguments, then those read from outside
    wanted      by what to differentiate: the positions of arguments, or
                NOTHING (values only), VALUES (by the Values among the leaves)
"""

from __future__ import annotations

import linecache
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cache, partial, update_wrapper
from importlib.util import find_spec
from typing import Any, overload

import numpy as np

from .. import functional, modes
from ..engine import Value
from ..pytree import Shape
from ..recording import Choice
from . import eager
from .chains import with_starts
from .fold import fold
from .gradients import ByName, floated, like, size, spans
from .interpret import DONE, OUT_OF_RANGE
from .lowered import Lowered
from .node import Reach, returned
from .program import Workspace
from .quick import quick
from .running import Run, write
from .structure import read
from .tape import CONSTANTS, INPUTS, Array
from .tracing import Traced, trace

Argnums = int | tuple[int, ...] | list[int]
Wanted = tuple[int, ...] | str | None
Place = dict[int, "Trace"]

NOTHING, VALUES = None, "values"

MAX_TRACES = 64


class Trace:
    """What one run of the function computed, compiled as it is needed.

    Attributes:
        traced: the tape, and where it is valid.
        why: for what reason it was made, as text.
        spans: for every positional argument, where its numbers are among the inputs.
        has_values: whether there are Values among its leaves.
        names: for positions of Modules, how to arrange their gradients.
        others: the traces to try where a guard fails, by its number.
        quick: by argnums, a short way for calls like the last one; None at its first call.
    """

    def __init__(self, traced: Traced, leaves: Sequence[Any], why: str) -> None:
        self.traced, self.why = traced, why
        self.spans = [slice(r.start, r.stop) for r in traced.slots]
        self.tape = with_starts(traced.tape)
        self.nest = fold(self.tape)
        self.names: dict[int, ByName] = {}
        self.others: dict[int, Place] = {}
        self.quick: dict[Any, Callable[..., Any] | None] = {}
        self._runs: dict[Wanted, Run] = {}
        self._reach: Reach | None = None
        starts = np.cumsum([0, *map(size, leaves)]).tolist()
        self._values = {  # by place, which leaf it is
            start: i
            for i, (start, leaf) in enumerate(zip(starts, leaves))
            if leaf.__class__ is Value
        }
        self.has_values = bool(self._values)

    def run(self, wanted: Wanted) -> Run:
        """The machine code for what is wanted."""
        run = self._runs.get(wanted)
        if run is None:
            run = Run(self.tape, self._mask(wanted), self.nest)
            run = self._runs.setdefault(wanted, run)  # another thread may have been faster
        return run

    def _mask(self, wanted: Wanted) -> Array | None:
        if wanted is NOTHING:
            return None
        mask = np.zeros(self.traced.tape.inputs, bool)
        if isinstance(wanted, str):
            mask[list(self._values)] = True
        else:
            for position in wanted:
                mask[self.spans[position]] = True
        return mask

    def returns_values(self) -> bool:
        """Say whether a call now returns nodes of the graph."""
        return self.has_values and modes.is_recording()

    def inputs(self, x: Array, leaves: Sequence[Any]) -> dict[int, Value]:
        """By place, the Values that the result depends on."""
        self._reach = self._reach or Reach(self.traced.tape)
        reached = self._reach(x).tolist()
        return {place: leaves[i] for place, i in self._values.items() if reached[place]}


class Answer:
    """A call that has run. Its numbers are in the workspace until that is released."""

    def __init__(self, trace: Trace, run: Run, workspace: Workspace, leaves: Sequence[Any]) -> None:
        self.trace, self.run, self.workspace, self.leaves = trace, run, workspace, leaves

    def release(self) -> None:
        """Let another call have the workspace."""
        self.run.give_back(self.workspace)

    @property
    def shape(self) -> Shape:
        """The structure of the result."""
        return self.trace.traced.outputs

    def numbers(self) -> list[Any]:
        """The numbers of the result."""
        return self.workspace.y.tolist()

    def rows(self) -> list[Array]:
        """The gradients of all numbers of the result."""
        count = len(self.workspace.y)
        if count == 1:
            return [self.workspace.gx.copy()]
        return [self.run.sweep(self.workspace, seeds) for seeds in np.eye(count)]

    def values(self, name: str) -> list[Any]:
        """The results as nodes of the graph; what is an argument itself stays that."""
        x, y = self.workspace.x, self.numbers()
        known = self.workspace.gx.copy() if len(y) == 1 else None
        found: list[Any] = returned(name, self.run, x, y, known, self.trace.inputs(x, self.leaves))
        for k, (space, place) in enumerate(self.trace.traced.tape.outputs):
            if space == INPUTS:
                leaf = self.trace._values.get(place)
                found[k] = y[k] if leaf is None else self.leaves[leaf]
            elif space == CONSTANTS:
                found[k] = Value(y[k])
        return found


def _pass(*args: Any, **kwargs: Any) -> None:
    """Leave a call to the long way."""


class Jitted:
    """A function that is compiled as it is called; see `jit`.

    Attributes:
        function: the function.
        max_traces: how many traces it may make.
        traces: those that it has made, in order.
    """

    def __init__(self, f: Callable[..., Any], max_traces: int) -> None:
        update_wrapper(self, f)
        self.function = f
        self.max_traces = max_traces
        self.traces: list[Trace] = []
        self._places: dict[Any, Place] = {}
        self._quick: dict[Any, Callable[..., Any]] = {}
        self._is_full = False

    def __repr__(self) -> str:
        return f"<jit {self._name}>"

    def __reduce__(self) -> Any:
        name = getattr(self.function, "__qualname__", "")
        if getattr(sys.modules.get(self.function.__module__), name, None) is self:
            return name  # as functions are pickled
        return Jitted, (self.function, self.max_traces)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else Method(self, instance)

    @property
    def _name(self) -> str:
        return getattr(self.function, "__name__", repr(self.function))

    # ---- calls ----

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        quick = self._quick.get(None)
        if quick is not None and not modes.watching:
            y = quick(*args, **kwargs)
            if y is not None:
                return y
        answer = self._run((args, kwargs), VALUES)
        if answer is None:
            return eager.call(self.function, (args, kwargs))
        try:
            self._quicken(answer, args, kwargs, None)
            has_values = answer.trace.has_values
            return answer.shape.fill(answer.values(self._name) if has_values else answer.numbers())
        finally:
            answer.release()

    def value_and_grad(self, *args: Any, argnums: Argnums = 0, **kwargs: Any) -> tuple[float, Any]:
        """Return the value and the gradient, as numbers in the structure of the arguments.

        Args:
            args, kwargs: the arguments of the function, which must return one number.
            argnums: which positional argument to differentiate by, or a tuple of several.

        Returns:
            The value, and the gradient: like the argument, with floats in the places of numbers; for
            a Module a dict by the names of its parameters. A tuple of such for a tuple of argnums.

        >>> from autograd import jit
        >>> jit(lambda x, y: x * y).value_and_grad(2.0, 5.0, argnums=(0, 1))
        (10.0, (5.0, 2.0))
        """
        if isinstance(argnums, list):
            argnums = tuple(argnums)
        quick = self._quick.get(argnums)
        if quick is not None and not modes.watching:
            both = quick(*args, **kwargs)
            if both is not None:
                return both  # type: ignore[no-any-return]
        (value, *more), shape, gradients = self._derivatives(args, kwargs, argnums)
        if more or shape.build is not None:
            raise TypeError(
                f"grad: expected {self._name} to return one number, got {1 + len(more)} in a "
                f"structure; use its jacobian for several"
            )
        return value, gradients[0]

    def grad(self, *args: Any, argnums: Argnums = 0, **kwargs: Any) -> Any:
        """Return the gradient; see `value_and_grad`.

        >>> from autograd import jit
        >>> jit(lambda w, x: w[0] * x + w[1]).grad([2.0, 1.0], 3.0)
        [3.0, 1.0]
        """
        return self.value_and_grad(*args, argnums=argnums, **kwargs)[1]

    def jacobian(self, *args: Any, argnums: Argnums = 0, **kwargs: Any) -> Any:
        """Return the derivatives of all numbers of the result: for each of them its gradient.

        >>> from autograd import jit
        >>> jit(lambda x: [x[0] * x[1], x[0] + x[1]]).jacobian([2.0, 3.0])
        [[3.0, 2.0], [1.0, 1.0]]
        """
        _, shape, gradients = self._derivatives(args, kwargs, argnums)
        return shape.fill(gradients)

    def _derivatives(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Argnums
    ) -> tuple[list[float], Shape, list[Any]]:
        """The numbers of the result, their structure, and the gradient of each."""
        positions = self._positions(argnums, args)
        args = tuple(floated(x) if i in positions else x for i, x in enumerate(args))
        answer = self._run((args, kwargs), positions)
        if answer is None:
            values, shape, rows = eager.derivatives(self.function, (args, kwargs))
            ranges = spans(args)
        else:
            self._quicken(answer, args, kwargs, argnums)
            values, shape, ranges = answer.numbers(), answer.shape, answer.trace.spans
            rows = answer.rows()
            answer.release()
        names = {} if answer is None else answer.trace.names
        for i in positions:
            if hasattr(args[i], "named_parameters") and i not in names:
                names[i] = ByName(args[i])
        arrange = [names.get(i) or partial(like, args[i]) for i in positions]
        gradients = [
            tuple(place(row[ranges[i]]) for i, place in zip(positions, arrange)) for row in rows
        ]
        is_single = not isinstance(argnums, tuple | list)
        return values, shape, [g[0] for g in gradients] if is_single else gradients

    def _positions(self, argnums: Argnums, args: tuple[Any, ...]) -> tuple[int, ...]:
        argnums = tuple(argnums) if isinstance(argnums, list) else argnums
        return tuple(functional.positions(argnums, len(args), self._name))

    # ---- finding the trace ----

    def _run(self, arguments: eager.Arguments, wanted: Wanted) -> Answer | None:
        """Run the trace that is right for a call. None if the call must be run eagerly."""
        if _is_watched() or not _can_compile():
            return None
        args, kwargs = arguments
        reading = read(arguments)
        place = self._places.setdefault(reading.signature, {})
        why = "its first call" if len(self._places) == 1 else "arguments of another structure"
        if place:
            why = "what it reads from outside has another structure"
        while True:
            number = len(place)
            found, leaves = _valid(place, reading.leaves)
            is_new = found is None
            if found is None:
                if len(self.traces) >= self.max_traces:
                    self._say_full(why)
                    return None
                traced = trace(self.function, args, kwargs)
                leaves = reading.leaves + (traced.captures.current(reading.leaves) or [])
                found = Trace(traced, leaves, why)
            run = found.run(wanted if wanted != VALUES or found.returns_values() else NOTHING)
            workspace = run.borrow()
            write(workspace.x, leaves)
            status = run.native(workspace)
            if status == DONE:
                if is_new and place.setdefault(number, found) is found:
                    self.traces.append(found)
                return Answer(found, run, workspace, leaves)
            run.give_back(workspace)
            if is_new or status == OUT_OF_RANGE:
                return None
            place = found.others.setdefault(status, {})
            why = _text_of(found.traced.guards[status])

    def _quicken(
        self, answer: Answer, args: tuple[Any, ...], kwargs: Any, argnums: Argnums | None
    ) -> None:
        """The second time that a trace answers such a call, find a short way."""
        known = answer.trace.quick
        if argnums not in known:
            known[argnums] = None
            return
        if known[argnums] is None and not kwargs:
            current = answer.trace.traced.captures.current
            known[argnums] = self._short_way(answer, args, argnums, _pass, current)
        short = known[argnums]
        if short is not None:
            self._quick[argnums] = short

    def _short_way(
        self,
        answer: Answer,
        args: tuple[Any, ...],
        argnums: Argnums | None,
        fallback: Callable[..., Any],
        current: Any = None,
    ) -> Callable[..., Any] | None:
        if answer.trace.has_values or answer.shape.build is not None:
            return None
        wanted = None if argnums is None else self._positions(argnums, args)
        if isinstance(argnums, int) and wanted is not None:
            return quick(answer.run, args, wanted[0], fallback, current, self._name)
        return quick(answer.run, args, wanted, fallback, current, self._name)

    # ---- what was compiled ----

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Trace the function for arguments like these, and return the folded program.

        >>> from autograd import jit
        >>> print(jit(lambda x, y: x * y + 1.0).lower(2.0, 3.0))
        <lambda>: 2 instructions, folded to 2
        %1 = x0 × x1  <doctest ...>:1: print(jit(lambda x, y: x * y + 1.0).lower(2.0, 3.0))
        %2 = %1 + 1   <doctest ...>:1: print(jit(lambda x, y: x * y + 1.0).lower(2.0, 3.0))
        return %2
        """
        traced = trace(self.function, args, kwargs, lines=True)
        return Lowered(self._name, traced, fold(traced.tape), self, (args, kwargs))

    def bound(
        self,
        arguments: eager.Arguments,
        argnums: Argnums | None,
        fallback: Callable[..., Any],
        looks_outside: bool,
    ) -> Callable[..., Any] | None:
        """Return a short way for these arguments, if there is one; see `quick`.

        Args:
            looks_outside: whether it asks, before each call, for what is read from outside.
        """
        args, kwargs = arguments
        answer = self._run(
            arguments, NOTHING if argnums is None else self._positions(argnums, args)
        )
        if answer is None:
            return None
        answer.release()
        current = answer.trace.traced.captures.current if looks_outside else None
        return None if kwargs else self._short_way(answer, args, argnums, fallback, current)

    def _say_full(self, why: str) -> None:
        if not self._is_full:
            self._is_full = True
            _warn(
                f"jit: {self._name} has been traced {self.max_traces} times, which is all that it "
                f"may (max_traces); now it runs eagerly where no trace fits. The next would be for "
                f"{why}"
            )

    def explain_compiles(self) -> str:
        """Say why each trace was made, and what was read but is not watched.

        >>> from autograd import jit
        >>> f = jit(lambda x: x * x)
        >>> f(3.0)
        9.0
        >>> print(f.explain_compiles())
        <lambda>: 1 trace
        1. its first call: 1 operation, 0 guards
        """
        traces = self.traces
        if not traces:
            return f"{self._name}: nothing has been compiled yet"
        lines = [f"{self._name}: {len(traces)} trace{'s' * (len(traces) != 1)}"]
        for number, made in enumerate(traces, start=1):
            tape, guards = made.traced.tape, made.traced.guards
            count = len(tape) - len(guards)
            lines.append(
                f"{number}. {made.why}: {count:,} operation{'s' * (count != 1)}, "
                f"{len(guards):,} guard{'s' * (len(guards) != 1)}"
            )
        frozen = dict.fromkeys(text for made in traces for text in made.traced.frozen)
        lines += [f"not watched: {text}" for text in frozen]
        return "\n".join(lines)


class Method:
    """A compiled function as a method: the object is its argument 0, in `argnums` as well."""

    def __init__(self, function: Jitted, instance: Any) -> None:
        self._function, self._instance = function, instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(self._instance, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._function, name)
        takes_arguments = name in ("grad", "value_and_grad", "jacobian", "lower")
        return partial(found, self._instance) if takes_arguments else found


def _valid(place: Place, leaves: list[Any]) -> tuple[Trace | None, list[Any]]:
    """The first trace whose captures have the structure that they had; and all leaves."""
    for found in list(place.values()):
        captured = found.traced.captures.current(leaves)
        if captured is not None:
            return found, leaves + captured
    return None, leaves


def _is_watched() -> bool:
    """Say whether someone wants to see every node that is made."""
    if functional.is_tracing():
        return True
    return bool(modes.watching) and (
        modes.is_tracing()
        or modes.anomaly_detector() is not None
        or modes.recorder.get() is not None
    )


@cache
def _can_compile() -> bool:
    if find_spec("llvmlite") is not None:
        return True
    _warn(
        "jit: expected llvmlite, which makes machine code, but it is not installed, so compiled "
        "functions run eagerly; install foldgrad[jit]"
    )
    return False


def _warn(message: str) -> None:
    """Warn of the user's line."""
    level = next(
        (n for n, frame in enumerate(modes.stack()) if modes.is_users(frame.f_code.co_filename)), 1
    )
    warnings.warn(message, RuntimeWarning, stacklevel=level)


def _text_of(guard: Choice) -> str:
    """A comparison that came out otherwise, with its line."""
    if guard.line is None:
        return f"a comparison ({guard.symbol}) that is {not guard.taken} now"
    file, number = guard.line
    text = linecache.getline(file, number).strip()
    return f"the other side of {file}:{number}: {text}"


@overload
def jit(f: Callable[..., Any], *, max_traces: int = ...) -> Jitted: ...
@overload
def jit(*, max_traces: int = ...) -> Callable[[Callable[..., Any]], Jitted]: ...
def jit(f: Any = None, *, max_traces: int = MAX_TRACES) -> Any:
    """Compile a function of numbers to machine code, when it is called: a decorator.

    The function is ordinary Python over scalars. It runs once on Values, and what it computed is
    folded back into loops and compiled. Comparisons that steered are guards: a call in which one
    comes out otherwise traces that path as well, and both are kept. Numbers that it reads from
    outside, in closures, globals, lists or Modules, count as they are at each call. Values and
    gradients have the bits of the plain function's.

    What it does beside computing, such as printing, it does while it is traced only. It must not
    change what it is given or finds outside, nor draw random numbers.

    Args:
        f: a function of numbers, Values, NumPy arrays, Modules, and lists, tuples, dicts and
            dataclasses of them.
        max_traces: how many traces to make at most; calls for which there is none then run eagerly.

    Returns:
        A function like ``f``. Numbers give numbers; where there are Values among the arguments or in
        what it reads, it returns Values, to call ``backward()`` on. Its methods are `value_and_grad`,
        `grad`, `jacobian`, `lower` and `explain_compiles`.

    Raises:
        TypeError: if ``f`` is no function; in a call, if it does not return numbers.
        RuntimeError: in a call, if it does what compiled code could not repeat.

    >>> from autograd import Value, jit
    >>> @jit
    ... def collatz(x):
    ...     n = 0
    ...     while x > 1.0:
    ...         x = x / 2.0 if x % 2.0 == 0.0 else 3.0 * x + 1.0
    ...         n += 1
    ...     return n * x
    >>> collatz(6.0), collatz.grad(6.0), len(collatz.traces)
    (8.0, 1.125, 1)
    >>> x = Value(7.0); collatz(x).backward(); x.grad
    1.8984375
    """
    if f is None:
        return partial(jit, max_traces=max_traces)
    if not callable(f):
        raise TypeError(f"jit: expected a function, got {f!r:.80}; write jit(f)(x), not jit(f(x))")
    return Jitted(f, max_traces)
