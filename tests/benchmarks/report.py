"""From rows of measurements to a page of tables; nothing here measures.

row      what harness.py keeps: a task, its round, its result or its "error"
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from compiled_report import compiled_table, compiled_targets
from figures import EAGER, OURS, Row, figure, ratio, section, select, shown

BOTH = ("forward", "backward")
STEP = ("forward", "backward", "free")  # the collector frees within all three: they go together
WORKS = {"mlp": "MLP loss", "chain": "chain"}
COLLECTOR = {False: "off", True: "on"}
TOLERANCE = 1e-9

FASTER = (  # peer, with the collector, which of its times over ours, at least
    ("micrograd", False, ("forward",), 3.0),
    ("micrograd", False, ("backward",), 2.0),
    ("micrograd", True, STEP, 10.0),
    ("torch", False, BOTH, 15.0),
    ("xad", False, BOTH, 1.0),
    ("aadc", False, ("forward",), 1 / 1.5),
)
BYTES_A_NODE = 160
GROWTH = 2.0
IMPORT = 0.5
ANOMALY = 1.05
GRAPHS = {"nodes50": "a page of 50 nodes", "mlp": "a page of 65,000 nodes, folded"}
PAGE = (  # graph, which of its figures, in words, at most
    ("nodes50", "bytes", "bytes", 150_000),
    ("nodes50", "edit", "ms to answer an edit", 16.0),
    ("mlp", "drawn", "seconds to open", 3.0),
)


# ---- rows -----------------------------------------------------------------------------------


def check_answers(rows: list[Row]) -> None:
    """Turn the figures of an engine whose value or gradient is not ours into an error.

    >>> ours = {"engine": "foldgrad", "work": "chain", "nodes": 9, "value": 2.0, "gradient": [1.0]}
    >>> other = ours | {"engine": "other", "value": 2.1}
    >>> check_answers([ours, other])
    >>> other["error"]
    'another answer than ours: off by 0.05'
    """
    answers = {
        (row["work"], row.get("nodes")): [row["value"], *row["gradient"]]
        for row in rows
        if "value" in row and row["engine"] == (OURS if "nodes" in row else EAGER)
    }
    for row in select(rows):
        if "value" not in row:
            continue
        got = [row.pop("value"), *row.pop("gradient")]
        expected = answers.get((row["work"], row.get("nodes")))
        if expected is None:
            row["error"] = "we have no answer to compare with"
            continue
        off = max(abs(a - b) / max(1.0, abs(b)) for a, b in zip(got, expected, strict=True))
        if not off <= TOLERANCE:
            row["error"] = f"another answer than ours: off by {off:.2g}"


def beside_ours(rows: list[Row], engine: str, keys: Sequence[str], **fields: Any) -> float | None:
    """A peer's time over ours on the same work."""
    return ratio(select(rows, engine=engine, **fields), select(rows, engine=OURS, **fields), keys)


# ---- targets --------------------------------------------------------------------------------


def targets(rows: list[Row]) -> Iterator[tuple[str, str, str, str]]:
    """Every target: what is compared, the bound, what was found, whether it is met."""
    peers, growth = select(rows, part="peers"), select(rows, part="growth")
    memory = select(rows, part="memory", engine=OURS)
    for peer, collector, keys, bound in FASTER:
        for work, words in WORKS.items():
            found = beside_ours(peers, peer, keys, work=work, collector=collector)
            what = f"{peer}'s {' + '.join(keys)} over ours: {words}, "
            what += f"collector {COLLECTOR[collector]}"
            yield verdict(what, found, at_least=bound)
    for work, words in WORKS.items():
        found = figure(memory, "bytes", work=work, size=None)
        yield verdict(f"bytes a node: {words}", found, at_most=BYTES_A_NODE)
    for collector in COLLECTOR:
        for key in STEP:
            what = f"{key}: time a node, largest over smallest, collector {COLLECTOR[collector]}"
            yield verdict(what, spread(growth, key, collector=collector), at_most=GROWTH)
    for key, words in (("bytes", "forward"), ("peak", "at the peak of backward")):
        what = f"memory a node, {words}, largest over smallest"
        yield verdict(what, spread(memory, key), at_most=GROWTH)
    light, heavy = (select(rows, part="import", module=name) for name in ("autograd", "numpy"))
    found = ratio(light, heavy, ["seconds"])
    yield verdict("import autograd over import numpy", found, at_most=IMPORT)
    loaded = max((len(row["loaded"]) for row in light), default=None)
    yield verdict("how many of numpy, graphviz, tqdm it loads", loaded, at_most=0)
    cost = figure(rows, "ratio", part="anomaly")
    yield verdict("an engine that can detect anomalies over one that cannot", cost, at_most=ANOMALY)
    for graph, key, words, bound in PAGE:
        found = figure(rows, key, part="page", graph=graph)
        yield verdict(f"{GRAPHS[graph]}: {words}", found, at_most=bound)


def spread(rows: list[Row], key: str, **fields: Any) -> float | None:
    """The largest over the smallest of a figure, over the sizes of the graph.

    >>> spread([{"size": 10, "forward": 2.0}, {"size": 1000, "forward": 3.0}], "forward")
    1.5
    """
    sizes = sorted({row["size"] for row in select(rows, **fields) if "size" in row})
    found = [figure(rows, key, size=size, **fields) or 0.0 for size in sizes]
    return max(found) / min(found) if len(found) > 1 else None


