"""Measure the engine beside its peers, and write RESULTS.md and results.json.

    python -m tests.benchmarks                      all of it, as published
    python -m tests.benchmarks --quick              one round, small graphs: printed only
    python -m tests.benchmarks --only peers import  some parts: printed only

README.md, beside this file, says what is measured and why the comparison is fair.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import date
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from compilers import ENGINES as COMPILERS
from environments import default_cache, environment, requirements
from figures import EAGER, OURS
from harness import HERE, Row, Task, in_rounds, run, run_bare
from peers import ENGINES, IN_PYTHON
from report import COLLECTOR, GRAPHS, WORKS, check_answers, page

PARTS = (
    "peers", "compile", "compile-slow", "fold", "memory", "growth", "life", "import", "anomaly", "page",
)  # fmt: skip
OF_PEERS = {"peers", "memory", "compile", "compile-slow"}
FOLDED_POINTS = (100, 500, 1500)  # 65,000 to 1,000,000 nodes


def main() -> None:
    arguments = read_arguments()
    pythons, unavailable = {OURS: sys.executable}, {}
    if OF_PEERS & set(arguments.only):
        for name, requirement in requirements().items():
            if name not in needed(arguments.only):
                continue
            print(f"environment: {requirement} in {arguments.cache}", flush=True)
            python, reason = environment(requirement, arguments.cache)
            if python is None:
                unavailable[name] = reason
            else:
                pythons[name] = python
    rows: list[Row] = []
    for part in arguments.only:
        todo = tasks(part, list(pythons), arguments.quick)
        rows += in_rounds(
            part, todo, partial(measure, part, pythons), rounds(part, arguments.rounds)
        )
    check_answers(rows)
    results = {
        "machine": machine(),
        "command": "python -m tests.benchmarks",
        "rounds": arguments.rounds,
        "unavailable": unavailable,
        "rows": rows,
    }
    text = page(results)
    print(text)
    if arguments.write:
        (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
        (HERE / "results.json").write_text(a_row_a_line(results), encoding="utf-8")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=7, help="how often each task is measured (7)")
    add("--quick", action="store_true", help="one round, small graphs")
    add("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    add("--cache", type=Path, default=default_cache(), help="where the peers are installed")
    arguments = parser.parse_args()
    arguments.write = not arguments.quick and arguments.only == PARTS
    if arguments.quick:
        arguments.rounds = 1
    return arguments


def needed(parts: list[str]) -> set[str]:
    """The packages that some parts measure."""
    eager = set(ENGINES) if {"peers", "memory"} & set(parts) else set()
    slow = {part == "compile-slow" for part in parts if part.startswith("compile")}
    return eager | {engine.package for engine in COMPILERS.values() if engine.is_slow in slow}


def rounds(part: str, asked: int) -> int:
    """How often the tasks of a part are measured: memory is the same every time."""
    often = {"peers": asked, "compile": asked, "import": 3 * asked, "page": asked}
    return often.get(part, (asked + 1) // 2 if part in ("growth", "fold") else 1)


def tasks(part: str, engines: list[str], quick: bool) -> list[Task]:
    """What a part measures."""
    sizes = [10**power for power in range(3, 6 if quick else 8)]
    ours = {"engine": OURS, "work": "chain"}
    match part:
        case "peers":
            return [
                {"engine": engine, "work": work, "collector": collector}
                for work, collector, engine in product(WORKS, COLLECTOR, ENGINES)
                if engine in engines
            ]
        case "compile" | "compile-slow":
            return [
                {"engine": name, "work": work}
                for name, engine in COMPILERS.items()
                for work in engine.works
                if engine.package in engines and engine.is_slow == (part == "compile-slow")
            ] + [{"engine": EAGER, "work": "mlp"}] * (part == "compile-slow")
        case "fold":
            return [{"points": points} for points in FOLDED_POINTS[: 1 if quick else None]]
        case "memory":
            return [
                {"engine": engine, "work": work, "what": "memory"}
                for work, engine in product(WORKS, IN_PYTHON)
                if engine in engines
            ] + [ours | {"size": size, "what": "peak"} for size in sizes]
        case "growth":
            return [
                ours | {"size": size, "collector": collector, "repeats": repeats(size)}
                for size, collector in product(sizes, COLLECTOR)
            ]
        case "life":
            nodes = 10**5 if quick else 10**7
            return [{"act": act, "nodes": nodes} for act in ("free", "deepcopy", "pickle")]
        case "import":
            return [{"module": module} for module in ("autograd", "numpy")]
        case "page":
            return [{"graph": graph} for graph in GRAPHS]
        case _:
            return [{"turns": 5 if quick else 101}]


def repeats(size: int) -> int:
    """Small graphs take many steps until they have taken a measurable time."""
    return min(50, 1 + 2 * 10**6 // size)


def measure(part: str, pythons: dict[str, str], task: Task) -> Row:
    """Run one task in a process of its own."""
    if part in ("peers", "memory", "growth"):
        engine = task["engine"]
        return run(pythons[engine], "measure.py", json.dumps(task), ours=engine == OURS)
    if part.startswith("compile"):
        package = COMPILERS[task["engine"]].package
        return run(pythons[package], "calls.py", json.dumps(task), ours=package == OURS)
    arguments = map(str, task.values())
    if part == "import":
        return run_bare("startup.py", *arguments)
    return run(sys.executable, {"fold": "folding.py"}.get(part, f"{part}.py"), *arguments)


def a_row_a_line(results: dict[str, Any]) -> str:
    """The results as JSON that a person can read and a diff can show."""
    head = json.dumps({key: value for key, value in results.items() if key != "rows"}, indent=1)
    rows = ",\n".join(json.dumps(row) for row in results["rows"])
    return f'{head[:-2]},\n "rows": [\n{rows}\n]}}\n'


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "date": date.today().isoformat(),
    }


def cpu() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
