"""What numbers sit in: arguments and captures, read for their numbers, or built again with others.

`read` takes a structure apart into a signature and its numbers. `Viewer` builds it again with other
things in the places of numbers: what a traced function sees, which it may read but not change.

    leaf       a float, an int, a Value, an array of floats or ints
    static     what has no numbers to be watched: text, switches, functions. It is compared instead
    parts      what a container holds, in order; `build` makes one of other parts
    token      a piece of a signature: it says what follows, so that no two structures read alike
"""

from __future__ import annotations

import functools
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from operator import is_
from types import (
    BuiltinMethodType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any, Generic, NamedTuple

import numpy as np

from .. import modes
from ..engine import Value
from .arrays import Elements, object_array
from .standins import EXACT, SMALL, Int, gathered, is_standin, plain

BY_VALUE: frozenset[type] = frozenset(
    (str, bytes, bool, type(None), complex, range, Fraction, Decimal, type(...), np.bool_, np.str_)
)
BY_TEXT = BY_VALUE | {int, float}  # keys that are part of a signature by what they look like
UNCHANGEABLE, MADE = 1 << 8, 1 << 9  # a type's flags: it cannot be changed; it was made at run time
LruCache = type(functools.lru_cache(len))
OURS = "autograd.compiler."
LARGEST = 100_000  # elements of an array that is captured
TOO_DEEP = (
    "jit: expected arguments and captures that are a few levels deep, got one that is hundreds deep, "
    "or holds itself; pass its numbers in a list"
)

FLOATS, VALUES = {float, np.float64}, {Value}


class Same:
    """A token: this very object."""

    __slots__ = ("it",)

    def __init__(self, it: Any) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)


@dataclass(slots=True)
class Reading:
    """What `read` found.

    Attributes:
        signature: hashable: everything but the numbers. Which Values are the same one is part of it.
        leaves: the numbers, in order.
        statics: what was taken as it is: functions, classes, objects of other packages.
        seen: the containers, each with what it held.
    """

    signature: tuple[Any, ...]
    leaves: list[Any]
    statics: list[Any] = field(default_factory=list)
    seen: list[tuple[Any, list[Any]]] = field(default_factory=list)

    def holds(self) -> bool:
        """Say whether the containers still hold the same objects. Arrays are not looked into."""
        return all(are_same(raw_parts(container), held) for container, held in self.seen)


def are_same(x: Sequence[Any], y: Sequence[Any]) -> bool:
    """Say whether two sequences hold the very same objects."""
    return len(x) == len(y) and all(map(is_, x, y))


def read(obj: Any) -> Reading:
    """Take a structure apart.

    >>> reading = read(([1.0, 2.0], {"rate": 0.5, "on": True}))
    >>> reading.leaves, reading.signature == read(([3.0, 4.0], {"rate": 1.0, "on": True})).signature
    ([1.0, 2.0, 0.5], True)
    """
    reader = Reader()
    try:
        reader.read(obj)
    except RecursionError:
        raise RecursionError(TOO_DEEP) from None
    return reader.reading()


