"""What a function can read from outside of its arguments, and whether it has changed since.

Code says which names it reads: globals, closures, defaults, attributes of modules. From a function
we go on to the functions, objects and classes found there. Numbers in what is found are inputs of the
compiled function; everything else is compared before each call.

The user's functions run as copies whose globals and closures hold views (structure.py), so that they
find Values in the places of numbers, and can change nothing. Methods run as they are: what they read
from outside of their objects is compared, numbers included.

    place     where something is found: a name in globals, an attribute of a function, cell or module
    static    found by code that runs as it is: its numbers are no inputs
"""

from __future__ import annotations

import builtins
import dis
import functools
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from keyword import iskeyword
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, NamedTuple

import numpy as np

from ..engine import Value
from ..ops import Op
from ..recording import Line
from .structure import Reader, Same, Viewer, raw_parts, sameness, wrote_class

MISSING = Same("missing")
WITHOUT_STATE = (
    BuiltinFunctionType, FunctionType, MethodDescriptorType, ModuleType, Op, WrapperDescriptorType,
    type, re.Pattern, np.ufunc, np.dtype, Enum, CodeType, MemberDescriptorType, GetSetDescriptorType,
)  # fmt: skip
OURS = "autograd.compiler."


class Place(NamedTuple):
    """Where something was found.

    Attributes:
        owner: a dict of globals, or what has the attribute ``name``.
        found: what was there.
        is_static: see above.
    """

    owner: Any
    name: str
    found: Any
    is_static: bool


def _attribute(owner: Any, name: str) -> Any:
    try:
        return getattr(owner, name)
    except (AttributeError, ValueError):  # ValueError: a cell that is empty
        return MISSING


# ---- what code says ----


class Names(NamedTuple):
    """The names in a function's code, those inside it included."""

    globals: tuple[str, ...]
    attributes: frozenset[str]
    imports: frozenset[str] = frozenset()  # of modules, when it runs
    asks: bool = False  # whether it says `is True` or `is False`, which only bools can answer


@functools.lru_cache(10_000)
def names_in(code: CodeType) -> Names:
    """Collect the names that code reads.

    >>> names_in((lambda x: abs(x.real)).__code__)
    Names(globals=('abs',), attributes=frozenset({'real'}), imports=frozenset(), asks=False)
    """
    found: dict[str, None] = {}
    attributes: set[str] = set()
    imports: set[str] = set()
    asks = False
    before: Any = None
    for part in _codes(code):
        for i in dis.get_instructions(part):
            if i.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                found[i.argval] = None
            elif i.opname == "IMPORT_NAME":
                imports.add(i.argval)
            elif i.argval.__class__ is str and i.argval in part.co_names:
                attributes.add(i.argval)
            asks = asks or (i.opname == "IS_OP" and before.__class__ is bool)
            before = i.argval
    return Names(tuple(found), frozenset(attributes), frozenset(imports), asks)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Code and the functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def line_of(codes: Iterable[CodeType], name: str) -> Line | None:
    """The line where code assigns a name or an attribute."""
    for code in codes:
        for part in _codes(code):
            line = part.co_firstlineno
            for i in dis.get_instructions(part):
                starts = getattr(i, "line_number", None) or i.starts_line
                line = starts or line
                if i.argval == name and i.opname.startswith(("STORE_", "DELETE_")):
                    return part.co_filename, line
    return None


# ---- what can be reached ----