def verdict(
    what: str, found: float | None, at_least: float = 0.0, at_most: float = float("inf")
) -> tuple[str, str, str, str]:
    """One line of the table of targets.

    >>> verdict("a over b", 3.25, at_least=3.0)
    ('a over b', '≥ 3', '3.25', 'yes')
    """
    bound = f"≥ {at_least:.3g}" if at_least else f"≤ {at_most:.3g}"
    if found is None:
        return what, bound, "–", "not measured"
    return what, bound, f"{found:.3g}", "yes" if at_least <= found <= at_most else "**no**"


# ---- the page -------------------------------------------------------------------------------


def page(results: dict[str, Any]) -> str:
    """The whole page, in Markdown."""
    rows, machine = results["rows"], results["machine"]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, "
            f"Python {machine['python']}, {machine['date']}; {results['rounds']} rounds. "
            f"Made by `{results['command']}`.",
            "Medians of processor time; read the ratios, not the times: the machine may be shared.",
            *section("Targets", ("what", "must", "found", "met"), targets(rows)),
            *side_by_side(rows, results["unavailable"]),
            *compiled_targets(rows),
            *compiled_table(rows),
            *growth_table(rows),
            *life_table(rows),
            *import_table(rows),
            *page_table(rows),
            "",
        ]
    )


def side_by_side(rows: list[Row], unavailable: dict[str, str]) -> list[str]:
    """ns and bytes a node of every engine; an engine that failed says why."""
    measured = [row["engine"] for row in rows if row["part"] == "peers"]
    engines = list(dict.fromkeys([*measured, *unavailable]))
    lines = []
    for work, words in WORKS.items():
        for engine in engines:
            cells = [words, engine]
            for collector in COLLECTOR:
                fields = {"part": "peers", "work": work, "collector": collector}
                cells += [shown(figure(rows, key, engine=engine, **fields)) for key in STEP]
                times_ours = beside_ours(rows, engine, STEP, **fields)
                forward = beside_ours(rows, engine, STEP[:1], **fields)
                cells.append(shown(times_ours, "x") if times_ours else shown(forward, "x forward"))
            fields = {"part": "memory", "engine": engine, "work": work, "size": None}
            cells.append(shown(figure(rows, "bytes", **fields)))
            lines.append(cells)
    header = ["work", "engine"]
    for state in COLLECTOR.values():
        header += [f"forward, collector {state}", "backward", "free", "step over ours"]
    header += ["bytes"]
    failed = {f"{r['engine']}, {r['work']}": r["error"] for r in rows if {"error", "work"} <= {*r}}
    reasons = [f"- {who}: {why}" for who, why in (unavailable | failed).items()]
    if reasons:
        reasons = ["", "Not measured:", "", *reasons]
    table = section("Side by side, ns and bytes a node", header, lines) if engines else []
    return table + reasons


def growth_table(rows: list[Row]) -> list[str]:
    """ns and bytes a node of our chain, by its length."""
    growth, memory = select(rows, part="growth"), select(rows, part="memory")
    lines = []
    for size in sorted({row["size"] for row in growth}):
        cells = [f"{size:,}"]
        for collector in COLLECTOR:
            cells += [shown(figure(growth, key, size=size, collector=collector)) for key in STEP]
        cells += [shown(figure(memory, key, size=size)) for key in ("bytes", "peak")]
        lines.append(cells)
    header = ["nodes"]
    for state in COLLECTOR.values():
        header += [f"forward, collector {state}", "backward", "free"]
    header += ["bytes", "bytes at the peak of backward"]
    return section("Growth of a chain, ns and bytes a node", header, lines) if lines else []


def life_table(rows: list[Row]) -> list[str]:
    """What can be done to a huge chain: every step's seconds, and the peak of the process."""
    rows = [row for row in rows if row["part"] == "life"]
    lines = []
    for row in rows:
        steps = ", ".join(f"{step} {took:.1f} s" for step, took in row.get("seconds", {}).items())
        lines.append([row["act"], row.get("error") or steps, shown(row.get("gigabytes"), " GB")])
    title = f"The life of {rows[0]['nodes']:,} nodes" if rows else ""
    return section(title, ("act", "steps", "peak of the process"), lines) if rows else []


def import_table(rows: list[Row]) -> list[str]:
    """Milliseconds of an import in a fresh process."""
    lines = []
    for module in dict.fromkeys(row["module"] for row in rows if row["part"] == "import"):
        seconds = figure(rows, "seconds", part="import", module=module)
        failed = [row["error"] for row in rows if row.get("module") == module and "error" in row]
        lines.append([f"`import {module}`", failed[0] if failed else shown(1e3 * (seconds or 0.0))])
    return section("Import, ms", ("what", "processor time"), lines) if lines else []


def page_table(rows: list[Row]) -> list[str]:
    """What a page weighs and how long it takes."""
    lines = []
    for graph, words in GRAPHS.items():
        failed = [r["error"] for r in rows if r.get("graph") == graph and "error" in r]
        figures = [
            shown(figure(rows, key, part="page", graph=graph))
            for key in ("bytes", "made", "drawn", "edit", "slowest")
        ]
        if failed or any(r.get("graph") == graph for r in rows):
            lines.append([words, *(failed or figures)])
    header = ("what", "bytes", "s to make", "s to open", "ms to edit", "ms, the slowest edit")
    return section("Pages, in Chromium", header, lines) if lines else []
