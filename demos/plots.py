"""The pictures of the demos that are not graphs: penguins, the regions of an answer, loss curves.

Colours are blue, orange and grey, told apart under any colour blindness; every species also has a
marker of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

try:
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator
except ImportError:
    raise SystemExit(
        "demos: expected matplotlib, which is not installed; run: pip install -e '.[demos]'"
    ) from None

from demos.penguins import SPECIES, Penguin

INK, BLUE, ORANGE, GREY = "#1f2933", "#2f78b3", "#c4661a", "#52606d"
COLOURS = dict(zip(SPECIES, (BLUE, ORANGE, GREY)))
REGIONS = dict(zip(SPECIES, ("#d3e5f4", "#fbdfc6", "#e4e7eb")))
MARKERS = dict(zip(SPECIES, "o^s"))
PALE = 0.45  # opacity of what was learned from
GRID = 100  # points along each axis at which the model is asked


def draw_regions(
    file: Path,
    title: str,
    penguins: Sequence[Penguin],
    held_out: Sequence[Penguin],
    scores: Callable[[list[float]], dict[str, float]],
) -> Path:
    """Draw which answer the model gives to any bill, and the penguins over it.

    Args:
        file: where to write it.
        title: what the picture shows.
        penguins: the ones of the training, drawn pale.
        held_out: the ones it never saw, drawn strong.
        scores: gives every species a number for a bill; the largest is the answer.

    Returns:
        The file.
    """
    axes, figure = _axes(title, "bill length (mm)", "bill depth (mm)")
    lengths, depths = (_span([p.bill[i] for p in [*penguins, *held_out]]) for i in (0, 1))
    asked = [[scores([length, depth]) for length in lengths] for depth in depths]
    for name in asked[0][0]:
        # How far this species is ahead of the best other one: above 0 in its region.
        lead = [[at[name] - max(at[k] for k in at if k != name) for at in row] for row in asked]
        axes.contourf(lengths, depths, lead, levels=[0.0, float("inf")], colors=[REGIONS[name]])
        axes.contour(lengths, depths, lead, levels=[0.0], colors=[INK], linewidths=1.0)
    for name in asked[0][0]:
        for group, alpha in ((penguins, PALE), (held_out, 1.0)):
            bills = [p.bill for p in group if p.species == name]
            shown = {"marker": MARKERS[name], "color": COLOURS[name], "edgecolors": "white"}
            label = name if alpha == 1.0 else None
            axes.scatter(*zip(*bills), s=40, alpha=alpha, linewidths=0.5, label=label, **shown)
    wrong, wrong_held_out = (
        [p.bill for p in group if max(at := scores(p.bill), key=at.__getitem__) != p.species]
        for group in (penguins, held_out)
    )
    label = f"answered wrongly:\n{len(wrong_held_out)} held out, {len(wrong)} in training"
    ring = {"facecolors": "none", "edgecolors": INK, "linewidths": 1.2}
    axes.scatter(*zip(*wrong, *wrong_held_out), s=130, label=label, **ring)
    axes.scatter([], [], s=40, color=INK, label="strong: held out")
    axes.scatter([], [], s=40, color=INK, alpha=PALE, linewidths=0.0, label="pale: in training")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
    figure.savefig(file, dpi=144)
    return file


def draw_losses(file: Path, title: str, losses: dict[str, Sequence[float]], best: int) -> Path:
    """Draw losses by epoch on a logarithmic axis, with a mark at the epoch that was kept.

    Args:
        file: where to write it.
        title: what the picture shows.
        losses: by name, the losses after epochs 0, 1, 2, ...; at most two of them.
        best: the epoch that was kept.

    Returns:
        The file.
    """
    axes, figure = _axes(
        title, "epoch (passes over all examples)", "mean loss, −log p(right answer)"
    )
    for (name, values), colour, dash in zip(losses.items(), (BLUE, ORANGE), ("-", "--")):
        axes.plot(values, color=colour, linestyle=dash, linewidth=2.0, label=name)
        axes.plot(best, values[best], "o", color=colour, markersize=8)
    axes.axvline(best, color=GREY, linewidth=1.0, linestyle=":", label=f"kept: epoch {best}")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(which="both", color="#e4e7eb", linewidth=0.8)
    axes.legend(frameon=False)
    figure.savefig(file, dpi=144)
    return file


def _axes(title: str, x: str, y: str) -> tuple[Any, Figure]:
    figure = Figure(figsize=(9.0, 5.0), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", color=INK)
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    return axes, figure


def _span(values: Sequence[float]) -> list[float]:
    margin = 0.05 * (max(values) - min(values))
    low, high = min(values) - margin, max(values) + margin
    return [low + (high - low) * i / (GRID - 1) for i in range(GRID)]
