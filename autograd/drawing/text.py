"""A graph as text, for a terminal."""

from typing import Any


def tree(y: Any) -> str:
    return repr(y)
