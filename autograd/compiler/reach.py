"""What a function can read from outside of its arguments: found by following what its code names.

From a function we go on to the functions, objects and classes that are found in its globals, closure and
defaults. Methods, rules of ops and the like run as they are, so that numbers they read from outside are
no inputs. In other packages only what code names is looked at; what their functions and objects may
read themselves is listed, as text.

    place     where something is found: a name in globals, an attribute of a function, cell or module
    static    found by code that runs as it is
"""

from __future__ import annotations

import builtins
import functools
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import Enum
from operator import attrgetter, methodcaller
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, NamedTuple

import numpy as np

from ..ops import OPS, Op
from .bytecode import names_in
from .structure import TOO_DEEP, Reader, Same, compiled_from, is_users_module, wrote_class

MISSING = Same("missing")
WITHOUT_STATE = (
    BuiltinFunctionType, FunctionType, MethodDescriptorType, ModuleType, Op, WrapperDescriptorType,
    type, re.Pattern, np.ufunc, type(np.sum), np.dtype, Enum, CodeType, MemberDescriptorType,
    GetSetDescriptorType,
)  # fmt: skip
ANY_NAME_READERS = {id(f) for f in (getattr, hasattr, vars, dir, attrgetter, methodcaller)}
ANY_GLOBAL = {"globals", "eval", "exec", "vars"}
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


def attribute_of(owner: Any, name: str) -> Any:
    """What an attribute is; MISSING if there is none, or a cell is empty."""
    try:
        return getattr(owner, name)
    except (AttributeError, ValueError):  # ValueError: a cell that is empty
        return MISSING


class Reach:
    """Everything that functions can read from outside, in a fixed order.

    Attributes:
        places: where it was found.
        reading: its signature and numbers.
        codes: of the functions that may run.
        static_codes: of those among them that run as they are.
        frozen: what is not looked into, as text.
        statics: the things that were taken as they are.
        arrays: those that are compared by content, each with what was in it.
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
        self.static_codes: list[CodeType] = []
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
            if is_static:
                self.static_codes.append(f.__code__)
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
            self._found(cell, "cell_contents", attribute_of(cell, "cell_contents"), is_static)
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
        for name in sorted(self._names & OPS.keys()):
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
