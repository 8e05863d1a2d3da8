"""What is ambient while Values are made: `no_grad`, `detect_anomaly`, `record_calls` (recording.py),
and the tracing of a function that is compiled (compiler/tracing.py).

Each lives in a ContextVar, so threads and async tasks do not see each other's. `watching` lists the
modes that are open anywhere. It decides nothing: it only spares the look at the ContextVars, so that
making a node costs one test of a list while it is empty.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ContextDecorator, nullcontext
from contextvars import ContextVar, Token
from functools import lru_cache
from types import FrameType
from typing import TYPE_CHECKING, Any, Self
from weakref import finalize

if TYPE_CHECKING:
    from .compiler.tracing import Tracer
    from .engine import Value
    from .recording import record_calls

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIBRARY = tuple(os.path.join(_ROOT, package) + os.sep for package in ("autograd", "nn"))
# Nor did the user write what is Python's own or installed: "just my code", as debuggers call it.
INSTALLED = (os.path.dirname(os.__file__) + os.sep, "<frozen ")
PACKAGES = {"site-packages", "dist-packages"}

SUSPENDS = 0x20 | 0x80 | 0x200  # code flags: a generator, a coroutine, an async generator

watching: list[Mode] = []
_recording: ContextVar[bool] = ContextVar("recording", default=True)
_anomaly: ContextVar[detect_anomaly | None] = ContextVar("anomaly", default=None)
_unchecked: ContextVar[bool] = ContextVar("unchecked", default=False)
recorder: ContextVar[record_calls | None] = ContextVar("recorder", default=None)
tracer: ContextVar[Tracer | None] = ContextVar("tracer", default=None)


class Mode(ContextDecorator):
    """A with-block, or a decorator, that sets one ContextVar; it may be entered again while open.

    Without a value it sets the variable to itself (which it does not hold: that would be a cycle).
    """

    def __init__(self, variable: ContextVar[Any], value: bool | None = None) -> None:
        self._variable, self._value = variable, value
        self._tokens: list[Token[Any]] = []

    def _recreate_cm(self) -> Self:
        return type(self)()  # type: ignore[call-arg]  # a decorated function may run in several threads at once

    def __call__(self, f: Any) -> Any:
        if getattr(getattr(f, "__code__", None), "co_flags", 0) & SUSPENDS:
            raise TypeError(
                f"{type(self).__name__}: expected a plain function to decorate, got the generator or "
                f"coroutine {f.__name__}, which runs later; write a with-block inside of it"
            )
        return super().__call__(f)

    def __enter__(self) -> Any:
        watching.append(self)
        self._tokens.append(self._variable.set(self if self._value is None else self._value))
        return self

    def __exit__(self, *exception: object) -> None:
        token = self._tokens.pop()
        token.var.reset(token)
        watching.remove(self)


class no_grad(Mode):
    """Compute without recording: results are leaves, and nothing is kept for a backward pass.

    A with-block or a decorator, for this thread or task only.

    >>> from autograd import Value
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.data, y.inputs
    (9.0, ())
    """

    def __init__(self) -> None:
        super().__init__(_recording, False)


class detect_anomaly(Mode):
    """Stop at the first nan or inf, forward or backward, and say where it came from.

    Values made inside remember the user's source line. Slow: for finding a bug, not for training.

    Raises:
        FloatingPointError: (inside the block) naming the op, its label, the values, the line.

    >>> from autograd import Value, log
    >>> with detect_anomaly():
    ...     log(Value(0.0, label="x"))
    Traceback (most recent call last):
    FloatingPointError: log(x=0.0) gave -inf in the forward pass
      at <doctest ...>, line 2: log(Value(0.0, label="x"))
    """

    def __init__(self) -> None:
        super().__init__(_anomaly)
        refuse_while_tracing(
            "opens detect_anomaly", "open it around the call, which is not compiled then"
        )
        self._lines: dict[int, tuple[str, int]] = {}  # by id: a nan is not equal to itself

    def remember(self, node: Value) -> None:
        """Keep the user's line for as long as the node lives."""
        self._lines[id(node)] = user_line()
        finalize(node, self._lines.pop, id(node), None).atexit = False

    def check_forward(self, node: Value) -> None:
        # An infinity may come from one that was there before; a nan comes only from a nan.
        y, x = node._data, [_data(v) for v in node.inputs]
        bad = math.isnan if math.isnan(y) else _not_finite
        if bad(y) and not any(map(bad, x)):
            raise FloatingPointError(
                f"{_call(node)} gave {y} in the forward pass{self._where(node)}"
            )

    def check_backward(self, node: Value, adjoint: Any, contributions: list[Any]) -> None:
        handed_on = [None if c is None else _data(c) for c in contributions]
        if any(c is not None and _not_finite(c) for c in handed_on):
            raise FloatingPointError(
                f"{_call(node)} = {node._data}{_named(node)}: the backward pass, arriving with grad "
                f"{_data(adjoint)}, gave its inputs {handed_on}{self._where(node)}"
            )

    def check_total(self, leaf: Value, total: float) -> None:
        if _not_finite(total):
            raise FloatingPointError(
                f"leaf {leaf._data}{_named(leaf)}: in the backward pass, what its uses contributed to "
                f"its grad added up to {total}"
            )

    def _where(self, node: Value) -> str:
        import linecache

        if id(node) not in self._lines:
            return "\n  (made outside detect_anomaly: its source line was not recorded)"
        file, line = self._lines[id(node)]
        return f"\n  at {file}, line {line}: {linecache.getline(file, line).strip()}"