class Reader:
    """Reads several structures in a row, as one.

    Args:
        captured: whether these are captures: their ints are static, and a container that is met
            twice is read once. The arguments of a function are read each by itself.
        static: whether numbers are static, too.
    """

    def __init__(self, captured: bool = False, static: bool = False) -> None:
        self._captured, self._static = captured, static
        self._tokens: list[Any] = []
        self._leaves: list[Any] = []
        self.statics: list[Any] = []
        self._seen: list[tuple[Any, list[Any]]] = []
        self._met: dict[int, int] = {}
        self.arrays: list[tuple[Any, bytes]] = []  # static ones, with what was in them

    def reading(self) -> Reading:
        """What was read so far."""
        return Reading(
            (*self._tokens, sameness(self._leaves)), self._leaves, self.statics, self._seen
        )

    def read(self, x: Any) -> None:
        """Take one more structure apart."""
        add, kind = self._tokens.append, KINDS.get(x.__class__) or kind_of(x)
        if kind is Value:
            add(Same(x) if self._static else Value)
            self._leaves.append(x)
        elif kind is float:
            self._tokens += scalar_class(x), float(x).hex() if self._static else "number"
            if not self._static:
                self._leaves.append(float(x))
        elif kind is int:
            self._read_int(x)
        elif kind is np.ndarray:
            self._read_array(x)  # not in `seen`: it holds no objects
        elif isinstance(kind, Container):
            self._read_parts(x, kind)
        else:
            if kind in BY_VALUE:
                self._tokens += kind, repr(x)  # 0j and -0j are equal
            else:
                self._tokens += kind, Same(x)
                self.statics.append(x)
                if kind is not FunctionType and kind is not type:
                    self._read_beside(x)

    def _read_beside(self, x: Any) -> None:
        """What may run when a static thing is used: its methods, and what it was compiled from."""
        if not isinstance(x, type) and wrote_class(type(x)):
            self.statics.append(type(x))
        if compiled_from(x) is not None:
            self.statics.append(compiled_from(x))

    def _read_int(self, x: Any) -> None:
        number = int(x)
        bound = None if self._captured or self._static else bound_of(abs(number))
        self._tokens += scalar_class(x), (number,) if bound is None else bound
        if bound is not None:
            self._leaves.append(number)

    def _read_array(self, x: Any) -> None:
        is_fixed = self._static or self._captured
        if is_fixed and x.size > LARGEST:
            self._tokens += np.ndarray, Same(x)
            if self._static:  # else it is refused when it is used
                self.statics.append(x)
            return
        bound = None if is_fixed else bound_of(largest(x))
        if bound is None:
            self._tokens += np.ndarray, x.shape, x.dtype.str, x.tobytes()
            self.arrays.append((x, x.tobytes()))
        else:
            self._tokens += np.ndarray, x.shape, x.dtype.str, bound
            self._leaves.append(x)

    def _read_parts(self, x: Any, kind: Container) -> None:
        met = self._met.get(id(x))
        if met is not None and (self._captured or self._static or kind is OBJECT):
            self._tokens += "again", met
            return
        self._met[id(x)] = len(self._met)
        parts = kind.parts(x)
        token = kind.token(x)
        if kind is OBJECT:
            held = [x.__class__, *token[1], *parts]
            self.statics.append(x.__class__)
        else:
            held = list(parts if kind is LIST else raw_parts(x))
            if kind is NAMEDTUPLE:
                self.statics.append(x.__class__)
        self._seen.append((x, held))  # which keeps it alive, too: ids are not reused
        self._tokens += kind, token, len(parts)
        if (kind is LIST or kind is TUPLE) and not self._static:  # the common ones in one go
            alike = set(map(type, parts))
            if alike == VALUES or (alike and alike <= FLOATS):
                self._tokens += "all", Value if alike == VALUES else float
                self._leaves += parts if np.float64 not in alike else map(float, parts)
                return
        for part in parts:
            if kind is OBJECT and part.__class__ is int:  # a setting, not data
                self._tokens += "int", part
            else:
                self.read(part)


