"""`Value`: a number that remembers how it was made, and `backward()`, the chain rule over that memory.

Operators and ops on Values build the graph; a reverse sweep visits it newest first and hands every
node's adjoint, times the local derivatives of its op, on to the node's inputs. This file mutates:
it is the one that writes `.grad`.

    node    a Value; a leaf if nothing made it     order    when it was made: a sequence number
    a, b    the inputs of a node. One or two inputs sit there as they are, more as a tuple in `a`;
            a plain float among them is a constant
    fresh   a zero made for one sweep: `grad is fresh` says "visited, nothing has arrived yet"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from operator import attrgetter
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn, final

from . import modes
from .ops import (
    FLOATS,
    NUMPY_NAMES,
    OPS,
    TABLE,
    Op,
    SequenceOp,
    _Undeclared,
    as_real,
    evaluate,
    number,
    partials,
)

ADD, SUB, MUL, DIV, POW, NEG = (OPS[name] for name in ("add", "sub", "mul", "div", "pow", "neg"))

UNSET = float("0")  # the grad of a Value that no backward pass has reached: known by identity

_tick = count(1).__next__
_new = object.__new__
_sweeping = RLock()  # sweeps write .grad: one at a time, whatever the thread


class ParameterPath(str):
    """The label of a Module's parameter: where it sits, ``layers.0.neurons.3.w1``."""

    __slots__ = ()


