"""Rules of the special functions, for the table in ops.py: right to the last digits, tails included.

NAME_forward(xp, *x) and NAME_partials(xp, y, *x), generic as every rule is. Both branches of a
`where` are computed, so the argument of each is made harmless first. Partials use ops, not the
formulas of the forward functions: the second derivative then has a rule of its own as well.

    B      a Bernoulli number            Γ, ψ    gamma; digamma, whose n-th derivative is polygamma n
    Φ      the normal distribution's cumulative probability; its density is exp(-x²/2) / √(2π)

The polynomials were computed for this file with mpmath at 60 digits: interpolation at the Chebyshev
points of the interval given, rewritten in powers of the distance from its midpoint. Formulas are
those of the NIST Digital Library of Mathematical Functions (DLMF), in the sections given below.
How near all of it comes: tests/OP_ACCURACY.md.
"""

from __future__ import annotations

from functools import cache
from math import factorial, inf, nan, pi
from typing import Any

LN2 = 0.6931471805599453
HALF_LOG_2PI = 0.9189385332046728
SQRT_2PI = 2.5066282746310007
INV_SQRT_2PI = 0.3989422804014327
TWO_OVER_SQRT_PI = 1.1283791670955126
INV_SQRT_2 = 0.7071067811865476
INV_SQRT_2_PARTS = (0.7071067690849304, 1.210161710447897e-08)  # its first 26 bits, and the others


def _polynomial(t: Any, coefficients: tuple[float, ...]) -> Any:
    """Horner's rule, the highest power first."""
    y: Any = coefficients[0]
    for c in coefficients[1:]:
        y = y * t + c
    return y


def _clamp(xp: Any, x: Any, bound: float) -> Any:
    """x within [-bound, bound], for functions that are flat beyond; nan stays nan."""
    return xp.where(xp.abs(x) > bound, xp.copysign(bound, x), x)


# ---- distances and choices ----


def power_of_two_scale(xp: Any, largest: Any) -> Any:
    """A factor, exact to multiply by, that keeps squares up to ``largest``² in range."""
    return xp.where(largest > 2.0**500, 2.0**-600, xp.where(largest < 2.0**-500, 2.0**600, 1.0))


def hypot_forward(xp: Any, a: Any, b: Any) -> Any:
    """√(a² + b²) without overflow or underflow; an infinity beats a nan, as in C99."""
    a, b = xp.abs(a), xp.abs(b)
    s = power_of_two_scale(xp, xp.maximum(a, b))
    y = xp.sqrt((a * s) * (a * s) + (b * s) * (b * s)) / s
    return xp.where(a == inf, a, xp.where(b == inf, b, y))


def hypot_partials(xp: Any, y: Any, a: Any, b: Any) -> Any:
    # Scaled, for a subnormal y has lost digits. At (0, 0) the answer is (0, 0), as norm's.
    s = power_of_two_scale(xp, y)
    a, b = a * s, b * s
    y = xp.hypot(a, b)
    safe = xp.where(y == 0.0, 1.0, y)
    return xp.where(y == 0.0, 0.0, a / safe), xp.where(y == 0.0, 0.0, b / safe)


def clip_partials(xp: Any, y: Any, x: Any, low: Any, high: Any) -> Any:
    # The bounds belong to the inside, as in PyTorch. If low > high the answer is high.
    return (
        xp.where(x < low, 0.0, xp.where(x > high, 0.0, 1.0)),
        xp.where(x < low, xp.where(low > high, 0.0, 1.0), 0.0),
        xp.where(x > high, 1.0, xp.where(low > high, 1.0, 0.0)),
    )


# ---- the logistic function and its family (DLMF 4.28) ----


def sech2_forward(xp: Any, x: Any) -> Any:
    """sech²(x) = 1 - tanh²(x), without the cancellation."""
    t = xp.exp(-2.0 * xp.abs(x))
    s = 1.0 + t
    return 4.0 * t / (s * s)


def sech2_partials(xp: Any, y: Any, x: Any) -> Any:
    return (-2.0 * y * xp.tanh(x),)


def sigmoid_forward(xp: Any, x: Any) -> Any:
    """1 / (1 + exp(-x)), with exp of negative numbers only."""
    t = xp.exp(-xp.abs(x))
    return xp.where(x < 0.0, t, 1.0) / (1.0 + t)


def sigmoid_partials(xp: Any, y: Any, x: Any) -> Any:
    # y (1 - y) is 0 from x = 37 on. Written as sech²(x/2) / 4 neither it nor its slope cancels.
    return (0.25 * xp.sech2(0.5 * x),)


def softplus_forward(xp: Any, x: Any) -> Any:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


def softplus_partials(xp: Any, y: Any, x: Any) -> Any:
    return (xp.sigmoid(x),)


