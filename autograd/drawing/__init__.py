"""Pictures of computation graphs; see dot.py for how one comes about.

The ``graphviz`` package is loaded when something is drawn, so that importing costs nothing.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from autograd.engine import Value

from .dot import draw

__all__ = ["draw", "mimebundle"]

MOST_SHOWN = 100_000  # nodes; a notebook in which a Value is only named should not wait for more


def mimebundle(shown: Any) -> dict[str, str]:
    """Return what a notebook shows for a Value or a Module: its text, and its picture if possible.

    Never raises: what is too large to read, or cannot be drawn here, is shown as text only.

    >>> from autograd import Value
    >>> sorted(mimebundle(Value(1.0)))
    ['image/svg+xml', 'text/plain']
    """
    bundle = {"text/plain": repr(shown)}
    with suppress(Exception):  # whatever it is, the text is there
        if not _is_large(shown):
            bundle["image/svg+xml"] = draw(shown).pipe("svg", encoding="utf-8")
    return bundle


def _is_large(shown: Any) -> bool:
    """Whether even looking for a way to draw it would take long."""
    if not isinstance(shown, Value):
        return sum(1 for _ in shown.named_parameters()) > MOST_SHOWN // 4
    seen, stack = {shown}, [shown]
    while stack and len(seen) <= MOST_SHOWN:
        fresh = {x for x in stack.pop().inputs if isinstance(x, Value)} - seen
        seen |= fresh
        stack.extend(fresh)
    return len(seen) > MOST_SHOWN
