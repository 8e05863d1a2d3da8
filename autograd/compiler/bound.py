"""A function of Python floats around machine code: what a call costs is mostly what Python adds to it.

The function is machine code itself, called by the interpreter as those of `math` are: it takes the
numbers out of the floats, runs the program, and makes floats of the results. A call that it was not
made for (other types, a guard that fails) it passes on to an ordinary function, the fallback.

    x y gx     where the arrays of its workspace begin
    o d        an argument; its number
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .emit import machine_code
from .interpret import DONE
from .program import Workspace
from .running import Run

POINTER = ctypes.sizeof(ctypes.c_void_p)
# Where CPython keeps what: the last field of the plain object, of a float, and after those of a tuple.
TYPE = object.__basicsize__ - POINTER
NUMBER = float.__basicsize__ - ctypes.sizeof(ctypes.c_double)
ITEMS = tuple.__basicsize__

FASTCALL_WITH_KEYWORDS = 0x80 | 0x02  # flags of a method: METH_FASTCALL | METH_KEYWORDS

# The interpreter's lock keeps calls apart, for they share one workspace.
IS_POSSIBLE = (
    sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()
)

Places = int | tuple[int, ...] | None


class _Definition(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def bind(
    run: Run,
    workspace: Workspace,
    count: int,
    places: Places,
    fallback: Callable[..., Any],
    name: str = "compiled",
) -> Callable[..., Any]:
    """Make a function of ``count`` floats.

    Args:
        run: what it runs, of one output.
        workspace: what it runs on, and nobody else does. Inputs from ``count`` on stay as they are.
        count: how many floats it takes.
        places: what it returns: None for y; else a tuple of y and the derivative by the input in
            that place, or a tuple of those.
        fallback: what it calls if it cannot do what it is asked.
        name: what it is called.
    """
    text = "\n".join(_text(run, workspace, count, places))
    code = machine_code(text, level=1)
    definition = _Definition(
        name.encode(), code.get_function_address("call"), FASTCALL_WITH_KEYWORDS, None
    )
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype = ctypes.py_object
    make.argtypes = (ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    # What the code needs lives in the function's `__self__`. It is a tuple, since the collector,
    # when it breaks cycles, empties other things while the function still needs them.
    kept = fallback, code, definition, run, workspace
    return make(ctypes.addressof(definition), kept, None)  # type: ignore[no-any-return]


def _pointer(address: int) -> str:
    return f"inttoptr (i64 {address} to ptr)"


def _python(name: str) -> str:
    """A function of the interpreter."""
    address = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
    return _pointer(address or 0)


def _text(run: Run, workspace: Workspace, count: int, places: Places) -> Iterator[str]:
    """The function in LLVM's language."""
    x, y, _, gx, *_ = workspace.addresses
    yield "define ptr @call(ptr %self, ptr %arguments, i64 %count, ptr %keywords) {"
    yield "  %positional = icmp eq ptr %keywords, null"
    yield f"  %counted = icmp eq i64 %count, {count}"
    yield "  %fits = and i1 %positional, %counted"
    yield "  br i1 %fits, label %read0, label %pass.on"
    for i in range(count):
        yield f"read{i}:"
        yield f"  %at{i} = getelementptr ptr, ptr %arguments, i64 {i}"
        yield f"  %o{i} = load ptr, ptr %at{i}"
        yield f"  %type.at{i} = getelementptr i8, ptr %o{i}, i64 {TYPE}"
        yield f"  %type{i} = load ptr, ptr %type.at{i}"
        yield f"  %is.float{i} = icmp eq ptr %type{i}, {_pointer(id(float))}"
        yield f"  br i1 %is.float{i}, label %take{i}, label %pass.on"
        yield f"take{i}:"
        yield f"  %d.at{i} = getelementptr i8, ptr %o{i}, i64 {NUMBER}"
        yield f"  %d{i} = load double, ptr %d.at{i}"
        yield f"  store double %d{i}, ptr {_pointer(x + 8 * i)}"
        yield f"  br label %read{i + 1}"
    yield f"read{count}:"
    arrays = ", ".join(f"ptr {_pointer(address)}" for address in workspace.addresses)
    yield f"  %status = call i64 {_pointer(run.native.address)}({arrays})"
    yield f"  %done = icmp eq i64 %status, {DONE}"
    yield "  br i1 %done, label %ran, label %pass.on"
    yield "ran:"
    yield from _float("y", y)
    if places is None:
        yield "  ret ptr %y"
    else:
        if isinstance(places, int):
            yield from _float("gradient", gx + 8 * places)
        else:
            for i, place in enumerate(places):
                yield from _float(f"slope{i}", gx + 8 * place)
            yield from _tuple("gradient", [f"slope{i}" for i in range(len(places))])
        yield from _tuple("answer", ["y", "gradient"])
        yield "  ret ptr %answer"
    yield "pass.on:"
    yield f"  %fallback.at = getelementptr i8, ptr %self, i64 {ITEMS}"
    yield "  %fallback = load ptr, ptr %fallback.at"
    given = "ptr %fallback, ptr %arguments, i64 %count, ptr %keywords"
    yield f"  %other = call ptr {_python('PyObject_Vectorcall')}({given})"
    yield "  ret ptr %other"
    yield "}"


def _float(name: str, address: int) -> Iterator[str]:
    """A new float of the number at an address."""
    yield f"  %{name}.number = load double, ptr {_pointer(address)}"
    yield f"  %{name} = call ptr {_python('PyFloat_FromDouble')}(double %{name}.number)"


def _tuple(name: str, items: list[str]) -> Iterator[str]:
    """A new tuple, which takes over its items."""
    yield f"  %{name} = call ptr {_python('PyTuple_New')}(i64 {len(items)})"
    for i, item in enumerate(items):
        yield f"  %{name}.at{i} = getelementptr i8, ptr %{name}, i64 {ITEMS + POINTER * i}"
        yield f"  store ptr %{item}, ptr %{name}.at{i}"
