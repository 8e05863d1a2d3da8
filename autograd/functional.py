"""Derivatives of functions: grad, value_and_grad, jacobian, hessian, hvp, jvp, vjp, to any order.

Each traces the function on variables of its own and sweeps what that made, so no `.grad` changes and
nested calls do not confuse each other's variables (perturbation confusion). Names and argument
conventions are JAX's. Numbers may sit in lists, tuples, dicts and NumPy arrays (pytree.py).

What comes back are plain numbers where nothing but numbers went in. If the answer also depends on
other Values (an argument that is one, a model's parameters), Values come back, which can be
differentiated again: nothing is detached in silence. (So too if ``f`` assigns the data of a leaf: how
old that leaf is cannot be told.)

    variable      the Value that stands for one number of an argument while f runs
    since         the order at which a trace began: what is older does not depend on its variables
    adjoint       d outputs / d node, a float or (to be differentiated again) a Value
    tangent       d node / d along the direction, likewise
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from operator import index
from typing import Any

from . import engine, modes
from .engine import Value, refuse_stale
from .floats import Ieee
from .ops import GRAPH, OPS, chosen, number, operand, partials
from .pytree import Shape, flatten

Function = Callable[..., Any]
Step = tuple[Value, Sequence[Any], Sequence[bool]]  # a node, its inputs, which of those are wanted

_tracing: ContextVar[bool] = ContextVar("tracing", default=False)


def grad(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """Return the function that computes the gradient of ``f``.

    Args:
        f: returns one scalar.
        argnums: which positional argument to differentiate by, or a tuple of several.

    Returns:
        A function of f's arguments; its result has the structure of the chosen argument (a tuple of
        such for a tuple of argnums).

    Raises:
        TypeError: (when called) if f does not return one scalar, or an argument is not made of numbers.

    >>> grad(lambda x: x**3)(2.0), grad(grad(lambda x: x**3))(2.0)
    (12.0, 12.0)
    >>> grad(lambda w, x: w[0] * x + w[1])([2.0, 1.0], 3.0)
    [3.0, 1.0]
    """
    _require_function("grad", f)
    both = value_and_grad(f, argnums)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return gradient


def value_and_grad(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """Return the function that computes ``f`` and its gradient in one go; see `grad`.

    >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 5.0)
    (10.0, (5.0, 2.0))
    """
    _require_function("value_and_grad", f)

    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        trace = _Trace(f, args, kwargs, argnums)
        y = trace.scalar("grad")
        return trace.released(y), trace.pull([1.0])

    return both


def vjp(f: Function, *primals: Any) -> tuple[Any, Function]:
    """Return ``f(*primals)`` and the pullback: cotangents of the result to those of the primals.

    Returns:
        The result, and a function that takes a cotangent of the result's structure and returns a
        tuple with one entry per primal.

    >>> y, pullback = vjp(lambda a, b: [a * b, a + b], 2.0, 3.0)
    >>> y, pullback([1.0, 10.0])
    ([6.0, 5.0], (13.0, 12.0))
    """
    trace = _Trace(f, primals, {}, tuple(range(len(primals))))

    def pullback(cotangent: Any) -> Any:
        refuse_stale(trace.made)  # time has passed
        leaves = _matched(trace.shape, cotangent, "vjp: the cotangent must be like the result")
        return trace.pull([_number_or_value(x, "vjp: cotangent") for x in leaves])

    return trace.result(), pullback


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Return ``f(*primals)`` and its derivative along ``tangents``: forward mode.

    Args:
        f: returns numbers in any structure.
        primals: the arguments, a list or tuple.
        tangents: a direction of the same structure.

    >>> jvp(lambda a, b: a * b, [2.0, 3.0], [1.0, 0.0])
    (6.0, 3.0)
    """
    _same_length("jvp: primals and tangents", primals, tangents)
    trace = _Trace(f, primals, {}, tuple(range(len(primals))))
    direction: list[Any] = []
    for shape, tangent in zip(trace.shapes, tangents):
        direction += _matched(shape, tangent, "jvp: the tangents must be like the primals")
    return trace.result(), trace.push([_number_or_value(t, "jvp: tangent") for t in direction])