class Viewer:
    """Builds structures again, as a traced function may see them.

    Args:
        variable: what stands in the place of a leaf; called in the order of `Reading.leaves`.
        static: what stands in the place of a static thing.
        captured: as for `Reader`.
        exact: whether lists and dicts are exactly that. Then they refuse no changes.
        in_objects: what stands in the places of floats in objects, if not ``variable``.
    """

    def __init__(
        self,
        variable: Callable[[Any], Any],
        static: Callable[[Any], Any],
        captured: bool = False,
        exact: bool = False,
        in_objects: Callable[[Any], Any] | None = None,
    ) -> None:
        self._exact, self._in_objects = exact, in_objects or variable
        self.variable, self._static, self._captured = variable, static, captured
        self._built: dict[int, tuple[Any, Any]] = {}
        self.shadows: list[tuple[Any, Any, list[Any]]] = []  # a view, its original, what it holds

    def view(self, x: Any) -> Any:
        """Build one structure again."""
        kind = kind_of(x)
        if kind is Value:
            return self.variable(x)
        if kind is float:
            return self.variable(scalar_class(x)(x))
        if kind is int:
            is_static = self._captured or not bound_of(abs(int(x)))
            return x if is_static else self.variable(scalar_class(x)(x))
        if kind is np.ndarray:
            return self._view_array(x)
        if isinstance(kind, Container):
            try:
                return self._view_parts(x, kind)
            except RecursionError:
                raise RecursionError(TOO_DEEP) from None
        if isinstance(x, Iterator):
            return Unusable(
                f"uses up a {cls_name(x)} that it was given", "give it list(x) instead", x.__class__
            )
        if isinstance(x, (list, tuple, dict, set, frozenset, deque, np.ndarray)):
            return Unusable(
                f"reads a {cls_name(x)}, which is a container of its own kind",
                "give it a plain list, tuple, dict or array",
                x.__class__,
            )
        return x if kind in BY_VALUE else self._static(x)

    def _view_array(self, x: Any) -> Any:
        if self._captured and x.size > LARGEST:
            return Unusable(
                f"reads a captured array of shape {x.shape}",
                "pass it as an argument; captured ones "
                f"are compared at every call, and may have {LARGEST:,} elements at most",
                x.__class__,
            )
        if self._captured or bound_of(largest(x)) is None:
            return read_only(x.copy())
        return self.variable(x)

    def _view_parts(self, x: Any, kind: Container) -> Any:
        if id(x) in self._built and (self._captured or kind is OBJECT):
            return self._built[id(x)][1]
        if kind is OBJECT:
            return self._view_object(x)
        parts = [self.view(part) for part in kind.parts(x)]
        view = kind.build(x, parts)
        if self._exact and (kind is LIST or kind is DICT):
            view = parts if kind is LIST else dict(view)
        self._built[id(x)] = x, view
        if type(view) in (list, dict, set, deque):
            self.shadows.append((view, x, list(raw_parts(view))))
        return view

    def _view_object(self, x: Any) -> Any:
        cls = x.__class__
        view = cls.__new__(cls) if cls is SimpleNamespace else object.__new__(cls)
        self._built[id(x)] = x, view  # before its parts, for one may be this object
        outside, self.variable = self.variable, self._in_objects
        parts = [part if part.__class__ is int else self.view(part) for part in OBJECT.parts(x)]
        self.variable = outside
        for name, part in zip(attribute_names(x), parts):
            if name in slot_names(cls):
                object.__setattr__(view, name, part)
            else:  # past any property of that name
                view.__dict__[name] = part
        self.shadows.append((view, x, list(raw_parts(view))))
        return view


# ---- kinds ----


class Container(NamedTuple):
    """A kind of container.

    Attributes:
        token: what of it is part of the signature, beside how many parts it has.
        parts: what it holds, a list or tuple.
        build: makes a view of other parts.
    """

    name: str
    token: Callable[[Any], Any]
    parts: Callable[[Any], Sequence[Any]]
    build: Callable[[Any, list[Any]], Any]

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other


def kind_of(x: Any) -> Any:
    """What `read` takes something for: a leaf's type, a Container, else the type of a static thing."""
    cls = x.__class__
    kind = KINDS.get(cls)
    if kind is not None:
        return kind
    if isinstance(x, np.ndarray) and cls in (np.ndarray, np.memmap, Elements, ReadOnlyArray):
        return OBJECT_ARRAY if x.dtype == object else np.ndarray
    if isinstance(x, np.floating):
        return float
    if isinstance(x, np.integer):
        return int
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return NAMEDTUPLE
    if is_object(cls):
        return OBJECT
    if isinstance(x, dict) and not wrote_class(cls):  # defaultdict, Counter
        return DICT
    if cls in (BuiltinMethodType, MethodWrapperType) and not isinstance(
        x.__self__, (ModuleType, type, type(None))
    ):
        return BUILTIN_METHOD
    if (cls.__module__, cls.__name__) == (f"{OURS}dispatch", "Method"):
        return COMPILED_METHOD
    return cls


def compiled_from(x: Any) -> Any:
    """The function that a compiled or a cached one was made from; None for other things."""
    is_made = isinstance(x, LruCache) or type(x).__module__.startswith(OURS)
    return getattr(x, "__wrapped__", None) if is_made else None


@functools.lru_cache(1000)
def is_object(cls: type) -> bool:
    """Say whether objects of a class are read attribute by attribute: the user's, and Modules."""
    is_config = (cls.__module__, cls.__name__) == ("argparse", "Namespace")
    if is_config or cls is SimpleNamespace or hasattr(cls, "named_parameters"):
        return True
    if issubclass(cls, (type, Enum)) or not wrote_class(cls):
        return False
    return all(_has_statement(c) or c in (object, Generic) for c in cls.__mro__)