def silu_forward(xp: Any, x: Any) -> Any:
    """x sigmoid(x). The exponential comes in two halves: it is subnormal before the product is."""
    x = xp.where(x < -800.0, -800.0, x)
    t = xp.exp(-0.5 * xp.abs(x))
    return xp.where(x < 0.0, (x * t) * t, x) / (1.0 + t * t)


def silu_partials(xp: Any, y: Any, x: Any) -> Any:
    other = xp.sigmoid(-x)
    return (xp.sigmoid(x) + xp.where(other == 0.0, 0.0, y * other),)


def logaddexp_forward(xp: Any, a: Any, b: Any) -> Any:
    """log(exp(a) + exp(b)); two equal infinities give that infinity."""
    y = xp.maximum(a, b) + xp.log1p(xp.exp(-xp.abs(a - b)))
    return xp.where(a == b, a + LN2, y)


def logaddexp_partials(xp: Any, y: Any, a: Any, b: Any) -> Any:
    # exp(a - y) would lose the digits of y. Two equal infinities share: half each.
    d = a - b
    d = xp.where(a == b, xp.where(xp.abs(a) == inf, 0.0, d), d)
    return xp.sigmoid(d), xp.sigmoid(-d)


# ---- the normal distribution (DLMF 7.2, 7.18) ----


def gaussian_forward(xp: Any, x: Any) -> Any:
    """exp(-x²/2). The square is split: its rounding error alone would cost up to 700 ulp."""
    x = _clamp(xp, x, 40.0)
    head = xp.floor(x * 1048576.0) * 2.0**-20  # at most 26 bits: its square is exact
    return xp.exp(-0.5 * (head * head)) * xp.exp(-0.5 * ((x - head) * (x + head)))


def gaussian_partials(xp: Any, y: Any, x: Any) -> Any:
    return (xp.where(y == 0.0, 0.0, -x * y),)  # not inf * 0


def erf_partials(xp: Any, y: Any, x: Any) -> Any:
    return (TWO_OVER_SQRT_PI * xp.square(xp.gaussian(x)),)


def erfc_partials(xp: Any, y: Any, x: Any) -> Any:
    return (-TWO_OVER_SQRT_PI * xp.square(xp.gaussian(x)),)


def normal_cdf_forward(xp: Any, x: Any) -> Any:
    """Φ(x) = erfc(z) / 2 with z = -x/√2; what the rounding of z does to erfc is put right."""
    x = _clamp(xp, x, 40.0)
    z = -x * INV_SQRT_2
    head = xp.floor(x * 1048576.0) * 2.0**-20
    # -x/√2 - z: 26 bits of x times 26 bits of 1/√2 are exact, and z is near that.
    high, low = INV_SQRT_2_PARTS
    rest = -((head * high + z) + ((x - head) * INV_SQRT_2 + head * low))
    return 0.5 * (xp.erfc(z) - rest * TWO_OVER_SQRT_PI * xp.exp(-z * z))


def normal_cdf_partials(xp: Any, y: Any, x: Any) -> Any:
    return (INV_SQRT_2PI * xp.gaussian(x),)


def gelu_forward(xp: Any, x: Any) -> Any:
    """x Φ(x), the exact GELU."""
    return xp.where(x < -40.0, -40.0, x) * xp.normal_cdf(x)


def gelu_partials(xp: Any, y: Any, x: Any) -> Any:
    density = INV_SQRT_2PI * xp.gaussian(x)
    return (xp.normal_cdf(x) + xp.where(density == 0.0, 0.0, x * density),)


# ---- gamma and its logarithm (DLMF 5.5, 5.11) ----

# log Γ(1 + a) / (a (a - 1)) on [0, 1], relative error 5e-17, in powers of a - 1/2.
LOG_GAMMA = (
    -7.760660152513446e-06, 1.2140008083973407e-05, -8.355075869795273e-06,
    1.3186019073996835e-05, -2.7201673025504752e-05, 4.30276814976503e-05,
    -6.614136022346414e-05, 0.00010535512483785591, -0.0001689178215524898,
    0.00027131373861446925, -0.00043799307479613914, 0.000711519067515296,
    -0.0011644145847310124, 0.0019229163127905161, -0.0032120740737152814,
    0.005446457839126065, -0.009425622448525798, 0.01679709863127416,
    -0.031308487501010646, 0.06291140107456439, -0.14595989591430608, 0.4831289505409809,
)  # fmt: skip

# B2, B4, B6, ... as fractions.
BERNOULLI = (
    (1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730),
    (7, 6), (-3617, 510), (43867, 798), (-174611, 330), (854513, 138), (-236364091, 2730),
)  # fmt: skip


