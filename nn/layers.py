"""Perceptron, Neuron, Layer, MLP: weighted sums and activations, scalar by scalar.

micrograd's classes and arguments work unchanged. A neuron is written with plain operators, so that
its graph and its picture are its formula: act((b + w1·x1) + w2·x2 ...).

    w, b    weights and bias        nin, nout    numbers of inputs and outputs
    rng     where random numbers come from: a seed, a random.Random, or None for the random module
"""

from __future__ import annotations

import difflib
import math
import operator
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from autograd import OPS, Value, no_grad
from autograd.ops import number

from .module import Module, grouped

Activation = Callable[[Any], Any]

INITS: dict[str, Callable[[int, int], float]] = {  # half the width of the uniform distribution
    "uniform": lambda nin, nout: 1.0,
    "glorot": lambda nin, nout: math.sqrt(6.0 / (nin + nout)),
    "he": lambda nin, nout: math.sqrt(6.0 / nin),
}


class Neuron(Module):
    """One neuron: act(b + w1·x1 + ... + wn·xn), summed from left to right.

    Args:
        nin: how many inputs it takes.
        nonlin: False for no activation, as in micrograd.
        activation: the name of an op of one input ("relu", "tanh", "gelu", one of your own), a
            function of one Value, or "linear" for none.
        init: how the weights are drawn; the bias starts at 0. A number a: uniform in [-a, a].
            "uniform": a = 1, as in micrograd. "glorot": a = √(6 / (nin + nout)), for tanh
            (Glorot & Bengio 2010, eq. 16). "he": a = √(6 / nin), for relu: the variance 2 / nin of
            He et al. 2015, eq. 10.
        rng: a seed, a random.Random, or None for the global ``random`` module.

    >>> neuron = Neuron(2, activation="tanh", rng=0)
    >>> neuron, neuron.b.label
    (TanhNeuron(2), 'b')
    >>> neuron([1.0, -2.0]).data == math.tanh(neuron.w[0].data - 2 * neuron.w[1].data)
    True
    """

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        *,
        activation: str | Activation | None = "relu",
        init: str | float = "uniform",
        rng: Any = None,
    ) -> None:
        self.nin = _width(type(self).__name__, "nin", nin)
        half, draw = _half_width(init, self.nin, 1), random_source(rng).uniform
        self.w = [Value(draw(-half, half)) for _ in range(self.nin)]
        self.b = Value(0.0)
        self.activation = find_activation(activation) if nonlin else None

    def __call__(self, x: Any) -> Any:
        """Compute the output, a Value, from ``nin`` inputs (numbers or Values)."""
        act = self.b
        for w, x_i in zip(self.w, _inputs(self, x)):
            act = act + w * x_i
        return act if self.activation is None else self.activation(act)

    def kind(self) -> str:
        """Say the activation and the number of inputs: ReLUNeuron(2), LinearNeuron(16)."""
        return f"{_title(self.activation)}{type(self).__name__}({self.nin})"

    def _children(self) -> Iterable[tuple[str, Any]]:
        attributes = dict(super()._children())
        yield from ((f"w{i}", w) for i, w in enumerate(attributes.pop("w"), start=1))
        yield from attributes.items()

    def __repr__(self) -> str:
        return self.kind()


