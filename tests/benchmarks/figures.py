"""Figures out of rows of measurements, and tables out of figures; nothing here measures.

row      what harness.py keeps: a task, its round, its result or its "error"
ratio    of two times within one round; the tables give its median over the rounds
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

Row = dict[str, Any]

OURS = "foldgrad"
EAGER = "foldgrad eager"  # ours, not compiled: what compilers must agree with


def select(rows: Iterable[Row], **fields: Any) -> list[Row]:
    """The rows without an error whose fields have these values."""
    return [r for r in rows if "error" not in r and all(r.get(k) == v for k, v in fields.items())]


def figure(rows: list[Row], *keys: str, **fields: Any) -> float | None:
    """The median over the rounds of a figure (or of the sum of several); None if not measured."""
    chosen = [r for r in select(rows, **fields) if all(key in r for key in keys)]
    return median(sum(r[key] for key in keys) for r in chosen) if chosen else None


def ratio(over: list[Row], under: list[Row], keys: Sequence[str]) -> float | None:
    """The median over the rounds of ``over / under``, each the sum of its ``keys``.

    >>> slow = [{"round": 1, "forward": 30.0}, {"round": 2, "forward": 80.0}]
    >>> fast = [{"round": 1, "forward": 10.0}, {"round": 2, "forward": 20.0}]
    >>> ratio(slow, fast, ["forward"])
    3.5
    """
    base = {r["round"]: r for r in under}
    ratios = [
        sum(r[key] for key in keys) / sum(base[r["round"]][key] for key in keys)
        for r in over
        if r["round"] in base and all(key in r for key in keys)
    ]
    return median(ratios) if ratios else None


def section(title: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    """A heading and a table."""
    body = ["| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *lines)]
    return ["", f"## {title}", "", *body]


def shown(x: float | None, unit: str = "") -> str:
    """Three digits are as many as such a measurement has.

    >>> shown(1234.5), shown(3.456, "x"), shown(None)
    ('1,230', '3.46x', '–')
    """
    if x is None:
        return "–"
    return (f"{float(f'{x:.3g}'):,.0f}" if x >= 100 else f"{x:.3g}") + unit
