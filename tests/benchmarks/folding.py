"""What `fold` costs: ``folding.py POINTS``, the loss of the network on so many points, 650 nodes each.

Prints ns a node of processor time, to trace the function and to fold its tape; and what is left.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy
import programs
import workloads

import autograd
from autograd.compiler.fold import fold, instructions
from autograd.compiler.tracing import trace


def mlp(parameters: Any, rows: Any, labels: Any) -> Any:
    """The program as a function of its numbers."""
    return programs.mlp(autograd, parameters, rows, labels)


def measure(points: int) -> dict[str, Any]:
    """Trace, fold, count."""
    rows, labels = workloads.moons(points)
    numbers = (workloads.workload("mlp").point, rows, labels)
    start = time.process_time()
    tape = trace(mlp, tuple(map(numpy.array, numbers)), {}).tape
    traced = time.process_time()
    nest = fold(tape)
    folded = time.process_time()
    return {
        "nodes": len(tape),
        "instructions": sum(1 for _ in instructions(nest.body)),
        "trace": 1e9 * (traced - start) / len(tape),
        "fold": 1e9 * (folded - traced) / len(tape),
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
