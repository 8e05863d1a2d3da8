"""The tables of what is compiled: `jit` and `fold`, beside other compilers and C written by hand."""

from __future__ import annotations

from collections.abc import Iterator

from figures import OURS, Row, figure, ratio, section, select, shown

CALL, MODULE = "foldgrad call", "foldgrad Module"
WORKS = {
    "mlp": "A, MLP loss",
    "gpt7": "B, transformer, 7 tokens",
    "gpt16": "B, transformer, 16 tokens",
    "pendulum": "C, pendulum",
    "price": "G, price",
}
FIGURES = (  # engine, work, which of its figures, in words, at most, reached for
    (OURS, "mlp", "over_c", "value and gradient over C by hand", 1.3, None),
    (OURS, "mlp", "us", "µs for value and gradient", None, 15.0),
    (OURS, "mlp", "ready", "s until the first gradient", 0.5, 0.1),
    (OURS, "gpt7", "ready", "s until the first gradient", 3.0, 0.5),
    (OURS, "gpt16", "ready", "s until the first gradient", 3.0, 0.5),
    (OURS, "pendulum", "over_c", "value and gradient over C by hand", 1.1, None),
    (OURS, "price", "us", "µs through a bound function", 0.5, 0.3),
    (CALL, "price", "us", "µs through an ordinary call", 2.0, None),
)
AHEAD = (  # work, peers that must not be faster
    ("mlp", ("aadc", "ddx", "jax", "casadi", "casadi C")),
    ("gpt7", ("jax",)),
    ("gpt16", ("jax",)),
    ("pendulum", ("jax", "casadi", "casadi C")),
    ("price", ("jax", "casadi call")),
)
FOLD, FOLD_REACH = 1000.0, 200.0  # ns a node
LINEAR = 2.0  # as the growth of a chain: what is larger than the caches costs more

Line = tuple[str, str, str, str, str]


def compiled_targets(rows: list[Row]) -> list[str]:
    """Every target of the compiler: what, the bound, what is reached for, what was found."""
    header = ("what", "must", "reach for", "found", "met")
    lines = [*call_targets(compiled(rows)), *fold_targets(rows)]
    return section("Targets of `jit`", header, lines) if compiled(rows) or folded(rows) else []


def compiled(rows: list[Row]) -> list[Row]:
    """The rows of the part, those measured once, too."""
    return [row for row in rows if row["part"] in ("compile", "compile-slow")]


def folded(rows: list[Row]) -> list[Row]:
    return select(rows, part="fold")


def call_targets(rows: list[Row]) -> Iterator[Line]:
    """What calls and compiling take, and whether the bits are those of eager."""
    for engine, work, key, words, must, reach in FIGURES:
        found = figure(rows, key, engine=engine, work=work)
        yield judged(f"{WORKS[work]}: {words}", found, must, reach)
    for work, peers in AHEAD:
        for peer in peers:
            found = beside(rows, OURS, peer, work)
            yield judged(f"{WORKS[work]}: a call over {peer}'s", found, 1.0)
    ours = [row for row in select(rows, engine=OURS) if "same" in row]
    other = float(sum(not row["same"] for row in ours)) if ours else None
    yield judged("runs whose bits are not those of eager", other, 0.0)


def fold_targets(rows: list[Row]) -> Iterator[Line]:
    """What a node costs to fold, and whether a large tape's costs more."""
    by_size = {
        row["nodes"]: figure(rows, "fold", nodes=row["nodes"]) or 0.0 for row in folded(rows)
    }
    most = by_size[max(by_size)] if by_size else None
    growth = by_size[max(by_size)] / by_size[min(by_size)] if len(by_size) > 1 else None
    size = f" of {max(by_size):,}" if by_size else ""
    yield judged(f"F, fold: ns a node{size}", most, FOLD, FOLD_REACH)
    yield judged("F, fold: ns a node, large tape over small", growth, LINEAR)


def beside(rows: list[Row], over: str, under: str, work: str) -> float | None:
    """One engine's call over another's, within a round; a slow one was measured in one."""
    return ratio(
        select(rows, engine=over, work=work), select(rows, engine=under, work=work), ["us"]
    )


def judged(what: str, found: float | None, must: float | None, reach: float | None = None) -> Line:
    """One line: bounds are upper bounds.

    >>> judged("s", 0.2, 0.5, 0.1)
    ('s', '≤ 0.5', '≤ 0.1', '0.2', 'yes')
    >>> judged("s", 0.05, None, 0.1)[-1], judged("s", 0.7, 0.5)[-1], judged("s", None, 0.5)[-1]
    ('reached', '**no**', 'not measured')
    """
    bounds = ["" if bound is None else f"≤ {bound:.3g}" for bound in (must, reach)]
    if found is None:
        met = "not measured"
    elif must is not None and not found <= must:
        met = "**no**"
    elif reach is not None and found <= reach:
        met = "reached"
    else:
        met = "yes" if must is not None else "not reached"
    return what, bounds[0], bounds[1], shown(found), met


def compiled_table(rows: list[Row]) -> list[str]:
    """Ready and call of every engine on every work; an engine that failed has no figures."""
    rows = compiled(rows)
    lines = []
    for work, words in WORKS.items():
        for engine in dict.fromkeys(row["engine"] for row in rows if row["work"] == work):
            ready, call = (figure(rows, key, engine=engine, work=work) for key in ("ready", "us"))
            times_ours = beside(rows, engine, OURS, work)
            lines.append([words, engine, shown(ready), shown(call), shown(times_ours, "x")])
    header = ("work", "engine", "s to the first gradient", "µs a call", "a call over ours")
    table = section("Compilers side by side", header, lines) if lines else []
    return table + fold_table(rows)


def fold_table(rows: list[Row]) -> list[str]:
    """What tracing and folding cost, by the length of the tape."""
    lines = []
    for nodes in sorted({row["nodes"] for row in folded(rows)}):
        keys = ("trace", "fold", "instructions")
        lines.append(
            [f"{nodes:,}", *(shown(figure(rows, k, part="fold", nodes=nodes)) for k in keys)]
        )
    header = ("nodes", "ns a node to trace", "to fold", "instructions left")
    return section("F, fold: the MLP loss on more and more points", header, lines) if lines else []
