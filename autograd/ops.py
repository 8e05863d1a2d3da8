"""Every op, declared once; and `op`, to declare your own.

A row is complete: the function of the package, the method on `Value`, both modes of differentiation,
the code of every backend, the label in drawings and the tests are derived from it.

    forward(xp, *x) -> y                    the op itself
    partials(xp, y, *x) -> (dy/dx0, ...)    its local derivatives, one per input
    xp      a namespace: floats, Values, a backend's registers. Rules use + - * / % // ** on their
            arguments, xp.NAME(...) for any op here, and comparisons inside xp.where(...) only.
            Not `==` or the built-in abs() on a root that may be of a negative number: use xp.abs.
    lambda  an entry of partials may be a zero-argument lambda: evaluated if that input needs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, overload

from . import special
from .floats import Floats, Ieee, IeeeFloats, Namespace

if TYPE_CHECKING:
    from .engine import Value

LOG2_E, LOG10_E = 1.0 / special.LN2, 1.0 / math.log(10.0)

NUMPY_BOOLS = ("bool", "bool_")  # NumPy 2, NumPy 1: the one scalar that is no numbers.Real

INFINITE_ARITY = 0x04  # code flag: the rule takes *x


class Op:
    """One operation: what it computes, its local derivatives, how it is drawn.

    Calling it works on Values, on plain numbers (which gives a plain float), or on both.

    Attributes:
        name: what it is called, in the package, as a method, in saved files.
        forward: ``forward(xp, *x) -> y``.
        rule: ``rule(xp, y, *x)``, a tuple with one local derivative per input; see `partials`.
        symbol: how pictures show it.
        origin: the module and name of ``forward``, to tell ops of the same name apart.
        selects: True if a zero partial means "this input was not chosen": then not even an
            infinite adjoint passes it.
        is_chain: True if the ops that ``forward`` is made of have the same gradient, bit for bit: a
            traced function records those, and sums of all lengths are loops of one kind.
        pull: ``pull(node, adjoint)``, a list of what goes to each input, None for constants; for an
            op that does better than adjoint times partial. Its nodes keep their inputs as a tuple.

    >>> from autograd import Value, exp
    >>> exp(0.0), exp(Value(0.0))
    (1.0, Value(data=1.0, grad=0.0))
    """

    is_chain = False

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        partials: Callable[..., Any] | None = None,
        symbol: str = "",
        *,
        selects: bool = False,
    ) -> None:
        code = forward.__code__
        self.name = name
        self.forward = forward
        self.rule = partials
        self.symbol = symbol or name
        self.selects = selects
        self.pull: Callable[[Any, float], list[float | None]] | None = None
        self.origin = f"{forward.__module__}.{forward.__qualname__}"
        self.defaults: tuple[float, ...] | None = forward.__defaults__ or ()
        self.least = code.co_argcount - 1 - len(self.defaults)
        if code.co_flags & INFINITE_ARITY:
            self.least, self.defaults = 0, None
        self.is_unary = self.least == 1 and self.defaults == ()
        self.__doc__ = forward.__doc__ or f"{name}: an op; see autograd/ops.py."

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return find, (self.name, self.origin)

    def __copy__(self) -> Op:
        return self

    def __deepcopy__(self, memo: Any) -> Op:
        return self

    @property
    def __signature__(self) -> Any:
        import inspect

        signature = inspect.signature(self.forward)
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def partials(self, *arguments: Any) -> Any:
        """Declare the local derivatives, as a decorator; or compute them: ``partials(xp, y, *x)``.

        Raises:
            NotImplementedError: if they are to be computed but have not been declared.
        """
        if len(arguments) == 1:
            self.rule = arguments[0]
            return self.rule
        if self.rule is None:
            raise NotImplementedError(self._advice())
        return self.rule(*arguments)

    def _advice(self) -> str:
        code = self.forward.__code__
        inputs = list(code.co_varnames[1 : code.co_argcount])
        if code.co_flags & INFINITE_ARITY:
            inputs.append("*" + code.co_varnames[code.co_argcount])
        result = "y" if "y" not in inputs else "result"
        entries = ", ".join(f"<d {self.name} / d {x}>" for x in inputs)
        return (
            f"op {self.name!r} has no partials yet; declare them as\n\n"
            f"    @{self.name}.partials\n"
            f"    def _(xp, {result}, {', '.join(inputs)}):   # {result} is what {self.name} gave\n"
            f"        return ({entries},)\n"
        )

    def on(self, *x: Any, **named: Any) -> Any:
        """Apply to inputs given one by one: recorded if one of them records ops, else computed.

        >>> find("clip").on(3.0, 0.0, 1.0)
        1.0
        """
        if named:
            x = self._placed(x, named)
        for v in x:
            record = getattr(type(v), "_record", None)
            if record is not None:
                return record(self, x)
        return evaluate(self, self.complete(tuple(number(v, self.name) for v in x)))

    def _placed(self, x: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """Inputs given by name, in their places."""
        try:
            bound = self.__signature__.bind(*x, **named)
        except TypeError as error:
            raise TypeError(f"{self.name}{self.__signature__}: {error}") from None
        bound.apply_defaults()
        return tuple(bound.args)

    if TYPE_CHECKING:

        @overload
        def __call__(self, x: float, /, *more: float) -> float: ...  # type: ignore[overload-overlap]
        @overload
        def __call__(self, x: Value | float, /, *more: Value | float) -> Value: ...
        def __call__(self, *x: Any) -> Any: ...

    else:
        __call__ = on

    def complete(self, x: tuple[Any, ...]) -> tuple[Any, ...]:
        """Add the default inputs that were left out; refuse a wrong number of them."""
        if self.defaults is None or (len(x) == self.least and not self.defaults):
            return x
        missing = self.least + len(self.defaults) - len(x)
        if missing < 0 or missing > len(self.defaults):
            most = self.least + len(self.defaults)
            count = f"{self.least}" if most == self.least else f"{self.least} to {most}"
            plural = "" if count == "1" else "s"
            raise TypeError(f"{self.name}: expected {count} input{plural}, got {len(x)}")
        return x + self.defaults[len(self.defaults) - missing :]


class SequenceOp(Op):
    """An op over sequences: ``sum(xs)``, ``dot(xs, ys)``; its rule sees all their elements in a row."""

    def __init__(
        self, *declaration: Any, sequences: int = 1, shortest: int = 0, is_chain: bool = False
    ) -> None:
        super().__init__(*declaration)
        self.sequences, self.shortest, self.is_chain = sequences, shortest, is_chain

    @overload  # type: ignore[override]
    def __call__(  # type: ignore[overload-overlap]
        self, x: Iterable[float], /, *more: Iterable[float]
    ) -> float: ...
    @overload
    def __call__(self, x: Iterable[Value | float], /, *more: Iterable[Value | float]) -> Value: ...
    def __call__(self, *sequences: Any) -> Any:
        """Apply to as many sequences as the rule takes, all of one length."""
        n = self.sequences
        if len(sequences) != n or not all(hasattr(s, "__iter__") for s in sequences):
            raise TypeError(
                f"{self.name}: expected {n} sequence{'s' * (n > 1)} of numbers, got "
                f"{', '.join(type(s).__name__ for s in sequences)}; put the inputs in a list"
            )
        rows = [tuple(s) for s in sequences]
        lengths = [len(row) for row in rows]
        if len(set(lengths)) > 1:
            raise ValueError(
                f"{self.name}: expected sequences of one length, got lengths {lengths}"
            )
        if lengths[0] < self.shortest:
            raise ValueError(f"{self.name}: expected at least one number, got an empty sequence")
        return self.on(*(x for row in rows for x in row))


# ---- numbers ----


def number(x: Any, who: str) -> float:
    """Return ``x`` as a float if it is a real number; otherwise say what was expected.

    >>> number(3, "Value")
    3.0
    """
    if type(x) is float:
        return x
    real = float(x) if hasattr(x, "_stands_for") else as_real(x)
    if real is None:
        raise TypeError(f"{who}: expected a real number, got {_described(x)}")
    return real


def operand(x: Any, who: str) -> Any:
    """Return ``x`` as a float, or the Value that it is, or stands for while a function is traced."""
    stands_for = getattr(x, "_stands_for", None)
    if stands_for is not None:
        return stands_for()
    return x if hasattr(x, "_record") else number(x, who)


def as_real(x: Any) -> float | None:
    """Return ``x`` as a float, or None if it is no real number (Python's or NumPy's)."""
    if hasattr(x, "_stands_for"):  # for a number, while a function is traced
        return None
    if x.__class__ in (int, bool):
        try:
            return float(x)
        except OverflowError:  # IEEE-754 rounds to infinity what is beyond all floats
            return math.inf if x > 0 else -math.inf
    if x.__class__.__module__ == "numpy":
        if x.__class__.__name__ in NUMPY_BOOLS:
            return float(bool(x))
        if hasattr(x, "ndim") and hasattr(x, "__setitem__"):
            return None  # an array, 0-dimensional ones too
    from numbers import Real

    return float(x) if isinstance(x, Real) else None


def _described(x: Any) -> str:
    kind = type(x).__name__
    if hasattr(x, "_record"):
        return "a Value; it is one already (use .data for its number, .detach() for a copy)"
    if kind == "ndarray":
        return (
            "a NumPy array; a Value is one scalar (use [Value(x) for x in array], or array.item())"
        )
    if isinstance(x, str):
        return f"the string {x!r}; use float({x!r})"
    if isinstance(x, complex):
        return f"the complex number {x!r}; foldgrad is real, keep real and imaginary parts apart"
    if hasattr(x, "__iter__"):
        return f"{kind} {x!r:.60}; apply it to each number: [... for v in ...]"
    return "None" if x is None else f"{kind} {x!r:.80}"


# ---- running a rule on floats ----


# What a rule may raise on plain floats where IEEE-754 has an answer; TypeError because the root of a
# negative number is complex there, and then meets a function or a comparison.
RAISED = (ArithmeticError, ValueError, TypeError)


def evaluate(op: Op, x: Sequence[float]) -> float:
    """Run ``op.forward`` on floats, with the answers of IEEE-754."""
    try:
        y = op.forward(FLOATS, *x)
    except RAISED:
        y = op.forward(IEEE, *map(Ieee, x))
    if y.__class__ is float:
        return y
    if y.__class__ is complex:  # a negative number to a fraction
        y = op.forward(IEEE, *map(Ieee, x))
    return float(y) if y.__class__ is Ieee else number(y, f"the result of op {op.name!r}")


def partials(op: Op, y: float, x: Sequence[float], wanted: Sequence[bool]) -> list[float | None]:
    """Run ``op.partials`` on floats; None where an input is not wanted."""
    try:
        entries = chosen(op, op.partials(FLOATS, y, *x), wanted)
        if complex not in [p.__class__ for p in entries]:
            return [p if p.__class__ is float or p is None else _plain(op, p) for p in entries]
    except RAISED:
        pass
    entries = chosen(op, op.partials(IEEE, Ieee(y), *map(Ieee, x)), wanted)
    return [None if p is None else _plain(op, p) for p in entries]


def chosen(op: Op, entries: Any, wanted: Sequence[bool]) -> list[Any]:
    """The wanted ones of a rule's partials, lambdas evaluated; None for the others."""
    if not isinstance(entries, (tuple, list)) or len(entries) != len(wanted):
        raise TypeError(
            f"partials of op {op.name!r}: expected a tuple of {len(wanted)}, one per input, "
            f"got {entries!r:.80}"
        )
    found = [(p() if callable(p) else p) if need else None for p, need in zip(entries, wanted)]
    for i, (p, need) in enumerate(zip(found, wanted)):
        if need and p is None:
            raise TypeError(
                f"partials of op {op.name!r}: expected a number for input {i}, got None"
            )
    return found