@cache
def _stirling_coefficients(n: int, terms: int) -> tuple[float, ...]:
    """B2k (2k+n-1)! / (2k)!, the highest k first."""
    return tuple(
        p * factorial(2 * k + n - 1) / (q * factorial(2 * k))
        for k, (p, q) in reversed([*enumerate(BERNOULLI[:terms], start=1)])
    )


def _stirling_series(r: Any, n: int, terms: int) -> Any:
    """Σ B2k (2k+n-1)! / (2k)! r^(2k-1): of log Γ for n = -1, of ψ for 0, of its derivatives from 1."""
    return r * _polynomial(r * r, _stirling_coefficients(n, terms))


def _falling(xp: Any, a: Any) -> tuple[Any, Any]:
    """For a < 32 return a' in [0, 1) and the product with Γ(1 + a) = product * Γ(1 + a').

    The product is a (a-1) (a-2) ... (a'+1), whose factors are exact: for integers all of it is.
    """
    product: Any = 1.0
    for n in (16, 8, 4, 2, 1):
        block = a
        for k in range(1, n):
            block = block * (a - float(k))
        product = xp.where(a >= float(n), product * block, product)
        a = xp.where(a >= float(n), a - float(n), a)
    return a, product


def _sin_pi(xp: Any, x: Any) -> Any:
    """sin(πx) / π for x ≥ 0, reduced before π comes in: every step but the last is exact."""
    t = x % 2.0
    t = xp.where(t < 0.5, t, xp.where(t > 1.5, t - 2.0, 1.0 - t))
    return xp.where(xp.abs(t) < 1e-20, t, xp.sin(pi * t) / pi)


def _shifted(xp: Any, x: Any) -> Any:
    """The a ≥ 0 at which Γ(x) is Γ(1 + a), Γ(1 + a) / x or -π / (sin(πa) Γ(1 + a)); exact."""
    return xp.where(x < 0.0, -x, xp.where(x < 1.0, x, x - 1.0))


def gamma_forward(xp: Any, x: Any) -> Any:
    """Γ(x); exact for integers up to 23. gamma(±0) = ±inf; nan at the poles below and at -inf."""
    a = _shifted(xp, x)
    small, product = _falling(xp, xp.where(a < 32.0, a, 0.0))
    # Γ(1 + a) = p * q. In two factors, for it overflows before its reciprocal underflows.
    large = xp.where(a < 32.0, 32.0, xp.where(a > 200.0, 200.0, a))
    root = large ** (0.5 * large)  # halving is exact; adding to the exponent would not be
    tail = SQRT_2PI * xp.sqrt(large) * xp.exp(_stirling_series(1.0 / large, -1, 5))
    p = xp.where(a < 32.0, product, root * xp.exp(-large) * tail)
    q = xp.where(
        a < 32.0, xp.exp(small * (small - 1.0) * _polynomial(small - 0.5, LOG_GAMMA)), root
    )
    sine = xp.where(x < 0.0, _sin_pi(xp, a), 1.0)
    below = xp.where(sine == 0.0, nan, -1.0 / xp.where(sine == 0.0, 1.0, sine) / p / q)
    return xp.where(x < 0.0, below, p * q / xp.where(x < 1.0, x, 1.0))


def gamma_partials(xp: Any, y: Any, x: Any) -> Any:
    return (y * xp.digamma(x),)


def lgamma_forward(xp: Any, x: Any) -> Any:
    """log |Γ(x)|, relatively right near its zeros 1 and 2; inf at the poles and at ±inf, as in C99."""
    a = _shifted(xp, x)
    small, product = _falling(xp, xp.where(a < 32.0, a, 0.0))
    ladder = xp.log(product) + small * (small - 1.0) * _polynomial(small - 0.5, LOG_GAMMA)
    large = xp.where(a < 32.0, 32.0, a)
    series = _stirling_series(1.0 / large, -1, 5)
    stirling = (large + 0.5) * (xp.log(large) - 1.0) + (HALF_LOG_2PI + 0.5 + series)
    y = xp.where(a < 32.0, ladder, stirling)
    sine = xp.where(x < 0.0, xp.abs(_sin_pi(xp, a)), 1.0)
    # Not sine == 0: at -inf, too far out to reduce, it is nan.
    below = xp.where(sine > 0.0, -xp.log(xp.where(sine > 0.0, sine, 1.0)) - y, inf)
    return xp.where(x < 0.0, below, y - xp.log(xp.where(x < 0.0, 1.0, xp.where(x < 1.0, x, 1.0))))


def lgamma_partials(xp: Any, y: Any, x: Any) -> Any:
    return (xp.digamma(x),)


# ---- digamma and the polygammas (DLMF 5.5, 5.11, 5.15) ----

