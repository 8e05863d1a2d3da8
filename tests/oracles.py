"""What every op should answer, by mpmath: values at high precision, derivatives by differences there.

Nothing here knows our rules. A derivative is a central difference with a step of 1e-50 of the
point's scale, at so many digits that some 60 of the quotient are right: its truncation error is
about (step / distance to the nearest singularity)², and no double but the singularity itself is
closer to one than 1e-17 of its scale.

    ORACLES     name of an op -> the function on mpmath numbers
    x           a point, floats; `first[i]` and `second[i][j]` are its partial derivatives
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from mpmath import mp, mpc, mpf

STEP_BITS = 166  # 50 digits


def _cbrt(x: Any) -> Any:
    return mp.sign(x) * mp.cbrt(abs(x))


def _round(x: Any) -> Any:
    return mp.nint(x)  # half to even, as Python's and NumPy's


def _logistic(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x)) if x > 0 else mp.exp(x) / (1 + mp.exp(x))


def _erfc(x: Any) -> Any:
    return mp.erfc(x) if abs(x) < 1e4 else mpf(0 if x > 0 else 2)  # exp(-1e8) is no double


def _normal_cdf(x: Any) -> Any:
    return _erfc(-x / mp.sqrt(2)) / 2


def _density(x: Any) -> Any:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def _logistic_slopes(x: Any) -> tuple[Any, Any]:
    """The first two derivatives."""
    t = mp.exp(-abs(x))
    return t / (1 + t) ** 2, mp.sign(x) * t * mp.expm1(-abs(x)) / (1 + t) ** 3


def _log_sum(*x: Any) -> Any:
    top = max(x)
    return top + mp.log(mp.fsum(mp.exp(v - top) for v in x))


def _power(x: Any, n: Any) -> Any:
    if x == 0 and n == 0:
        return mpf(1)
    y = mp.power(x, n)
    return y.real if mp.isint(n) else y


def _pow_second(x: Any, n: Any) -> Any:
    by_base = n * (n - 1) * _power(x, n - 2)
    if x < 0:
        return [[by_base, None], [None, None]]
    mixed, by_exponent = _power(x, n - 1) * (1 + n * mp.log(x)), _power(x, n) * mp.log(x) ** 2
    return [[by_base, mixed], [mixed, by_exponent]]


ORACLES: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "floordiv": lambda a, b: mp.floor(a / b),
    "mod": lambda a, b: a - b * mp.floor(a / b),
    "pow": _power,
    "neg": lambda x: -x,
    "strong_product": lambda a, p: a * p,
    "identity": lambda x: x,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "exp": mp.exp,
    "expm1": mp.expm1,
    "exp2": lambda x: mp.power(2, x),
    "log": mp.log,
    "log1p": lambda x: mp.log(1 + x),
    "log2": lambda x: mp.log(x) / mp.log(2),
    "log10": lambda x: mp.log(x) / mp.log(10),
    "sqrt": mp.sqrt,
    "cbrt": _cbrt,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "asin": mp.asin,
    "acos": mp.acos,
    "atan": mp.atan,
    "atan2": mp.atan2,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "sech2": lambda x: mp.sech(x) ** 2,
    "asinh": mp.asinh,
    "acosh": mp.acosh,
    "atanh": mp.atanh,
    "hypot": lambda a, b: mp.sqrt(a * a + b * b),
    "sigmoid": _logistic,
    "softplus": lambda x: mp.log1p(mp.exp(-abs(x))) + max(x, mpf(0)),
    "relu": lambda x: max(x, mpf(0)),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * (mp.exp(x) - 1),
    "gelu": lambda x: x * _normal_cdf(x),
    "silu": lambda x: x * _logistic(x),
    "softsign": lambda x: x / (1 + abs(x)),
    "gaussian": lambda x: mp.exp(-x * x / 2),
    "normal_cdf": _normal_cdf,
    "erf": lambda x: mp.erf(x) if abs(x) < 1e4 else mp.sign(x),
    "erfc": _erfc,
    "gamma": mp.gamma,
    "lgamma": lambda x: mp.log(abs(mp.gamma(x))) if abs(x) < 1000 else mp.loggamma(x).real,
    "digamma": mp.digamma,
    "trigamma": lambda x: mp.polygamma(1, x),
    "polygamma2": lambda x: mp.polygamma(2, x),
    "polygamma3": lambda x: mp.polygamma(3, x),
    "polygamma4": lambda x: mp.polygamma(4, x),
    "polygamma5": lambda x: mp.polygamma(5, x),
    "floor": mp.floor,
    "ceil": mp.ceil,
    "trunc": lambda x: mp.floor(x) if x > 0 else mp.ceil(x),
    "round": _round,
    "sign": mp.sign,
    "step": lambda x: mpf(x > 0),
    "abs": abs,
    "maximum": max,
    "minimum": min,
    "clip": lambda x, low, high: min(max(x, low), high),
    "where": lambda condition, a, b: a if condition else b,
    "copysign": lambda a, b: abs(a) if b >= 0 else -abs(a),
    "logaddexp": _log_sum,
    "sum": lambda *x: mp.fsum(x),
    "prod": lambda *x: mp.fprod(x),
    "dot": lambda *x: mp.fdot(x[: len(x) // 2], x[len(x) // 2 :]),
    "mean": lambda *x: mp.fsum(x) / len(x),
    "norm": lambda *x: mp.sqrt(mp.fsum(v * v for v in x)),
    "logsumexp": _log_sum,
}


# Derivatives in closed form, where differences will not do: at jumps; far out, where the derivative
# is e^-x of the value; and where mpmath is slow at hundreds of digits.
FIRST: dict[str, Callable[..., Any]] = {
    "floordiv": lambda a, b: [0, 0],
    "mod": lambda a, b: [1, -mp.floor(a / b)],
    "copysign": lambda a, b: [mp.sign(a) * (1 if b >= 0 else -1), 0],
    "expm1": lambda x: [mp.exp(x)],
    "pow": lambda x, n: [n * _power(x, n - 1), _power(x, n) * mp.log(x) if x > 0 else None],
    "gamma": lambda x: [mp.gamma(x) * mp.digamma(x)],
    "sigmoid": lambda x: [_logistic_slopes(x)[0]],
    "softplus": lambda x: [_logistic(x)],
    "silu": lambda x: [_logistic(x) + x * _logistic_slopes(x)[0]],
    "logaddexp": lambda a, b: [_logistic(a - b), _logistic(b - a)],
    "tanh": lambda x: [mp.sech(x) ** 2],
    "sech2": lambda x: [-2 * mp.tanh(x) * mp.sech(x) ** 2],
    "gaussian": lambda x: [-x * mp.exp(-x * x / 2)],
    "normal_cdf": lambda x: [_density(x)],
    "gelu": lambda x: [_normal_cdf(x) + x * _density(x)],
    "erf": lambda x: [2 / mp.sqrt(mp.pi) * mp.exp(-x * x)],
    "erfc": lambda x: [-2 / mp.sqrt(mp.pi) * mp.exp(-x * x)],
    **{name: lambda x: [mpf(0)] for name in ("floor", "ceil", "trunc", "round", "sign", "step")},
}
SECOND: dict[str, Callable[..., Any]] = {
    **{name: lambda a, b: [[0, 0], [0, 0]] for name in ("floordiv", "mod", "copysign")},
    "expm1": lambda x: [[mp.exp(x)]],
    "pow": _pow_second,
    "gamma": lambda x: [[mp.gamma(x) * (mp.digamma(x) ** 2 + mp.polygamma(1, x))]],
    "sigmoid": lambda x: [[_logistic_slopes(x)[1]]],
    "softplus": lambda x: [[_logistic_slopes(x)[0]]],
    "silu": lambda x: [[2 * _logistic_slopes(x)[0] + x * _logistic_slopes(x)[1]]],
    "logaddexp": lambda a, b: [
        [s * t * _logistic_slopes(a - b)[0] for t in (1, -1)] for s in (1, -1)
    ],
    "tanh": lambda x: [[-2 * mp.tanh(x) * mp.sech(x) ** 2]],
    "sech2": lambda x: [[(4 - 6 * mp.sech(x) ** 2) * mp.sech(x) ** 2]],
    "gaussian": lambda x: [[(x * x - 1) * mp.exp(-x * x / 2)]],
    "normal_cdf": lambda x: [[-x * _density(x)]],
    "gelu": lambda x: [[(2 - x * x) * _density(x)]],
    "erf": lambda x: [[-4 / mp.sqrt(mp.pi) * x * mp.exp(-x * x)]],
    "erfc": lambda x: [[4 / mp.sqrt(mp.pi) * x * mp.exp(-x * x)]],
    **{name: lambda x: [[mpf(0)]] for name in ("floor", "ceil", "trunc", "round", "sign", "step")},
}
for _n, _name in enumerate(
    ("lgamma", "digamma", "trigamma", "polygamma2", "polygamma3", "polygamma4", "polygamma5"), -1
):
    FIRST[_name] = lambda x, n=_n: [mp.polygamma(n + 1, x)]
    SECOND[_name] = lambda x, n=_n: [[mp.polygamma(n + 2, x)]]

# Digits per decade of the arguments: for a / b to be right to its last integer, for x**1e200.
EXTRA_DIGITS = {"mod": 4, "floordiv": 4, "pow": 2}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an op is at a point. None: outside the domain (a value), no such derivative (an entry)."""

    value: Any
    first: Sequence[Any]
    second: Sequence[Sequence[Any]]