def _plain(op: Op, p: Any) -> float:
    return float(p) if p.__class__ is Ieee else number(p, f"a partial of op {op.name!r}")


# ---- rules too long for their row ----


def _one_minus_square(xp: Any, x: Any) -> Any:
    # The product keeps the digits near 1; the square keeps those of the next derivative near 0.
    return xp.where(xp.abs(x) < 0.5, 1.0 - x * x, (1.0 - x) * (1.0 + x))


def _pow_by_base(xp: Any, y: Any, x: Any, n: Any) -> Any:
    # n - 1 is exact from 0.5 on; below, its rounding would cost log(x) / 2 ulp, which y / x does not.
    # x**0 is 1 everywhere, at 0 too: its derivative is 0.
    by_power = n * x ** (n - 1.0)
    at_zero = xp.where(n == 0.0, 0.0, by_power)
    return xp.where(n < 0.5, xp.where(x == 0.0, at_zero, n * y / x), by_power)


def _pow_by_exponent(xp: Any, y: Any, x: Any, n: Any) -> Any:
    # Where x = 0 and n >= 0 the answer is 0 by convention (PyTorch); y * log(0) would be nan.
    slope = y * xp.log(x)
    return xp.where(x == 0.0, xp.where(n >= 0.0, 0.0, slope), slope)