# ψ's positive zero, in two parts, and ψ(x) / (x - zero) on [1.2, 1.8], relative error 2e-16, in
# powers of x - 3/2.
DIGAMMA_ZERO = (1.4616321449683622, 9.549995429965697e-17)
DIGAMMA = (
    -0.0012255208778993434, 0.0018384673949151194, -0.002316979996871849, 0.0034765734032706753,
    -0.00528215732474292, 0.007930233441918929, -0.011908124143449675, 0.01790711164726607,
    -0.026975798940009517, 0.04076083708834259, -0.06192213324801598, 0.0949887244173671,
    -0.14840492305401903, 0.2405424842409395, -0.4236274212814604, 0.9510558760318327,
)  # fmt: skip
SHIFT = 10.0  # arguments below are raised by it before the asymptotic series
STEPS = tuple(float(k) for k in range(1, 10))


def _cot_pi(xp: Any, x: Any) -> Any:
    """cot(π x) for x < 0, reduced exactly; nan at integers, where its sign would be arbitrary."""
    t = xp.abs(x) % 1.0
    u = xp.where(t > 0.5, 1.0 - t, t)
    cot = xp.where(u > 0.25, xp.tan(pi * (0.5 - u)), 1.0 / xp.tan(pi * xp.where(u == 0.0, 0.25, u)))
    return xp.where(u == 0.0, nan, xp.where(t > 0.5, cot, -cot))


def digamma_forward(xp: Any, x: Any) -> Any:
    """ψ(x); relatively right near its positive zero. digamma(±0) = ∓inf; nan at the poles below."""
    a = xp.where(x < 0.0, 1.0 - x, x)
    z = xp.where(a < SHIFT, a + SHIFT, a)
    lift = 1.0 / a  # not a + 0.0: that would lose the sign of a zero
    for k in STEPS:
        lift = lift + 1.0 / (a + k)
    r = 1.0 / z
    y = xp.log(z) - r * (0.5 + _stirling_series(r, 0, 9)) - xp.where(a < SHIFT, lift, 0.0)
    distance = (a - DIGAMMA_ZERO[0]) - DIGAMMA_ZERO[1]
    near = distance * _polynomial(a - 1.5, DIGAMMA)
    y = xp.where(xp.abs(a - 1.5) < 0.3, near, y)
    return xp.where(x < 0.0, y - pi * _cot_pi(xp, x), y)


def digamma_partials(xp: Any, y: Any, x: Any) -> Any:
    return (xp.trigamma(x),)


# d^n cot(θ) / dθ^n = (1 + c²) times this polynomial in c = cot θ, the highest power first.
COT_DERIVATIVES = {
    1: (-1.0,),
    2: (2.0, 0.0),
    3: (-6.0, 0.0, -2.0),
    4: (24.0, 0.0, 16.0, 0.0),
    5: (-120.0, 0.0, -120.0, 0.0, -16.0),
}


def _power(r: Any, n: int) -> Any:
    y = r
    for _ in range(n - 1):
        y = y * r
    return y


def polygamma_rule(n: int) -> tuple[Any, Any]:
    """Return forward and partials of the n-th derivative of ψ, n from 1 to 5.

    >>> from autograd import trigamma
    >>> abs(trigamma(1.0) - pi**2 / 6) < 1e-15
    True
    """
    sign = -1.0 if n % 2 == 0 else 1.0

    def forward(xp: Any, x: Any) -> Any:
        a = xp.where(x < 0.0, 1.0 - x, x)
        z = xp.where(a < SHIFT, a + SHIFT, a)
        lift = _power(1.0 / a, n + 1)
        for k in STEPS:
            lift = lift + _power(1.0 / (a + k), n + 1)
        r = 1.0 / z
        rest = 0.5 * factorial(n) + _stirling_series(r, n, 12)
        y = _power(r, n) * (float(factorial(n - 1)) + r * rest)
        y = sign * (y + xp.where(a < SHIFT, float(factorial(n)) * lift, 0.0))
        # At a pole both sides agree for odd n: +inf.
        cot = _cot_pi(xp, x)
        slope = pi ** (n + 1) * (1.0 + cot * cot) * _polynomial(cot, COT_DERIVATIVES[n])
        below = -sign * y - slope
        if n % 2:
            below = xp.where(x == xp.floor(x), xp.where(x == -inf, nan, inf), below)
        return xp.where(x < 0.0, below, y)

    def partials(xp: Any, y: Any, x: Any) -> Any:
        if n == 5:
            raise NotImplementedError(
                "polygamma5: its derivative needs an op polygamma6, which is not declared; "
                "extend POLYGAMMAS and COT_DERIVATIVES in autograd/special.py"
            )
        return (getattr(xp, POLYGAMMAS[n][0])(x),)

    return forward, partials


POLYGAMMAS = tuple(
    ("trigamma" if n == 1 else f"polygamma{n}", polygamma_rule(n)) for n in COT_DERIVATIVES
)