def ensure_recording() -> AbstractContextManager[Any]:
    """Record inside the block, though it may stand in a no_grad block: a derivative needs its trace."""
    return nullcontext() if _recording.get() else Mode(_recording, True)


def unchecked() -> AbstractContextManager[Any]:
    """Let nodes be nan inside the block: rules run on Values make some that they do not use."""
    return nullcontext() if anomaly_detector() is None else Mode(_unchecked, True)


def is_recording() -> bool:
    """Return whether Values made now remember what they were made from."""
    return _recording.get()


def anomaly_detector() -> detect_anomaly | None:
    """Return the innermost detect_anomaly that is open in this context, if one is."""
    return _anomaly.get() if watching else None


def watch(node: Value) -> None:
    """Do to a node just made what the open modes ask for."""
    trace = tracer.get()
    if trace is not None:
        trace.remember(node)
        if len(watching) == 1:
            return
    if not _recording.get():
        if trace is None:
            node._forget_inputs()
        else:
            trace.detached.add(node)
        return
    calls, detector = recorder.get(), _anomaly.get()
    if calls is not None:
        calls.remember(node)
    if detector is not None:
        detector.remember(node)
        if not _unchecked.get():
            detector.check_forward(node)


def chosen(a: Any, symbol: str, b: Any, taken: bool) -> bool:
    """Tell who is watching that ``a symbol b`` was asked, which came out as ``taken``.

    Returns:
        ``taken``; while a function is traced, a Truth, which stands for it.
    """
    trace = tracer.get()
    if trace is not None:
        return trace.compare(a, symbol, b, taken)  # type: ignore[no-any-return]
    calls = recorder.get()
    if calls is not None:
        calls.remember_choice(a, symbol, b, taken)
    return taken


def detached(v: Value, label: str = "") -> Any:
    """What ``v.data`` is: a number; while a function is traced, a Value without a history."""
    trace = tracer.get()
    return v._data if trace is None else trace.detach(v, label)


def told(v: Value) -> None:
    """While a function is traced: the text of a Value was asked for, and holds for its number only."""
    trace = tracer.get()
    if trace is not None:
        trace.ask_number(v, v._data)


def unwrapped(x: Any) -> Any:
    """While a function is traced: what stands for a float, if a Value depends on no other Value."""
    trace = tracer.get()
    return x if trace is None else trace.unwrapped(x)


def is_tracing() -> bool:
    """Return whether a function is being traced here, to be compiled."""
    return tracer.get() is not None


def is_traced(x: Any) -> bool:
    """Return whether x stands for a number that may be another at each call of a compiled function."""
    return is_tracing() and hasattr(x, "_record")


class Refused(RuntimeError):
    """What a function did while it was traced is not what a compiled one could repeat."""


def refuse_while_tracing(what: str, advice: str) -> None:
    """Raise if a function is being traced: what it would do cannot be compiled."""
    trace = tracer.get()
    if trace is not None:
        file, line = user_line()
        trace.refused = Refused(
            f"jit: expected a function that only computes, got one that {what} "
            f"({file}, line {line}); {advice}"
        )
        raise trace.refused


@lru_cache(1000)
def is_users(file: str) -> bool:
    """Say whether the user wrote this file.

    >>> import json
    >>> is_users("model.py"), is_users("<ipython-input-1>"), is_users(json.__file__), is_users(__file__)
    (True, True, False, False)
    """
    if file.startswith((*LIBRARY, *INSTALLED)):
        return False
    return PACKAGES.isdisjoint(file.replace(os.sep, "/").split("/"))


def is_foreign(file: str) -> bool:
    """Say whether this file is not ours, be it the user's or installed."""
    return not file.startswith(LIBRARY)


def stack() -> Iterator[FrameType]:
    """Yield the frames that are running here, the innermost first."""
    frame: FrameType | None = sys._getframe()
    while frame:
        yield frame
        frame = frame.f_back


def user_line() -> tuple[str, int]:
    """The innermost line that the user wrote, else the innermost that is not ours."""
    for wrote in (is_users, is_foreign):
        for frame in stack():
            if wrote(frame.f_code.co_filename):
                return frame.f_code.co_filename, frame.f_lineno
    return "an unknown file", 0


def _data(x: Any) -> float:
    return x if isinstance(x, float) else x._data


def _not_finite(x: float) -> bool:
    return not math.isfinite(x)


def _named(node: Value) -> str:
    return f" (label {node.label!r})" if node.label else ""


def _call(node: Value) -> str:
    """The node as one would write it: ``log(x=0.0)``."""
    shown = []
    for x in node.inputs[:8]:
        label = "" if isinstance(x, float) else x.label
        shown.append(f"{label}={_data(x)!r}" if label else f"{_data(x)!r}")
    if len(node.inputs) > 8:
        shown.append("...")
    return f"{node.op.name if node.op else 'leaf'}({', '.join(shown)})"
