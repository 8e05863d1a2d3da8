"""What a function can read from outside of its arguments, and whether it has changed since.

Code says which names it reads: globals, closures, defaults, attributes of modules. From a function
we go on to the functions, objects and classes found there. Numbers in what is found are inputs of the
compiled function; everything else is compared before each call. In other packages only what code
names is looked at; what their functions and objects may read themselves is listed, as text.

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
from operator import attrgetter, methodcaller
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
from ..ops import OPS, Op
from ..recording import Line
from .structure import (
    TOO_DEEP,
    LruCache,
    Reader,
    Same,
    Unusable,
    Viewer,
    compiled_from,
    is_users_module,
    raw_parts,
    sameness,
    wrote_class,
)

MISSING = Same("missing")
WITHOUT_STATE = (
    BuiltinFunctionType, FunctionType, MethodDescriptorType, ModuleType, Op, WrapperDescriptorType,
    type, re.Pattern, np.ufunc, type(np.sum), np.dtype, Enum, CodeType, MemberDescriptorType,
    GetSetDescriptorType,
)  # fmt: skip
# Who says one of these may read attributes of any name: the names are in text, or in the class.
ANY_NAME = {
    "getattr", "hasattr", "vars", "dir", "__dict__", "__getattribute__", "__match_args__",
    "attrgetter", "methodcaller", "getmembers", "getattr_static",
}  # fmt: skip
ANY_NAME_READERS = {id(f) for f in (getattr, hasattr, vars, dir, attrgetter, methodcaller)}
ANY_GLOBAL = {"globals", "eval", "exec", "vars"}
IMPORTERS = {"import_module", "__import__"}
STATELESS = {*sys.stdlib_module_names, "numpy", "autograd", "nn"} - {"os"}  # not listed
PYTHONS = {"__warningregistry__", "__builtins__", "__loader__", "__spec__"}  # names in all modules
OF_ENUM = ("_name_", "_sort_order_", "__objclass__")


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


def is_dispatching(x: Any) -> bool:
    """Say whether it is a function of `functools.singledispatch`, which remembers what it has called."""
    return isinstance(x, FunctionType) and hasattr(x, "registry") and hasattr(x, "dispatch")


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
    compared: frozenset[str] = frozenset()  # globals on the right of `is`; "" for what is none
    names_any: bool = False  # whether it may read attributes whose names it does not say
    imports_any: bool = False  # and modules


@functools.lru_cache(10_000)
def names_in(code: CodeType) -> Names:
    """Collect the names that code reads.

    >>> names_in((lambda x: abs(x.real)).__code__)[:2]
    (('abs',), frozenset({'real'}))
    """
    found: dict[str, None] = {}
    attributes: set[str] = set()
    imports: set[str] = set()
    compared: set[str] = set()
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
            elif i.opname == "MATCH_CLASS":
                attributes.add("__match_args__")
            elif i.opname == "IS_OP":
                asks = asks or before.argval.__class__ is bool
                if before.opname != "LOAD_CONST":
                    compared.add(before.argval if before.opname == "LOAD_GLOBAL" else "")
            before = i
    said = {*found, *attributes}
    return Names(
        tuple(found),
        frozenset(attributes),
        frozenset(imports),
        asks,
        frozenset(compared),
        not said.isdisjoint(ANY_NAME),
        not said.isdisjoint(IMPORTERS),
    )


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
        counted: what attributes may be added to: modules, classes, functions, members of enums.
        reads_any: whether attributes of any name may be read.
    """

    def __init__(self, roots: dict[str, Any], is_users: Callable[[str], bool]) -> None:
        self._roots, self._is_users = roots, is_users
        self._reader = Reader(captured=True)
        self._fixed = Reader(static=True)
        self._names: set[str] = set()
        self._walked: dict[tuple[int, bool], Any] = {}
        self._modules: dict[tuple[int, bool], ModuleType] = {}
        self._classes: dict[int, type] = {}
        self._attributes: set[tuple[int, str, bool]] = set()
        self.places: list[Place] = []
        self.codes: list[CodeType] = []
        self.frozen: list[str] = []
        self.statics: list[Any] = []
        self.counted: list[Any] = []
        self.reads_any = False
        try:
            for name, root in roots.items():
                self._found(roots, name, root, False)
            while self._look_up_names():
                pass
        except RecursionError:
            raise RecursionError(TOO_DEEP) from None
        read, fixed = self._reader.reading(), self._fixed.reading()
        self.reading = replace(
            read,
            signature=(*read.signature, *fixed.signature),
            seen=[*read.seen, *fixed.seen],
        )
        self.arrays = [*self._reader.arrays, *self._fixed.arrays]
        found = {id(x.__class__) for x, _ in self.reading.seen}
        self.frozen += [
            f"an argument: whether it is the {cls.__name__} that was found outside"
            for cls in roots.values()
            if isinstance(cls, type) and id(cls) in found
        ]

    def _found(self, owner: Any, name: str, x: Any, is_static: bool) -> None:
        """Read what was found, and go on from there."""
        self.places.append(Place(owner, name, x, is_static))
        reader = self._fixed if is_static else self._reader
        before = len(reader.statics)
        reader.read(x)
        if owner is self._roots:
            name = "the function" if name == "0" else "an argument"
        for static in reader.statics[before:]:
            self._go_on(static, name, is_static)

    def _go_on(self, x: Any, name: str, is_static: bool) -> None:
        key = id(x), is_static
        if key in self._walked or isinstance(x, CodeType):
            return
        self._walked[key] = x
        self.statics.append(x)
        if is_dispatching(x):
            for implementation in x.registry.values():
                self._go_on(implementation, name, True)
            self.frozen.append(f"{name}: implementations that are registered later")
        elif isinstance(x, FunctionType):
            self._walk_function(x, name, is_static)
        elif isinstance(x, Op):
            for rule in (x.forward, x.rule):
                if isinstance(rule, FunctionType) and self._is_users(rule.__code__.co_filename):
                    self._go_on(rule, name, True)
        elif id(x) in ANY_NAME_READERS or isinstance(x, (attrgetter, methodcaller)):
            self.reads_any = True
        elif isinstance(x, type):
            self._walk_class(x, name)
        elif isinstance(x, Enum):
            self.counted.append(x)
            for attribute in [n for n in vars(x) if n not in OF_ENUM]:
                self._found(vars(x), attribute, vars(x)[attribute], True)
        elif isinstance(x, ModuleType):
            self._modules[key] = x
            if self.looks_into(x):
                self.counted.append(x)
        elif isinstance(x, (staticmethod, classmethod)):
            self._go_on(x.__func__, name, True)
        elif isinstance(x, property):
            self._go_on(x.fget, name, True)
            self._go_on(x.fset, name, True)
        elif isinstance(x, functools.cached_property):
            self._go_on(x.func, name, True)
        elif compiled_from(x) is not None:
            self._go_on(compiled_from(x), name, is_static)
        elif not isinstance(x, WITHOUT_STATE):
            kind = type(x)
            self.frozen.append(f"{name}: what is in a {kind.__module__}.{kind.__qualname__}")
            if isinstance(getattr(x, "__wrapped__", None), FunctionType):
                self._go_on(x.__wrapped__, name, True)

    def looks_into(self, module: ModuleType) -> bool:
        """Whether a module is the user's."""
        return is_users_module(module.__name__, module, self._is_users)

    def _walk_class(self, cls: type, called: str) -> None:
        for c in (cls, type(cls)):
            for base in c.__mro__:
                if not wrote_class(base):
                    self._list(base, called)
                elif id(base) not in self._classes:
                    self._classes[id(base)] = base
                    self.counted.append(base)

    def _walk_function(self, f: FunctionType, called: str, is_static: bool) -> None:
        """A library's function is looked into for what it was given: its closure and defaults."""
        self._found(f, "__code__", f.__code__, True)
        if self._is_users(f.__code__.co_filename):
            self.codes.append(f.__code__)
            self.counted.append(f)
            names = names_in(f.__code__)
            self._names |= names.attributes
            self.reads_any |= names.names_any
            if "label" in names.attributes:
                self.frozen.append(f"{called}: labels of Values")
            if names.imports_any:
                self.frozen.append(f"{called}: what it imports by a name that is text")
            compared = [f.__globals__.get(n, vars(builtins).get(n)) for n in names.compared]
            if any(not isinstance(x, WITHOUT_STATE) for x in compared):
                self.frozen.append(f"{called}: whether two objects are one, where it says `is`")
            for module in _imported(names.imports, f.__globals__.get("__package__") or ""):
                self._go_on(module, module.__name__, True)
            if "globals" in names.globals:
                self.frozen.append(f"{called}: names that are added to globals()")
            all_globals = not ANY_GLOBAL.isdisjoint(names.globals)
            for name in list(f.__globals__) if all_globals else names.globals:
                if name in PYTHONS:
                    continue
                if name in f.__globals__ or name not in vars(builtins):
                    self._found(f.__globals__, name, f.__globals__.get(name, MISSING), is_static)
                else:
                    self.places.append(Place(f.__globals__, name, MISSING, True))
            for name in f.__dict__:
                if name != "__wrapped__":
                    self._found(f, name, f.__dict__[name], is_static)
        else:
            self._list(f, called)
        for cell in f.__closure__ or ():
            self._found(cell, "cell_contents", _attribute(cell, "cell_contents"), is_static)
        for name in ("__defaults__", "__kwdefaults__"):
            self._found(f, name, getattr(f, name), is_static)

    def _list(self, x: Any, called: str) -> None:
        """Say that a library's function or class is not looked into, if it may read what changes."""
        if x.__module__ and x.__module__.partition(".")[0] not in STATELESS:
            self.frozen.append(f"{called}: what {x.__module__}.{x.__qualname__} reads")

    def _look_up_names(self) -> bool:
        """Go on through attributes of modules and classes that code names; say if there is more."""
        before = self._extent()
        for (_, is_static), module in list(self._modules.items()):
            if not self.looks_into(module):
                self._look_up_in_package(module)
                continue
            for name, x in list(vars(module).items()):
                if self._may_be_read(name, x) and self._is_new(module, name, is_static):
                    self._found(module, name, x, is_static)
        for name in [name for name in self._names if name in OPS]:
            self._go_on(OPS[name], name, True)  # as a method of a Value
        for cls in list(self._classes.values()):
            for name, x in list(vars(cls).items()):
                if self._may_be_read(name, x) and self._is_new(cls, name, True):
                    self._found(cls, name, x, True)
        return self._extent() != before

    def _extent(self) -> tuple[int, int, int, bool]:
        return len(self._names), len(self._modules), len(self._classes), self.reads_any

    def _look_up_in_package(self, module: ModuleType) -> None:
        """In a module that is not the user's, only what the code names is looked at, and compared."""
        for name in sorted(n for n in self._names if n in vars(module)):
            if not self._is_new(module, name, True):
                continue
            x, called = vars(module)[name], f"{module.__name__}.{name}"
            if isinstance(x, ModuleType):
                self._go_on(x, called, True)
            elif x is sys.modules:
                self.frozen.append(f"{called}: which modules there are")
            elif not isinstance(x, WITHOUT_STATE) or self._is_of_users(x):
                self._found(module, name, x, True)
            elif isinstance(x, FunctionType | type):
                self._list(x, called)

    def _is_of_users(self, x: Any) -> bool:
        if isinstance(x, FunctionType):
            return self._is_users(x.__code__.co_filename)
        return isinstance(x, type) and wrote_class(x)

    def _is_new(self, owner: Any, name: str, is_static: bool) -> bool:
        before = len(self._attributes)
        self._attributes.add((id(owner), name, is_static))
        return len(self._attributes) > before

    def _may_be_read(self, name: str, x: Any) -> bool:
        if name in PYTHONS:
            return False
        if self.reads_any or name in self._names:
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
                is_same = owner.get(name, MISSING) is held.get(name, MISSING)
                if not is_same and name not in PYTHONS:
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