def _cbrt_partials(xp: Any, y: Any, x: Any) -> Any:
    # A libm's cbrt may be 3 ulp off; y*y would double that, y/x does not.
    at_ends = 1.0 / (3.0 * y * y)
    return (xp.where(x == 0.0, at_ends, xp.where(xp.abs(x) == math.inf, at_ends, y / 3.0 / x)),)


def _atan_partials(xp: Any, y: Any, x: Any) -> Any:
    # From 1e9 on 1 + x*x is x*x; and 1e160 squared is inf, though 1e-320 is still a number.
    return (xp.where(xp.abs(x) < 1e9, 1.0 / (1.0 + x * x), xp.square(xp.reciprocal(x))),)


def _atan2_partials(xp: Any, y: Any, a: Any, b: Any) -> Any:
    # Scaled by powers of two: neither a*a nor b*b nor their root may over- or underflow.
    s = special.power_of_two_scale(xp, xp.hypot(a, b))
    a, b = a * s, b * s
    r = xp.hypot(a, b)
    return (b / r) / r * s, -(a / r) / r * s


def _sum(xp: Any, *x: Any) -> Any:
    total: Any = 0.0
    for v in x:
        total = total + v
    return total


def _prod(xp: Any, *x: Any) -> Any:
    product: Any = 1.0
    for v in x:
        product = product * v
    return product