def _has_statement(cls: type) -> bool:
    """Say whether a class was made by a class statement, and not in C."""
    return cls.__flags__ & (UNCHANGEABLE | MADE) == MADE


def wrote_class(cls: type) -> bool:
    """Say whether the user wrote a class."""
    if not _has_statement(cls):
        return False
    return is_users_module(cls.__module__, sys.modules.get(cls.__module__), modes.is_users)


def is_users_module(name: str, module: Any, is_users: Callable[[str], bool]) -> bool:
    """Say whether a module is the user's; without a file they all are, but for those of Python."""
    file = getattr(module, "__file__", None)
    if file is None:  # a notebook, an interactive session, or built into Python
        return name not in sys.stdlib_module_names or name == "__main__"
    return is_users(file)


def attribute_names(x: Any) -> list[str]:
    """The names of an object's attributes: those in slots, if they are set, then the others."""
    slots = slot_names(x.__class__)
    if not slots:
        return list(x.__dict__)
    return [*[name for name in slots if _has(x, name)], *getattr(x, "__dict__", ())]


def _attributes(x: Any) -> list[Any]:
    """The attributes, in the order of `attribute_names`."""
    slots = slot_names(x.__class__)
    if not slots:
        return list(x.__dict__.values())
    found = [object.__getattribute__(x, name) for name in slots if _has(x, name)]
    return [*found, *getattr(x, "__dict__", {}).values()]


@functools.lru_cache(1000)
def slot_names(cls: type) -> tuple[str, ...]:
    """The names of the attributes that a class keeps in slots."""
    names: dict[str, None] = {}
    for c in cls.__mro__:
        slots = c.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            is_private = slot.startswith("__") and not slot.endswith("__")
            names[f"_{c.__name__.lstrip('_')}{slot}" if is_private else slot] = None
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


def _has(x: Any, name: str) -> bool:
    try:
        object.__getattribute__(x, name)
    except AttributeError:
        return False
    return True


def _rebuilt_array(x: Any, parts: list[Any]) -> Any:
    return read_only(object_array(parts, x.shape))


def _builtin_method(x: Any, parts: list[Any]) -> Any:
    of = parts[0]
    found = None if type(of) is Unusable else getattr(of, x.__name__, None)
    what = f"calls .{x.__name__} of a {cls_name(x.__self__)}"
    return Unusable(what, "do so outside", x.__class__) if found is None else found


def _partial(x: Any, parts: list[Any]) -> Any:
    return functools.partial(parts[0], *parts[1], **parts[2])


# Keys of dicts and elements of sets are part of the signature, apart from objects, functions and the
# like: those are parts of the container, and found again by what stands for them.


def _is_by_text(key: Any) -> bool:
    if isinstance(key, tuple | frozenset):
        return all(map(_is_by_text, key))
    return type(key) in BY_TEXT or isinstance(key, np.generic)


def _text(key: Any) -> Any:
    """A key as a part of the signature: 0.0 and -0.0 are two, 1 and 1.0 as well."""
    if isinstance(key, tuple):
        return (type(key), *map(_text, key))
    return type(key), frozenset(map(_text, key)) if isinstance(key, frozenset) else repr(key)


def _others(keys: Collection[Any]) -> list[Any]:
    """The keys that are parts of their own."""
    if BY_TEXT.issuperset(map(type, keys)):
        return []
    return [key for key in keys if not _is_by_text(key)]


def _dict_token(x: Any) -> Any:
    if set(map(type, x)) == {str}:
        return type(x), *x
    return type(x), *[_text(key) if _is_by_text(key) else None for key in x]


def _dict(x: Any, parts: list[Any]) -> Any:
    others = iter(parts[len(x) :])
    keys = [key if _is_by_text(key) else next(others) for key in x] if len(parts) > len(x) else x
    return (Defaults if hasattr(x, "__missing__") else ReadOnlyDict)(zip(keys, parts))


def _set_token(x: Any) -> Any:
    return type(x), frozenset(_text(v) for v in x if _is_by_text(v))


def _set(x: Any, parts: list[Any]) -> Any:
    if all(map(is_, parts, SET.parts(x))):
        return type(x)(x)
    return (Unordered if len(x) > 1 else type(x))([*filter(_is_by_text, x), *parts])


