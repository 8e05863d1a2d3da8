"""What a function's code says: which names it reads, of what kind, and where it assigns one."""

from __future__ import annotations

import dis
import functools
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any, NamedTuple

from ..recording import Line

# Who says one of these may read attributes of any name: the names are in text, or in the class.
ANY_NAME = {
    "getattr", "hasattr", "vars", "dir", "__dict__", "__getattribute__", "__match_args__",
    "attrgetter", "methodcaller", "getmembers", "getattr_static",
}  # fmt: skip
IMPORTERS = {"import_module", "__import__"}


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
