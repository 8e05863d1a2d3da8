"""`jit`: what a user calls. Each call finds the trace that is right for it, or makes one, and runs it.

A trace is one run of the function, as machine code. It is right for calls with the same structure of
arguments (the signature) and of what is read from outside, as long as its guards hold: comparisons
that steered. The traces of a signature are a tree: a call goes down from the first trace to those
that were made when the same guard had failed, until the guards of one all hold.

    signature   all of the arguments but their numbers (structure.py)
    candidates  the traces to try, by number: for a signature, or where a guard of a trace fails
    leaves      the numbers of a call: of its arguments, then those read from outside
    wanted      by what to differentiate: see compiled.py
"""

from __future__ import annotations

import linecache
import sys
import warnings
from collections.abc import Callable
from functools import cache, partial, update_wrapper
from importlib.util import find_spec
from operator import is_
from typing import Any, overload

from .. import functional, modes
from ..engine import Value
from ..pytree import Shape
from ..recording import Choice
from . import eager
from .compiled import NOTHING, VALUES, Answer, Candidates, Trace, Wanted
from .fold import fold
from .gradients import ByName, floated, like, require_numbers, spans
from .interpret import DONE, OUT_OF_RANGE
from .lowered import Lowered
from .quick import Positions, quick
from .running import write
from .structure import read
from .tracing import trace

Argnums = int | tuple[int, ...] | list[int]