def answer(name: str, x: Sequence[float]) -> Answer | None:
    """Compute what op ``name`` is at the finite point ``x``; None at a pole."""
    decades = max((abs(math.log10(abs(t))) for t in x if t != 0.0), default=0.0)
    if name in FIRST:
        digits = 80 + EXTRA_DIGITS.get(name, 0) * decades
    else:  # a second difference loses twice the digits of the step, and of the range of x
        digits = 160 + (3 if len(x) == 1 else 5) * decades
    with mp.workdps(int(digits)):
        v = [mpf(t) for t in x]
        y = _at(ORACLES[name], v)
        if y is None:
            return Answer(None, (), ())
        if not mp.isfinite(y):
            return None
        if name in FIRST:
            return Answer(y, FIRST[name](*v), SECOND[name](*v))
        return _differences(ORACLES[name], v, y)


def _at(f: Callable[..., Any], x: Sequence[Any]) -> Any:
    """f(x): None outside its domain, where mpmath goes on with complex numbers; nan at a pole."""
    try:
        y = f(*x)
    except (ValueError, ZeroDivisionError):
        return mp.nan
    return None if isinstance(y, mpc) else y


def _differences(f: Callable[..., Any], x: list[Any], y: Any) -> Answer:
    # Steps are powers of two: x + step is then exact, and the second difference of a line is 0.
    nearest = min((min(0, mp.mag(t)) for t in x if t), default=0)
    steps = [mpf(2) ** ((min(0, mp.mag(t)) if t else nearest) - STEP_BITS) for t in x]
    n = range(len(x))
    up, down = [_moved(f, x, steps, {i: 1}) for i in n], [_moved(f, x, steps, {i: -1}) for i in n]
    first = [_quotient([(1, up[i]), (-1, down[i])], 2 * steps[i], y) for i in n]
    second: list[list[Any]] = [[None] * len(x) for _ in n]
    for i in n:
        second[i][i] = _quotient([(1, up[i]), (-2, y), (1, down[i])], steps[i] ** 2, y)
        for j in range(i):
            signs = list(product((1, -1), repeat=2))
            corners = [(s * t, _moved(f, x, steps, {i: s, j: t})) for s, t in signs]
            second[i][j] = second[j][i] = _quotient(corners, 4 * steps[i] * steps[j], y)
    return Answer(y, first, second)


def _moved(f: Callable[..., Any], x: list[Any], steps: list[Any], moves: dict[int, int]) -> Any:
    return _at(f, [t + moves.get(i, 0) * h for i, (t, h) in enumerate(zip(x, steps))])


def _quotient(terms: list[tuple[int, Any]], step: Any, y: Any) -> Any:
    """A difference quotient; 0 if the difference is but rounding, None if a term does not exist."""
    if any(t is None or mp.isnan(t) for _, t in terms):
        return None
    difference = sum(weight * t for weight, t in terms)
    return difference / step if abs(difference) > abs(y) * mpf(10) ** (3 - mp.dps) else mpf(0)