LIST = Container("list", lambda x: None, lambda x: x, lambda x, parts: ReadOnlyList(parts))
TUPLE = Container("tuple", lambda x: None, lambda x: x, lambda x, parts: tuple(parts))
NAMEDTUPLE = Container("namedtuple", type, lambda x: x, lambda x, parts: type(x)._make(parts))
DICT = Container(
    "dict",
    _dict_token,
    lambda x: [*x.values(), *_others(x)],
    _dict,
)
DEQUE = Container("deque", lambda x: x.maxlen, list, lambda x, parts: deque(parts, maxlen=x.maxlen))
SET = Container("set", _set_token, lambda x: sorted(_others(x), key=id), _set)
OBJECT = Container(
    "object",
    lambda x: (Same(type(x)), tuple(attribute_names(x))),
    _attributes,
    lambda x, parts: None,
)
OBJECT_ARRAY = Container("array", lambda x: x.shape, lambda x: x.ravel().tolist(), _rebuilt_array)
PARTIAL = Container("partial", lambda x: None, lambda x: (x.func, x.args, x.keywords), _partial)
METHOD = Container(
    "method",
    lambda x: None,
    lambda x: (x.__func__, x.__self__),
    lambda x, parts: MethodType(*parts),
)
COMPILED_METHOD = Container(
    "compiled method", lambda x: None, lambda x: (x._function, x._instance), METHOD.build
)
BUILTIN_METHOD = Container(
    "built-in method",
    lambda x: x.__name__,
    lambda x: (x.__self__,),
    _builtin_method,
)
KINDS: dict[type, Any] = {
    float: float, int: int, Value: Value,
    list: LIST, tuple: TUPLE, dict: DICT, deque: DEQUE, set: SET, frozenset: SET,
    functools.partial: PARTIAL, MethodType: METHOD,
    **{cls: cls for cls in BY_VALUE},
}  # fmt: skip


def raw_parts(x: Any) -> list[Any]:
    """What a container holds, to be compared by identity."""
    if x.__class__ is list:
        return x
    if isinstance(x, dict):
        return [*x, *x.values()]
    kind = kind_of(x)
    if kind is SET:
        return sorted(x, key=id)
    if kind is not OBJECT:
        return list(kind.parts(x))
    return [x.__class__, *attribute_names(x), *_attributes(x)]


def largest(x: Any) -> int | None:
    """The largest magnitude in an array of ints; 0 for floats; None if its numbers are not both."""
    if x.dtype.kind == "f":
        return 0
    if x.dtype.kind not in "iu":
        return None
    return max(int(x.max()), -int(x.min())) if x.size else 0


def scalar_class(x: Any) -> type:
    """What a number counts as: NumPy's floats and ints of 64 bits as Python's, others as they are."""
    if isinstance(x, float):
        return float
    return int if isinstance(x, int | np.int64) else x.__class__


def bound_of(most: int | None) -> int | None:
    """For numbers up to a magnitude, the bound that their compiled function is made for.

    None if they are none, or ints that floats do not hold: these are static.

    >>> bound_of(5) == 2**26, bound_of(2**30) == 2**53, bound_of(2**60)
    (True, True, None)
    """
    if most is None or most > EXACT:
        return None
    return SMALL if most <= SMALL else EXACT


def sameness(leaves: Sequence[Any]) -> tuple[int, ...]:
    """For Values of which some are the same one: where each was first; () if all differ.

    >>> x, y = Value(1.0), Value(1.0)
    >>> sameness([x, y]), sameness([x, 2.0, y, x])
    ((), (0, 1, 0))
    """
    values = [v for v in leaves if v.__class__ is Value]
    first: dict[int, int] = {}
    for i, v in enumerate(values):
        first.setdefault(id(v), i)
    return () if len(first) == len(values) else tuple(first[id(v)] for v in values)


# ---- what a traced function sees ----


KIND_NAMES = {dict: "a dict", list: "a list", np.ndarray: "an array"}


def _refusing(name: str) -> Any:
    def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not (isinstance(self, np.ndarray) and self.flags.writeable):
            kind = next(k for k in (dict, list, np.ndarray) if isinstance(self, k))
            modes.refuse_while_tracing(
                f"changes {KIND_NAMES[kind]} that it was given, or found outside",
                "copy it first: list(x), dict(x), x.copy()",
            )
        return getattr(super(type(self), self), name)(*args, **kwargs)

    return refuse


