"""Run measurements, each in a process of its own, in rounds: A B C, A B C, never A A, B B, C C.

A machine that is slow for a minute is then slow for everyone, and a ratio is taken within a round.

    task    what is measured, as data: {"engine": "torch", "work": "mlp", ...}
    row     a task with its round and its result (or its "error"): what is kept
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TIMEOUT = 900  # seconds for one measurement

Task = dict[str, Any]
Row = dict[str, Any]


def run(python: str, script: str, *arguments: str, ours: bool = True) -> Row:
    """Run a script of this folder; its last line is the result. Only ours see this checkout."""
    return run_command([python, str(HERE / script), *arguments], [str(ROOT)] if ours else [])


def run_bare(script: str, *arguments: str) -> Row:
    """Run a script of ours where Python has loaded nothing yet on behalf of other packages."""
    packages = sysconfig.get_paths()
    path = [str(ROOT), packages["purelib"], packages["platlib"]]
    return run_command([sys.executable, "-S", str(HERE / script), *arguments], path)


def run_command(command: list[str], path: list[str]) -> Row:
    """Run a command with that PYTHONPATH, on one thread, with bytecode cached as pip would."""
    kept = os.environ.keys() - {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    environ = {name: os.environ[name] for name in kept}
    environ |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(path)}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {TIMEOUT} s"}
    if done.returncode or not done.stdout.strip():
        return {"error": (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]}
    result: Row = json.loads(done.stdout.splitlines()[-1])
    return result


def in_rounds(
    part: str, tasks: Iterable[Task], measure: Callable[[Task], Row], rounds: int
) -> list[Row]:
    """Measure every task once a round; say what runs. A task that failed is not tried again."""
    tasks = list(tasks)
    rows: list[Row] = []
    failed: set[int] = set()
    for turn in range(1, rounds + 1):
        for i, task in enumerate(tasks):
            if i in failed:
                continue
            label = " ".join(f"{key}={value}" for key, value in task.items())
            print(f"{part} {turn}/{rounds}, {i + 1}/{len(tasks)}: {label}", end=" ", flush=True)
            start = time.perf_counter()
            result = measure(task)
            print(result.get("error") or f"({time.perf_counter() - start:.1f} s)", flush=True)
            if "error" in result:
                failed.add(i)
            rows.append({"part": part, "round": turn} | task | result)
    return rows
