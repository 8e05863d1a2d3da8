"""Pictures of computation graphs; see dot.py and page.py for how one comes about.

What draws is loaded when something is drawn, so that importing costs nothing.
"""

from __future__ import annotations

import base64
import html
from contextlib import suppress
from typing import Any

from autograd.engine import Value

from .dot import draw
from .page import explain
from .text import tree

__all__ = ["draw", "explain", "mimebundle", "tree"]

MOST_SHOWN = 100_000  # nodes; a notebook in which a Value is only named should not wait for more
MOST_STEPPED = 1_000  # nodes; the page is a part of the notebook's file


def mimebundle(shown: Any) -> dict[str, str]:
    """Return what a notebook shows for what can be drawn: its text, its picture, a page to open.

    Never raises: what is too large to read, or cannot be drawn here, is shown as text only.

    >>> from autograd import Value
    >>> sorted(mimebundle(Value(1.0)))
    ['image/svg+xml', 'text/html', 'text/plain']
    """
    bundle = {"text/plain": repr(shown)}
    with suppress(Exception):  # whatever it is, the text is there
        nodes = _size(shown)
        if nodes <= MOST_SHOWN:
            svg = draw(shown).pipe("svg", encoding="utf-8")
            bundle["image/svg+xml"] = svg
            if nodes <= MOST_STEPPED:
                bundle["text/html"] = _picture_and_page(shown, svg)
    return bundle


def _picture_and_page(shown: Any, svg: str) -> str:
    """The picture, which needs no script; and below it, opened by a click, the page."""
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<img alt="{html.escape(repr(shown))}: its graph" style="max-width: 100%" '
        f'src="data:image/svg+xml;base64,{data}">'
        "<details><summary>Step through the backward pass</summary>"
        f"{explain(shown).frame()}</details>"
    )


def _size(shown: Any) -> int:
    """About how many nodes there are to read; no more than `MOST_SHOWN` are counted."""
    if hasattr(shown, "recorded"):
        return len(shown.traced.tape)
    if not isinstance(shown, Value):
        return 4 * sum(1 for _ in shown.named_parameters())
    seen, stack = {shown}, [shown]
    while stack and len(seen) <= MOST_SHOWN:
        fresh = {x for x in stack.pop().inputs if isinstance(x, Value)} - seen
        seen |= fresh
        stack.extend(fresh)
    return len(seen)
