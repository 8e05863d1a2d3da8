"""What is answered where a derivative does not exist, or a limit must be chosen: one table.

PyTorch's choice where that is sane. The tests run every row.

>>> print(CONVENTIONS[0])
relu(x) at x = 0: 0, slope 0 (PyTorch: same). The smallest subgradient.
"""

from __future__ import annotations

from math import inf, nan
from typing import NamedTuple


class Convention(NamedTuple):
    """One row: an expression in the package's functions, where, what is answered, why.

    Attributes:
        expression: as one would write it.
        at: the inputs by name.
        value: of the expression there.
        slopes: its derivative by each input, by name.
        pytorch: "same", or what PyTorch 2.13 answers instead.
        why: the reason.
    """

    expression: str
    at: dict[str, float]
    value: float
    slopes: dict[str, float]
    pytorch: str
    why: str

    def __str__(self) -> str:
        at = ", ".join(f"{name} = {x:g}" for name, x in self.at.items())
        slopes = ", ".join(f"{slope:g}" for slope in self.slopes.values())
        answer = f"{self.value:g}, slope{'s' * (len(self.at) > 1)} {slopes}"
        return f"{self.expression} at {at}: {answer} (PyTorch: {self.pytorch}). {self.why}."


def _at(
    expression: str, at: dict[str, float], *answer: float, pytorch: str = "same", why: str
) -> Convention:
    value, *slopes = map(float, answer)
    return Convention(expression, at, value, dict(zip(at, slopes)), pytorch, why)


# fmt: off
CONVENTIONS = (
    # kinks
    _at("relu(x)", {"x": 0}, 0, 0, why="The smallest subgradient"),
    _at("abs(x)", {"x": 0}, 0, 0, why="The smallest subgradient"),
    _at("sqrt(abs(x))", {"x": 0}, 0, nan, why="inf * 0: no side was chosen, both are alive"),
    _at("norm([a, b])", {"a": 0, "b": 0}, 0, 0, 0, why="The smallest subgradient"),
    _at("hypot(a, b)", {"a": 0, "b": 0}, 0, 0, 0, pytorch="slopes nan", why="As norm"),
    _at("copysign(a, 1)", {"a": 0}, 0, 0, why="As abs"),
    _at("leaky_relu(x)", {"x": 0}, 0, 0.01, why="The side below"),
    _at("elu(x, 0.5)", {"x": 0}, 0, 0.5, why="The side below"),
    _at("maximum(a, b)", {"a": 2, "b": 2}, 2, 0.5, 0.5, why="Half each at a tie"),
    _at("minimum(a, b)", {"a": 2, "b": 2}, 2, 0.5, 0.5, why="Half each at a tie"),
    _at("clip(x, 0, 1)", {"x": 1}, 1, 1, why="The bounds belong to the inside"),
    # steps
    _at("sign(x)", {"x": 0}, 0, 0, why="Flat on both sides"),
    _at("step(x)", {"x": 0}, 0, 0, pytorch="no slope", why="Flat on both sides; the slope of relu"),
    _at("floor(x)", {"x": 2}, 2, 0, why="Flat on both sides"),
    _at("round(x)", {"x": 2.5}, 2, 0, why="Half to even; flat on both sides"),
    _at("a % b", {"a": 6, "b": 3}, 0, 1, -2, why="The side above: 1 and -(a // b)"),
    # powers of nothing, and to nothing
    _at("x ** 0", {"x": 0}, 1, 0, why="x**0 is 1 everywhere"),
    _at("x ** n", {"x": 0, "n": 0}, 1, 0, 0, why="Not 0 * inf"),
    _at("x ** n", {"x": 0, "n": 1}, 0, 1, 0, why="Not 0 * log(0)"),
    _at("0.0 ** n", {"n": 2}, 0, 0, why="0**n is flat for n > 0"),
    _at("0.0 ** n", {"n": -1}, inf, -inf, why="A pole"),
    _at("x ** 0.5", {"x": -2}, nan, nan, why="Real numbers only: nan, never complex"),
    _at("x ** n", {"x": -2, "n": 3}, -8, 12, nan, why="A negative base has no real logarithm"),
    # borders of a domain
    _at("sqrt(x)", {"x": 0}, 0, inf, why="The limit from inside"),
    _at("cbrt(x)", {"x": 0}, 0, inf, pytorch="has no cbrt", why="The limit from both sides"),
    _at("acos(x)", {"x": 1}, 0, -inf, why="The limit from inside"),
    _at("log(x)", {"x": 0}, -inf, inf, why="The limit from inside"),
    _at("log(x)", {"x": -1}, nan, -1, why="Outside the domain the slope is that of log |x|"),
    _at("1 / x", {"x": 0}, inf, -inf, why="IEEE 754: the sign of the zero counts"),
    _at("atan2(a, b)", {"a": 0, "b": 0}, 0, nan, nan, pytorch="slopes 0", why="No direction, no limit"),
    _at("lgamma(x)", {"x": 0}, inf, -inf, why="The sign of the zero counts"),
    _at("lgamma(x)", {"x": -1}, inf, nan, why="The two sides disagree"),
    # infinities
    _at("sigmoid(x)", {"x": inf}, 1, 0, why="The limit"),
    _at("silu(x)", {"x": -inf}, -0.0, 0, pytorch="nan, slope nan", why="The limit"),
    _at("gelu(x)", {"x": -inf}, -0.0, 0, pytorch="nan, slope nan", why="The limit"),
    _at("softsign(x)", {"x": inf}, nan, 0, pytorch="slope nan", why="inf / inf"),
    _at("logaddexp(a, b)", {"a": inf, "b": inf}, inf, 0.5, 0.5, pytorch="slopes nan", why="A tie"),
    _at("logsumexp([a, b])", {"a": -inf, "b": -inf}, -inf, nan, nan, why="No weights can be told"),
    # what is not chosen does not count
    _at("where(x > 0, x, log(x - 5))", {"x": 2}, 2, 1, why="The other branch keeps its nan"),
    _at("where(x > 0, sqrt(x), 2 * x)", {"x": 0}, 0, 2, pytorch="slope nan", why="And its inf"),
    _at("prod([a, b])", {"a": 0, "b": 3}, 0, 3, 0, why="The product of the others, never y / x"),
)
# fmt: on