def _prod_partials(xp: Any, y: Any, *x: Any) -> Any:
    """The product of the others, without dividing: a zero among the inputs is no exception."""
    after = [1.0]
    for v in reversed(x):
        after.append(v * after[-1])
    after.reverse()
    before: Any = 1.0
    others = []
    for v, rest in zip(x, after[1:]):
        others.append(before * rest)
        before = before * v
    return tuple(others)


def _dot(xp: Any, *x: Any) -> Any:
    half = len(x) // 2
    return _sum(xp, *(a * b for a, b in zip(x[:half], x[half:])))


def _dot_partials(xp: Any, y: Any, *x: Any) -> Any:
    half = len(x) // 2
    return x[half:] + x[:half]


def _largest(xp: Any, x: Sequence[Any]) -> Any:
    largest = x[0]
    for v in x[1:]:
        largest = xp.maximum(largest, v)  # a nan among them stays
    return largest


def _norm(xp: Any, *x: Any) -> Any:
    # Scaled by a power of two, so that neither 3e200 overflows nor 3e-200 underflows when squared.
    if not x:
        return 0.0
    largest = _largest(xp, [xp.abs(v) for v in x])
    scale = special.power_of_two_scale(xp, largest)
    root = xp.sqrt(_sum(xp, *((v * scale) * (v * scale) for v in x))) / scale
    return xp.where(largest == math.inf, largest, root)


def _logsumexp(xp: Any, *x: Any) -> Any:
    # Apart from the largest, which is exp(0) = 1: [0, -40] gives 4e-18, not 0.
    if not x:
        return -math.inf
    top = _largest(xp, x)
    ties = _sum(xp, *(xp.where(v == top, 1.0, 0.0) for v in x))
    rest = _sum(xp, *(xp.where(v == top, 0.0, xp.exp(v - top)) for v in x))
    return xp.where(xp.abs(top) == math.inf, top, top + xp.log1p((ties - 1.0) + rest))


def _softmax(xp: Any, y: Any, *x: Any) -> Any:
    # Not exp(v - y), which would lose the digits of y. Any shift near the largest is as good as the
    # largest itself; a rounded one is a constant to the next derivative.
    top = _largest(xp, x) if x else 0.0
    shift = xp.where(xp.abs(top) == math.inf, 0.0, xp.floor(top))
    powers = [xp.exp(v - shift) for v in x]
    total = _sum(xp, *powers)
    return tuple(power / total for power in powers)


