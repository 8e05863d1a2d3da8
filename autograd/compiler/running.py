"""A tape that can be run: its program in machine code, and arrays for it to run on.

What it differentiates by is decided when it is compiled:

    wanted     for every input, whether its gradient is; None for values only
    idle       workspaces that no call is using: each call takes one, so that threads do not meet
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine import Value
from .adjoint import program
from .emit import native
from .fold import Nest, fold
from .interpret import DONE
from .program import Workspace
from .tape import Array, Tape

SCALARS = {float, int, Value}


class Run:
    """The machine code of a tape, with the gradient by the wanted inputs. Pickles as its tape."""

    def __init__(self, tape: Tape, wanted: Array | None, nest: Nest | None = None) -> None:
        self.tape, self.wanted = tape, wanted
        self.program = program(tape, nest or fold(tape), wanted)
        self.native = native(self.program)
        self._idle: list[Workspace] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return Run, (self.tape, self.wanted)

    def borrow(self) -> Workspace:
        """Take a workspace, whose seeds are 1; give it back afterwards."""
        try:
            return self._idle.pop()
        except IndexError:
            workspace = Workspace(self.program)
            workspace.s[:] = 1.0
            return workspace

    def give_back(self, workspace: Workspace) -> None:
        """Say that its numbers are no longer needed."""
        self._idle.append(workspace)

    def sweep(self, workspace: Workspace, seeds: Array) -> Array:
        """Return the gradient of Σ seeds * outputs, at the x of a workspace that has run before."""
        workspace.s[:] = seeds
        status = self.native(workspace)
        workspace.s[:] = 1.0
        assert status == DONE, f"a guard, {status}, failed where it had held"
        return workspace.gx.copy()


def write(x: Array, leaves: Sequence[Any]) -> None:
    """Write the numbers of leaves in a row."""
    if set(map(type, leaves)) <= SCALARS:
        x[:] = [leaf._data if leaf.__class__ is Value else leaf for leaf in leaves]
        return
    start = 0
    for leaf in leaves:
        if isinstance(leaf, np.ndarray):
            x[start : start + leaf.size] = leaf.ravel()
            start += leaf.size
        else:
            x[start] = leaf._data if leaf.__class__ is Value else leaf
            start += 1
