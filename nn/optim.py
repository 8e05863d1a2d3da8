"""Optimisers: adjust parameters by their gradients. They write ``.data`` and read ``.grad``.

Names, defaults and arithmetic are PyTorch's, term by term. As there, a parameter that no backward
pass has reached since ``zero_grad()`` is left alone: no decay, no momentum.

    g   d loss / d parameter        m, v    running means of g and of g²
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from autograd import Value
from autograd.ops import as_real


class Optimizer:
    """What the optimisers share; a new one defines ``adjust(parameter, g, state)``.

    >>> class SignDescent(Optimizer):
    ...     def adjust(self, parameter, g, state):
    ...         parameter.data -= self.lr * math.copysign(1.0, g)
    >>> x = Value(3.0)
    >>> optimizer = SignDescent([x], lr=0.5)
    >>> (x * x).backward(); optimizer.step(); x.data
    2.5
    """

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        self.params = _checked(type(self).__name__, params)
        self.lr = lr
        self.weight_decay = weight_decay
        self.maximize = maximize
        self.state: list[dict[str, float]] = [{} for _ in self.params]
        self._require("learning rate lr", lr)
        self._require("weight_decay", weight_decay)

    def adjust(self, parameter: Value, g: float, state: dict[str, float]) -> None:
        """Move one parameter against its gradient ``g``; ``state`` is kept for it between steps."""
        raise NotImplementedError(f"{type(self).__name__} has no adjust; define how it moves")

    def step(self) -> None:
        """Adjust every parameter that has a gradient.

        >>> x = Value(3.0)
        >>> (x * x).backward()
        >>> SGD([x], lr=0.1).step()
        >>> x.data
        2.4
        """
        for parameter, state in zip(self.params, self.state):
            if parameter.has_grad:
                self.adjust(parameter, -parameter.grad if self.maximize else parameter.grad, state)

    def zero_grad(self) -> None:
        """Forget the gradients of the parameters, before the next backward pass adds to them.

        >>> x = Value(3.0)
        >>> (x * x).backward()
        >>> SGD([x]).zero_grad(); x.grad
        0.0
        """
        for parameter in self.params:
            parameter.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of the settings and of what is remembered for each parameter.

        >>> SGD([Value(1.0)], lr=0.1).state_dict()["lr"]
        0.1
        """
        settings = {name: x for name, x in vars(self).items() if name != "params"}
        return settings | {"state": [dict(state) for state in self.state]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned, for as many parameters, in the same order.

        >>> x = Value(3.0)
        >>> paused = SGD([x], lr=0.1, momentum=0.9).state_dict()
        >>> resumed = SGD([x]); resumed.load_state_dict(paused); resumed.momentum
        0.9
        """
        who, here = type(self).__name__, self.state_dict()
        if state_dict.keys() != here.keys():
            raise ValueError(
                f"{who}: expected a state with {sorted(here)}, got {sorted(state_dict)}; "
                "load the state of the same kind of optimiser"
            )
        if len(state_dict["state"]) != len(self.params):
            raise ValueError(
                f"{who}: expected the state of {len(self.params)} parameters, got "
                f"{len(state_dict['state'])}; load the state of the same model's optimiser"
            )
        vars(self).update(state_dict, state=[dict(state) for state in state_dict["state"]])

    def __repr__(self) -> str:
        settings = {k: x for k, x in vars(self).items() if k not in ("params", "state")}
        shown = ", ".join(f"{name}={x!r}" for name, x in settings.items())
        return f"{type(self).__name__}({len(self.params)} parameters, {shown})"

    def _require(
        self, what: str, got: Any, most: float = math.inf, wanted: str = "of 0 or more"
    ) -> None:
        x = as_real(got)
        if x is None or not 0.0 <= x <= most:  # written so that nan is refused
            raise (TypeError if x is None else ValueError)(
                f"{type(self).__name__}: expected {what} to be a number {wanted}, got {got!r:.80}; "
                "leave it out for the default"
            )


def _checked(who: str, params: Iterable[Value]) -> list[Value]:
    """The parameters as a list, if they are such as can be optimised."""
    if not hasattr(params, "__iter__") or isinstance(params, (set, frozenset)):
        raise TypeError(
            f"{who}: expected the parameters in a list, got {params!r:.80}; "
            "pass model.parameters(), or [value]"
        )
    checked = list(params)
    if not checked:
        raise ValueError(f"{who}: expected at least one parameter, got an empty list")
    for p in checked:
        if not isinstance(p, Value):
            raise TypeError(f"{who}: expected parameters to be Values, got {p!r:.80}")
        if p.op is not None:
            raise ValueError(
                f"{who}: expected leaves, got {p!r}, the result of {p.op.name}; "
                "optimise what it was made from, or its detach()"
            )
    if len({id(p) for p in checked}) < len(checked):
        raise ValueError(f"{who}: expected each parameter once, got one twice; drop the copies")
    return checked


class SGD(Optimizer):
    """Stochastic gradient descent.

    With d = weight_decay and μ = momentum::

        g ← g + d·p,    b ← μ·b + (1 - dampening)·g   (b = g at first),    p ← p - lr·b

    Without momentum b is g; with nesterov, g + μ·b takes the place of b in the last step.

    Args:
        params: the parameters.
        lr: the learning rate; may be assigned between steps, as may the others.
        momentum: how much of the last step is kept.
        dampening: how much of the gradient is left out of the momentum.
        weight_decay: pulls parameters to 0, as the penalty d/2·p² added to the loss.
        nesterov: look ahead (Sutskever et al. 2013).
        maximize: climb instead.

    >>> x = Value(3.0)
    >>> optimizer = SGD([x], lr=0.1, momentum=0.9)
    >>> for _ in range(200):
    ...     optimizer.zero_grad()
    ...     (x * x).backward()
    ...     optimizer.step()
    >>> abs(x.data) < 1e-3
    True
    """

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, weight_decay, maximize)
        self.momentum, self.dampening, self.nesterov = momentum, dampening, nesterov
        self._require("momentum", momentum)
        if nesterov and (momentum <= 0.0 or dampening != 0.0):
            raise ValueError(
                "SGD: expected momentum > 0 and dampening = 0 with nesterov, "
                f"got momentum={momentum!r}, dampening={dampening!r}"
            )

    def adjust(self, parameter: Value, g: float, state: dict[str, float]) -> None:
        """Take one step as in the class's formula."""
        if self.weight_decay:
            g += self.weight_decay * parameter.data
        if self.momentum:
            b = self.momentum * state["b"] + (1 - self.dampening) * g if "b" in state else g
            state["b"] = b
            g = g + self.momentum * b if self.nesterov else b
        parameter.data -= self.lr * g


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015): each parameter's step is scaled by its own gradients' size.

    With (β₁, β₂) = betas, in step t::

        m ← β₁·m + (1 - β₁)·g,    v ← β₂·v + (1 - β₂)·g²
        p ← p - lr · m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ)) + eps)

    Args:
        params: the parameters.
        lr: the learning rate; may be assigned between steps, as may the others.
        betas: how slowly the two means change.
        eps: keeps the division away from 0.
        weight_decay: added to the gradient, as in `SGD`; see `AdamW`.
        amsgrad: divide by the largest v so far (Reddi et al. 2018).
        maximize: climb instead.

    >>> x = Value(3.0)
    >>> optimizer = Adam([x], lr=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> round(x.data, 6)
    2.9
    """

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, weight_decay, maximize)
        self.betas, self.eps, self.amsgrad = betas, eps, amsgrad
        self._require("eps", eps)
        if not hasattr(betas, "__len__") or len(betas) != 2:
            raise TypeError(
                f"{type(self).__name__}: expected betas to be a pair of numbers, got {betas!r:.80}; "
                "write betas=(0.9, 0.999)"
            )
        for beta in betas:
            self._require("each beta", beta, math.nextafter(1.0, 0.0), "in [0, 1)")

    def adjust(self, parameter: Value, g: float, state: dict[str, float]) -> None:
        """Take one step as in the class's formula."""
        g = self.decay(parameter, g)
        (beta1, beta2), t = self.betas, state.get("t", 0) + 1
        m, v = state.get("m", 0.0), state.get("v", 0.0)
        m = _lerp(m, g, 1 - beta1)
        v = beta2 * v + (1 - beta2) * g * g
        largest = max(state.get("largest", 0.0), v) if self.amsgrad else v
        state.update(t=t, m=m, v=v, largest=largest)
        scale = math.sqrt(largest) / math.sqrt(1 - beta2**t) + self.eps
        # With eps = 0 the scale can be 0, and PyTorch's answer is IEEE's: nan, or infinite.
        parameter.data -= self.lr / (1 - beta1**t) * (m / scale if scale else m * math.inf)

    def decay(self, parameter: Value, g: float) -> float:
        """Return the gradient with the weight decay in it."""
        return g + self.weight_decay * parameter.data if self.weight_decay else g


def _lerp(start: float, end: float, weight: float) -> float:
    """start + weight·(end - start), rounded as in torch.lerp: from the nearer end."""
    if weight < 0.5:
        return start + weight * (end - start)
    return end - (end - start) * (1 - weight)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019).

    First p ← (1 - lr·d)·p with d = weight_decay, then the step of `Adam` without it.

    >>> x = Value(3.0)
    >>> AdamW([x], weight_decay=0.5).weight_decay, AdamW([x]).weight_decay
    (0.5, 0.01)
    """

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)

    def decay(self, parameter: Value, g: float) -> float:
        """Shrink the parameter itself; the gradient stays as it is."""
        parameter.data *= 1 - self.lr * self.weight_decay
        return g