def jacobian(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """Return the function that computes all derivatives of all outputs of ``f``, in reverse mode.

    Returns:
        A function of f's arguments. Its result has the structure of f's result, with, in the place
        of each number, the structure of the chosen argument: rows by columns for lists.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 1.0]]
    """
    _require_function("jacobian", f)

    def rows(*args: Any, **kwargs: Any) -> Any:
        trace = _Trace(f, args, kwargs, argnums)
        n = len(trace.outputs)
        return trace.shape.fill([trace.pull([float(i == j) for j in range(n)]) for i in range(n)])

    return rows


def hessian(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """Return the function that computes all second derivatives of a scalar ``f``.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 2.0])
    [[4.0, 6.0], [6.0, 0.0]]
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Function, x: Sequence[Any], v: Sequence[Any]) -> Any:
    """Multiply the Hessian of ``f`` at ``x`` by ``v`` without forming it.

    Forward over reverse: a few times the cost of ``f``, and memory in proportion to its graph.

    Args:
        f: takes n arguments, returns one scalar.
        x: the point, n numbers (or structures of numbers).
        v: the direction, of the same structure.

    Returns:
        H(x) @ v, a list or tuple like ``x``.

    Raises:
        ValueError: if ``x`` and ``v`` differ in length.

    Source:
        Pearlmutter 1994, "Fast exact multiplication by the Hessian".

    >>> hvp(lambda a, b: a * a * b, [3.0, 2.0], [1.0, 0.0])
    [4.0, 6.0]
    """
    _same_length("hvp: x and v", x, v)
    gradient = grad(f, tuple(range(len(x))))
    product = jvp(gradient, x, v)[1]
    return product if isinstance(x, tuple) else list(product)


class _Trace:
    """One run of ``f`` on variables, and the sweeps over what it made.

    Attributes:
        variables: one Value per number of the chosen arguments.
        outputs: the numbers and Values that f returned, flat; `shape` is their structure.
        steps: the nodes between variables and outputs, newest first, each with its inputs and
            which of them depend on the variables.
        made: all nodes of the trace.
        outer: whether Values from outside take part: then results are Values.
    """

    def __init__(
        self,
        f: Function,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        argnums: int | tuple[int, ...],
    ) -> None:
        self.since = next(engine.ticks)
        self.name = getattr(f, "__name__", repr(f))
        chosen_args = positions(argnums, len(args), self.name)
        self.variables: list[Value] = []
        self.shapes: list[Shape] = []
        self.single = not isinstance(argnums, (tuple, list))
        args = list(args)
        with modes.ensure_recording():
            for i in chosen_args:
                leaves, shape = flatten(args[i])
                variables = [_variable(x, f"argument {i} of {self.name}") for x in leaves]
                args[i] = shape.fill(variables)
                self.shapes.append(shape)
                self.variables += variables
            outputs, self.shape = flatten(traced(f, args, kwargs))
        self.outputs = [_number_or_value(y, f"result of {self.name}") for y in outputs]
        made, self.outer = _below(self.outputs, self.since, self.variables)
        self.outer = self.outer or any(v.op is not None for v in self.variables)
        refuse_stale(made)
        self.made = made
        self.steps = _steps(made, self.variables)

    def scalar(self, who: str) -> Any:
        if self.shape.build is not None:
            raise TypeError(
                f"{who}: {self.name} must return one scalar, got {len(self.outputs)} numbers in a "
                f"{type(self.shape.fill(self.outputs)).__name__}; use jacobian for several outputs"
            )
        return self.outputs[0]

    def result(self) -> Any:
        return self.shape.fill([self.released(y) for y in self.outputs])

    def released(self, y: Any) -> Any:
        """What the caller gets: a Value if others can be reached through it, else its number."""
        if y.__class__ is not Value:
            return y
        if not self.outer:
            return modes.unwrapped(y.data)
        return modes.unwrapped(y if modes.is_recording() else y.detach())

    def pull(self, cotangents: list[Any]) -> Any:
        """Reverse sweep: the derivative of sum(cotangent * output) by every chosen argument."""
        graph = self.outer or any(c.__class__ is Value for c in cotangents)
        adjoints: dict[Value, Any] = {}
        for y, cotangent in zip(self.outputs, cotangents):
            if y.__class__ is Value:
                _accumulate(adjoints, y, cotangent)
        detector = modes.anomaly_detector()
        with modes.unchecked():
            for step in self.steps:
                node, inputs, _ = step
                adjoint = adjoints.get(node, 0.0)
                if adjoint.__class__ is float and adjoint == 0.0:
                    continue
                handed_on = _products(step, [adjoint] * len(inputs), graph)
                if detector is not None:
                    detector.check_backward(node, adjoint, handed_on)
                for x, contribution in zip(reversed(inputs), reversed(handed_on)):
                    if contribution is not None:
                        _accumulate(adjoints, x, contribution)
        return self._like_arguments([adjoints.get(v, 0.0) for v in self.variables])

    def push(self, tangents: list[Any]) -> Any:
        """Forward sweep: the derivative of every output along the tangents of the variables."""
        along: dict[Any, Any] = dict(zip(self.variables, tangents))  # tangents by Value
        with modes.unchecked():
            for step in reversed(self.steps):
                node, inputs, _ = step
                factors = [along.get(x, 0.0) for x in inputs]
                for contribution in _products(step, factors, self.outer):
                    if contribution is not None:
                        _accumulate(along, node, contribution)
        found = [along.get(y, 0.0) if y.__class__ is Value else 0.0 for y in self.outputs]
        return self.shape.fill([self._own(tangent) for tangent in found])

    def _own(self, x: Any) -> Any:
        """A result as a Value of its own: to assign to it changes nobody else's."""
        if x.__class__ is not Value:
            return x
        if not modes.is_recording():
            return modes.unwrapped(x.detach())
        return modes.unwrapped(x if x._order > self.since else OPS["identity"].on(x))

    def _like_arguments(self, leaves: list[Any]) -> Any:
        leaves = [self._own(x) for x in leaves]
        filled = []
        start = 0
        for shape in self.shapes:
            stop = start + shape.size()
            filled.append(shape.fill(leaves[start:stop]))
            start = stop
        return filled[0] if self.single else tuple(filled)


def is_tracing() -> bool:
    """Return whether a function runs here to be differentiated: a compiled one must show its graph."""
    return _tracing.get()


def traced(f: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Call ``f`` such that what it computes can be differentiated by anything: nothing compiled runs."""
    token = _tracing.set(True)
    try:
        return f(*args, **kwargs)
    finally:
        _tracing.reset(token)


def _require_function(who: str, f: Any) -> None:
    if not callable(f):
        raise TypeError(
            f"{who}: expected a function, got {f!r:.80}; write {who}(f)(x), not {who}(f(x))"
        )


def _same_length(who: str, x: Any, y: Any) -> None:
    if not (hasattr(x, "__len__") and hasattr(y, "__len__")):
        raise TypeError(
            f"{who} must be lists or tuples with one entry per argument of f, got "
            f"{type(x).__name__} and {type(y).__name__}; put a single one in a list"
        )
    if len(x) != len(y):
        raise ValueError(
            f"{who} must be of the same length, one entry per argument, got {len(x)} and {len(y)}"
        )


def _matched(shape: Shape, tree: Any, who: str) -> list[Any]:
    """The numbers of ``tree`` in the order of ``shape``."""
    try:
        return shape.take(tree)
    except ValueError as error:
        raise ValueError(f"{who}: {error}") from None


def positions(argnums: int | tuple[int, ...], count: int, name: str) -> list[int]:
    """``argnums`` as non-negative positions."""
    wanted = [index(i) for i in (argnums if isinstance(argnums, (tuple, list)) else (argnums,))]
    for i in wanted:
        if not -count <= i < count:
            raise ValueError(
                f"argnums={argnums!r}: {name} was called with {count} positional "
                f"arguments; count them from 0, and pass by position what is differentiated"
            )
    positions = [i % count for i in wanted]
    if len(set(positions)) < len(positions):
        raise ValueError(f"argnums={argnums!r} names an argument of {name} twice; give each once")
    return positions


def _variable(x: Any, who: str) -> Value:
    """A Value for this trace alone: a leaf for a number, a node of its own for a Value."""
    if hasattr(x, "_record"):  # or what stands for a number, while a function is traced
        return OPS["identity"].on(operand(x, who))  # type: ignore[no-any-return]
    return Value(number(x, who))


def _number_or_value(x: Any, who: str) -> Any:
    return x if x.__class__ is Value else number(x, who)


def _below(
    outputs: Iterable[Any], since: int, variables: Iterable[Value]
) -> tuple[list[Value], bool]:
    """The nodes made since then, oldest first; and whether they use Values older than that."""
    outer = False
    nodes: list[Value] = []
    seen = set(variables)
    pending = [y for y in outputs if y.__class__ is Value]
    for x in pending:  # the list grows as it is read
        if x in seen:
            continue
        seen.add(x)
        if abs(x._order) <= since or (x.op is None and x._order < 0):
            outer = True  # of an assigned leaf one cannot tell how old it is
        elif x.op is not None:
            nodes.append(x)
            pending += [v for v in x.inputs if v.__class__ is Value]
    nodes.sort(key=lambda node: abs(node._order))
    return nodes, outer


def _steps(made: Iterable[Value], variables: Iterable[Value]) -> list[Step]:
    """What a sweep goes through: of the nodes made, those that the variables reach, newest first."""
    steps: list[Step] = []
    live = set(variables)
    for node in made:
        inputs = node.inputs
        wanted = [x.__class__ is Value and x in live for x in inputs]
        if True in wanted:
            live.add(node)
            steps.append((node, inputs, wanted))
    return steps[::-1]


def _accumulate(into: dict[Any, Any], x: Any, contribution: Any) -> None:
    into[x] = into[x] + contribution if x in into else contribution


def _products(step: Step, factors: list[Any], graph: bool) -> list[Any]:
    """A factor times each local derivative; None for the inputs that no variable changes."""
    node, inputs, wanted = step
    op: Any = node.op
    if graph:
        local = _graph_partials(node, inputs, wanted)
    else:
        x = [v._data if v.__class__ is Value else v for v in inputs]
        local = partials(op, node._data, x, wanted)
    return [None if p is None else _product(a, p, op.selects) for a, p in zip(factors, local)]


def _graph_partials(node: Value, inputs: Sequence[Any], wanted: Sequence[bool]) -> list[Any]:
    """The local derivatives as Values: the same rule, run on the node and its inputs themselves."""
    op: Any = node.op
    x = [v if v.__class__ is Value else Ieee(v) for v in inputs]
    return [
        p if p is None or p.__class__ is Value else number(p, f"a partial of op {op.name!r}")
        for p in chosen(op, op.partials(GRAPH, node, *x), wanted)
    ]


def _product(a: Any, p: Any, selects: bool) -> Any:
    """An adjoint or tangent times a partial; recorded only where it must be."""
    plain_a, plain_p = a.__class__ is not Value, p.__class__ is not Value
    if (plain_a and a == 0.0) or (selects and plain_p and p == 0.0):
        return 0.0
    if plain_a and a == 1.0:
        return p
    if plain_p and p == 1.0:
        return a
    if a == 0.0 and not _is_finite(p):
        return OPS["strong_product"].on(a, p)
    if selects and p == 0.0 and not _is_finite(a):
        return OPS["strong_product"].on(p, a)
    return a * p


def _is_finite(x: Any) -> bool:
    data = x.data if x.__class__ is Value else x  # while a function is traced, a Value as well
    return bool(-math.inf < data < math.inf)