class Reach:
    """Everything that functions can read from outside, in a fixed order.

    Attributes:
        places: where it was found.
        reading: its signature and numbers.
        codes: of the functions that may run.
        frozen: what is not looked into, as text.
        statics: the things that were taken as they are.
    """

    def __init__(self, roots: dict[str, Any], is_users: Callable[[str], bool]) -> None:
        self._is_users = is_users
        self._reader = Reader(captured=True)
        self._fixed = Reader(static=True)
        self._names: set[str] = set()
        self._all = False  # whether attributes of any name may be read
        self._walked: dict[tuple[int, bool], Any] = {}
        self._modules: dict[int, tuple[ModuleType, bool]] = {}
        self._classes: dict[int, type] = {}
        self._attributes: set[tuple[int, str, bool]] = set()
        self.places: list[Place] = []
        self.codes: list[CodeType] = []
        self.frozen: list[str] = []
        self.statics: list[Any] = []
        for name, root in roots.items():
            self._found(roots, name, root, False)
        while self._look_up_names():
            pass
        read, fixed = self._reader.reading(), self._fixed.reading()
        self.reading = replace(
            read,
            signature=(*read.signature, *fixed.signature),
            seen=[*read.seen, *fixed.seen],
        )
        self.arrays = [*self._reader.arrays, *self._fixed.arrays]

    def _found(self, owner: Any, name: str, x: Any, is_static: bool) -> None:
        """Read what was found, and go on from there."""
        self.places.append(Place(owner, name, x, is_static))
        reader = self._fixed if is_static else self._reader
        before = len(reader.statics)
        reader.read(x)
        for static in reader.statics[before:]:
            self._go_on(static, name, is_static)

    def _go_on(self, x: Any, name: str, is_static: bool) -> None:
        key = id(x), is_static
        if key in self._walked:
            return
        self._walked[key] = x
        self.statics.append(x)
        if isinstance(x, FunctionType):
            self._walk_function(x, is_static)
        elif isinstance(x, type):
            if wrote_class(x):
                self._classes[id(x)] = x
        elif isinstance(x, ModuleType):
            if self._is_users(getattr(x, "__file__", None) or "-"):
                self._modules[id(x)] = x, is_static
        elif isinstance(x, (staticmethod, classmethod)):
            self._go_on(x.__func__, name, True)
        elif isinstance(x, property):
            self._go_on(x.fget, name, True)
            self._go_on(x.fset, name, True)
        elif isinstance(x, functools.cached_property):
            self._go_on(x.func, name, True)
        elif hasattr(x, "__wrapped__") and type(x).__module__.startswith(OURS):
            self._go_on(x.__wrapped__, name, is_static)
        elif not isinstance(x, WITHOUT_STATE):
            kind = type(x)
            self.frozen.append(f"{name}: what is in a {kind.__module__}.{kind.__qualname__}")
            if isinstance(getattr(x, "__wrapped__", None), FunctionType):
                self._go_on(x.__wrapped__, name, True)

    def _walk_function(self, f: FunctionType, is_static: bool) -> None:
        """A library's function is looked into for what it was given: its closure and defaults."""
        self._found(f, "__code__", f.__code__, True)
        if self._is_users(f.__code__.co_filename):
            self.codes.append(f.__code__)
            names = names_in(f.__code__)
            self._names |= names.attributes
            self._all |= not names.attributes.isdisjoint(("__dict__", "attrgetter"))
            self._all |= not {*names.globals}.isdisjoint(("getattr", "hasattr", "vars"))
            for module in _imported(names.imports, f.__globals__.get("__package__") or ""):
                self._go_on(module, module.__name__, True)
            reads_any = not {*names.globals}.isdisjoint(("globals", "eval", "exec", "vars"))
            for name in list(f.__globals__) if reads_any else names.globals:
                if name in f.__globals__ or name not in vars(builtins):
                    self._found(f.__globals__, name, f.__globals__.get(name, MISSING), is_static)
                else:
                    self.places.append(Place(f.__globals__, name, MISSING, True))
            for name in f.__dict__:
                if name != "__wrapped__":
                    self._found(f, name, f.__dict__[name], is_static)
        for cell in f.__closure__ or ():
            self._found(cell, "cell_contents", _attribute(cell, "cell_contents"), is_static)
        for name in ("__defaults__", "__kwdefaults__"):
            self._found(f, name, getattr(f, name), is_static)

    def _look_up_names(self) -> bool:
        """Go on through attributes of modules and classes that code names; say if there were any."""
        before = len(self._attributes)
        for module, is_static in list(self._modules.values()):
            for name in [n for n in vars(module) if self._all or n in self._names]:
                if self._is_new(module, name, is_static):
                    self._found(module, name, vars(module)[name], is_static)
        for cls in list(self._classes.values()):
            for base in cls.__mro__:
                if wrote_class(base):
                    for name, x in list(vars(base).items()):
                        if self._may_be_read(name, x) and self._is_new(base, name, True):
                            self._found(base, name, x, True)
        return len(self._attributes) > before

    def _is_new(self, owner: Any, name: str, is_static: bool) -> bool:
        before = len(self._attributes)
        self._attributes.add((id(owner), name, is_static))
        return len(self._attributes) > before

    def _may_be_read(self, name: str, x: Any) -> bool:
        if self._all or name in self._names:
            return True
        return name.startswith("__") and name.endswith("__") and isinstance(x, FunctionType)


def _imported(names: Iterable[str], package: str) -> list[ModuleType]:
    """The modules that code imports when it runs, as far as they are loaded."""
    full = [name for n in names for name in (n, f"{package}.{n}".strip("."))]
    parents = [name[:i] for name in full for i, c in enumerate(name) if c == "."]
    return [sys.modules[name] for name in sorted({*full, *parents, package}) if name in sys.modules]


