"""Run a program in Python, statement by statement: what machine code is compared with.

i     the counters of the loops that are running, the outermost first
r     registers
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ops import evaluate, partials
from .program import (
    Add,
    Block,
    Carry,
    Check,
    Choice,
    Compute,
    Constant,
    Index,
    Load,
    Loop,
    Program,
    Pull,
    Statement,
    Store,
    Workspace,
)

DONE, OUT_OF_RANGE = -1, -2

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def run(program: Program, workspace: Workspace) -> int:
    """Run ``program`` on the arrays of ``workspace``.

    Returns:
        DONE, OUT_OF_RANGE if a list is too short for an index, or the number of the first guard
        that failed.
    """
    workspace.gx[:] = 0.0
    try:
        _Run(program, workspace).body(program.body)
    except _Stop as stop:
        return stop.status
    return DONE


class _Stop(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


class _Run:
    def __init__(self, program: Program, workspace: Workspace) -> None:
        self.table = program.table
        self.arrays: dict[str, Any] = {
            name: getattr(workspace, name) for name in ("x", "y", "s", "gx", "v", "g")
        }
        self.arrays["c"] = np.asarray(program.constants)
        self.r: dict[int, float] = {}
        self.i: list[int] = []

    def body(self, statements: list[Statement]) -> None:
        for s in statements:
            match s:
                case Load():
                    at = self.place(s.index, s.choice)
                    self.r[s.target] = float(self.arrays[s.array][at])
                case Store():
                    array, at = self.arrays[s.array], self.place(s.index, s.choice)
                    source = self.r[s.source]
                    array[at] = float(array[at]) + source if s.adds else source
                case Constant():
                    self.r[s.target] = s.number
                case Compute():
                    self.r[s.target] = evaluate(s.op, [self.r[x] for x in s.inputs])
                case Pull():
                    self.pull(s)
                case Add():
                    self.r[s.target] = self.r[s.a] + self.r[s.b]
                case Check():
                    if COMPARE[s.symbol](self.r[s.a], self.r[s.b]) != s.taken:
                        raise _Stop(self.at(s.number))
                case Loop():
                    self.loop(s)
                case Block():
                    self.body(s.body)

    def pull(self, s: Pull) -> None:
        g = self.r[s.adjoint]
        for t in s.targets:
            if t is not None:
                self.r[t] = 0.0
        if g == 0.0:
            return
        x = [0.0 if v is None else self.r[v] for v in s.inputs]
        y = 0.0 if s.y is None else self.r[s.y]
        entries = partials(s.op, y, x, [t is not None for t in s.targets])
        for t, p in zip(s.targets, entries):
            if t is not None and p is not None:
                self.r[t] = 0.0 if s.op.selects and p == 0.0 else p * g

    def loop(self, s: Loop) -> None:
        trips = s.trips if isinstance(s.trips, int) else self.at(s.trips)
        state = [self.r[c.initial] for c in s.carries]
        self.i.append(0)
        for k in reversed(range(trips)) if s.down else range(trips):
            self.i[-1] = k
            self.set_carries(s.carries, state)
            self.body(s.body)
            state = [self.r[c.following] for c in s.carries]
        self.i.pop()
        for c, value in zip(s.carries, state):
            self.r[c.final] = value

    def set_carries(self, carries: list[Carry], state: list[float]) -> None:
        for c, value in zip(carries, state):
            self.r[c.register] = value

    def at(self, index: Index) -> int:
        looked_up = int(self.table[self.at(index.lookup)]) if index.lookup else 0
        # The lookup's own strides may be of fewer loops: those further out.
        return index.base + looked_up + sum(s * k for s, k in zip(index.strides, self.i))

    def place(self, index: Index, choice: Choice | None) -> int:
        at = self.at(index)
        if choice is None:
            return at
        k = int(np.nan_to_num(self.arrays["x"][self.at(choice.index)]))  # as in machine code
        if not -choice.count <= k < choice.count:
            raise _Stop(OUT_OF_RANGE)
        return at + choice.stride * (k % choice.count)
