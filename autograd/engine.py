"""`Value`: a number that remembers how it was made, and `backward()`, the chain rule over that memory.

Operators and ops on Values build the graph; a reverse sweep visits it newest first and hands every
node's adjoint, times the local derivatives of its op, on to the node's inputs. This file mutates:
it is the one that writes `.grad`.

    node    a Value; a leaf if nothing made it     order    when it was made: a sequence number
    a, b    the inputs of a node. One or two inputs sit there as they are, more as a tuple in `a`;
            a plain float among them is a constant
    fresh   a zero made for one sweep: `grad is fresh` says "reached, nothing has arrived yet"
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from itertools import count
from operator import attrgetter, index
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn, final

from . import modes
from .modes import watching
from .ops import (
    BUILT_IN,
    DECLARED,
    FLOATS,
    GRAPH,
    NUMPY_NAMES,
    OPS,
    RAISED,
    TABLE,
    Op,
    SequenceOp,
    as_real,
    evaluate,
    number,
    operand,
    partials,
)

ADD, SUB, MUL, DIV, POW, NEG = (OPS[name] for name in ("add", "sub", "mul", "div", "pow", "neg"))

UNSET = float("0")  # the grad of a Value that no backward pass has reached: known by identity

UNRECORDED = "no_grad"  # in the place of an input: computed, but not recorded

ticks = count(1)
_new = object.__new__
sweeping = RLock()  # sweeps write .grad: one at a time, whatever the thread


def _renew_lock() -> None:
    global sweeping
    sweeping = RLock()


if hasattr(os, "register_at_fork"):  # the thread that holds the lock does not live on in a child
    os.register_at_fork(after_in_child=_renew_lock)


class ParameterPath(str):
    """The label of a Module's parameter: where it sits. Pictures know parameters by it.

    >>> Value(0.0, label=ParameterPath("layers.0.neurons.3.w1")).label
    'layers.0.neurons.3.w1'
    """

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

    __slots__ = ("_data", "_grad", "label", "op", "_a", "_b", "_order", "__weakref__")

    _data: float
    _grad: float
    label: str
    op: Op | None
    _a: Any
    _b: Any
    _order: int

    def __init__(self, data: Any, *more: Any, label: str = "") -> None:
        if more or not isinstance(label, str):
            raise TypeError(
                f"Value: expected a number and label='text', got {(*more, label)!r:.80}; "
                "to make an op by hand, declare it with @autograd.op"
            )
        self._data = number(data, "Value")
        self._grad = UNSET
        self.label = label
        self.op = self._a = self._b = None
        self._order = next(ticks)

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError(
            "Value: cannot be subclassed; declare ops with @autograd.op, and keep what belongs to "
            "a Value in an object that holds it"
        )

    @property
    def data(self) -> float:
        """The number; assigning it is for leaves, as in ``p.data -= lr * p.grad``."""
        return modes.detached(self) if watching else self._data

    @data.setter
    def data(self, data: Any) -> None:
        if watching:
            modes.refuse_while_tracing("assigns .data", "do so outside, or compute a new Value")
        self._data = number(data, f"data of {_name(self)}")
        # A negative order says that the data was assigned. A leaf becomes younger than what was
        # computed from it, and sweeps notice that; the number of a computed node belongs to its op.
        self._order = -next(ticks) if self.op is None else -abs(self._order)

    @property
    def inputs(self) -> tuple[Value | float, ...]:
        """What it was made from: Values, and plain floats for constants; () for a leaf."""
        if self.op is None:
            return ()
        if self._a.__class__ is tuple:
            return self._a
        return (self._a,) if self._b is None else (self._a, self._b)

    @property
    def grad(self) -> float:
        """d output / d this, after ``output.backward()``; assignable."""
        if watching:
            modes.refuse_while_tracing("reads .grad", "pass it as an argument")
        return self._grad

    @grad.setter
    def grad(self, grad: Any) -> None:
        if watching:
            modes.refuse_while_tracing("assigns .grad", "do so outside")
        self._grad = grad

    @property
    def has_grad(self) -> bool:
        """Whether a backward pass has reached this Value, or its grad was assigned."""
        if watching:
            modes.refuse_while_tracing("reads .has_grad", "pass it as an argument")
        return self._grad is not UNSET and self._grad is not None

    # ---- backward ----

    def backward(self, seed: float = 1.0) -> None:
        """Set the grad of everything this Value was made from: backpropagation.

        A leaf's grad grows by d self / d leaf, times ``seed``; a computed Value's is set anew.
        The leaves change all or none; if the sweep raises, none do, and the computed Values it
        reached show no gradient.

        Args:
            seed: the adjoint to start from.

        Raises:
            RuntimeError: if the data of a Value was assigned after it was used, or this one was
                computed inside `no_grad`.

        Threads: sweeps take turns. Read, clear and use the grads of shared leaves when the threads
        have finished; while one sweeps, they are unfinished sums.

        >>> x = Value(3.0)
        >>> (x * x).backward(); (x * x).backward(); x.grad
        12.0
        """
        if watching:
            modes.refuse_while_tracing("calls backward()", "use grad of the compiled function")
        if self.op is None and self._a is not None:
            raise RuntimeError(
                f"backward: {_name(self)} was computed inside no_grad, so nothing is known of what "
                "it was made from; compute it outside"
            )
        seed = number(seed, "backward: seed")
        with sweeping:
            _sweep(self, seed)

    def zero_grad(self) -> None:
        """Forget the gradients of this Value and of all it was made from.

        >>> x = Value(3.0); y = x * x; y.backward(); y.zero_grad(); x.grad
        0.0
        """
        if watching:
            modes.refuse_while_tracing("calls zero_grad()", "do so outside")
        for node in graph(self) if self.op is not None else (self,):
            node._grad = UNSET

    def detach(self) -> Value:
        """Return a leaf with this number: no gradient flows through it.

        >>> x = Value(3.0); y = x * x.detach(); y.backward(); x.grad
        3.0
        """
        label = str(self.label)
        if watching and modes.is_tracing():
            return modes.detached(self, label)  # type: ignore[no-any-return]
        return Value(self._data, label=label)

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
        if self._grad != 0.0:  # zero hands on nothing, as in a sweep
            for x, c in zip(reversed(self.inputs), reversed(contributions(self, self._grad))):
                if c is not None:
                    x._grad += c  # type: ignore[union-attr]

    # ---- operators; the hot ones take a fast path ----

    def __add__(self, other: Any) -> Value:
        if other.__class__ is Value:
            # make_node written out: one call less in the two hottest lines of all.
            y: Value = _new(Value)
            y._data = self._data + other._data
            y._grad = UNSET
            y.label = ""
            y.op = ADD
            y._a = self
            y._b = other
            y._order = next(ticks)
            if watching:
                modes.watch(y)
            return y
        if type(other) is float:
            return make_node(self._data + other, ADD, self, other)
        return _operator(ADD, self, other)

    def __radd__(self, other: Any) -> Value:
        return _operator(ADD, other, self)

    def __sub__(self, other: Any) -> Value:
        if other.__class__ is Value:
            return make_node(self._data - other._data, SUB, self, other)
        if type(other) is float:
            return make_node(self._data - other, SUB, self, other)
        return _operator(SUB, self, other)

    def __rsub__(self, other: Any) -> Value:
        return _operator(SUB, other, self)

    def __mul__(self, other: Any) -> Value:
        if other.__class__ is Value:
            # make_node written out, as in __add__.
            y: Value = _new(Value)
            y._data = self._data * other._data
            y._grad = UNSET
            y.label = ""
            y.op = MUL
            y._a = self
            y._b = other
            y._order = next(ticks)
            if watching:
                modes.watch(y)
            return y
        if type(other) is float:
            return make_node(self._data * other, MUL, self, other)
        return _operator(MUL, self, other)

    def __rmul__(self, other: Any) -> Value:
        if type(other) is float:
            return make_node(other * self._data, MUL, other, self)
        return _operator(MUL, other, self)

    def __truediv__(self, other: Any) -> Value:
        return _operator(DIV, self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return _operator(DIV, other, self)

    def __pow__(self, other: Any) -> Value:
        return _operator(POW, self, other)

    def __rpow__(self, other: Any) -> Value:
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
        return make_node(-self._data, NEG, self, None)

    def __pos__(self) -> Value:
        return self

    def conjugate(self) -> Value:
        """Return this Value, as every real number is its own conjugate; NumPy's ``var`` asks."""
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
        """Round to an integer, or to ``digits`` decimals as NumPy does: round(x * 10**n) / 10**n.

        More than 290 decimals count as 290.
        """
        if digits is None:
            return _apply(OPS["round"], (self,))
        scale = 10.0 ** min(abs(index(digits)), 290)
        if digits < 0:
            return _apply(OPS["round"], (self / scale,)) * scale
        if abs(self.data * scale) == math.inf:  # so large that it has no decimals
            return _apply(OPS["round"], (self,))
        return _apply(OPS["round"], (self * scale,)) / scale

    # ---- comparisons: by value; hashing: by identity ----

    def __eq__(self, other: object) -> bool:
        data = _comparable(other)
        if data is None:
            return NotImplemented
        taken = self._data == data
        return modes.chosen(self, "==", other, taken) if watching else taken

    def __ne__(self, other: object) -> bool:
        data = _comparable(other)
        if data is None:
            return NotImplemented
        taken = self._data != data
        return modes.chosen(self, "!=", other, taken) if watching else taken

    def __lt__(self, other: Any) -> bool:
        data = _comparable(other)
        if data is None:
            return NotImplemented
        taken = self._data < data
        return modes.chosen(self, "<", other, taken) if watching else taken

    def __le__(self, other: Any) -> bool:
        data = _comparable(other)
        if data is None:
            return NotImplemented
        taken = self._data <= data
        return modes.chosen(self, "<=", other, taken) if watching else taken

    def __gt__(self, other: Any) -> bool:
        data = _comparable(other)
        if data is None:
            return NotImplemented
        taken = self._data > data
        return modes.chosen(self, ">", other, taken) if watching else taken

    def __ge__(self, other: Any) -> bool:
        data = _comparable(other)
        if data is None:
            return NotImplemented
        taken = self._data >= data
        return modes.chosen(self, ">=", other, taken) if watching else taken

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        taken = self._data != 0.0
        return bool(modes.chosen(self, "!=", 0.0, taken)) if watching else taken

    # ---- what would lose the graph in silence ----

    def __float__(self) -> NoReturn:
        raise TypeError(
            "expected a plain number, got a Value: this would drop its graph, and its gradient with "
            "it; use autograd's functions (autograd.exp(v) or v.exp(), not math.exp(v)), or v.data "
            "for the number"
        )

    __int__ = __index__ = __complex__ = __float__

    # ---- display, copies ----

    def __repr__(self) -> str:
        if watching:
            modes.told(self)
        label = f", label={str(self.label)!r}" if self.label else ""
        return f"Value(data={self._data}, grad={self._grad}{label})"

    def __format__(self, spec: str) -> str:
        if watching:
            modes.told(self)
        return format(self._data, spec) if spec else repr(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from .drawing import mimebundle

        return mimebundle(self)

    def __copy__(self) -> Value:
        from .copying import copy_one

        _refuse_copy()
        return copy_one(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        from .copying import deepcopy_graph

        _refuse_copy()
        return deepcopy_graph(self, memo)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        from .copying import reduce_one

        _refuse_copy()
        return reduce_one(self)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        from .copying import restore

        restore(self, state)

    # ---- for modes.py and ops.py ----

    def _forget_inputs(self) -> None:
        self.op, self._a, self._b = None, UNRECORDED, None

    @staticmethod
    def _record(op: Op, x: tuple[Any, ...]) -> Value:
        return _apply(op, x)

    if TYPE_CHECKING:  # every op is a method: see _install_method

        def __getattr__(self, name: str) -> Callable[..., Value]: ...


def _refuse_copy() -> None:
    if watching:
        modes.refuse_while_tracing("copies Values", "use .detach(), or copy outside")


# ---- making nodes ----


def make_node(data: float, op: Op, a: Any, b: Any) -> Value:
    y: Value = _new(Value)
    y._data = data
    y._grad = UNSET
    y.label = ""
    y.op = op
    y._a = a
    y._b = b
    y._order = next(ticks)
    if watching:
        modes.watch(y)
    return y


def _apply(op: Op, x: tuple[Any, ...]) -> Value:
    """Run an op and record it. ``x``: Values and numbers, at least one Value."""
    if op.rule is None:
        op.partials()  # raises, and says what to write
    if op.is_unary and len(x) == 1:
        return _unary(op, x[0])
    if op.is_chain and watching and modes.is_tracing():
        return op.forward(GRAPH, *(operand(v, op.name) for v in x))  # type: ignore[no-any-return]
    x = tuple(v if v.__class__ is Value else operand(v, op.name) for v in op.complete(x))
    y = evaluate(op, [v._data if v.__class__ is Value else v for v in x])
    if len(x) == 1:
        return make_node(y, op, x[0], None)
    if len(x) == 2:
        return make_node(y, op, x[0], x[1])
    return make_node(y, op, x, None)


def _operator(op: Op, a: Any, b: Any) -> Value:
    """An operator between a Value and whatever: Python's protocol, NotImplemented included."""
    x = _number(a)
    y = _number(b)
    if x is None or y is None:
        return NotImplemented  # type: ignore[no-any-return]
    return make_node(
        evaluate(op, (x, y)), op, a if a.__class__ is Value else x, b if b.__class__ is Value else y
    )


def _comparable(x: Any) -> float | None:
    """What a float is compared with: an int as it is, for that is exact, however large."""
    return x if type(x) is int else _number(x)


def _number(x: Any) -> float | None:
    """The number of a Value or of a number; None for anything else."""
    if x.__class__ is Value:
        return x._data
    return x if type(x) is float else as_real(x)


def _unary(op: Op, v: Value) -> Value:
    """`_apply` for one input, quickly."""
    x = v._data
    try:
        y = op.forward(FLOATS, x)
    except RAISED:
        y = None
    return make_node(y if y.__class__ is float else evaluate(op, (x,)), op, v, None)


def _install_method(op: Op) -> None:
    """Make an op a method, under its own and NumPy's name, unless Value uses that name otherwise."""
    for name in (op.name, NUMPY_NAMES.get(op.name, op.name)):
        if not isinstance(op, SequenceOp) and not hasattr(Value, name):
            setattr(Value, name, _method(op.name))


def _method(name: str) -> Callable[..., Value]:
    op = OPS[name]

    def unary(self: Value) -> Value:
        return _unary(op, self)

    def method(self: Value, *x: Any, **named: Any) -> Value:
        # Looked up each time, for one's own op may be declared anew.
        y: Value = OPS[name].on(self, *x, **named)
        return y

    function = unary if op.is_unary and name in BUILT_IN else method
    function.__name__, function.__qualname__ = name, f"Value.{name}"
    function.__doc__ = f"Apply the op {name} to this Value, and to further inputs if it takes any."
    return function


for _op in TABLE:
    _install_method(_op)
DECLARED.append(_install_method)


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
    return partials(
        op,
        node._data,
        [v._data if v.__class__ is Value else v for v in x],  # type: ignore[misc]
        [v.__class__ is Value for v in x],
    )


def _sweep(output: Value, seed: float) -> None:
    """Reverse sweep: set the grad of computed nodes, add what arrived at the leaves to theirs."""
    fresh = float("0")
    nodes: list[Value] = []
    leaves: list[tuple[Value, float]] = []  # each with the grad it had: the sweep needs the place
    try:
        _visit(output, nodes, leaves, fresh)
        output._grad = seed
        detector = modes.anomaly_detector()
        if detector is None:
            _pull(nodes, fresh)
        else:
            _pull_watched(nodes, leaves, fresh, detector)
        for leaf, before in leaves:
            if before is not None and before is not UNSET:
                leaf._grad = before + leaf._grad
    except BaseException:
        for leaf, before in leaves:
            leaf._grad = before
        for node in graph(output):
            if node.op is not None:
                node._grad = UNSET
        raise


def _visit(
    output: Value, nodes: list[Value], leaves: list[tuple[Value, float]], fresh: float
) -> None:
    """Fill ``nodes`` with the computed nodes below ``output``, newest first, and ``leaves``.

    The grads of all are fresh then.
    """
    if output.op is None:
        leaves.append((output, output._grad))
        return
    # Depth first, last inputs first: nearly the order wanted already, which makes sorting cheap.
    output._grad = fresh
    node = output
    stack: list[Value] = []
    pop, push, add = stack.pop, stack.append, nodes.append
    while True:  # CPython 3.11 warms up at once in this form of a loop, not in `while stack`
        add(node)
        a, b = node._a, node._b
        following = None  # the next node: most need not go through the stack
        # Unrolled for one or two inputs: a loop over them takes half as long again.
        if a.__class__ is Value:
            if a._grad is not fresh:
                if a.op is None:
                    leaves.append((a, a._grad))
                else:
                    following = a
                a._grad = fresh
        elif a.__class__ is tuple:
            for x in a:
                if x.__class__ is Value and x._grad is not fresh:
                    if x.op is None:
                        leaves.append((x, x._grad))
                    else:
                        push(x)
                    x._grad = fresh
        if b.__class__ is Value and b._grad is not fresh:
            if b.op is None:
                leaves.append((b, b._grad))
            else:
                if following is not None:
                    push(following)
                following = b
            b._grad = fresh
        if following is not None:
            node = following
        elif stack:
            node = pop()
        else:
            break
    nodes.sort(key=attrgetter("_order"), reverse=True)
    oldest = nodes[-1]._order
    if oldest < 0:  # the data of a computed node was assigned
        raise stale_error(nodes[-1], nodes[-1])
    # Leaves older than every node were not assigned since.
    if leaves and max([abs(leaf._order) for leaf, _ in leaves]) > oldest:
        refuse_stale(nodes)


def refuse_stale(nodes: Iterable[Value]) -> None:
    """Raise if data was assigned since: to a node itself, or to a leaf that a node was made from."""
    for node in nodes:
        for x in node.inputs:
            if x.__class__ is Value and x.op is None and abs(x._order) > node._order:
                raise stale_error(x, node)
        if node._order < 0:
            raise stale_error(node, node)


def _pull(nodes: list[Any], fresh: float) -> None:
    """Hand every node's adjoint on to its inputs, the second before the first.

    The first contribution is stored, later ones are added. An adjoint of zero hands on nothing.
    """
    for node in nodes:
        g = node._grad
        if g == 0.0:
            continue
        op, a, b = node.op, node._a, node._b
        # What the table says of + and ×, spelled out: these are most of any graph.
        if op is ADD:
            if b.__class__ is Value:
                b._grad = g if b._grad is fresh else b._grad + g
            if a.__class__ is Value:
                a._grad = g if a._grad is fresh else a._grad + g
        elif op is MUL:
            if a.__class__ is not Value:
                c = g * a
                b._grad = c if b._grad is fresh else b._grad + c
            elif b.__class__ is not Value:
                c = g * b
                a._grad = c if a._grad is fresh else a._grad + c
            else:
                c = g * a._data
                b._grad = c if b._grad is fresh else b._grad + c
                c = g * b._data
                a._grad = c if a._grad is fresh else a._grad + c
        elif b is None and a.__class__ is Value:
            p = _unary_partial(op, node._data, a._data)
            if p != 0.0 or not op.selects:  # nothing, not even inf, gets to what was not chosen
                c = p * g
                a._grad = c if a._grad is fresh else a._grad + c
        else:
            _hand_on(node, contributions(node, g), fresh)


def _pull_watched(
    nodes: list[Any], leaves: list[tuple[Value, float]], fresh: float, detector: Any
) -> None:
    """`_pull` for `detect_anomaly`: by the table alone, and looking at every number."""
    for node in nodes:
        if node._grad != 0.0:
            handed_on = contributions(node, node._grad)
            detector.check_backward(node, node._grad, handed_on)
            _hand_on(node, handed_on, fresh)
    for leaf, _ in leaves:
        detector.check_total(leaf, leaf._grad)


def _hand_on(node: Any, handed_on: list[float | None], fresh: float) -> None:
    for x, c in zip(reversed(node.inputs), reversed(handed_on)):
        if c is not None:
            x._grad = c if x._grad is fresh else x._grad + c


def _unary_partial(op: Op, y: float, x: float) -> Any:
    """The local derivative of an op of one input, quickly."""
    try:
        (p,) = op.partials(FLOATS, y, x)
    except RAISED:
        p = None
    return p if p.__class__ is float else partials(op, y, [x], [True])[0]


def contributions(node: Value, g: float) -> list[float | None]:
    """Return what a node with adjoint ``g`` hands on to each input, None for constants.

    That is ``g`` times the local derivative; a plain zero for what a selection did not choose.

    >>> x = Value(3.0); contributions(x * 2.0, 10.0)
    [20.0, None]
    """
    if node.op is not None and node.op.pull is not None:
        return node.op.pull(node, g)
    selects = node.op is not None and node.op.selects
    return [
        None if p is None else 0.0 if selects and p == 0.0 else p * g for p in local_partials(node)
    ]


def _name(node: Value) -> str:
    return repr(str(node.label)) if node.label else repr(node)


def stale_error(x: Value, user: Any) -> RuntimeError:
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
