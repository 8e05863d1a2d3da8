"""The user's functions as they run while tracing: copies, in whose globals and closures are views.

So they find in the places of numbers what stands for them, and can change nothing outside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import CellType, FunctionType, ModuleType
from typing import Any

from .reach import MISSING, PYTHONS, Place, Reach, attribute_of, is_dispatching
from .structure import LruCache, Unusable, Viewer, are_same, compiled_from, raw_parts


class Copies:
    """The functions that run while tracing: copies that see views, and can change nothing outside.

    Args:
        reach: what they can read.
        variable, exact: as for `Viewer`.
        instead: what the copies find in the places of builtins, by name.
    """

    def __init__(
        self,
        reach: Reach,
        variable: Callable[[Any], Any],
        exact: bool = False,
        instead: dict[str, Any] | None = None,
    ) -> None:
        self._instead = instead or {}
        self._functions: dict[int, Any] = {}
        self._globals: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
        self._cells: dict[int, tuple[CellType, CellType]] = {}
        self._names: dict[int, str] = {}  # of cells
        self._modules: dict[int, tuple[ModuleType, ModuleType]] = {}
        self._reach = reach
        self._users = {id(code) for code in reach.codes}
        self.viewer = Viewer(variable, self.static, captured=True, exact=exact)

    def view(self, owner: dict[str, Any], name: str) -> Any:
        """The copy of what is in a place."""
        return self._copied(owner)[name]

    def fill(self) -> None:
        """Put views in all places."""
        for place in self._reach.places:
            if not place.is_static:
                self._put(place, self.viewer.view(place.found))
        owners = [copy for _, copy in self._globals.values()]
        owners += [vars(copy) for _, copy in self._modules.values()]
        owners += [vars(copy) for _, copy in self._functions.values()]
        self._held_dicts = [(owner, dict(owner)) for owner in owners]
        self._held_cells = [
            (self._names[key], copy, attribute_of(copy, "cell_contents"))
            for key, (_, copy) in self._cells.items()
        ]

    def static(self, x: Any) -> Any:
        """What a traced function sees in the place of something that is no number."""
        if isinstance(x, FunctionType) and not is_dispatching(x):
            return self._function(x)
        if isinstance(x, ModuleType) and self._reach.looks_into(x):
            return self._module(x)
        if isinstance(x, LruCache):  # it would remember what stands for numbers
            return self.static(x.__wrapped__)
        if compiled_from(x) is not None:
            return self._compiled(self.static(compiled_from(x)))
        return x

    def _compiled(self, copy: Any) -> Any:
        """What stands for a compiled function: the plain one, which has no derivatives of its own."""
        for name in ("grad", "value_and_grad", "jacobian", "lower"):
            if isinstance(copy, FunctionType) and name not in vars(copy):
                refused = Unusable(
                    f"calls .{name} of a compiled function",
                    "use autograd.grad and the like",
                    object,
                )
                setattr(copy, name, refused)
        return copy

    def _function(self, f: FunctionType) -> Any:
        if id(f) not in self._functions:
            is_users = id(f.__code__) in self._users
            if not is_users and not f.__closure__:
                return f
            copy = FunctionType(
                f.__code__,
                self._copied(f.__globals__) if is_users else f.__globals__,
                f.__name__,
                f.__defaults__,
                tuple(map(self._cell, f.__closure__, f.__code__.co_freevars))
                if f.__closure__
                else None,
            )
            copy.__dict__.update(f.__dict__)
            for name in ("__kwdefaults__", "__qualname__", "__module__", "__doc__"):
                setattr(copy, name, getattr(f, name))
            copy.__annotations__ = f.__annotations__
            self._functions[id(f)] = f, copy
        return self._functions[id(f)][1]

    def _copied(self, original: dict[str, Any]) -> dict[str, Any]:
        if id(original) not in self._globals:
            self._globals[id(original)] = original, {**self._instead, **original}
        return self._globals[id(original)][1]

    def _cell(self, original: CellType, name: str = "") -> CellType:
        if id(original) not in self._cells:
            self._cells[id(original)] = original, CellType()
            self._names[id(original)] = name
            content = attribute_of(original, "cell_contents")
            if content is not MISSING:
                self._cells[id(original)][1].cell_contents = content
        return self._cells[id(original)][1]

    def _module(self, original: ModuleType) -> ModuleType:
        if id(original) not in self._modules:
            copy = ModuleType(original.__name__)
            vars(copy).update(vars(original))
            self._modules[id(original)] = original, copy
        return self._modules[id(original)][1]

    def _put(self, place: Place, view: Any) -> None:
        if view is MISSING:
            return
        owner = place.owner
        if owner.__class__ is dict:
            self._copied(owner)[place.name] = view
        elif isinstance(owner, CellType):
            self._cell(owner).cell_contents = view
        elif isinstance(owner, ModuleType):
            vars(self._module(owner))[place.name] = view
        else:
            copy = self._function(owner)
            if copy is not owner:
                setattr(
                    copy,
                    place.name,
                    dict(view) if place.name == "__kwdefaults__" and view else view,
                )

    def changed(self) -> str | None:
        """The name of something that was assigned while tracing, if anything was."""
        for owner, held in self._held_dicts:
            for name in {**owner, **held}:
                is_same = owner.get(name, MISSING) is held.get(name, MISSING)
                if not is_same and name not in PYTHONS:
                    return name
        for name, cell, content in self._held_cells:
            if attribute_of(cell, "cell_contents") is not content:
                return name
        return changed_object(self.viewer)


def changed_object(viewer: Viewer) -> str | None:
    """The name of an attribute that was assigned while tracing, if any was."""
    for view, _, held in viewer.shadows:
        if are_same(raw_parts(view), held):
            continue
        if isinstance(view, (list, dict, set, deque)):
            return f"a {type(view).__name__} that it was given, or found outside"
        names = getattr(view, "__dict__", {})
        middle = 1 + (len(held) - 1) // 2
        before = dict(zip(held[1:middle], held[middle:]))
        for name in [*names, *before]:
            if names.get(name, MISSING) is not before.get(name, MISSING):
                return str(name)
        return type(view).__name__
    return None