class Indexable(list[Any]):
    """A list that an `Int` may index: a gather, if its elements are inputs in regular places."""

    __slots__ = ()

    def __getitem__(self, i: Any) -> Any:
        if type(i) is Int:
            return gathered(self, i)
        found = list.__getitem__(self, i)
        return Indexable(found) if i.__class__ is slice else found


class ReadOnlyList(Indexable):
    """A list among arguments or captures."""

    __slots__ = ()
    __class__ = property(lambda self: list)


class ReadOnlyDict(dict[Any, Any]):
    """A dict among arguments or captures."""

    __slots__ = ()


class Defaults(ReadOnlyDict):
    """A defaultdict, or another dict that answers for keys that it lacks."""

    __slots__ = ()

    def __missing__(self, key: Any) -> Any:
        modes.refuse_while_tracing(f"reads {key!r:.40} from a dict that lacks it", "use .get()")
        raise KeyError(key)

    def _lacks(self, *args: Any) -> Any:
        modes.refuse_while_tracing("asks a Counter for more than a dict has", "do so outside")

    most_common = elements = subtract = total = _lacks


class Unordered(frozenset[Any]):
    """A set of objects or functions: their order is by chance, so it may only be asked for one."""

    def __iter__(self) -> Any:
        modes.refuse_while_tracing(
            "goes through a set of objects, which is in no order", "give it a list"
        )
        return super().__iter__()


for _name in (
    "__setitem__ __delitem__ __iadd__ __imul__ append extend insert remove pop clear sort reverse"
).split():
    setattr(ReadOnlyList, _name, _refusing(_name))
for _name in "__setitem__ __delitem__ __ior__ pop popitem clear update setdefault".split():
    setattr(ReadOnlyDict, _name, _refusing(_name))


class ReadOnlyArray(Elements):
    """An array among arguments or captures."""

    def _like(self, x: Any) -> Any:
        return read_only(x)


for _name in (
    "__setitem__ __iadd__ __isub__ __imul__ __itruediv__ __ifloordiv__ __imod__ __ipow__ sort fill put"
).split():
    setattr(ReadOnlyArray, _name, _refusing(_name))
ReadOnlyArray.__name__ = "ndarray"  # as such it is known all over the package


def class_of(x: Any, *more: Any) -> Any:
    """The builtin ``type`` for a traced function: the class of what it stands for."""
    if more:
        return type(x, *more)
    if is_standin(x) or isinstance(x, (ReadOnlyList, Unusable)):
        return x.__class__
    return np.ndarray if isinstance(x, Elements) else dict if type(x) is ReadOnlyDict else type(x)


def cls_name(x: Any) -> str:
    """The name of a thing's class."""
    return type(x).__name__


def read_only(x: Any) -> Any:
    """The array as a traced function sees it."""
    x = x.view(ReadOnlyArray)
    x.flags.writeable = False
    return x


def plain_containers(x: Any) -> Any:
    """Return a structure with lists and dicts in the places of read-only ones."""
    if isinstance(x, Indexable):
        return [plain_containers(part) for part in x]
    if isinstance(x, ReadOnlyDict):
        return {plain(key): plain_containers(part) for key, part in x.items()}
    if type(x) in (list, tuple):
        return type(x)(plain_containers(part) for part in x)
    if type(x) is dict:
        return {plain(key): plain_containers(part) for key, part in x.items()}
    return x.view(np.ndarray) if isinstance(x, Elements) else x


class Unusable:
    """Stands for what a compiled function cannot do with: every use is refused.

    Args:
        what, advice: what to say.
        cls: the class of what it stands for.
    """

    __class__ = property(lambda self: self._cls)  # for isinstance

    def __init__(self, what: str, advice: str, cls: type) -> None:
        self._what, self._advice, self._cls = what, advice, cls

    def _refuse(self, *args: Any) -> Any:
        modes.refuse_while_tracing(self._what, self._advice)

    def __getattr__(self, name: str) -> Any:
        return self._refuse()

    __getitem__ = __iter__ = __next__ = __len__ = __array__ = __bool__ = __call__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __truediv__ = __rtruediv__ = __matmul__ = __rmatmul__ = __eq__ = __lt__ = __gt__ = _refuse
    __hash__ = object.__hash__