class Perceptron(Neuron):
    """A linear neuron, y = w·x + b, and the two classical rules to learn by, example by example.

    Args:
        nin: how many inputs it takes.
        init, rng: as for `Neuron`; the weights start at 0 unless given.

    >>> perceptron = Perceptron(2)
    >>> for _ in range(200):
    ...     for x, target in [([0, 0], 1), ([0, 1], 3), ([1, 0], 0), ([1, 1], 2)]:
    ...         error = perceptron.learn_lms(x, target, rate=0.1)
    >>> [round(p.data, 6) for p in perceptron.parameters()]  # target = -x1 + 2·x2 + 1
    [-1.0, 2.0, 1.0]
    """

    def __init__(self, nin: int, *, init: str | float = 0.0, rng: Any = None) -> None:
        super().__init__(nin, nonlin=False, init=init, rng=rng)

    def fires(self, x: Any) -> int:
        """Return the step of the output: 1 if w·x + b > 0, else 0.

        >>> Perceptron(1).fires([1.0])
        0
        """
        with no_grad():
            return int(self(x).data > 0.0)

    def learn_lms(self, x: Any, target: float, rate: float) -> float:
        """Learn one example by least mean squares, the delta rule (Widrow & Hoff 1960).

        With error = output - expected, where output = w·x + b::

            w_i ← w_i - rate · error · x_i        b ← b - rate · error

        That is a step of gradient descent on `squared_error`, 1/2·error².

        Args:
            x: the inputs: numbers, or Values, of which the numbers count.
            target: the expected output.
            rate: the learning rate.

        Returns:
            The error before the step.

        Raises:
            FloatingPointError: if a weight would become nan or infinite; then none is changed.

        >>> perceptron = Perceptron(1)
        >>> perceptron.learn_lms([2.0], target=1.0, rate=0.1)
        -1.0
        >>> perceptron.w[0].data, perceptron.b.data
        (0.2, 0.1)
        """
        x, target, rate = self._numbers("learn_lms", x, target, rate)
        with no_grad():
            return self._correct("learn_lms", x, self(x).data - target, rate)

    def learn_step(self, x: Any, target: int, rate: float = 1.0) -> float:
        """Learn one example by the step rule, the perceptron's own (Rosenblatt 1958).

        The formula of `learn_lms`, but the output is the step: 1 if w·x + b > 0, else 0. So the
        weights move only when the answer is wrong; if a line separates the examples they stop.

        Args:
            x: the inputs: numbers, or Values, of which the numbers count.
            target: the expected answer, 0 or 1.
            rate: the learning rate.

        Returns:
            The error before the step: -1, 0 or 1.

        Raises:
            ValueError: if ``target`` is neither 0 nor 1.
            FloatingPointError: if a weight would become nan or infinite; then none is changed.

        >>> both = Perceptron(2)
        >>> for _ in range(10):
        ...     for x in [0, 0], [0, 1], [1, 0], [1, 1]:
        ...         error = both.learn_step(x, target=x[0] and x[1])
        >>> [both.fires(x) for x in ([0, 0], [0, 1], [1, 0], [1, 1])]
        [0, 0, 0, 1]
        """
        if target not in (0, 1):
            raise ValueError(
                f"learn_step: expected target 0 or 1, got {target!r}; recode the classes"
            )
        x, target, rate = self._numbers("learn_step", x, target, rate)
        return self._correct("learn_step", x, self.fires(x) - target, rate)

    def _numbers(self, who: str, x: Any, target: Any, rate: Any) -> Any:
        """What a rule learns from as floats, before anything is changed."""
        inputs = [_plain(x_i, f"{who}: x{i}") for i, x_i in enumerate(_inputs(self, x), start=1)]
        return inputs, _plain(target, f"{who}: target"), _plain(rate, f"{who}: rate")

    def _correct(self, who: str, x: list[float], error: float, rate: float) -> float:
        """Move the weights and the bias, whose input is 1, all or none."""
        moving = [*self.w, self.b]
        moved = [p.data - rate * (error * x_i) for p, x_i in zip(moving, [*x, 1.0])]
        if not all(map(math.isfinite, moved)):
            raise FloatingPointError(
                f"{who}: expected finite weights after the step, got {moved!r:.80} for the inputs "
                f"{x!r:.80} and the error {error}; the weights are left as they were, lower the "
                f"rate (it is {rate}), or look for a missing cell (nan) in the example"
            )
        for p, data in zip(moving, moved):
            p.data = data
        return error

    def kind(self) -> str:
        """Say the number of inputs: Perceptron(2)."""
        return f"{type(self).__name__}({self.nin})"


class Layer(Module):
    """Neurons side by side on the same inputs.

    Args:
        nin, nout: how many inputs it takes, how many neurons it has.
        nonlin, activation, init, rng: as for `Neuron`.

    >>> layer = Layer(2, 3, rng=0)
    >>> layer, len(layer([1.0, -2.0]))
    (Layer of [3 × ReLUNeuron(2)], 3)
    """

    def __init__(
        self,
        nin: int,
        nout: int,
        nonlin: bool = True,
        *,
        activation: str | Activation | None = "relu",
        init: str | float = "uniform",
        rng: Any = None,
    ) -> None:
        self.nin = _width("Layer", "nin", nin)
        half, rng = _half_width(init, self.nin, _width("Layer", "nout", nout)), random_source(rng)
        self.neurons = [
            Neuron(nin, nonlin, activation=activation, init=half, rng=rng) for _ in range(nout)
        ]

    def __call__(self, x: Any) -> Any:
        """Compute a list of ``nout`` Values from ``nin`` inputs; a single Value if nout is 1."""
        x = _inputs(self, x)
        outputs = [neuron(x) for neuron in self.neurons]
        return outputs[0] if len(outputs) == 1 else outputs

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {grouped(self.neurons)}"


