"""Short ways for calls that are made often: of floats, of what is plain (layout.py), of a Module.

Each is made for one trace, and for arguments like those of a call that went the long way. Calls that
differ from it in more than numbers, or fail a guard, it passes on to a fallback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .bound import IS_POSSIBLE, bind
from .held import held
from .interpret import DONE
from .layout import FLOATS, Layout, layout
from .running import Run
from .tape import Array

MOST = 64  # arguments of machine code

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
    layouts = [each for arg in args if (each := layout(arg) or held(arg))]
    modules = sum(hasattr(arg, "named_parameters") for arg in args)  # two might share a parameter
    if len(layouts) < len(args) or modules > 1 or not run.tape.inputs:
        return None
    if set(map(type, args)) != FLOATS or len(args) > MOST or not IS_POSSIBLE:
        return _Structures(run, layouts, wanted, fallback, current)
    workspace = run.borrow()  # for good
    function = bind(run, workspace, len(args), wanted, fallback, name)
    if current is None:
        return function
    return _Floats(function, workspace.x[len(args) :], fallback, current)


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


class _Structures:
    """A function of what is plain (layout.py), and of a Module."""

    def __init__(
        self,
        run: Run,
        layouts: Sequence[Layout],
        wanted: Positions,
        fallback: Function,
        current: Current | None,
    ) -> None:
        self._run, self._layouts, self._wanted = run, layouts, wanted
        self._fallback, self._current = fallback, current
        self._idle: list[_Buffers] = []  # each call takes one, so that threads do not meet

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        captured = () if self._current is None else self._current()
        if kwargs or captured is None or len(args) != len(self._layouts):
            return self._fallback(*args, **kwargs)
        numbers: list[Any] = []
        arrays: list[Array] = []
        for each, arg in zip(self._layouts, args):
            if not each.take(arg, numbers, arrays):
                return self._fallback(*args)
        try:
            buffers = self._idle.pop()
        except IndexError:
            buffers = _Buffers(self._run, self._layouts)
        buffers.inputs.write(numbers, arrays)
        if captured:
            buffers.captured[:] = captured
        done = self._run.native(buffers.workspace) == DONE
        found = self._found(buffers) if done else None
        self._idle.append(buffers)
        return found if done else self._fallback(*args)

    def _found(self, buffers: _Buffers) -> Any:
        """The result of the run."""
        y, wanted = buffers.workspace.y.item(), self._wanted
        if wanted is None:
            return y
        if isinstance(wanted, int):
            return y, self._gradient(buffers, wanted)
        return y, tuple([self._gradient(buffers, i) for i in wanted])

    def _gradient(self, buffers: _Buffers, i: int) -> Any:
        return self._layouts[i].fill(*buffers.gradients[i].read())


class _Buffers:
    """A workspace, and where arguments and gradients are in it."""

    def __init__(self, run: Run, layouts: Sequence[Layout]) -> None:
        self.workspace = run.borrow()  # for good
        x, gx = self.workspace.x, self.workspace.gx
        self.inputs = _Spread(x, 0, [leaf for each in layouts for leaf in each.leaves()])
        self.captured = x[self.inputs.stop :]
        self.gradients: list[_Spread] = []
        start = 0
        for each in layouts:
            self.gradients.append(_Spread(gx, start, each.leaves()))
            start = self.gradients[-1].stop


class _Spread:
    """Where in a row there are the numbers and the arrays of a layout."""

    def __init__(self, row: Array, start: int, leaves: Iterable[int | tuple[int, ...]]) -> None:
        places: list[int] = []
        self._row, self._arrays, self.stop = row, [], start
        for leaf in leaves:
            start, self.stop = self.stop, self.stop + int(np.prod(leaf))
            if isinstance(leaf, int):
                places += range(start, self.stop)
            else:
                self._arrays.append(row[start : self.stop].reshape(leaf))
        is_whole = places == list(range(places[0], places[-1] + 1)) if places else True
        self._places: Any = slice(places[0], places[-1] + 1) if places and is_whole else places

    def write(self, numbers: list[float], arrays: list[Array]) -> None:
        if numbers:
            self._row[self._places] = numbers
        for place, array in zip(self._arrays, arrays):
            place[...] = array

    def read(self) -> tuple[Iterator[float], Iterator[Array]]:
        return iter(self._row[self._places].tolist()), iter(self._arrays)
