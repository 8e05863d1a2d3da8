"""What one compiler does with one work: ``calls.py TASK``, in a process of its own; TASK is JSON.

ready    s from the program to its first value and gradient: tracing, compiling, one call
us       µs a call after that: the median over blocks of calls of 2 ms and more
over_c   of ours: us over that of C by hand, its blocks in turn with ours in this very process
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from compilers import ENGINES, ByHand

BLOCKS = 41
BLOCK = 2e-3  # seconds: long beside the clock's own cost, short beside a time slice
LONG = 2.0  # seconds after which no more blocks are begun


def main(engine: str, work: str) -> dict[str, Any]:
    """Compile, call, time; with the answer."""
    stay_on_one_core()
    maker = ENGINES[engine].make()
    start = time.perf_counter()
    compiled = maker.compiled(work)
    result = compiled.call()
    figures: dict[str, Any] = {"ready": time.perf_counter() - start}
    figures["value"], figures["gradient"] = compiled.answer(result)
    if engine == "foldgrad":
        value, gradient = maker.eager(work)
        figures["same"] = [value, *gradient] == [figures["value"], *figures["gradient"]]
    calls = [compiled.call]
    if engine == "foldgrad" and work in ENGINES["C by hand"].works:
        calls.append(ByHand().compiled(work).call)
    blocks = in_turns(calls)
    figures["us"] = 1e6 * median(block[0] for block in blocks)
    if len(calls) > 1:
        figures["over_c"] = median(ours / c for ours, c in blocks)
    return figures


def stay_on_one_core() -> None:
    """One thread for everyone, where the system lets us: JAX is twice as fast without its pool."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def in_turns(calls: list[Callable[[], Any]]) -> list[list[float]]:
    """Seconds a call of each, block by block."""
    counts = [enough(call) for call in calls]
    blocks: list[list[float]] = []
    end = time.perf_counter() + LONG
    while len(blocks) < 3 or (len(blocks) < BLOCKS and time.perf_counter() < end):
        turn = zip(calls, counts, strict=True)
        blocks.append([block(call, count) / count for call, count in turn])
    return blocks


def enough(call: Callable[[], Any]) -> int:
    """How many calls take as long as a block should; they warm up, too."""
    count = 1
    while block(call, count) < BLOCK:
        count *= 2
    return count


def block(call: Callable[[], Any], count: int) -> float:
    """Seconds of processor time that so many calls take."""
    rounds = range(count)
    start = time.process_time()
    for _ in rounds:
        call()
    return time.process_time() - start


if __name__ == "__main__":
    print(json.dumps(main(**json.loads(sys.argv[1]))))
