"""The life of a huge graph: ``life.py ACT NODES``; each act in a process of its own.

    free       evaluate a chain, differentiate it, free it
    deepcopy   evaluate it, copy it, differentiate the copy
    pickle     evaluate it, pickle it, forget it, unpickle it, differentiate what came back

Prints the processor seconds of every step and the peak memory of the process.
"""

from __future__ import annotations

import copy
import json
import math
import pickle
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from workloads import workload

from autograd import Value


class Clock:
    """Runs steps and remembers what each of them took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, step: str, f: Callable[..., Any], *arguments: Any) -> Any:
        start = time.process_time()
        result = f(*arguments)
        self.seconds[step] = time.process_time() - start
        return result


def chain(nodes: int) -> list[Value]:
    """The output alone, in a list: the one name that the graph has."""
    job = workload("chain", nodes)
    return [job.program([Value(x) for x in job.point], Value, Value.relu)]


def act(name: str, nodes: int) -> dict[str, Any]:
    """Play one act; the gradient at its end is checked against the closed form."""
    clock = Clock()
    holder = clock("evaluate", chain, nodes)
    if name == "deepcopy":
        holder = clock("copy", copy.deepcopy, holder)
    if name == "pickle":
        data = clock("pickle", pickle.dumps, holder.pop())
        holder = [clock("unpickle", pickle.loads, data)]
    clock("backward", holder[0].backward)
    check(holder[0], nodes)
    clock("free", holder.clear)
    return {"seconds": clock.seconds, "gigabytes": peak_bytes() / 1e9}


def check(output: Value, nodes: int) -> None:
    """d v / d b of ``v = v * a + b`` done k times is ``(1 - a^k) / (1 - a)``."""
    _, a, _ = workload("chain").point
    got, expected = output.inputs[1].grad, (1 - a ** (nodes // 2)) / (1 - a)
    if not math.isclose(got, expected, rel_tol=1e-9):
        raise AssertionError(f"chain of {nodes}: expected dv/db = {expected!r}, got {got!r}")


def peak_bytes() -> int:
    """The most memory that this process has had, in bytes (kilobytes everywhere but on macOS)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    print(json.dumps(act(sys.argv[1], int(sys.argv[2]))))
