"""Short ways for calls that are made often: of floats, or of floats and NumPy arrays.

Each is made for one trace, and for arguments like those of a call that went the long way. Calls that
differ from it in more than numbers, or fail a guard, it passes on to a fallback.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .bound import IS_POSSIBLE, bind
from .interpret import DONE
from .running import Run

MOST = 64  # arguments
FLOAT = np.dtype(float)

Function = Callable[..., Any]
Current = Callable[[], Sequence[Any] | None]
Positions = int | tuple[int, ...] | None


def quick(
    run: Run,
    args: Sequence[Any],
    wanted: Positions,
    fallback: Function,
    current: Current | None = None,
    name: str = "compiled",
) -> Function | None:
    """Make the short way, or return None if there is none for such arguments.

    Args:
        run: what is run, with one output.
        args: the arguments.
        wanted: None for a function that returns the value; else it returns a pair of the value and
            the gradient: by the argument in this position, or a tuple for several.
        fallback: takes the calls that this does not.
        current: tells the numbers read from outside, or None if more of it has changed than numbers.
            Without it, all that stays as it is.
        name: of the function.
    """
    if not 0 < len(args) <= MOST or not all(map(_is_plain, args)):
        return None
    if any(arg.__class__ is not float for arg in args):
        return _Arrays(run, args, wanted, fallback, current)
    if not IS_POSSIBLE:
        return None
    workspace = run.borrow()  # for good
    function = bind(run, workspace, len(args), wanted, fallback, name)
    if current is None:
        return function
    return _Floats(function, workspace.x[len(args) :], fallback, current)


def _is_plain(arg: Any) -> bool:
    return arg.__class__ is float or (arg.__class__ is np.ndarray and arg.dtype is FLOAT)


class _Floats:
    """A function of floats that looks, before each call, whether what it reads outside has changed."""

    __slots__ = ("_captured", "_current", "_fallback", "_function")

    def __init__(
        self, function: Function, captured: Any, fallback: Function, current: Current
    ) -> None:
        self._function, self._captured = function, captured
        self._fallback, self._current = fallback, current

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        captured = self._current()
        if captured is None:
            return self._fallback(*args, **kwargs)
        if captured:
            self._captured[:] = captured
        return self._function(*args, **kwargs)


class _Arrays:
    """A function of floats and arrays of floats.

    Attributes:
        idle: what no call is using: each takes one, so that threads do not meet.
    """

    def __init__(
        self,
        run: Run,
        args: Sequence[Any],
        wanted: Positions,
        fallback: Function,
        current: Current | None,
    ) -> None:
        self._run, self._wanted, self._fallback, self._current = run, wanted, fallback, current
        self._shapes = [None if arg.__class__ is float else arg.shape for arg in args]
        self._idle: list[_Buffers] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        captured = () if self._current is None else self._current()
        if kwargs or captured is None or not self._fits(args):
            return self._fallback(*args, **kwargs)
        try:
            buffers = self._idle.pop()
        except IndexError:
            buffers = _Buffers(self._run, self._shapes)
        for place, arg in zip(buffers.inputs, args):
            place[...] = arg
        if captured:
            buffers.captured[:] = captured
        done = self._run.native(buffers.workspace) == DONE
        found = buffers.found(self._wanted) if done else None
        self._idle.append(buffers)
        return found if done else self._fallback(*args, **kwargs)

    def _fits(self, args: tuple[Any, ...]) -> bool:
        if len(args) != len(self._shapes):
            return False
        for arg, shape in zip(args, self._shapes):
            if shape is None:
                if arg.__class__ is not float:
                    return False
            elif arg.__class__ is not np.ndarray or arg.dtype is not FLOAT or arg.shape != shape:
                return False
        return True


class _Buffers:
    """A workspace, and where the arguments are in it, each in its shape."""

    __slots__ = ("captured", "gradients", "inputs", "shapes", "workspace")

    def __init__(self, run: Run, shapes: Sequence[tuple[int, ...] | None]) -> None:
        self.workspace = run.borrow()  # for good
        self.shapes = shapes
        self.inputs, self.gradients, start = [], [], 0
        for shape in shapes:
            stop = start + int(np.prod(shape or ()))
            self.inputs.append(self.workspace.x[start:stop].reshape(shape or ()))
            self.gradients.append(self.workspace.gx[start:stop].reshape(shape or ()))
            start = stop
        self.captured = self.workspace.x[start:]

    def found(self, wanted: Positions) -> Any:
        """The result of the run."""
        y = self.workspace.y.item()
        if wanted is None:
            return y
        if isinstance(wanted, int):
            return y, self._gradient(wanted)
        return y, tuple([self._gradient(i) for i in wanted])

    def _gradient(self, i: int) -> Any:
        gradient = self.gradients[i]
        return gradient.item() if self.shapes[i] is None else gradient.copy()
