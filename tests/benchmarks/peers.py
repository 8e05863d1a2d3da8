"""How each engine is called: the same workload, in the fastest way that the engine documents.

Every engine here has the same three methods. Its package is imported when the engine is made, by
a process of the one environment that has it.

    record(workload)   evaluate, keeping what the gradient needs; returns the run
    sweep(run)         the backward pass
    answer(run)        (value, gradient): the check that nobody computes something else
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workloads import Workload

Answer = tuple[float, list[float]]


@dataclass(frozen=True, slots=True)
class Graph:
    """An engine whose values have ``backward()``, ``data`` and ``grad``."""

    leaf: Callable[[float], Any]
    number: Callable[[float], Any]
    relu: Callable[[Any], Any]

    def record(self, workload: Workload) -> Any:
        leaves = [self.leaf(x) for x in workload.point]
        return leaves, workload.program(leaves, self.number, self.relu)

    def sweep(self, run: Any) -> None:
        run[1].backward()

    def answer(self, run: Any) -> Answer:
        leaves, output = run
        return float(output.data), [float(leaf.grad) for leaf in leaves]


def foldgrad() -> Graph:
    """This project."""
    from autograd import Value

    return Graph(Value, Value, Value.relu)


def micrograd() -> Graph:
    """Closures, a set of children, a recursive sort (https://github.com/karpathy/micrograd)."""
    from micrograd.engine import Value

    return Graph(Value, Value, Value.relu)


def torch() -> Graph:
    """A float64 tensor without dimensions for every node, on one thread; data has no gradient."""
    from torch import float64, relu, set_num_threads, tensor

    set_num_threads(1)
    return Graph(
        leaf=lambda x: tensor(x, dtype=float64, requires_grad=True),
        number=lambda x: tensor(x, dtype=float64),
        relu=relu,
    )


class Xad:
    """A tape in C++ under Python numbers; data stays a float."""

    def __init__(self) -> None:
        import xad.adj_1st
        from xad import math

        self.xad, self.math = xad.adj_1st, math

    def relu(self, x: Any) -> Any:
        return self.math.max(x, 0.0)

    def record(self, workload: Workload) -> Any:
        tape = self.xad.Tape()
        tape.activate()
        leaves = [self.xad.Real(x) for x in workload.point]
        tape.registerInputs(leaves)
        tape.newRecording()
        return tape, leaves, workload.program(leaves, float, self.relu)

    def sweep(self, run: Any) -> None:
        tape, _, output = run
        tape.registerOutput(output)
        output.derivative = 1.0
        tape.computeAdjoints()

    def answer(self, run: Any) -> Answer:
        tape, leaves, output = run
        answer = output.value, [leaf.derivative for leaf in leaves]
        tape.deactivate()
        return answer


class Aadc:
    """A recorder in C++. It sweeps by replaying what it recorded: another thing, so not timed."""

    def __init__(self) -> None:
        import aadc
        from aadc import math

        self.aadc, self.math = aadc, math

    def relu(self, x: Any) -> Any:
        return self.math.max(x, 0.0)

    def record(self, workload: Workload) -> Any:
        functions = self.aadc.Functions()
        functions.start_recording()
        leaves = [self.aadc.idouble(x) for x in workload.point]
        arguments = [leaf.mark_as_input() for leaf in leaves]
        result = workload.program(leaves, float, self.relu).mark_as_output()
        functions.stop_recording()
        return functions, list(zip(arguments, workload.point, strict=True)), result

    def answer(self, run: Any) -> Answer:
        functions, inputs, result = run
        replay = functions.create_workspace(kind="scalar")
        for argument, x in inputs:
            replay.set_val(argument, x)
        replay.forward()
        replay.set_diff(result, 1.0)
        replay.reverse()
        return replay.val(result), [replay.diff(argument) for argument, _ in inputs]


ENGINES: dict[str, Callable[[], Any]] = {
    "foldgrad": foldgrad,
    "micrograd": micrograd,
    "torch": torch,
    "xad": Xad,
    "aadc": Aadc,
}
IN_PYTHON = ("foldgrad", "micrograd")  # those whose memory tracemalloc can see
