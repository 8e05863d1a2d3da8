"""The penguins that the demos learn from: reading the file, splitting it, scaling measurements.

Where the file comes from stands in data/README.md.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, pstdev
from typing import NamedTuple

FILE = Path(__file__).parent / "data" / "penguins.csv"
SPECIES = ("Adelie", "Chinstrap", "Gentoo")


class Penguin(NamedTuple):
    """One bird: its species and what was measured, in millimetres."""

    species: str
    bill: list[float]  # length, depth


def read() -> tuple[list[Penguin], int]:
    """Return the penguins whose bill was measured, and how many were left out because it was not.

    >>> penguins, left_out = read()
    >>> penguins[0], len(penguins), left_out
    (Penguin(species='Adelie', bill=[39.1, 18.7]), 342, 2)
    """
    with FILE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    bills = [(row["species"], row["bill_length_mm"], row["bill_depth_mm"]) for row in rows]
    penguins = [
        Penguin(species, [float(length), float(depth)])
        for species, length, depth in bills
        if "NA" not in (length, depth)
    ]
    return penguins, len(rows) - len(penguins)


def split(penguins: Sequence[Penguin], *shares: float, seed: int) -> list[list[Penguin]]:
    """Shuffle the penguins and deal them into groups of the given shares, the rest into a last one.

    >>> [len(group) for group in split(read()[0], 0.6, 0.2, seed=0)]
    [205, 68, 69]
    """
    shuffled = random.Random(seed).sample(penguins, len(penguins))
    groups = []
    for share in shares:
        size = int(share * len(penguins))
        groups.append(shuffled[:size])
        shuffled = shuffled[size:]
    return [*groups, shuffled]


def standardiser(rows: Sequence[Sequence[float]]) -> Callable[[Sequence[float]], list[float]]:
    """Return the function that turns measurements into standard deviations from the mean of rows.

    >>> standardiser([[1.0, 10.0], [3.0, 30.0]])([3.0, 20.0])
    [1.0, 0.0]
    """
    columns = list(zip(*rows))
    means, deviations = [fmean(c) for c in columns], [pstdev(c) for c in columns]
    return lambda row: [(x - m) / d for x, m, d in zip(row, means, deviations)]
