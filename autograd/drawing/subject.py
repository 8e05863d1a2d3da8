"""What was asked to be drawn: a Value, several of them, or a Module, which is run first."""

from __future__ import annotations

from contextvars import Context
from typing import Any

from autograd.engine import Value
from autograd.recording import Recorded

from .trace import Trace


def read(y: Any, who: str) -> Trace:
    """Return the trace of a Value, of a list of them, of a Module on inputs that are 1, of a program.

    Args:
        who: the function that was called, for its errors.

    Raises:
        TypeError: if ``y`` is none of these.

    >>> len(read([Value(1.0) + 1.0, Value(2.0)], "draw").nodes)
    3
    """
    if hasattr(y, "recorded"):
        return traced(y.recorded())
    outputs, title, grads = outputs_of(y, who)
    return Trace(outputs, title, grads=grads)


def traced(recorded: Recorded) -> Trace:
    """Return the trace of what a function made of its arguments."""
    return Trace(
        recorded.outputs,
        recorded.name,
        names=recorded.names,
        scopes=recorded.scopes,
        calls=recorded.calls,
        instructions=recorded.instructions,
        lines=recorded.lines,
    )


def outputs_of(y: Any, who: str) -> tuple[list[Value], str, bool]:
    """Return the Values in ``y``, the name of the Module that made them, whether grads mean something.

    >>> from nn import Neuron
    >>> outputs_of(Neuron(2), "draw")[1:]
    ('Neuron', False)
    """
    if hasattr(y, "recorded"):
        return y.recorded().outputs, "", True
    if callable(y) and hasattr(y, "named_parameters") and not isinstance(y, type):
        return _outputs(_run(y, who), who), type(y).__name__, False
    return _outputs(y, who), "", True


def _outputs(y: Any, who: str) -> list[Value]:
    outputs = [y] if isinstance(y, Value) else list(y) if hasattr(y, "__iter__") else []
    if hasattr(y, "lower") and hasattr(y, "value_and_grad"):
        raise TypeError(
            f"{who}: expected a Value, a list of Values, a Module or a folded program, got {y!r:.80}; "
            f"{who} what it is for arguments like yours: f.lower(2.0, 3.0)"
        )
    if not outputs or not all(isinstance(output, Value) for output in outputs):
        raise TypeError(
            f"{who}: expected a Value, a list of Values or a Module, got {y!r:.80}; "
            f"{who} what was computed from Values: not its .data, not the function"
        )
    return outputs


def _run(module: Any, who: str) -> Any:
    """The output of a Module on inputs x1, x2, ..., recorded whatever mode is on here."""
    nin = getattr(module, "nin", None)
    if not isinstance(nin, int):
        raise TypeError(
            f"{who}: expected a Module that says how many inputs it takes, but "
            f"{type(module).__name__} has no attribute nin; {who} what it returns: "
            f"{who}(module(x))"
        )
    return Context().run(module, [Value(1.0, label=f"x{i + 1}") for i in range(nin)])
