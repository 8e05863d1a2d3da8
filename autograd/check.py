"""`gradcheck`: every local derivative, and the whole gradient, against finite differences.

The differences are extrapolated to step 0 (Ridders 1982, "Accurate computation of F'(x) and
F'(x) F''(x)"), which is good for about ten digits and says how far it can be trusted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from .engine import Value, graph, local_partials
from .functional import grad, traced
from .ops import Op, evaluate, number

ROUNDS = 8  # of halving the step; each removes one even power of it from the error
EPSILON = 2.0**-52  # a result of f is off by about this, relatively: noise in the differences


def gradcheck(
    f: Callable[..., Any], x: Sequence[float], *, rtol: float = 1e-6, order: int = 1
) -> bool:
    """Check the derivatives of ``f`` at ``x``: every op that f uses there, then f as a whole.

    Args:
        f: takes n numbers, returns one; an op of your own for instance.
        x: the point, n numbers; keep away from kinks, where no difference quotient agrees.
        rtol: how far expected and got may differ, relative to the expected one.
        order: 2 checks the second derivatives too, and so on.

    Returns:
        True.

    Raises:
        AssertionError: naming the op, the point, what was expected and what the rule gave.

    >>> gradcheck(lambda a, b: (a * b).tanh() + b**3, [0.5, -1.5], order=2)
    True
    >>> from autograd import op
    >>> @op
    ... def twice(xp, x):
    ...     return 2 * x
    >>> @twice.partials
    ... def _(xp, y, x):
    ...     return (3.0,)
    >>> gradcheck(twice, [1.0])
    Traceback (most recent call last):
    AssertionError: gradcheck: op twice at (1.0): d/d input 0: expected 2.0, got 3.0
    """
    if not hasattr(x, "__iter__"):
        raise TypeError(f"gradcheck: x must be a list of f's inputs, got {x!r}; write [{x!r}]")
    point = [number(v, "gradcheck: x") for v in x]
    variables = [Value(v) for v in point]
    output = traced(f, variables, {})
    if output.__class__ is not Value:
        raise TypeError(
            f"gradcheck: f must return a Value that depends on its arguments, got {output!r:.80}"
        )
    for node in graph(output):
        _check_node(node, rtol)
    name = f.name if isinstance(f, Op) else getattr(f, "__name__", "f")
    for i in range(len(point)):
        got = grad(f, i)(*point)
        _compare(f"{name} as a whole", lambda *v: _plain(f(*map(Value, v))), point, i, got, rtol)
    if order > 1:
        for i in range(len(point)):
            slope = grad(f, i)
            if slope(*variables).__class__ is Value:  # a plain number is a constant
                gradcheck(slope, point, rtol=rtol, order=order - 1)
    return True


def _check_node(node: Value, rtol: float) -> None:
    op = node.op
    if op is None:
        return
    x = [_plain(v) for v in node.inputs]
    for i, got in enumerate(local_partials(node)):
        if got is not None:
            _compare(f"op {op.name}", lambda *v: evaluate(op, v), x, i, got, rtol)


def _compare(
    what: str, f: Callable[..., float], x: list[float], i: int, got: float, rtol: float
) -> None:
    expected, error = difference(lambda t: f(*x[:i], t, *x[i + 1 :]), x[i])
    if math.isnan(expected) and math.isnan(got):
        return
    allowed = rtol * abs(expected)
    settled = error <= 1e3 * rtol * max(1.0, abs(expected))
    if settled and abs(expected - got) <= allowed + error:
        return
    at = ", ".join(f"{v!r}" for v in x[:8]) + (", ..." if len(x) > 8 else "")
    raise AssertionError(
        f"gradcheck: {what} at ({at}): d/d input {i}: expected {_rounded(expected, error)}, got {got!r}"
        + ("" if settled else f" (the difference quotients do not settle: ±{error:.1g}; a kink?)")
    )


def _rounded(x: float, error: float) -> float:
    """The digits that can be trusted."""
    return round(x, int(-math.log10(max(error, 1e-15)))) if error < 0.1 else x


def _plain(x: Any) -> float:
    return x.data if x.__class__ is Value else number(x, "gradcheck: result of f")


def difference(f: Callable[[float], float], x: float) -> tuple[float, float]:
    """Return f'(x) by extrapolated central differences, and an estimate of its error.

    >>> slope, error = difference(math.sin, 0.0)
    >>> abs(slope - 1.0) < 1e-10, error < 1e-10
    (True, True)
    """
    scales = [0.1 * max(1.0, abs(x))]
    if 0.0 < abs(x) <= 0.1:
        scales.append(abs(x) / 2.0)
    tries = []
    for step in sorted(scale / shrink for scale in scales for shrink in (1.0, 30.0, 900.0)):
        slope, error = _extrapolate(f, x, step)
        if error <= 1e-8 * max(1.0, abs(slope)):  # the narrowest that settles: a fast wave may
            return slope, error  # look flat, or slow, to wide ones
        tries.append((slope, error))
    return min(tries, key=itemgetter(1))


def _extrapolate(f: Callable[[float], float], x: float, step: float) -> tuple[float, float]:
    best, error = math.nan, math.inf
    row: list[float] = []
    for _ in range(ROUNDS):
        above, below, width = f(x + step), f(x - step), (x + step) - (x - step)
        noise = EPSILON * (abs(above) + abs(below)) / width
        previous, row = row, [(above - below) / width]
        for k, older in enumerate(previous):
            row.append(row[k] + (row[k] - older) / (4.0 ** (k + 1) - 1.0))
            now = max(abs(row[k + 1] - row[k]), abs(row[k + 1] - older)) + noise
            if now <= error:
                best, error = row[k + 1], now
        step /= 2.0
    return best, error
