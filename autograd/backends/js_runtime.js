/*
 * The functions that written ops compute with: the namespace `xp`, as js.py's registers call it.
 *
 * Most are Math's, which are within 2 ulp of the truth in Chromium and give C99's answers at zeros,
 * infinities and NaN. Written here is only what Math lacks or answers unlike Python or C99.
 *
 *     x, a, b   numbers              n      an exponent
 *     t, h      points of a sum, and their distance
 */
const xp = (() => {
    const { abs, floor, ceil, trunc, sqrt, cbrt, exp, expm1, log, log1p, log2, log10 } = Math;
    const { sin, cos, tan, asin, acos, atan, atan2, sinh, cosh, tanh, asinh, acosh, atanh } = Math;

    const where = (condition, a, b) => (condition ? a : b);

    const copysign = (a, b) => (b < 0 || Object.is(b, -0) ? -abs(a) : abs(a));

    // Half to even. Math.round goes up at a half; it keeps the sign of a zero.
    const round = (x) => {
        const up = Math.round(x);
        return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up;
    };

    // C99 (annex F.9.4.4) says 1 to any power is 1, and (-1)^±∞; Math.pow says NaN.
    const pow = (x, n) => (x === 1 || (x === -1 && abs(n) === Infinity) ? 1 : Math.pow(x, n));

    const exp2 = (x) => Math.pow(2, x);

    // a = b * floordiv(a, b) + mod(a, b), mod with the sign of b. JavaScript's % has a's.
    const mod = (a, b) => {
        const rest = a % b;
        return rest === 0 ? copysign(0, b) : (rest < 0) === (b < 0) ? rest : rest + b;
    };

    // a % b is exact, so (a - a % b) / b is near a whole number: that one, or the one below.
    const floordiv = (a, b) => {
        if (b === 0) return a / b;
        const rest = a % b;
        const near = (a - rest) / b - (rest !== 0 && (rest < 0) !== (b < 0) ? 1 : 0);
        const below = floor(near);
        return near === 0 ? copysign(0, a / b) : near - below > 0.5 ? below + 1 : below;
    };

    // exp(-x²) for 0 ≤ x < 32. The head of x has 25 bits at most: its square is exact.
    const bell = (x) => {
        const head = floor(x * 2 ** 20) / 2 ** 20;
        return exp(-head * head) * exp((head - x) * (head + x));
    };

    // erfc(x) = 2x/π exp(-x²) ∫ exp(-t²) / (t² + x²) dt, t > 0 (DLMF 7.7.1), by the midpoint rule
    // with h = 1/2. It is off by the residue of the pole at t = ix, which is known, and by some
    // exp(-π²/h²) = 7e-18 of the rest. From x = π/h on the pole is too far out to matter. (The
    // method: Goodwin 1949, Chiarella and Reichel 1968.) All terms are positive: nothing cancels.
    const SQUARES = Array.from({ length: 13 }, (_, k) => ((k + 0.5) / 2) ** 2);
    const BELLS = SQUARES.map((square) => exp(-square));
    const erfc = (x) => {
        if (x < 0) return 2 - erfc(-x);
        if (x > 28) return 0;
        const integral = BELLS.reduce((sum, top, k) => sum + top / (SQUARES[k] + x * x), 0);
        const residue = x < 6 ? 2 / (1 + exp(4 * Math.PI * x)) : 0;
        return (x / Math.PI) * bell(x) * integral + residue;
    };

    // Near 0 the power series: 2/√π x Σ (-x²)^k / (k! (2k + 1)) (DLMF 7.6.1).
    const erf = (x) => {
        if (abs(x) > 0.5) return 1 - erfc(x);
        let [sum, term] = [1, 1];
        for (let k = 1; k < 14; k++) {
            term *= (-x * x) / k;
            sum += term / (2 * k + 1);
        }
        return (2 / sqrt(Math.PI)) * x * sum;
    };

    return {
        abs, floor, ceil, trunc, round, where, copysign, mod, floordiv, pow, sqrt, cbrt,
        exp, expm1, exp2, log, log1p, log2, log10, sin, cos, tan, asin, acos, atan, atan2,
        sinh, cosh, tanh, asinh, acosh, atanh, erf, erfc,
    };
})();