@final
class Value:
    """One scalar of a computation.

    Args:
        data: a real number, Python's or NumPy's; kept as a float.
        label: a name for pictures and messages.

    Attributes:
        data: the number. Assigning it (``p.data -= lr * p.grad``) is for leaves; what was computed
            from the old number can no longer be differentiated, and says so.
        grad: d output / d this, after ``output.backward()``. Leaves add up over backward passes;
            what was computed has the gradient of the last one.
        label: assignable.
        op: the Op that made it, None for a leaf.
        inputs: what it was made from: Values, and plain floats for constants.

    Raises:
        TypeError: if ``data`` is not a real number.

    >>> a, b = Value(-4.0, label="a"), Value(2.0, label="b")
    >>> c = a * b + b**3
    >>> c.backward()
    >>> c, a.grad, b.grad
    (Value(data=0.0, grad=1.0), 2.0, 8.0)
    """

    __slots__ = ("_data", "grad", "label", "op", "_a", "_b", "_order", "__weakref__")

    _data: float
    grad: float
    label: str
    op: Op | None
    _a: Any
    _b: Any
    _order: int

    def __init__(self, data: Any, *, label: str = "") -> None:
        self._data = number(data, "Value")
        self.grad = UNSET
        self.label = label
        self.op = self._a = self._b = None
        self._order = _tick()

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError(
            "Value: cannot be subclassed; declare ops with @autograd.op, and keep what belongs to "
            "a Value in an object that holds it"
        )

    @property
    def data(self) -> float:
        return self._data

    @data.setter
    def data(self, data: Any) -> None:
        self._data = number(data, f"data of {_name(self)}")
        # A leaf becomes younger than what was computed from it, and sweeps notice that.
        # The number of a computed node belongs to its op: a negative order marks it as overwritten.
        self._order = _tick() if self.op is None else -abs(self._order)

    @property
    def inputs(self) -> tuple[Value | float, ...]:
        if self.op is None:
            return ()
        if self._a.__class__ is tuple:
            return self._a
        return (self._a,) if self._b is None else (self._a, self._b)

    @property
    def has_grad(self) -> bool:
        """Whether a backward pass has reached this Value, or its grad was assigned."""
        return self.grad is not UNSET

    # ---- backward ----

    def backward(self, seed: float = 1.0) -> None:
        """Set the grad of everything this Value was made from: backpropagation.

        A leaf's grad grows by d self / d leaf, times ``seed``; a computed Value's is set anew.
        If it raises, no leaf is changed, and the computed Values it reached show no gradient.

        Args:
            seed: the adjoint to start from.

        Raises:
            RuntimeError: if the data of a Value was assigned after it was used.

        >>> x = Value(3.0)
        >>> (x * x).backward(); (x * x).backward(); x.grad
        12.0
        """
        seed = number(seed, "backward: seed")
        with _sweeping:
            totals = _sweep(self, seed)
            for leaf, total in totals.items():
                leaf.grad = total if leaf.grad is None else leaf.grad + total

    def zero_grad(self) -> None:
        """Forget the gradients of this Value and of all it was made from.

        >>> x = Value(3.0); y = x * x; y.backward(); y.zero_grad(); x.grad
        0.0
        """
        for node in graph(self):
            node.grad = UNSET

    def detach(self) -> Value:
        """Return a leaf with this number: no gradient flows through it.

        >>> x = Value(3.0); y = x * x.detach(); y.backward(); x.grad
        3.0
        """
        return Value(self._data, label=self.label)

    # ---- micrograd's names ----

    @property
    def _prev(self) -> tuple[Value, ...]:
        """The inputs as Values, constants included."""
        return tuple(x if x.__class__ is Value else Value(x) for x in self.inputs)

    @property
    def _op(self) -> str:
        if self.op is None:
            return ""
        if self.op is POW and self._b.__class__ is float:
            return f"**{self._b:g}"
        return self.op.symbol.replace("×", "*").replace("−", "-")

    def _backward(self) -> None:
        """Do this one node's step: add grad times the local derivatives to the grads of its inputs."""
        for x, p in zip(reversed(self.inputs), reversed(local_partials(self))):
            if p is not None:
                x.grad += p * self.grad  # type: ignore[union-attr]

    # ---- operators; the hot ones take a fast path ----

    def __add__(self, other: Any) -> Value:
        if (
            other.__class__ is Value
        ):  # _node written out: one call less in the two hottest lines of all
            y: Value = _new(Value)
            y._data = self._data + other._data
            y.grad = UNSET
            y.label = ""
            y.op = ADD
            y._a = self
            y._b = other
            y._order = _tick()
            if modes.watching:
                modes.watch(y)
            return y
        if other.__class__ is float:
            return _node(self._data + other, ADD, self, other)
        return _operator(ADD, self, other)

    def __radd__(self, other: Any) -> Value:
        return _operator(ADD, other, self)

    def __sub__(self, other: Any) -> Value:
        if other.__class__ is Value:
            return _node(self._data - other._data, SUB, self, other)
        if other.__class__ is float:
            return _node(self._data - other, SUB, self, other)
        return _operator(SUB, self, other)

    def __rsub__(self, other: Any) -> Value:
        return _operator(SUB, other, self)

    def __mul__(self, other: Any) -> Value:
        if other.__class__ is Value:  # likewise
            y: Value = _new(Value)
            y._data = self._data * other._data
            y.grad = UNSET
            y.label = ""
            y.op = MUL
            y._a = self
            y._b = other
            y._order = _tick()
            if modes.watching:
                modes.watch(y)
            return y
        if other.__class__ is float:
            return _node(self._data * other, MUL, self, other)
        return _operator(MUL, self, other)

    def __rmul__(self, other: Any) -> Value:
        if other.__class__ is float:
            return _node(other * self._data, MUL, other, self)
        return _operator(MUL, other, self)

    def __truediv__(self, other: Any) -> Value:
        return _operator(DIV, self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return _operator(DIV, other, self)

    def __pow__(self, other: Any, modulo: None = None) -> Value:
        return _operator(POW, self, other)

    def __rpow__(self, other: Any, modulo: None = None) -> Value:
        return _operator(POW, other, self)

    def __floordiv__(self, other: Any) -> Value:
        return _operator(OPS["floordiv"], self, other)

    def __rfloordiv__(self, other: Any) -> Value:
        return _operator(OPS["floordiv"], other, self)

    def __mod__(self, other: Any) -> Value:
        return _operator(OPS["mod"], self, other)

    def __rmod__(self, other: Any) -> Value:
        return _operator(OPS["mod"], other, self)

    def __divmod__(self, other: Any) -> tuple[Value, Value]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Value, Value]:
        return other // self, other % self

    def __neg__(self) -> Value:
        return _node(-self._data, NEG, self, None)

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value:
        return _apply(OPS["abs"], (self,))

    def __floor__(self) -> Value:
        return _apply(OPS["floor"], (self,))

    def __ceil__(self) -> Value:
        return _apply(OPS["ceil"], (self,))

    def __trunc__(self) -> Value:
        return _apply(OPS["trunc"], (self,))

    def __round__(self, digits: int | None = None) -> Value:
        """Round to an integer, or to ``digits`` decimals as NumPy does: round(x * 10**n) / 10**n."""
        if digits is None:
            return _apply(OPS["round"], (self,))
        scale = 10.0 ** abs(digits)
        if digits < 0:
            return _apply(OPS["round"], (self / scale,)) * scale
        return _apply(OPS["round"], (self * scale,)) / scale

    # ---- comparisons: by value; hashing: by identity ----

    def __eq__(self, other: object) -> bool:
        data = _comparable(other)
        return NotImplemented if data is None else self._data == data

    def __ne__(self, other: object) -> bool:
        data = _comparable(other)
        return NotImplemented if data is None else self._data != data

    def __lt__(self, other: Any) -> bool:
        data = _comparable(other)
        return NotImplemented if data is None else self._data < data

    def __le__(self, other: Any) -> bool:
        data = _comparable(other)
        return NotImplemented if data is None else self._data <= data

    def __gt__(self, other: Any) -> bool:
        data = _comparable(other)
        return NotImplemented if data is None else self._data > data

    def __ge__(self, other: Any) -> bool:
        data = _comparable(other)
        return NotImplemented if data is None else self._data >= data

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        return self._data != 0.0

    # ---- what would lose the graph in silence ----

    def __float__(self) -> NoReturn:
        raise TypeError(
            "float(Value): this would drop its graph, and its gradient with it; use autograd's "
            "functions (autograd.exp(v) or v.exp(), not math.exp(v)), or v.data for the number"
        )

    __int__ = __index__ = __complex__ = __float__

    # ---- display, copies ----

    def __repr__(self) -> str:
        label = f", label={str(self.label)!r}" if self.label else ""
        return f"Value(data={self._data}, grad={self.grad}{label})"

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from .drawing import mimebundle

        return mimebundle(self)

    def __copy__(self) -> Value:
        from .copying import copy_one

        return copy_one(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        from .copying import deepcopy_graph

        return deepcopy_graph(self, memo)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        from .copying import reduce_one

        return reduce_one(self)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        from .copying import restore

        restore(self, state)

    # ---- for modes.py and ops.py ----

    def _forget_inputs(self) -> None:
        self.op = self._a = self._b = None

    @staticmethod
    def _record(op: Op, x: tuple[Any, ...]) -> Value:
        return _apply(op, x)

    if TYPE_CHECKING:  # every op is a method, under its own and NumPy's name: see _install_methods

        def __getattr__(self, name: str) -> Callable[..., Value]: ...


# ---- making nodes ----


def _node(data: float, op: Op, a: Any, b: Any) -> Value:
    y: Value = _new(Value)
    y._data = data
    y.grad = UNSET
    y.label = ""
    y.op = op
    y._a = a
    y._b = b
    y._order = _tick()
    if modes.watching:
        modes.watch(y)
    return y


def _apply(op: Op, x: tuple[Any, ...]) -> Value:
    """Run an op and record it. ``x``: Values and numbers, at least one Value."""
    if op.partials.__class__ is _Undeclared:
        raise NotImplementedError(op.partials.advice())
    x = tuple(v if v.__class__ is Value else number(v, op.name) for v in op.complete(x))
    y = evaluate(op, [v._data if v.__class__ is Value else v for v in x])
    if len(x) == 1:
        return _node(y, op, x[0], None)
    if len(x) == 2:
        return _node(y, op, x[0], x[1])
    return _node(y, op, x, None)


def _operator(op: Op, a: Any, b: Any) -> Value:
    """An operator between a Value and whatever: Python's protocol, NotImplemented included."""
    x = _comparable(a)
    y = _comparable(b)
    if x is None or y is None:
        return NotImplemented  # type: ignore[no-any-return]
    return _node(
        evaluate(op, (x, y)), op, a if a.__class__ is Value else x, b if b.__class__ is Value else y
    )


def _comparable(x: Any) -> float | None:
    """The number of a Value or of a number; None for anything else."""
    if x.__class__ is Value:
        return x._data
    if x.__class__ is float:
        return x
    return as_real(x)


def _method(op: Op) -> Callable[..., Value]:
    if op.defaults or op.defaults is None or op.least != 1:
        return lambda self, *x: _apply(op, (self, *x))
    forward = op.forward

    def method(self: Value) -> Value:
        x = self._data
        try:
            y = forward(FLOATS, x)
        except (ArithmeticError, ValueError):
            y = None
        return _node(y if y.__class__ is float else evaluate(op, (x,)), op, self, None)

    return method


def _install_methods(table: Iterable[Op]) -> None:
    for row in table:
        if not isinstance(row, SequenceOp):
            for name in filter(None, (row.name, NUMPY_NAMES.get(row.name))):
                method = _method(row)
                method.__name__, method.__doc__ = name, row.__doc__
                setattr(Value, name, method)


_install_methods(TABLE)


# ---- walking the graph ----


def graph(*outputs: Value) -> list[Value]:
    """Return every Value that the outputs were made from, and the outputs: leaves, then oldest first.

    >>> x = Value(2.0, label="x"); y = x * x
    >>> [v.label or v.op.name for v in graph(y + 1)]
    ['x', 'mul', 'add']
    """
    seen = dict.fromkeys(outputs)
    nodes = list(seen)
    for node in nodes:  # not recursive, and the list grows as it is read
        for x in node.inputs:
            if x.__class__ is Value and x not in seen:
                seen[x] = None
                nodes.append(x)
    return sorted(nodes, key=lambda node: (node.op is not None, abs(node._order)))


def local_partials(node: Value) -> list[float | None]:
    """Return d node / d input for every input of a computed Value, None for constants.

    >>> x = Value(3.0)
    >>> local_partials(x * 2.0), local_partials(x)
    ([2.0, None], [])
    """
    op, x = node.op, node.inputs
    if op is None:
        return []
    if len(x) == 1:
        try:
            (p,) = op.partials(FLOATS, node._data, node._a._data)
        except (ArithmeticError, ValueError):
            p = None
        if p.__class__ is float:  # the common case, done quickly
            return [p]
    return partials(
        op,
        node._data,
        [v._data if v.__class__ is Value else v for v in x],  # type: ignore[misc]
        [v.__class__ is Value for v in x],
    )


def _sweep(output: Value, seed: float) -> dict[Value, float]:
    """Reverse sweep: set the grad of computed nodes, return what arrived at the leaves."""
    if output.op is None:
        return {output: seed}
    fresh = float("0")
    nodes: list[Value] = []
    try:
        _visit(output, nodes, fresh)
        output.grad = seed
        return _pull(nodes, fresh)
    except BaseException:
        for node in nodes:
            node.grad = UNSET
        raise


def _visit(output: Value, nodes: list[Value], fresh: float) -> None:
    """Fill ``nodes`` with the computed nodes below ``output``, newest first, their grads fresh."""
    # Depth first, last inputs first: nearly the order wanted already, which makes sorting cheap.
    output.grad = fresh
    stack = [output]
    pop, push, add = stack.pop, stack.append, nodes.append
    while True:  # CPython 3.11 warms up at once in this form of a loop, not in `while stack`
        node = pop()
        add(node)
        a, b = node._a, node._b
        if a.__class__ is tuple:
            for x in a:
                if x.__class__ is Value:
                    if x.op is None:
                        if x._order > node._order:
                            raise _stale(x, node)
                    elif x.grad is not fresh:
                        x.grad = fresh
                        push(x)
        # The same, unrolled for one or two inputs: a loop over them takes half as long again.
        elif a.__class__ is Value:
            if a.op is None:
                if a._order > node._order:
                    raise _stale(a, node)
            elif a.grad is not fresh:
                a.grad = fresh
                push(a)
        if b.__class__ is Value:
            if b.op is None:
                if b._order > node._order:
                    raise _stale(b, node)
            elif b.grad is not fresh:
                b.grad = fresh
                push(b)
        if not stack:
            break
    nodes.sort(key=attrgetter("_order"), reverse=True)
    if nodes[-1]._order < 0:  # the data of a computed node was assigned
        raise _stale(nodes[-1], nodes[-1])


def _pull(nodes: list[Value], fresh: float) -> dict[Value, float]:
    """Hand every node's adjoint on to its inputs, the second before the first.

    The first contribution is stored, later ones are added. An adjoint of zero hands on nothing.
    """
    totals: dict[Value, float] = {}
    detector = modes.anomaly_detector()
    add, sub, mul = (ADD, SUB, MUL) if detector is None else (None, None, None)
    for node in nodes:
        g = node.grad
        if g == 0.0:
            continue
        op, a, b = node.op, node._a, node._b
        # What the table says of + - ×, spelled out: these are most of any graph.
        if op is add:
            to_a = to_b = g
        elif op is mul:
            to_a = g * (b._data if b.__class__ is Value else b)
            to_b = g * (a._data if a.__class__ is Value else a)
        elif op is sub:
            to_a, to_b = g, -g
        else:
            contributions = _contributions(node, g)
            if detector is not None:
                detector.check_backward(node, contributions)
            for x, c in zip(reversed(node.inputs), reversed(contributions)):
                if c is not None:
                    _add(x, c, fresh, totals)
            continue
        if b.__class__ is Value:
            if b.op is None:
                totals[b] = totals[b] + to_b if b in totals else to_b
            else:
                b.grad = to_b if b.grad is fresh else b.grad + to_b
        if a.__class__ is Value:
            if a.op is None:
                totals[a] = totals[a] + to_a if a in totals else to_a
            else:
                a.grad = to_a if a.grad is fresh else a.grad + to_a
    return totals


def _add(x: Any, contribution: float, fresh: float, totals: dict[Value, float]) -> None:
    if x.op is None:
        totals[x] = totals[x] + contribution if x in totals else contribution
    else:
        x.grad = contribution if x.grad is fresh else x.grad + contribution


def _contributions(node: Value, g: float) -> list[float | None]:
    """The adjoint times each local derivative. What a selection did not choose gets a plain zero."""
    selects = node.op is not None and node.op.selects
    return [
        None if p is None else 0.0 if selects and p == 0.0 else p * g for p in local_partials(node)
    ]


def _name(node: Value) -> str:
    return repr(str(node.label)) if node.label else repr(node)


def _stale(x: Value, user: Any) -> RuntimeError:
    """The error for an input ``x`` that seems younger than its ``user``."""
    name = user.op.name
    if user._order < 0:
        return RuntimeError(
            f"backward: the data of {_name(user)} was assigned after {name} had computed it, so the "
            f"gradient would mix old and new; assign to a leaf, or to a copy made by .detach()"
        )
    return RuntimeError(
        f"backward: the data of {_name(x)} was assigned after {name} had used it, so the "
        f"gradient would mix old and new; compute the output again from the new data first"
    )
