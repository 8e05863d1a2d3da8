"""How accurate is every op? `python -m tests.op_accuracy` measures and writes OP_ACCURACY.md.

Values and first derivatives come from the rule on floats; second derivatives from the rule on
Values, whose graph is differentiated: what a user of `hessian` gets. test_ops.py checks the bounds.

    error      against mpmath: in ulp of the answer (value, first), relative to it (second)
    limit      what the case row allows
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from mpmath import mp, mpf

from autograd import OPS, Value
from autograd.engine import local_partials
from autograd.ops import GRAPH, SequenceOp, chosen, evaluate
from tests.op_cases import CASES, GRID_1, GRID_2, MAX, SECOND, Allowance, Case
from tests.oracles import Answer, answer

KINDS = ("value", "first", "second")


@dataclass(slots=True)
class Finding:
    """The worst error of one kind, where it was, what was expected and what the rule gave."""

    error: float = 0.0
    point: tuple[float, ...] = ()
    expected: str = ""
    got: float = math.nan


@dataclass(slots=True)
class Report:
    """What was found for one case; ``count`` points of each kind were compared.

    ``unanswered`` are poles, and borders where there is no derivative, that no pin covers.
    """

    value: Finding = field(default_factory=Finding)
    first: Finding = field(default_factory=Finding)
    second: Finding = field(default_factory=Finding)
    count: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    unanswered: list[tuple[float, ...]] = field(default_factory=list)

    def note(
        self, kind: str, error: float, point: tuple[float, ...], exact: Any, got: float
    ) -> None:
        self.count[kind] += 1
        if error > getattr(self, kind).error:
            setattr(self, kind, Finding(error, point, mp.nstr(mpf(exact), 20), got))


def points(case: Case, per_box: int = 16) -> Iterator[tuple[float, ...]]:
    """The points at which a case is compared with mpmath; those pinned by hand left out."""
    rng = random.Random(case.op)
    grid: list[tuple[float, ...]] = []
    if not isinstance(OPS[case.op], SequenceOp):
        inputs = len(case.boxes[0])
        grid = [(x,) for x in GRID_1] if inputs == 1 else list(product(GRID_2, repeat=inputs))
        grid = grid if inputs < 3 else []
    pinned = {
        repr(pin.inputs)
        for pin in case.pinned
        if None not in pin.partials or not math.isfinite(pin.output)
    }
    drawn = [tuple(_draw(rng, i) for i in box) for box in case.boxes for _ in range(per_box)]
    for x in [*case.points, *drawn, *grid]:
        if repr(x) not in pinned and not case.singular(*x):
            yield x


def _draw(rng: random.Random, interval: tuple[float, float]) -> float:
    low, high = interval
    if low * high > 0.0 and max(high / low, low / high) > 1e3:  # long: on a log scale
        exponent = rng.uniform(math.log10(abs(low)), math.log10(abs(high)))
        return math.copysign(10.0**exponent, low)
    return rng.uniform(low, high)


def measure(case: Case, per_box: int = 16) -> Report:
    """Compare an op with mpmath at all points of its case."""
    op, report = OPS[case.op], Report()
    for x in points(case, per_box):
        exact = answer(case.op, x)
        if exact is None or None in exact.first:
            report.unanswered.append(x)
        if exact is None:
            continue
        y = evaluate(op, x)
        if exact.value is None:  # outside its domain
            report.note("value", 0.0 if math.isnan(y) else math.inf, x, mp.nan, y)
            continue
        report.note("value", _ulps(y, exact.value, _terms(case.value, x)), x, exact.value, y)
        _measure_derivatives(case, x, exact, report)
    return report


def _measure_derivatives(case: Case, x: tuple[float, ...], exact: Answer, report: Report) -> None:
    op = OPS[case.op]
    n = range(len(x))
    leaves = [Value(v) for v in x]
    node = op.on(*leaves)
    try:
        first = local_partials(node)
    except NotImplementedError:
        return
    terms = _terms(case.first, x) or [0] * len(x)
    for i in n:
        if exact.first[i] is not None:
            error = _ulps(first[i], exact.first[i], terms[i])
            report.note("first", error, x, exact.first[i], first[i])
    if any(p is not None and abs(p) > MAX for p in exact.first):
        return  # the first derivative has overflowed already
    terms = _terms(case.second, x) or [[0] * len(x)] * len(x)
    for i in n:
        row = second_partials(case.op, x, i)
        for j in n if row is not None else ():
            if exact.second[i][j] is not None:
                error = _relative(row[j], exact.second[i][j], terms[i][j])
                report.note("second", error, x, exact.second[i][j], row[j])


def second_partials(name: str, x: Sequence[float], i: int) -> list[float] | None:
    """Differentiate the i-th entry of a partials rule as it runs on Values."""
    op = OPS[name]
    leaves = [Value(v) for v in x]
    node = op.on(*leaves)
    partial = chosen(op, op.partials(GRAPH, node, *leaves), [k == i for k in range(len(x))])[i]
    if not isinstance(partial, Value):
        return [0.0] * len(x)
    try:
        partial.backward()
    except NotImplementedError:  # the highest polygamma
        return None
    return [leaf.grad for leaf in leaves]


def _terms(allowance: Allowance | None, x: Sequence[float]) -> Any:
    with mp.workdps(60):
        return allowance.terms(*map(mpf, x)) if allowance else 0


def _overflowed(got: float, exact: Any, slack: float) -> bool:
    return math.isinf(got) and abs(exact) > MAX * (1 - slack) and (got > 0) == (exact > 0)


def _ulps(got: float, exact: Any, terms: Any) -> float:
    if not math.isfinite(got) or math.isnan(exact):
        return 0.0 if _overflowed(got, exact, 1e-14) else math.inf
    size = min(float(max(abs(exact), mpf(terms))), MAX)
    return float(abs(mpf(got) - exact) / mpf(math.ulp(size)))


def _relative(got: float, exact: Any, terms: Any) -> float:
    if abs(exact) > MAX * (1 - SECOND):
        return 0.0 if not math.isfinite(got) or abs(got) > MAX * (1 - 2 * SECOND) else math.inf
    if not math.isfinite(got):
        return 0.0 if terms > MAX else math.inf
    error = max(abs(mpf(got) - exact) - mpf("1e-320"), mpf(0))  # digits that a subnormal lacks
    size = max(abs(exact), mpf(terms))
    if size > MAX:  # a term overflows, though the answer would not
        return 0.0
    return 0.0 if not error else float(error / size) if size else math.inf


# ---- the table ----


def table() -> str:
    """Measure every op; return OP_ACCURACY.md."""
    lines = [HEADER]
    notes: dict[str, list[str]] = {}
    for case in CASES:
        report = measure(case, per_box=256)
        cells = [_cell(report, kind) for kind in KINDS]
        compared = report.count["value"]
        lines.append(f"| {case.op} | {' | '.join(cells)} | {case.ulp:g} | {compared} |")
        for kind in KINDS:
            allowance = getattr(case, kind)
            if allowance:
                notes.setdefault(allowance.why, []).append(f"{case.op} ({kind})")
    exceptions = [f"- {why}: {', '.join(where)}." for why, where in notes.items()]
    return "\n".join([*lines, NOTES, *exceptions, ""])


def _cell(report: Report, kind: str) -> str:
    found: Finding = getattr(report, kind)
    if not report.count[kind]:
        return "–"
    return f"{found.error:.1e}" if kind == "second" else f"{found.error:.2f}"


HEADER = """# How accurate every op is

Written by `python -m tests.op_accuracy`; `tests/test_ops.py` checks the bounds. The worst found
beside mpmath, at random points and at zeros, kinks, subnormal and huge numbers.
Value and first derivative: in ulp (units in the last place) of the exact answer, beside the bound.
Second derivative: relative; the bound is 1e-12, errors below 1e-320 are forgiven (a subnormal lacks
digits), and points are left out where the first derivative is beyond the range of a float.
Exceptions are listed below the table.

| op | value, ulp | first, ulp | second, relative | bound, ulp | points |
|---|---|---|---|---|---|"""

NOTES = """
## Exceptions

There the error is measured against the terms named; most are zeros of the answer, where terms cancel.
"""


if __name__ == "__main__":
    path = Path(__file__).parent / "OP_ACCURACY.md"
    path.write_text(table(), encoding="utf-8")
    print(f"wrote {path}")
