"""One row per op: where it is tested, what is pinned by hand, how near it must come.

A new op without a row fails `test_every_op_has_a_case`. Each row's op is compared with mpmath
(oracles.py) at random points of its boxes and on a grid of special points, as far as they are in
its domain: zeros, subnormals, kinks, ties, huge numbers. What has no derivative there, and what
happens at infinities, is pinned by hand or compared with NumPy.

    box      one interval per argument; points are drawn from it, on a log scale if it is long
    pinned   inputs, output, first partials: met exactly (a partial's zero of either sign; None: any)
    ulp      how far value and first derivative may be off, in units in the last place
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, nan, pi
from typing import Any, NamedTuple

from mpmath import mp, mpf

ELEMENTARY, SPECIAL = 4.0, 32.0  # ulp, value and first derivative
SECOND = 1e-12  # relative, second derivative

TINY, BIG, MAX = 5e-324, 1e200, 1.7976931348623157e308

# fmt: off
GRID_1 = [s * x for s in (1.0, -1.0) for x in (
    0.0, TINY, 3e-310, 1e-200, 1e-20, 1e-8, 0.5, 1.0, 1.5, 2.0, 3.0, 20.0, 37.5, 40.0, 360.0, 709.0,
    745.0, 1e5, 1e9, 1e17, 1e160, BIG, MAX)]
GRID_2 = [s * x for s in (1.0, -1.0) for x in (0.0, TINY, 1e-200, 0.7, 1.0, 2.5, BIG, MAX)]
# fmt: on

POLES = [x for x in GRID_1 if x <= -1.0 and x == int(x)]  # of gamma and its kin

Box = tuple[tuple[float, float], ...]


class Pin(NamedTuple):
    inputs: tuple[float, ...]
    output: float
    partials: tuple[float | None, ...]


class Allowance(NamedTuple):
    """An exception: errors are measured against ``terms`` of the exact inputs where those are larger.

    ``terms`` gives one size for a value, a list for the first partials, rows for the second.
    """

    terms: Callable[..., Any]
    why: str


@dataclass(frozen=True, slots=True)
class Case:
    op: str
    boxes: list[Box]
    pinned: list[Pin]
    ulp: float = ELEMENTARY
    numpy: str = ""  # the function of NumPy that answers alike at zeros, infinities and nan
    points: tuple[tuple[float, ...], ...] = ()
    singular: Callable[..., bool] = lambda *x: False  # no derivative there
    value: Allowance | None = None
    first: Allowance | None = None
    second: Allowance | None = None


def P(*numbers: Any) -> Pin:
    """Shorthand: P(x, y, dy/dx) for one input, P((a, b), y, dy/da, dy/db) for more."""
    inputs, output, *partials = numbers
    return Pin(inputs if isinstance(inputs, tuple) else (inputs,), output, tuple(partials))


def line(*intervals: tuple[float, float]) -> list[Box]:
    return [(interval,) for interval in intervals]


def row(n: int, *intervals: tuple[float, float]) -> list[Box]:
    return [(interval,) * n for interval in intervals]


# fmt: off
WHOLE = line((-1.0, 1.0), (-12.0, 12.0), (1e-300, 1e300), (-1e20, -1e-20))
POSITIVE = line((1e-3, 1.0), (0.5, 2.0), (1.0, 1e3), (1e-300, 1e300))
WAVES = line((-1.6, 1.6), (-20.0, 20.0), (1e-10, 1e10), (1e10, 1e300))
WITHIN_1 = line((-1.0, 1.0), (0.999, 1.0), (-1.0, -0.9), (1e-20, 1e-3))
ABOVE_1 = line((1.0, 1.001), (1.0, 3.0), (1.0, 1e3), (1.0, 1e300))
TAILS = line((-1.0, 1.0), (-40.0, 40.0), (-6.0, -1.0), (-39.0, -25.0), (20.0, 39.0), (1e-30, 1e-3))
LOGISTIC = line((-1.0, 1.0), (-40.0, 40.0), (-12.0, 12.0), (-746.0, -600.0), (30.0, 746.0))
PLANE = [((-3.0, 3.0), (-3.0, 3.0)), ((1e-100, 1e100), (-1e100, -1e-100)), ((-9.0, 9.0), (1e3, 1e5))]
POWERS = [((0.1, 10.0), (-3.0, 3.0)), ((1e-3, 1e3), (-20.0, 20.0)), ((1e-300, 1e300), (1e-3, 0.9))]
SUMS = [((-5.0, 5.0), (-5.0, 5.0)), ((-50.0, 50.0), (-50.0, 50.0)), ((700.0, 1e4), (0.0, 700.0))]
GAMMA = line(
    (1e-3, 0.5), (0.5, 1.0), (1.0, 2.0), (1.46, 1.463), (2.0, 3.0), (3.0, 30.0), (30.0, 171.0),
    (1e-30, 1e-3), (-1e-3, -1e-30), (-0.999, -0.001), (-1.999, -1.001), (-30.0, -2.0),
)
# fmt: on
SMALLEST_NORMAL = mpf(2) ** -1022


# ---- exceptions: what errors are measured against ----

REFLECTED = "below 0, near zeros: relative to the larger term of the reflection formula"
LEFT_TO_RIGHT = "added from left to right: relative to the sum of the sizes"
ROUNDED_SHIFT = (
    "far below the maximum: x - max(x) is rounded, and exp of it keeps that absolute error"
)
LOST_DIGITS = "where a factor of the answer is subnormal: relative to 2**-1014"
NEAR_AXES = "towards the axes, where it is a difference: relative to 1 / y"


def lost_digits(y: Any) -> Any:
    return mpf(2) ** -1014 if abs(y) < SMALLEST_NORMAL else 0


def reflected(n: int) -> Callable[[Any], Any]:
    """The part of ψ_n(x), n = -1 for log Γ, that its reflection formula takes from 1 - x."""
    if n < 0:
        return lambda x: abs(mp.loggamma(1 - x)) if x < 0 else 0
    return lambda x: abs(mp.polygamma(n, 1 - x)) if x < 0 else 0


def sum_of_sizes(*x: Any) -> Any:
    return mp.fsum(abs(v) for v in x)


def inverse_norm(*x: Any) -> Any:
    return [[1 / mp.sqrt(mp.fsum(v * v for v in x))] * len(x)] * len(x)


def inverse_square(a: Any, b: Any) -> Any:
    return [[1 / (a * a + b * b)] * 2] * 2


def pow_second(x: Any, n: Any) -> Any:
    mixed = max(abs(x ** (n - 1)), abs(n * x ** (n - 1) * mp.log(x))) if x > 0 else 0
    if abs(1 / x) > MAX or abs(x**n) < SMALLEST_NORMAL:
        mixed = mp.inf  # not compared
    return [[x**-2 if n == 0 else 0, mixed], [mixed, 0]]


def logistic(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def density(x: Any) -> Any:
    return mp.exp(-x * x / 2)


def gelu_first(x: Any) -> Any:
    cdf = mp.erfc(-x / mp.sqrt(2)) / 2 if -40 < x < 0 else 0
    return [max(cdf, lost_digits(density(x)))]


def softmax(*x: Any) -> list[Any]:
    total = mp.fsum(mp.exp(v - max(x)) for v in x)
    return [mp.exp(v - max(x)) / total for v in x]


# ---- rows that are alike ----


def polygamma(n: int, name: str, pinned: list[Pin], **others: Any) -> Case:
    return Case(
        name,
        GAMMA,
        pinned,
        SPECIAL,
        value=Allowance(reflected(n), REFLECTED),
        first=Allowance(lambda x: [reflected(n + 1)(x)], REFLECTED),
        second=Allowance(lambda x: [[reflected(n + 2)(x)]], REFLECTED),
        **others,
    )


def polygamma_pins(n: int) -> list[Pin]:
    """Odd orders go to +inf on both sides of a pole, even ones have no limit there."""
    odd = n % 2 == 1
    pins = [P(0.0, inf if odd else -inf, -inf if odd else inf), P(-0.0, inf, inf)]
    pins += [P(inf, 0.0 if odd else -0.0, 0.0), P(-inf, nan, nan)]
    pins += [P(x, inf if odd else nan, None) for x in POLES]
    return pins if n < 5 else [Pin(pin.inputs, pin.output, (None,)) for pin in pins]


def at_ends(*outputs_and_partials: float | None) -> list[Pin]:
    """What happens at inf and at -inf."""
    y, dy, z, dz = outputs_and_partials
    return [P(inf, y, dy), P(-inf, z, dz)]


FLAT = at_ends(inf, 0.0, -inf, 0.0)
UNDEFINED = at_ends(nan, nan, nan, nan)
GROWING = at_ends(inf, inf, 0.0, 0.0)
ROOTLIKE = at_ends(inf, 0.0, nan, None)
OUTSIDE = at_ends(nan, None, nan, None)
LOG_PINS = [P(0.0, -inf, inf), P(-0.0, -inf, -inf), *ROOTLIKE]

# fmt: off
CASES = (
    # arithmetic
    Case("add", PLANE, [P((2.0, 5.0), 7.0, 1.0, 1.0)], numpy="add"),
    Case("sub", PLANE, [P((2.0, 5.0), -3.0, 1.0, -1.0)], numpy="subtract"),
    Case("mul", PLANE, [P((2.0, 5.0), 10.0, 5.0, 2.0), P((0.0, inf), nan, inf, 0.0)], numpy="multiply"),
    Case("div", PLANE,
         [P((1.0, 4.0), 0.25, 0.25, -0.0625), P((1e-200, 1e-200), 1.0, 1e200, -1e200),
          P((1.0, 0.0), inf, inf, -inf), P((1.0, inf), 0.0, 0.0, 0.0)],
         numpy="true_divide", singular=lambda a, b: b == 0.0),
    Case("floordiv", PLANE, [P((7.0, 2.0), 3.0, 0.0, 0.0), P((-7.0, 2.0), -4.0, 0.0, 0.0)],
         numpy="floor_divide", singular=lambda a, b: b == 0.0),
    Case("mod", PLANE,
         [P((7.5, 2.0), 1.5, 1.0, -3.0), P((-1.0, 3.0), 2.0, 1.0, 1.0), P((1.0, inf), 1.0, 1.0, 0.0)],
         numpy="remainder", singular=lambda a, b: b == 0.0),
    Case("pow", POWERS,
         [P((3.0, 2.0), 9.0, 6.0, None), P((5.0, 0.0), 1.0, 0.0, None),
          P((0.0, 0.0), 1.0, 0.0, 0.0), P((0.0, 1.0), 0.0, 1.0, 0.0), P((0.0, 2.0), 0.0, 0.0, 0.0),
          P((0.0, 0.5), 0.0, inf, 0.0), P((0.0, 0.25), 0.0, inf, 0.0),
          P((0.0, -1.0), inf, -inf, -inf), P((-0.0, -1.0), -inf, -inf, None),
          P((-2.0, 0.5), nan, nan, nan), P((-2.0, 3.0), -8.0, 12.0, nan), P((-2.0, 0.0), 1.0, 0.0, nan),
          P((inf, 2.0), inf, inf, inf), P((inf, -1.0), 0.0, 0.0, None), P((1.0, inf), 1.0, None, None)],
         numpy="power",
         points=((-1.5, -2.0), (-3.0, 5.0), (1e-10, 31.5), (1e150, 2.0), (1e300, 0.1)),
         # A negative base: from 2**53 on no float is odd, and n - 1 is n.
         singular=lambda x, n: x == 0.0 or (x < 0.0 and abs(n) > 2.0**53),
         first=Allowance(lambda x, n: [0, lost_digits(x**n) if x > 0 else 0], LOST_DIGITS),
         second=Allowance(pow_second, "near zeros of 1 + n log(x): relative to the larger term; "
                          "at n = 0 relative to y/x²; not where y or 1/x leaves the range of a float")),
    Case("neg", WHOLE, at_ends(-inf, -1.0, inf, -1.0), numpy="negative"),
    Case("strong_product", PLANE,
         [P((0.0, inf), 0.0, inf, 0.0), P((0.0, nan), 0.0, nan, 0.0), P((2.0, inf), inf, inf, 2.0)]),
    Case("identity", WHOLE, at_ends(inf, 1.0, -inf, 1.0), numpy="positive"),
    Case("square", WHOLE, at_ends(inf, inf, inf, -inf), numpy="square"),
    Case("reciprocal", WHOLE, [P(0.0, inf, -inf), P(-0.0, -inf, -inf), *at_ends(0.0, 0.0, -0.0, 0.0)],
         numpy="reciprocal"),
    # exponentials, logarithms, roots
    Case("exp", LOGISTIC, [P(0.0, 1.0, 1.0), *GROWING], numpy="exp"),
    Case("expm1", LOGISTIC, [P(0.0, 0.0, 1.0), *at_ends(inf, inf, -1.0, 0.0)], numpy="expm1"),
    Case("exp2", LOGISTIC, [P(3.0, 8.0, None), *GROWING], numpy="exp2"),
    Case("log", POSITIVE, [P(1.0, 0.0, 1.0), P(-1.0, nan, -1.0), *LOG_PINS], numpy="log"),
    Case("log1p", POSITIVE + WITHIN_1, [P(0.0, 0.0, 1.0), P(-1.0, -inf, inf), *ROOTLIKE], numpy="log1p"),
    Case("log2", POSITIVE, [P(8.0, 3.0, None), *LOG_PINS], numpy="log2"),
    Case("log10", POSITIVE, [P(1000.0, 3.0, None), *LOG_PINS], numpy="log10"),
    Case("sqrt", POSITIVE, [P(4.0, 2.0, 0.25), P(0.0, 0.0, inf), P(-0.0, -0.0, -inf), *ROOTLIKE],
         numpy="sqrt"),
    Case("cbrt", WHOLE, [P(8.0, 2.0, 1 / 12), P(0.0, 0.0, inf), P(-0.0, -0.0, inf), *FLAT],
         numpy="cbrt"),
    # trigonometric and hyperbolic
    Case("sin", WAVES, [P(0.0, 0.0, 1.0), *UNDEFINED], numpy="sin"),
    Case("cos", WAVES, [P(0.0, 1.0, 0.0), *UNDEFINED], numpy="cos"),
    Case("tan", WAVES, [P(0.0, 0.0, 1.0), *UNDEFINED], numpy="tan", points=((pi / 2,), (11.0,))),
    Case("asin", WITHIN_1, [P(0.0, 0.0, 1.0), P(1.0, pi / 2, inf), P(-1.0, -pi / 2, inf), *OUTSIDE],
         numpy="arcsin"),
    Case("acos", WITHIN_1, [P(0.0, pi / 2, -1.0), P(1.0, 0.0, -inf), P(-1.0, pi, -inf), *OUTSIDE],
         numpy="arccos"),
    Case("atan", WHOLE, [P(0.0, 0.0, 1.0), P(1.0, pi / 4, 0.5), *at_ends(pi / 2, 0.0, -pi / 2, 0.0)],
         numpy="arctan", points=((1e100,), (1e80,))),
    Case("atan2", PLANE,
         [P((0.0, 1.0), 0.0, 1.0, 0.0), P((0.0, -1.0), pi, -1.0, 0.0), P((-0.0, -1.0), -pi, -1.0, 0.0),
          P((0.0, 0.0), 0.0, nan, nan)],
         numpy="arctan2", singular=lambda a, b: a == 0.0 and b <= 0.0,
         second=Allowance(inverse_square, "near |a| = |b|: relative to 1 / (a² + b²)")),
    Case("sinh", LOGISTIC, [P(0.0, 0.0, 1.0), *at_ends(inf, inf, -inf, inf)], numpy="sinh"),
    Case("cosh", LOGISTIC, [P(0.0, 1.0, 0.0), *at_ends(inf, inf, inf, -inf)], numpy="cosh"),
    Case("tanh", LOGISTIC, [P(0.0, 0.0, 1.0), *at_ends(1.0, 0.0, -1.0, 0.0)], numpy="tanh"),
    Case("sech2", LOGISTIC, [P(0.0, 1.0, 0.0), *at_ends(0.0, 0.0, 0.0, 0.0)], SPECIAL,
         second=Allowance(lambda x: [[mp.sech(x) ** 2]], "near zeros of 4 - 6 y: relative to y")),
    Case("asinh", WHOLE, [P(0.0, 0.0, 1.0), *FLAT], numpy="arcsinh"),
    Case("acosh", ABOVE_1, [P(1.0, 0.0, inf), *ROOTLIKE], numpy="arccosh"),
    Case("atanh", WITHIN_1, [P(0.0, 0.0, 1.0), P(1.0, inf, inf), P(-1.0, -inf, inf), *OUTSIDE],
         numpy="arctanh"),
    Case("hypot", PLANE,
         [P((3.0, 4.0), 5.0, 0.6, 0.8), P((0.0, 0.0), 0.0, 0.0, 0.0), P((-0.0, 0.0), 0.0, 0.0, 0.0),
          P((inf, nan), inf, None, None), P((1.0, inf), inf, 0.0, nan)],
         numpy="hypot",
         points=((3e200, 4e200), (TINY, TINY), (3e-310, 4e-310), (1.5e308, 5e307)),
         singular=lambda a, b: a == b == 0.0, second=Allowance(inverse_norm, NEAR_AXES)),
    # activations
    Case("sigmoid", LOGISTIC, [P(0.0, 0.5, 0.25), *at_ends(1.0, 0.0, 0.0, 0.0)]),
    Case("softplus", LOGISTIC, at_ends(inf, 1.0, 0.0, 0.0)),
    Case("relu", WHOLE,
         [P(2.0, 2.0, 1.0), P(0.0, 0.0, 0.0), P(-0.0, 0.0, 0.0), *at_ends(inf, 1.0, 0.0, 0.0)]),
    Case("leaky_relu", [((-3.0, 3.0), (0.01, 0.5))],
         [P((2.0, 0.1), 2.0, 1.0, 0.0), P((-2.0, 0.5), -1.0, 0.5, -2.0), P((0.0, 0.1), 0.0, 0.1, 0.0),
          P((-inf, 0.1), -inf, 0.1, -inf), P((nan, 0.1), nan, None, None)],
         singular=lambda x, slope: x == 0.0),
    Case("elu", [((-3.0, 3.0), (0.1, 2.0)), ((-60.0, -1.0), (1.0, 2.0))],
         [P((2.0, 1.0), 2.0, 1.0, 0.0), P((0.0, 1.0), 0.0, 1.0, 0.0), P((0.0, 0.5), 0.0, 0.5, 0.0),
          P((-inf, 1.0), -1.0, 0.0, -1.0), P((inf, 1.0), inf, 1.0, 0.0), P((nan, 1.0), nan, None, None)],
         singular=lambda x, alpha: x == 0.0),
    Case("gelu", TAILS, [P(0.0, 0.0, 0.5), *at_ends(inf, 1.0, -0.0, 0.0)], SPECIAL,
         value=Allowance(lambda x: lost_digits(density(x)) if x < 0 else 0, LOST_DIGITS),
         first=Allowance(gelu_first, "near its zero -0.7518: relative to Φ(x); " + LOST_DIGITS),
         second=Allowance(lambda x: [[density(x)]], "near its zeros ±√2: relative to exp(-x²/2)")),
    Case("silu", LOGISTIC, [P(0.0, 0.0, 0.5), *at_ends(inf, 1.0, -0.0, 0.0)], SPECIAL,
         first=Allowance(lambda x: [logistic(x)], "near its zero -1.2785: relative to sigmoid(x)"),
         second=Allowance(lambda x: [[logistic(x) * logistic(-x)]],
                          "near its zeros ±2.3994: relative to sigmoid'(x)")),
    Case("softsign", WHOLE, [P(0.0, 0.0, 1.0), P(1.0, 0.5, 0.25), *at_ends(nan, 0.0, nan, 0.0)]),
    # special functions
    Case("gaussian", TAILS, [P(0.0, 1.0, 0.0), *at_ends(0.0, 0.0, 0.0, 0.0)], SPECIAL,
         first=Allowance(lambda x: [lost_digits(density(x))], LOST_DIGITS),
         second=Allowance(lambda x: [[density(x)]], "near its zeros ±1: relative to the value")),
    Case("normal_cdf", TAILS, [P(0.0, 0.5, None), *at_ends(1.0, 0.0, 0.0, 0.0)], SPECIAL),
    Case("erf", TAILS, at_ends(1.0, 0.0, -1.0, 0.0), SPECIAL),
    Case("erfc", TAILS, at_ends(0.0, 0.0, 2.0, 0.0), SPECIAL),
    Case("gamma", [*GAMMA, ((-165.0, -30.0),)],
         [P(1.0, 1.0, None), P(5.0, 24.0, None), P(23.0, 1124000727777607680000.0, None),
          P(0.0, inf, -inf), P(-0.0, -inf, -inf), *at_ends(inf, inf, nan, nan),
          *(P(x, nan, nan) for x in POLES)],
         SPECIAL, points=((172.0,), (-170.5,), (-1e-310,), (-127.76506625491125,)),
         first=Allowance(lambda x: [abs(mp.gamma(x)) * reflected(0)(x)], REFLECTED)),
    polygamma(-1, "lgamma",
              [P(1.0, 0.0, None), P(2.0, 0.0, None), P(0.0, inf, -inf), P(-0.0, inf, inf),
               *at_ends(inf, inf, inf, nan), *(P(x, inf, nan) for x in POLES)],
              points=((1 + 1e-10,), (1 - 1e-12,), (2 + 1e-9,), (2 - 1e-9,), (2.5e305,), (-1e-320,))),
    polygamma(0, "digamma",
              [P(0.0, -inf, inf), P(-0.0, inf, inf), *at_ends(inf, 0.0, nan, nan),
               *(P(x, nan, None) for x in POLES)],
              points=((1.4616321449683622,), (1.4616321449683625,))),
    polygamma(1, "trigamma", polygamma_pins(1)),
    *(polygamma(n, f"polygamma{n}", polygamma_pins(n)) for n in (2, 3, 4, 5)),
    # steps
    Case("floor", WHOLE, [P(-0.5, -1.0, 0.0), *FLAT], numpy="floor"),
    Case("ceil", WHOLE, [P(-0.5, -0.0, 0.0), *FLAT], numpy="ceil"),
    Case("trunc", WHOLE, [P(-1.5, -1.0, 0.0), *FLAT], numpy="trunc"),
    Case("round", WHOLE, [P(0.5, 0.0, 0.0), P(1.5, 2.0, 0.0), P(2.5, 2.0, 0.0), *FLAT], numpy="rint"),
    Case("sign", WHOLE, [P(0.0, 0.0, 0.0), P(-0.0, -0.0, 0.0), *at_ends(1.0, 0.0, -1.0, 0.0)]),
    Case("step", WHOLE, [P(0.0, 0.0, 0.0), P(-0.0, 0.0, 0.0), *at_ends(1.0, 0.0, 0.0, 0.0)]),
    # choices
    Case("abs", WHOLE, [P(0.0, 0.0, 0.0), P(-0.0, 0.0, 0.0), *at_ends(inf, 1.0, inf, -1.0)],
         numpy="fabs"),
    Case("maximum", PLANE,
         [P((1.0, 2.0), 2.0, 0.0, 1.0), P((2.0, 2.0), 2.0, 0.5, 0.5), P((inf, inf), inf, 0.5, 0.5)],
         numpy="maximum", singular=lambda a, b: a == b),
    Case("minimum", PLANE,
         [P((1.0, 2.0), 1.0, 1.0, 0.0), P((2.0, 2.0), 2.0, 0.5, 0.5), P((-inf, -inf), -inf, 0.5, 0.5)],
         numpy="minimum", singular=lambda a, b: a == b),
    Case("clip", [((-3.0, 3.0), (-1.0, 0.0), (0.5, 1.0)), ((-3.0, 3.0), (1.0, 2.0), (-1.0, 0.5))],
         [P((0.5, 0.0, 1.0), 0.5, 1.0, 0.0, 0.0), P((0.0, 0.0, 1.0), 0.0, 1.0, 0.0, 0.0),
          P((1.0, 0.0, 1.0), 1.0, 1.0, 0.0, 0.0), P((-2.0, 0.0, 1.0), 0.0, 0.0, 1.0, 0.0),
          P((inf, 0.0, 1.0), 1.0, 0.0, 0.0, 1.0), P((0.5, 2.0, 1.0), 1.0, 0.0, 0.0, 1.0)],
         numpy="clip", singular=lambda x, low, high: x in (low, high)),
    Case("where", [((1.0, 2.0), (-3.0, 3.0), (-3.0, 3.0))],
         [P((1.0, 2.0, nan), 2.0, 0.0, 1.0, 0.0), P((0.0, nan, 3.0), 3.0, 0.0, 0.0, 1.0)]),
    Case("copysign", PLANE,
         [P((2.0, -1.0), -2.0, -1.0, 0.0), P((-2.0, -0.0), -2.0, 1.0, 0.0),
          P((0.0, -1.0), -0.0, 0.0, 0.0)],
         numpy="copysign", singular=lambda a, b: b == 0.0),
    Case("logaddexp", SUMS,
         [P((inf, inf), inf, 0.5, 0.5), P((-inf, -inf), -inf, 0.5, 0.5), P((1.0, -inf), 1.0, 1.0, 0.0),
          P((inf, 0.0), inf, 1.0, 0.0)],
         SPECIAL, numpy="logaddexp", points=((1e300, 1e300), (1000.0, 1000.0), (0.0, -40.0)),
         value=Allowance(lambda a, b: max(abs(a), abs(b)), "near zeros: relative to the larger input"),
         first=Allowance(lambda a, b: [p * abs(a - b) / 16 for p in softmax(a, b)], ROUNDED_SHIFT)),
    # over sequences
    Case("sum", row(5, (-3.0, 3.0), (1e-100, 1e100)),
         [P((1.0, 2.0, 3.0), 6.0, 1.0, 1.0, 1.0), P((), 0.0), P((inf, -inf), nan, 1.0, 1.0)],
         value=Allowance(sum_of_sizes, LEFT_TO_RIGHT)),
    Case("prod", row(5, (-3.0, 3.0), (1e-50, 1e50)),
         [P((2.0, 0.0, 3.0), 0.0, 0.0, 6.0, 0.0), P((), 1.0), P((0.0, 0.0), 0.0, 0.0, 0.0)]),
    Case("dot", row(6, (-3.0, 3.0), (1e-50, 1e50)),
         [P((1.0, 2.0, 3.0, 4.0), 11.0, 3.0, 4.0, 1.0, 2.0), P((), 0.0)],
         value=Allowance(lambda *x: sum_of_sizes(*map(mp.fmul, x[:3], x[3:])), LEFT_TO_RIGHT)),
    Case("mean", row(5, (-3.0, 3.0), (1e-100, 1e100)), [P((1.0, 3.0), 2.0, 0.5, 0.5)],
         value=Allowance(lambda *x: sum_of_sizes(*x) / len(x), LEFT_TO_RIGHT)),
    Case("norm", row(4, (-3.0, 3.0), (1e-100, 1e100)),
         [P((3.0, 4.0), 5.0, 0.6, 0.8), P((0.0, 0.0), 0.0, 0.0, 0.0), P((-2.0,), 2.0, -1.0), P((), 0.0),
          P((inf, 1.0), inf, None, 0.0)],
         points=((3e200, 4e200), (3e-200, 4e-200), (MAX, 0.0), (1e-300, 2e-300, 2e-300)),
         second=Allowance(inverse_norm, NEAR_AXES)),
    Case("logsumexp", row(4, (-3.0, 3.0), (-30.0, 30.0)),
         [P((-inf, -inf), -inf, None, None), P((inf, 0.0), inf, None, None),
          P((0.0, -inf), 0.0, 1.0, 0.0), P((), -inf), P((1e300,), 1e300, 1.0)],
         points=((1e3, 1e3), (1e3, 1001.0, 990.0), (0.0, -40.0), (-1e3, -1001.0), (0.5, 0.5, 0.5)),
         value=Allowance(lambda *x: max(abs(v) for v in x), "near zeros: relative to the largest input"),
         first=Allowance(lambda *x: [p * (max(x) - v) for p, v in zip(softmax(*x), x)], ROUNDED_SHIFT),
         second=Allowance(lambda *x: [[p] * len(x) for p in softmax(*x)],
                          "p (1 - p) for p near 1 is a difference: relative to p")),
)
# fmt: on