MAX_TRACES = 64
CALL = object()  # beside argnums: a call that asks for no derivative
DERIVATIVES = ("grad", "value_and_grad", "jacobian")


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
        self._candidates: dict[Any, Candidates] = {}  # by signature
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
        short = self._quick.get(CALL)
        if short is not None and not modes.watching:
            y = short(*args, **kwargs)
            if y is not None:
                return y
        answer = self._run(args, kwargs, VALUES)
        if answer is None:
            return eager.call(self.function, args, kwargs)
        try:
            self._quicken(answer, args, kwargs, CALL, None)
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
        short = self._quick.get(argnums)
        if short is not None and not modes.watching:
            both = short(*args, **kwargs)
            if both is not None:
                return both  # type: ignore[no-any-return]
        if eager.is_traced():
            return functional.value_and_grad(self.function, argnums)(*args, **kwargs)  # type: ignore[no-any-return]
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
        if isinstance(argnums, list):
            argnums = tuple(argnums)
        if eager.is_traced():
            return functional.jacobian(self.function, argnums)(*args, **kwargs)
        _, shape, gradients = self._derivatives(args, kwargs, argnums)
        return shape.fill(gradients)

    def _derivatives(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], argnums: int | tuple[int, ...]
    ) -> tuple[list[float], Shape, list[Any]]:
        """The numbers of the result, their structure, and the gradient of each."""
        wanted, args = self._wanted(argnums, args)
        answer = self._run(args, kwargs, wanted)
        if answer is None:
            names: dict[int, ByName] = {}
            ranges = spans([args[i] for i in wanted])
            values, shape, rows = eager.derivatives(self.function, args, kwargs, wanted)
        else:
            try:
                names = answer.trace.names
                ranges = [answer.trace.spans[i] for i in wanted]
                values, shape, rows = answer.numbers(), answer.shape, answer.rows()
            finally:
                answer.release()
        for i, numbers in zip(wanted, ranges):
            if numbers.start == numbers.stop:
                require_numbers(args[i])
            if hasattr(args[i], "named_parameters") and i not in names:
                names[i] = ByName(args[i])
        is_single = not isinstance(argnums, tuple)
        if answer is not None:
            self._quicken(answer, args, kwargs, argnums, wanted[0] if is_single else wanted)
        arrange = [names.get(i) or partial(like, args[i]) for i in wanted]
        gradients = [
            tuple(place(row[numbers]) for place, numbers in zip(arrange, ranges)) for row in rows
        ]
        return values, shape, [g[0] for g in gradients] if is_single else gradients

    def _wanted(
        self, argnums: int | tuple[int, ...], args: tuple[Any, ...]
    ) -> tuple[tuple[int, ...], tuple[Any, ...]]:
        """By which positions to differentiate; the arguments, with floats in the places of ints there."""
        wanted = tuple(functional.positions(argnums, len(args), self._name))
        return wanted, tuple(floated(x) if i in wanted else x for i, x in enumerate(args))

    # ---- finding the trace ----

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any], wanted: Wanted) -> Answer | None:
        """Run the trace that is right for a call. None if the call must be run eagerly."""
        if eager.is_watched() or not _can_compile():
            return None
        reading = read((args, kwargs))
        positions = wanted if isinstance(wanted, tuple) else ()
        signature = reading.signature, positions
        candidates = start = self._candidates.get(signature, {})
        why = self._why(bool(candidates), reading.signature, positions)
        while True:
            number = len(candidates)
            found, leaves = _valid(candidates, reading.leaves)
            is_new = found is None
            if found is None:
                if len(self.traces) >= self.max_traces:
                    self._say_full(why)
                    return None
                traced = trace(self.function, args, kwargs, wanted=positions)
                leaves = reading.leaves + (traced.captures.current(reading.leaves) or [])
                found = Trace(traced, leaves, why)
            run = found.run(wanted if wanted != VALUES or found.returns_values() else NOTHING)
            workspace = run.borrow()
            write(workspace.x, leaves)
            status = run.native(workspace)
            if status == DONE:
                if is_new:
                    self._keep(found, number, candidates, signature, start)
                return Answer(found, run, workspace, leaves)
            run.give_back(workspace)
            if is_new or status == OUT_OF_RANGE:
                return None
            candidates = found.others.setdefault(status, {})
            why = _text_of(found.traced.guards[status])

    def _keep(
        self, made: Trace, number: int, candidates: Candidates, signature: Any, start: Candidates
    ) -> None:
        """Remember a new trace, unless another thread was faster."""
        if candidates is start:
            candidates = self._candidates.setdefault(signature, start)
        if candidates.setdefault(number, made) is made:
            self.traces.append(made)

    def _why(self, is_known: bool, signature: Any, positions: tuple[int, ...]) -> str:
        """For what reason a trace would be made."""
        if is_known:
            return "what it reads from outside has another structure"
        if not self.traces:
            return "its first call"
        if all(known != signature for known, _ in list(self._candidates)):
            return "arguments of another structure"
        if not positions:
            return "a call without derivatives"
        return (
            f"derivatives by argument{'s' * (len(positions) > 1)} {', '.join(map(str, positions))}"
        )

    def _quicken(
        self, answer: Answer, args: tuple[Any, ...], kwargs: Any, key: Any, wanted: Positions
    ) -> None:
        """The second time that a trace answers such a call, find a short way."""
        known = answer.trace.quick
        if key not in known:
            known[key] = None
            return
        if known[key] is None and not kwargs:
            current = answer.trace.traced.captures.current
            known[key] = self._short_way(answer, args, wanted, _pass, current)
        short = known[key]
        if short is not None:
            self._quick[key] = short

    def _short_way(
        self,
        answer: Answer,
        args: tuple[Any, ...],
        wanted: Positions,
        fallback: Callable[..., Any],
        current: Any = None,
    ) -> Callable[..., Any] | None:
        captured = answer.trace.traced.captures.leaves
        has_values = Value in map(type, captured) or (wanted is None and answer.trace.has_values)
        if has_values or answer.shape.build is not None:
            return None
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
        argnums: int | tuple[int, ...] | None,
        fallback: Callable[..., Any],
        looks_outside: bool,
    ) -> Callable[..., Any] | None:
        """Return a short way for these arguments, if there is one; see `quick`.

        Args:
            looks_outside: whether it asks, before each call, for what is read from outside.
        """
        args, kwargs = arguments
        wanted, floats = NOTHING, args
        if argnums is not None:
            wanted, floats = self._wanted(argnums, args)
        if kwargs or not all(map(is_, args, floats)):  # it would take floats for ints
            return None
        answer = self._run(args, kwargs, wanted)
        if answer is None:
            return None
        answer.release()
        current = answer.trace.traced.captures.current if looks_outside else None
        places: Positions = wanted
        if wanted and not isinstance(argnums, tuple | list):
            (places,) = wanted
        return self._short_way(answer, args, places, fallback, current)

    def _say_full(self, why: str) -> None:
        if not self._is_full:
            self._is_full = True
            _warn(
                f"jit: {self._name} has been traced {self.max_traces} times, which is all that it "
                f"may (max_traces); now it runs eagerly where no trace fits. The next would be for "
                f"{why}; where it need not be Python's choice, use where, maximum, minimum"
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
        takes_arguments = name in (*DERIVATIVES, "lower")
        return partial(found, self._instance) if takes_arguments else found


def _pass(*args: Any, **kwargs: Any) -> None:
    """Leave a call to the long way."""


def _valid(candidates: Candidates, leaves: list[Any]) -> tuple[Trace | None, list[Any]]:
    """The first trace whose captures have the structure that they had; and all leaves."""
    for found in list(candidates.values()):
        captured = found.traced.captures.current(leaves)
        if captured is not None:
            return found, leaves + captured
    return None, leaves


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
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and not modes.is_users(frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
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

    The function is ordinary Python over scalars. It runs once, and what it computed is folded back
    into loops and compiled. Comparisons that steered are guards: a call in which one comes out
    otherwise traces that path as well, and both are kept. Numbers that it reads from outside, in
    closures, globals, lists or Modules, count as they are at each call.

    A call gives what the plain call gives, to the last bit, errors included; the gradient is that of
    `autograd.value_and_grad`: the function meets Values in the arguments that are differentiated by,
    floats everywhere else. A call and each choice of argnums have traces of their own. One thing may
    differ in the last bit: where several calls with Values are parts of one graph, ``.grad`` adds up
    their sums.

    Whoever asks for the plain number itself (`math.exp`, `int`, text, a key, NumPy beyond arithmetic)
    fixes it: another number is another trace. So are numbers that methods read from globals.

    What it does beside computing, such as printing, it does while it is traced only. It must not
    change what it is given or finds outside, nor draw random numbers. What it reads through C code,
    or from objects of other packages, is not watched: `explain_compiles` lists most of it.

    Args:
        f: a function of numbers, Values, NumPy arrays, Modules, and lists, tuples, dicts and
            dataclasses of them.
        max_traces: how many traces to make at most; calls for which there is none then run the
            plain function, with Values in the places of what is differentiated by.

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
    (8.0, 1.125, 2)
    >>> x = Value(7.0); collatz(x).backward(); x.grad
    1.8984375
    """
    if f is None:
        return partial(jit, max_traces=max_traces)
    if not callable(f):
        raise TypeError(f"jit: expected a function, got {f!r:.80}; write jit(f)(x), not jit(f(x))")
    return Jitted(f, max_traces)