def still_there(places: Iterable[Place], counted: Iterable[Any]) -> Callable[[], bool]:
    """Return a function that says whether places still hold the very objects found there.

    It is one expression, with a term for every place: Python has nothing that is quicker.

    Args:
        places: where something was found.
        counted: what must not have got more attributes, for then something else may be found.
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
    for k, owner in enumerate(counted):
        names[f"n{k}"] = namespace = vars(owner)
        terms.append(f"len(n{k}) == {len(namespace)}" if namespace else f"not n{k}")
        if isinstance(owner, type):
            names |= {f"c{k}": owner, f"m{k}": owner.__mro__}
            terms.append(f"c{k}.__mro__ is m{k}")
    return eval("lambda: " + " and ".join(terms), names)  # type: ignore[no-any-return]


class _State(NamedTuple):
    """What was captured at one time. Threads may call at once, so it is replaced as a whole."""

    reach: Reach
    still_there: Callable[[], bool]
    leaves: list[Any]

    def is_unchanged(self) -> bool:
        """Whether every name still means the same object, and containers hold what they held."""
        reach = self.reach
        try:
            if not self.still_there():
                return False
            if reach.reading.seen and not reach.reading.holds():
                return False
        except (LookupError, AttributeError, ValueError):  # deleted, or a cell that is empty
            return False
        return not reach.arrays or all(x.tobytes() == held for x, held in reach.arrays)


class Captures:
    """What was captured, to be asked for again."""

    def __init__(
        self, reach: Reach, roots: dict[str, Any], is_users: Callable[[str], bool]
    ) -> None:
        self._roots, self._is_users = roots, is_users
        self._adopted: list[Value] = []
        self._now = self._state(reach)
        self._settled: _State | None = None  # for which it is known that `_same` still holds

    def _state(self, reach: Reach) -> _State:
        places = [place for place in reach.places if place.owner is not self._roots]
        leaves = [*reach.reading.leaves, *self._adopted]
        return _State(reach, still_there(places, reach.counted), leaves)

    @property
    def reach(self) -> Reach:
        """Everything that was read."""
        return self._now.reach

    @property
    def leaves(self) -> list[Any]:
        """The numbers, in the order of the inputs."""
        return self._now.leaves

    def start(self, adopted: list[Value], arguments: Sequence[Any]) -> None:
        """Remember which Values are the same one, now that all are known.

        Args:
            adopted: Values that are inputs without a known place: they stay what they are.
            arguments: the leaves of the arguments.
        """
        self._adopted = adopted
        self._now = self._state(self.reach)
        self._same = _sameness(arguments, self.leaves)

    def current(self, arguments: Sequence[Any] = ()) -> list[Any] | None:
        """Return the captured numbers as they are now; None if more than numbers has changed.

        Args:
            arguments: the leaves of the call's arguments: a Value among them may be captured, too.
        """
        now = self._now
        has_values = Value in map(type, arguments)
        if now.is_unchanged():
            if self._settled is now and not has_values:
                return now.leaves  # nothing has changed since this was last asked
        else:
            reach = Reach(self._roots, self._is_users)
            if reach.reading.signature != now.reach.reading.signature:
                return None
            self._now = now = self._state(reach)
        if _sameness(arguments, now.leaves) != self._same:
            return None
        if not has_values:
            self._settled = now
        return now.leaves


def _sameness(arguments: Sequence[Any], leaves: list[Any]) -> tuple[int, ...]:
    """Which Values are the same one, if any is captured."""
    return sameness([*arguments, *leaves]) if Value in map(type, leaves) else ()