# ---- copies of functions, with views in the places ----


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
            (self._names[key], copy, _attribute(copy, "cell_contents"))
            for key, (_, copy) in self._cells.items()
        ]

    def static(self, x: Any) -> Any:
        """What a traced function sees in the place of something that is no number."""
        if isinstance(x, FunctionType):
            return self._function(x)
        if isinstance(x, ModuleType) and self._reach._is_users(getattr(x, "__file__", None) or "-"):
            return self._module(x)
        if hasattr(x, "__wrapped__") and type(x).__module__.startswith(OURS):
            return self.static(x.__wrapped__)
        return x

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
            content = _attribute(original, "cell_contents")
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
                if owner.get(name, MISSING) is not held.get(name, MISSING):
                    return name
        for name, cell, content in self._held_cells:
            if _attribute(cell, "cell_contents") is not content:
                return name
        return changed_object(self.viewer)


def changed_object(viewer: Viewer) -> str | None:
    """The name of an attribute that was assigned while tracing, if any was."""
    for view, _, held in viewer.shadows:
        now = raw_parts(view)
        if len(now) == len(held) and all(a is b for a, b in zip(now, held)):
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


# ---- what a compiled function asks before each call ----


def watch(places: Iterable[Place]) -> Callable[[], bool]:
    """Return a function that says whether places still hold the very objects found there.

    It is one expression, with a term for every place: Python has nothing that is quicker.
    """
    terms, names = ["True"], dict[str, Any]()
    for k, (owner, name, found, _) in enumerate(places):
        if isinstance(owner, type):  # as it stands there: a descriptor, not what it gives
            owner = owner.__dict__
        names |= {f"o{k}": owner, f"f{k}": found}
        if not isinstance(owner, dict | MappingProxyType):
            is_plain = name.isidentifier() and not iskeyword(name)
            now = f"o{k}.{name}" if is_plain else f"getattr(o{k}, {name!r})"
            terms.append(f"{now} is f{k}")
        elif found is MISSING:
            terms.append(f"{name!r} not in o{k}")
        else:
            terms.append(f"o{k}[{name!r}] is f{k}")
    return eval("lambda: " + " and ".join(terms), names)  # type: ignore[no-any-return]


class Captures:
    """What was captured, to be asked for again.

    Attributes:
        leaves: the numbers, in the order of the inputs.
    """

    def __init__(
        self, reach: Reach, roots: dict[str, Any], is_users: Callable[[str], bool]
    ) -> None:
        self._roots, self._is_users = roots, is_users
        self._adopted: list[Value] = []
        self._take(reach)

    def _take(self, reach: Reach) -> None:
        self.reach = reach
        self._holds = watch(reach.places)
        self.leaves = [*reach.reading.leaves, *self._adopted]
        self._has_values = Value in map(type, self.leaves)
        self._is_settled = False  # whether it is known that `_same` still holds

    def start(self, adopted: list[Value], arguments: Sequence[Any]) -> None:
        """Remember which Values are the same one, now that all are known.

        Args:
            adopted: Values that are inputs without a known place: they stay what they are.
            arguments: the leaves of the arguments.
        """
        self._adopted = adopted
        self._take(self.reach)
        self._same = self._sameness(arguments)

    def _sameness(self, arguments: Sequence[Any]) -> Any:
        return sameness([*arguments, *self.leaves]) if self._has_values else ()

    def current(self, arguments: Sequence[Any] = ()) -> list[Any] | None:
        """Return the captured numbers as they are now; None if more than numbers has changed.

        Args:
            arguments: the leaves of the call's arguments: a Value among them may be captured, too.
        """
        if self._unchanged():
            if self._is_settled and Value not in map(type, arguments):
                return self.leaves  # nothing has changed since this was last asked
        else:
            reach = Reach(self._roots, self._is_users)
            if reach.reading.signature != self.reach.reading.signature:
                return None
            self._take(reach)
        if self._sameness(arguments) != self._same:
            return None
        self._is_settled = Value not in map(type, arguments)
        return self.leaves

    def _unchanged(self) -> bool:
        """Whether every name still means the same object, and containers hold what they held."""
        try:
            if not (self._holds() and self.reach.reading.holds()):
                return False
        except (LookupError, AttributeError, ValueError):  # deleted, or a cell that is empty
            return False
        return all(x.tobytes() == held for x, held in self.reach.arrays)