class MLP(Module):
    """A multi-layer perceptron: layers in a row, the last one linear.

    Args:
        nin: how many inputs it takes.
        nouts: how many neurons each layer has, the last number being that of the outputs.
        activation, init, rng: as for `Neuron`.

    >>> model = MLP(2, [16, 16, 1], activation="tanh", rng=0)
    >>> model  # doctest: +NORMALIZE_WHITESPACE
    MLP of [Layer of [16 × TanhNeuron(2)], Layer of [16 × TanhNeuron(16)],
            Layer of [LinearNeuron(16)]]
    >>> model([1.0, -2.0]).op.name
    'add'
    """

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        activation: str | Activation | None = "relu",
        *,
        init: str | float = "uniform",
        rng: Any = None,
    ) -> None:
        if isinstance(nouts, (int, str)) or not len(nouts):
            raise ValueError(
                f"MLP: expected nouts to list the width of each layer, got {nouts!r}; "
                "write MLP(2, [16, 16, 1])"
            )
        self.nin = _width("MLP", "nin", nin)
        widths, rng = [nin, *nouts], random_source(rng)
        self.layers = [
            Layer(a, b, i < len(nouts), activation=activation, init=init, rng=rng)
            for i, (a, b) in enumerate(pairwise(widths), start=1)
        ]

    def __call__(self, x: Any) -> Any:
        """Compute the outputs of the last layer: a list of Values, or a single Value."""
        x = _inputs(self, x)
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {grouped(self.layers)}"


def find_activation(activation: str | Activation | None) -> Activation | None:
    """Return the function that a name stands for, a function as it is, None for "linear".

    Raises:
        ValueError: if no op of one input has that name.

    >>> find_activation("tanh"), find_activation("linear")
    (<op tanh>, None)
    """
    if activation is None or activation == "linear":
        return None
    if callable(activation):
        return activation
    if not isinstance(activation, str):
        raise TypeError(f"activation: expected a name or a function, got {activation!r}")
    names = [name for name, op in OPS.items() if op.least == 1]
    if activation not in names:
        close = difflib.get_close_matches(activation.lower(), names, n=3, cutoff=0.5)
        raise ValueError(
            f"activation: expected the name of an op of one input, got {activation!r}; "
            + (f"did you mean {' or '.join(map(repr, close))}?" if close else "as 'relu' or 'tanh'")
        )
    return OPS[activation]


def random_source(rng: Any) -> Any:
    """Return what draws random numbers: the ``random`` module, a seeded random.Random, or ``rng``.

    >>> random_source(0).random() == random.Random(0).random()
    True
    """
    if rng is None:
        return random
    if hasattr(rng, "uniform") and hasattr(rng, "shuffle"):
        return rng
    if hasattr(rng, "__index__"):
        return random.Random(operator.index(rng))
    raise TypeError(f"rng: expected a seed (an int), a random.Random or None, got {rng!r}")


def _width(who: str, name: str, n: Any) -> int:
    if not hasattr(n, "__index__") or operator.index(n) < 1:
        raise ValueError(f"{who}: expected {name} to be an integer of at least 1, got {n!r}")
    return operator.index(n)


def _half_width(init: str | float, nin: int, nout: int) -> float:
    if not isinstance(init, str):
        return number(init, "init")
    if init not in INITS:
        raise ValueError(f"init: expected a number or one of {', '.join(INITS)}, got {init!r}")
    return INITS[init](nin, nout)


def _inputs(module: Any, x: Any) -> Any:
    """The inputs as a list, if they are one example of the right length."""
    if x.__class__ is not list and x.__class__ is not tuple:
        if isinstance(x, (dict, set, frozenset)) or hasattr(x, "columns"):
            raise TypeError(_no_sequence(module, x))
        x = list(x) if hasattr(x, "__iter__") else [x]
    if len(x) != module.nin or hasattr(x[0], "__len__"):
        got = f"{len(x)}" if len(x) != module.nin else f"{len(x)} of type {type(x[0]).__name__}"
        raise ValueError(
            f"{type(module).__name__}: expected {module.nin} inputs, got {got}; it was built with "
            f"nin={module.nin} and takes one example at a time: [model(x) for x in X]"
        )
    return x


def _no_sequence(module: Any, x: Any) -> str:
    table = hasattr(x, "to_numpy")
    return (
        f"{type(module).__name__}: expected a sequence of {module.nin} inputs, got a "
        f"{type(x).__name__}; "
        + ("write [model(x) for x in X.to_numpy()]" if table else "give its numbers in a list")
    )


def _plain(x: Any, who: str) -> float:
    return x.data if isinstance(x, Value) else number(x, who)


def _title(activation: Activation | None) -> str:
    if activation is None:
        return "Linear"
    name = getattr(activation, "name", getattr(activation, "__name__", type(activation).__name__))
    return str(name).strip("<>").title().replace("_", "").replace("Relu", "ReLU")