def _norm_partials(xp: Any, y: Any, *x: Any) -> Any:
    # Scaled, for a subnormal y has lost digits. At 0 the answer is 0: the smallest subgradient.
    scale = special.power_of_two_scale(xp, y)
    x = tuple(v * scale for v in x)
    root = xp.norm(*x)
    safe = xp.where(root == 0.0, 1.0, root)
    return tuple(xp.where(root == 0.0, 0.0, v / safe) for v in x)


def _tied(xp: Any, a: Any, b: Any) -> Any:
    """1 where a > b, 1/2 at a tie, else 0."""
    return xp.where(a > b, 1.0, xp.where(a == b, 0.5, xp.where(a < b, 0.0, math.nan)))


# ---- the table ----

# At a kink the choice is PyTorch's where that is sane; conventions.py lists and the tests run it.
# fmt: off
TABLE = (
    # arithmetic
    Op("add",         lambda xp, a, b: a + b,  lambda xp, y, a, b: (1.0, 1.0),                 "+"),
    Op("sub",         lambda xp, a, b: a - b,  lambda xp, y, a, b: (1.0, -1.0),                "−"),
    Op("mul",         lambda xp, a, b: a * b,  lambda xp, y, a, b: (b, a),                     "×"),
    Op("div",         lambda xp, a, b: a / b,
                      lambda xp, y, a, b: (lambda: 1.0 / b, lambda: -(y / b)),                 "/"),
    Op("floordiv",    lambda xp, a, b: a // b, lambda xp, y, a, b: (0.0, 0.0),   "//", selects=True),
    Op("mod",         lambda xp, a, b: a % b,  lambda xp, y, a, b: (1.0, lambda: -(a // b)),   "%"),
    Op("pow",         lambda xp, x, n: x ** n,
                      lambda xp, y, x, n: (
                          lambda: _pow_by_base(xp, y, x, n), lambda: _pow_by_exponent(xp, y, x, n),
                      ),                                                                       "^"),
    Op("neg",         lambda xp, x: -x,        lambda xp, y, x: (-1.0,),                       "−"),
    # How an adjoint of zero meets an infinite partial: it hands on nothing (`functional` uses it).
    Op("strong_product", lambda xp, a, p: xp.where(a == 0.0, 0.0, a * p),
                      lambda xp, y, a, p: (p, a),                                              "×"),
    Op("identity",    lambda xp, x: x,         lambda xp, y, x: (1.0,),                        "="),
    Op("square",      lambda xp, x: x * x,     lambda xp, y, x: (2.0 * x,),                    "square"),
    Op("reciprocal",  lambda xp, x: 1.0 / x,   lambda xp, y, x: (-(y * y),),                   "1/x"),
    # exponentials, logarithms, roots
    Op("exp",         lambda xp, x: xp.exp(x),    lambda xp, y, x: (y,),                       "exp"),
    Op("expm1",       lambda xp, x: xp.expm1(x),  lambda xp, y, x: (xp.exp(x),),               "expm1"),
    Op("exp2",        lambda xp, x: xp.exp2(x),   lambda xp, y, x: (special.LN2 * y,),         "exp2"),
    Op("log",         lambda xp, x: xp.log(x),    lambda xp, y, x: (1.0 / x,),                 "log"),
    Op("log1p",       lambda xp, x: xp.log1p(x),  lambda xp, y, x: (1.0 / (1.0 + x),),         "log1p"),
    Op("log2",        lambda xp, x: xp.log2(x),   lambda xp, y, x: (LOG2_E / x,),              "log2"),
    Op("log10",       lambda xp, x: xp.log10(x),  lambda xp, y, x: (LOG10_E / x,),             "log10"),
    Op("sqrt",        lambda xp, x: xp.sqrt(x),   lambda xp, y, x: (0.5 / y,),                 "sqrt"),
    Op("cbrt",        lambda xp, x: xp.cbrt(x),   _cbrt_partials,                              "cbrt"),
    # trigonometric and hyperbolic
    Op("sin",         lambda xp, x: xp.sin(x),    lambda xp, y, x: (xp.cos(x),),               "sin"),
    Op("cos",         lambda xp, x: xp.cos(x),    lambda xp, y, x: (-xp.sin(x),),              "cos"),
    Op("tan",         lambda xp, x: xp.tan(x),    lambda xp, y, x: (1.0 + y * y,),             "tan"),
    Op("asin",        lambda xp, x: xp.asin(x),
                      lambda xp, y, x: (1.0 / xp.sqrt(_one_minus_square(xp, x)),),             "asin"),
    Op("acos",        lambda xp, x: xp.acos(x),
                      lambda xp, y, x: (-1.0 / xp.sqrt(_one_minus_square(xp, x)),),            "acos"),
    Op("atan",        lambda xp, x: xp.atan(x),   _atan_partials,                              "atan"),
    Op("atan2",       lambda xp, a, b: xp.atan2(a, b), _atan2_partials,                        "atan2"),
    Op("sinh",        lambda xp, x: xp.sinh(x),   lambda xp, y, x: (xp.cosh(x),),              "sinh"),
    Op("cosh",        lambda xp, x: xp.cosh(x),   lambda xp, y, x: (xp.sinh(x),),              "cosh"),
    # 1 - y*y is 0 from |x| = 19 on; this is right to the last digits everywhere.
    Op("tanh",        lambda xp, x: xp.tanh(x),   lambda xp, y, x: (xp.sech2(x),),             "tanh"),
    Op("sech2",       special.sech2_forward,      special.sech2_partials,                      "sech²"),
    Op("asinh",       lambda xp, x: xp.asinh(x),  lambda xp, y, x: (1.0 / xp.hypot(1.0, x),),  "asinh"),
    Op("acosh",       lambda xp, x: xp.acosh(x),
                      lambda xp, y, x: (1.0 / (xp.sqrt(x - 1.0) * xp.sqrt(x + 1.0)),),         "acosh"),
    Op("atanh",       lambda xp, x: xp.atanh(x),
                      lambda xp, y, x: (1.0 / _one_minus_square(xp, x),),                      "atanh"),
    Op("hypot",       special.hypot_forward,      special.hypot_partials,                      "hypot"),
    # activations
    Op("sigmoid",     special.sigmoid_forward,    special.sigmoid_partials,                    "σ"),
    Op("softplus",    special.softplus_forward,   special.softplus_partials,                 "softplus"),
    Op("relu",        lambda xp, x: xp.where(x <= 0.0, 0.0, x),
                      lambda xp, y, x: (xp.where(x > 0.0, 1.0, 0.0),),       "ReLU", selects=True),
    Op("leaky_relu",  lambda xp, x, slope=0.01: xp.where(x > 0.0, x, slope * x),
                      lambda xp, y, x, slope: (
                          xp.where(x > 0.0, 1.0, slope), xp.where(x > 0.0, 0.0, x),
                      ),                                                     "leaky_relu", selects=True),
    Op("elu",         lambda xp, x, alpha=1.0: xp.where(x > 0.0, x, alpha * xp.expm1(x)),
                      lambda xp, y, x, alpha: (
                          xp.where(x > 0.0, 1.0, alpha * xp.exp(x)), xp.where(x > 0.0, 0.0, xp.expm1(x)),
                      ),                                                     "elu", selects=True),
    Op("gelu",        special.gelu_forward,       special.gelu_partials,                       "gelu"),
    Op("silu",        special.silu_forward,       special.silu_partials,                       "silu"),
    Op("softsign",    lambda xp, x: x / (1.0 + xp.abs(x)),
                      lambda xp, y, x: (xp.square(xp.reciprocal(1.0 + xp.abs(x))),),           "softsign"),
    # special functions
    Op("gaussian",    special.gaussian_forward,   special.gaussian_partials,                 "exp(−x²/2)"),
    Op("normal_cdf",  special.normal_cdf_forward, special.normal_cdf_partials,                 "Φ"),
    Op("erf",         lambda xp, x: xp.erf(x),    special.erf_partials,                        "erf"),
    Op("erfc",        lambda xp, x: xp.erfc(x),   special.erfc_partials,                       "erfc"),
    Op("gamma",       special.gamma_forward,      special.gamma_partials,                      "Γ"),
    Op("lgamma",      special.lgamma_forward,     special.lgamma_partials,                     "lgamma"),
    Op("digamma",     special.digamma_forward,    special.digamma_partials,                    "ψ"),
    *(Op(name, *rule, f"ψ{n}") for n, (name, rule) in enumerate(special.POLYGAMMAS, start=1)),
    # steps: the derivative is zero, at the jump too
    Op("floor",       lambda xp, x: xp.floor(x),  lambda xp, y, x: (0.0,),"floor", selects=True),
    Op("ceil",        lambda xp, x: xp.ceil(x),   lambda xp, y, x: (0.0,),"ceil", selects=True),
    Op("trunc",       lambda xp, x: xp.trunc(x),  lambda xp, y, x: (0.0,),"trunc", selects=True),
    Op("round",       lambda xp, x: xp.round(x),  lambda xp, y, x: (0.0,),"round", selects=True),
    Op("sign",        lambda xp, x: xp.where(x > 0.0, 1.0, xp.where(x < 0.0, -1.0, x)),
                      lambda xp, y, x: (0.0,),   "sign", selects=True),
    Op("step",        lambda xp, x: xp.where(x > 0.0, 1.0, xp.where(x <= 0.0, 0.0, x)),
                      lambda xp, y, x: (0.0,),   "step", selects=True),
    # choices
    Op("abs",         lambda xp, x: xp.abs(x),    lambda xp, y, x: (xp.sign(x),),   "abs"),
    Op("maximum",     lambda xp, a, b: xp.where(a >= b, a, xp.where(b > a, b, a + b)),
                      lambda xp, y, a, b: (_tied(xp, a, b), _tied(xp, b, a)), "max", selects=True),
    Op("minimum",     lambda xp, a, b: xp.where(a <= b, a, xp.where(b < a, b, a + b)),
                      lambda xp, y, a, b: (_tied(xp, b, a), _tied(xp, a, b)), "min", selects=True),
    Op("clip",        lambda xp, x, low, high: xp.minimum(xp.maximum(x, low), high),
                      special.clip_partials,                                 "clip", selects=True),
    Op("where",       lambda xp, condition, a, b: xp.where(condition, a, b),
                      lambda xp, y, condition, a, b: (
                          0.0, xp.where(condition, 1.0, 0.0), xp.where(condition, 0.0, 1.0),
                      ),                                                     "where", selects=True),
    Op("copysign",    lambda xp, a, b: xp.copysign(a, b),
                      lambda xp, y, a, b: (xp.sign(a) * xp.copysign(1.0, b), 0.0), "copysign"),
    Op("logaddexp",   special.logaddexp_forward,  special.logaddexp_partials,                "logaddexp"),
    # over sequences
    SequenceOp("sum",       _sum,                 lambda xp, y, *x: (1.0,) * len(x),      "Σ", is_chain=True),
    SequenceOp("prod",      _prod,                _prod_partials,                              "Π"),
    SequenceOp("dot",       _dot,                 _dot_partials,          "·", sequences=2),
    SequenceOp("mean",      lambda xp, *x: _sum(xp, *x) / float(len(x)),
                            lambda xp, y, *x: (1.0 / len(x),) * len(x),      "mean", shortest=1),
    SequenceOp("norm",      _norm,                _norm_partials,                              "norm"),
    SequenceOp("logsumexp", _logsumexp,           _softmax,                 "logsumexp"),
)
# fmt: on

NUMPY_NAMES = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "round": "rint",
    "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "mod": "remainder", "abs": "fabs",
}  # fmt: skip

OPS: dict[str, Op] = {row.name: row for row in TABLE}
BUILT_IN = frozenset(OPS)
DECLARED: list[Callable[[Op], None]] = []  # called with every new op: engine.py makes it a method
FLOATS = Floats(OPS)
IEEE = IeeeFloats(OPS)
for _namespace in (FLOATS, IEEE):
    for _row in TABLE:
        if not hasattr(type(_namespace), _row.name):
            setattr(_namespace, _row.name, getattr(_namespace, _row.name))


class _Graph(Namespace):
    """The namespace of Values: xp.exp(x) is the op itself, which records."""

    @staticmethod
    def where(condition: Any, a: Any, b: Any) -> Any:
        # A comparison of Values is a plain bool: the choice is made, no node needs to remember it.
        # While a function is traced it stands for one, and is asked: the choice becomes a guard.
        if hasattr(condition, "_stands_for"):
            condition = bool(condition)
        if condition.__class__ is not bool:
            return _apply_in_rule(OPS["where"], condition, a, b)
        y = a if condition else b
        return Ieee(y) if y.__class__ is float else y

    def _run(self, op: Op) -> Callable[..., Any]:
        return partial(_apply_in_rule, op)


def _apply_in_rule(op: Op, *x: Any) -> Any:
    y = op.on(*x)
    return Ieee(y) if y.__class__ is float else y  # of constants alone: it must not raise later on


GRAPH = _Graph(OPS)


def find(name: str, origin: str = "") -> Op:
    """Return the op of that name.

    Args:
        name: what it is called.
        origin: the module and name of its forward function, if it must be that one.

    Raises:
        LookupError: if none is declared, or another one.

    >>> find("tanh")
    <op tanh>
    """
    if name not in OPS:
        raise LookupError(
            f"no op is named {name!r} here; import the module that declares it with @op first"
        )
    if origin and name not in BUILT_IN and OPS[name].origin != origin:
        raise LookupError(
            f"expected the op {name!r} that {origin} declares, got that of {OPS[name].origin}; "
            f"give one of them another name"
        )
    return OPS[name]


@overload
def op(forward: Callable[..., Any]) -> Op: ...
@overload
def op(*, symbol: str = "") -> Callable[[Callable[..., Any]], Op]: ...
def op(forward: Any = None, *, symbol: str = "") -> Any:
    """Declare an op of your own; it then works wherever the built-in ones do.

    Args:
        forward: ``forward(xp, *x)``, named as the op shall be; see the top of this file for `xp`.
        symbol: how pictures show it; its name if not given.

    Returns:
        The op, to call on Values or numbers. Declare its local derivatives with ``@NAME.partials``.

    Raises:
        ValueError: if a built-in op has that name, or it is no name.
        TypeError: if ``forward`` does not take xp and at least one input.

    >>> @op
    ... def cube(xp, x):
    ...     return x * x * x
    >>> @cube.partials
    ... def _(xp, y, x):
    ...     return (3 * x * x,)
    >>> from autograd import grad
    >>> cube(2.0), grad(cube)(2.0), grad(grad(cube))(2.0)
    (8.0, 12.0, 12.0)
    """
    if forward is None:
        return partial(op, symbol=symbol)
    code = getattr(forward, "__code__", None)
    if code is None or not (code.co_argcount > 1 or code.co_flags & INFINITE_ARITY):
        raise TypeError(
            f"op: expected a function of xp and the inputs, got {forward!r:.80}; write\n\n"
            f"    @op\n    def name(xp, x):\n        return ..."
        )
    name = forward.__name__
    if name in BUILT_IN or name in NUMPY_NAMES.values() or not name.isidentifier():
        raise ValueError(
            f"op: expected a name of its own, got {name!r}, which is a built-in op's or no name; "
            f"choose another"
        )
    OPS[name] = Op(name, forward, symbol=symbol)
    for tell in DECLARED:
        tell(OPS[name])
    return OPS[name]


def softmax(x: Iterable[Any]) -> list[Any]:
    """Return exp(x_i) / sum_j exp(x_j) for every i; large inputs are no trouble.

    >>> softmax([0.0, 0.0])
    [0.5, 0.5]
    """
    x = [v if hasattr(type(v), "_record") else number(v, "softmax") for v in x]
    shift = _shift([v.data if hasattr(type(v), "backward") else v for v in x])
    powers = [OPS["exp"].on(OPS["sub"].on(v, shift)) for v in x]
    total = OPS["sum"].on(*powers)
    return [OPS["div"].on(power, total) for power in powers]


def _shift(x: list[Any]) -> Any:
    """A whole number near the largest: any is as good, and as a number it is a constant."""
    if all(type(v) is float for v in x):
        top = max(x, default=0.0)
        return math.floor(top) if math.isfinite(top) else 0.0
    # A function is traced, where .data is a Value, or a float stands for one: by ops.
    top = x[0]
    for v in x[1:]:
        top = OPS["maximum"].on(top, v)
    return OPS["where"].on(OPS["abs"].on(top) < math.inf, OPS["floor"].on(top), 0.0)
