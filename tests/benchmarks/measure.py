"""One measurement in one process, by the Python that has the engine: ``measure.py TASK``.

The task is JSON, and so is the line that is printed. Every measurement starts a new process: no
engine finds a heap, a collector or a cache that another one has left behind.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import threading
import time
import tracemalloc
from typing import Any

from peers import ENGINES
from workloads import Workload, workload


def main(
    engine: str,
    work: str,
    size: int | None = None,
    collector: bool = True,
    what: str = "time",
    repeats: int = 5,
) -> dict[str, Any]:
    """Measure an engine on a workload: "time", "memory", or memory and its "peak" in the sweep."""
    job = workload(work, size)
    nodes = job.operations()
    peer = ENGINES[engine]()
    if not collector:
        gc.disable()
    if what != "time":
        return {"nodes": nodes} | memory(peer, job, nodes, sweep=what == "peak")
    steps = [times_of_one_step(peer, job, collector) for _ in range(1 + repeats)]
    value, gradient = [step.pop("answer") for step in steps][-1]
    # The first step warms up. The collector does not come every step: only a mean has its share.
    average = statistics.mean if collector else statistics.median
    figures = {key: 1e9 / nodes * average(step[key] for step in steps[1:]) for key in steps[0]}
    return {"nodes": nodes, "value": value, "gradient": gradient} | figures


def times_of_one_step(peer: Any, job: Workload, collector: bool) -> dict[str, Any]:
    """Seconds of processor time, for the machine is shared, as a training loop would spend them.

    With the collector on nobody calls it: it comes when it comes, as in a user's program. With it
    off, what an engine leaves in cycles is collected between the steps, when no clock runs.
    """
    if not collector:
        gc.collect()
    start = time.process_time()
    run = peer.record(job)
    recorded = time.process_time()
    times: dict[str, Any] = {"forward": recorded - start}
    if hasattr(peer, "sweep"):
        peer.sweep(run)
        times["backward"] = time.process_time() - recorded
    times["answer"] = peer.answer(run)
    start = time.process_time()
    del run
    times["free"] = time.process_time() - start
    return times


def memory(peer: Any, job: Workload, nodes: int, sweep: bool) -> dict[str, float]:
    """Bytes a node: of the graph that is alive after the forward pass, and at the sweep's peak.

    tracemalloc counts the frames below every allocation, so a sweep that recurses 100,000 deep
    would take minutes under it: only ours is asked for the peak.
    """
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    run = peer.record(job)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    if not sweep:
        return {"bytes": (after - before) / nodes}
    peer.sweep(run)
    _, peak = tracemalloc.get_traced_memory()
    return {"bytes": (after - before) / nodes, "peak": (peak - before) / nodes}


def in_a_deep_thread(**task: Any) -> None:
    """Run where micrograd's recursive sort can reach the end of a long chain."""
    print(json.dumps(main(**task)))


if __name__ == "__main__":
    sys.setrecursionlimit(10**6)
    threading.stack_size(512 << 20)
    thread = threading.Thread(target=in_a_deep_thread, kwargs=json.loads(sys.argv[1]))
    thread.start()
    thread.join()
