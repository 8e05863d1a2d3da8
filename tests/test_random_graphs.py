"""Random programs against oracles that share nothing with the engine.

Straight-line programs of floats are compared with mpmath at 80 digits, derivatives by differences
there. A state machine builds, assigns, differentiates, copies and forgets graphs of small integers,
beside a model that does backpropagation by the book on Python's integers: all must be equal.

    program     a list of (operation, operands); an operand is a place in the list of values so far
"""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from mpmath import mp, mpf

import autograd
from autograd import Value, grad, hvp, jvp, no_grad, vjp, where
from autograd.engine import graph, local_partials

# ---- programs of floats ----

DIGITS, STEP = 80, mpf(10) ** -30  # differences are right to about 50 digits

both = lambda f: (f, f)
OPERATIONS = {  # name: on Values, on mpmath numbers, and where it is smooth and mild
    "add": (*both(lambda a, b: a + b), lambda a, b: True),
    "sub": (*both(lambda a, b: a - b), lambda a, b: True),
    "mul": (*both(lambda a, b: a * b), lambda a, b: True),
    "div": (*both(lambda a, b: a / b), lambda a, b: abs(b) > 0.1),
    "mod": (
        lambda a, b: a % b, lambda a, b: a - b * mp.floor(a / b), lambda a, b: b and _away(a / b)
    ),
    "pow": (*both(lambda a, b: a**b), lambda a, b: a > 0.1),
    "radd": (*both(lambda a: 1.5 + a), lambda a: True),
    "rsub": (*both(lambda a: 2 - a), lambda a: True),
    "half": (*both(lambda a: a * 0.5), lambda a: True),
    "over": (*both(lambda a: 3 / a), lambda a: abs(a) > 0.1),
    "neg": (*both(lambda a: -a), lambda a: True),
    "cube": (*both(lambda a: a**3), lambda a: True),
    "root": (*both(lambda a: a**0.5), lambda a: a > 0.1),
    "two-to": (lambda a: 2**a, lambda a: mpf(2) ** a, lambda a: True),
    "abs": (abs, abs, lambda a: abs(a) > 1e-3),
    "sin": (autograd.sin, mp.sin, lambda a: True),
    "tanh": (autograd.tanh, mp.tanh, lambda a: True),
    "exp": (autograd.exp, mp.exp, lambda a: a < 3),
    "log": (autograd.log, mp.log, lambda a: a > 0.1),
    "atan": (autograd.atan, mp.atan, lambda a: True),
    "erf": (autograd.erf, mp.erf, lambda a: True),
    "hypot": (autograd.hypot, mp.hypot, lambda a, b: abs(a) + abs(b) > 0.1),
    "max": (autograd.maximum, max, lambda a, b: abs(a - b) > 1e-3),
    "relu": (autograd.relu, lambda a: max(a, mpf(0)), lambda a: abs(a) > 1e-3),
    "where": (
        lambda a, b: where(a > b, a * b, a.sqrt()),
        lambda a, b: a * b if a > b else mp.sqrt(a),
        lambda a, b: abs(a - b) > 1e-3 and (a > b or a > 0.1),
    ),
    "sum": (lambda a, b: autograd.sum([a, b, a]), lambda a, b: a + b + a, lambda a, b: True),
    "prod": (lambda a, b: autograd.prod([a, b, a]), lambda a, b: a * b * a, lambda a, b: True),
    "dot": (lambda a, b: autograd.dot([a, b], [b, 2.0]), lambda a, b: a * b + b * 2, lambda a, b: True),
    "softmax": (
        lambda a, b: autograd.softmax([a, b])[0],
        lambda a, b: 1 / (1 + mp.exp(b - a)),
        lambda a, b: True,
    ),
}  # fmt: skip


def _away(quotient):
    return abs(quotient) < 1e3 and min(quotient % 1, -quotient % 1) > 1e-3


ARITY = {name: row[2].__code__.co_argcount for name, row in OPERATIONS.items()}


@st.composite
def programs(draw):
    n = draw(st.integers(1, 3))
    instructions = []
    for size in range(n, n + draw(st.integers(1, 14))):
        name = draw(st.sampled_from(sorted(OPERATIONS)))
        operands = [draw(st.integers(max(0, size - 5), size - 1)) for _ in range(ARITY[name])]
        instructions.append((name, operands))
    return n, instructions


def run(instructions, inputs, column):
    values = list(inputs)
    for name, operands in instructions:
        values.append(OPERATIONS[name][column](*(values[i] for i in operands)))
    return values


def is_mild(instructions, values, n):
    """Whether the program keeps away from kinks, poles and huge numbers at this point."""
    return all(abs(v) < 100 for v in values) and all(
        OPERATIONS[name][2](*(values[i] for i in operands)) for name, operands in instructions
    )


def run_mildly(instructions, inputs):
    """The values on Values; rejects the example as soon as it leaves the mild part of the domain."""
    values = list(inputs)
    for name, operands in instructions:
        x = [values[i] for i in operands]
        assume(OPERATIONS[name][2](*(v.data for v in x)))
        values.append(OPERATIONS[name][0](*x))
        assume(abs(values[-1].data) < 100)
    return values


def amplification(output):
    """For every Value, the sum over paths of the product of |partials|: what rounding is relative to."""
    sizes = {output: 1.0}
    for node in reversed(graph(output)):
        for x, p in zip(node.inputs, local_partials(node)):
            if isinstance(x, Value) and sizes.get(node):
                sizes[x] = sizes.get(x, 0.0) + abs(p) * sizes[node]
    return sizes


POINT = st.floats(-3.0, 3.0, allow_subnormal=False).map(lambda x: round(x, 3))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(programs(), st.lists(POINT, min_size=3, max_size=3), st.lists(POINT, min_size=3, max_size=3))
def test_values_and_derivatives_of_random_programs(program, x, v):
    n, instructions = program
    x, v = x[:n], v[:n]
    leaves = [Value(t) for t in x]
    values = run_mildly(instructions, leaves)
    y = values[-1]
    f = lambda *x: run(instructions, x, 0)[-1]

    with mp.workdps(DIGITS):
        at = lambda *x: run(instructions, x, 1)[-1]
        point = [mpf(t) for t in x]
        moved = lambda i, s: [t + s * STEP if j == i else t for j, t in enumerate(point)]
        slopes = [(at(*moved(i, 1)) - at(*moved(i, -1))) / (2 * STEP) for i in range(n)]
        along = lambda s: at(*(t + s * STEP * mpf(d) for t, d in zip(point, v)))
        bend = (along(1) - 2 * at(*point) + along(-1)) / STEP**2
        exact, slopes, bend = float(at(*point)), [float(s) for s in slopes], float(bend)

    sizes = amplification(y)
    assert y.data == pytest.approx(exact, rel=1e-11, abs=1e-13 * sum(sizes[t] for t in sizes) * 100)
    y.backward()
    for leaf, slope in zip(leaves, slopes):
        assert leaf.grad == pytest.approx(slope, rel=1e-10, abs=1e-11 * (1 + sizes.get(leaf, 0.0)))
    everything = tuple(range(n))
    assert grad(f, everything)(*x) == tuple(leaf.grad for leaf in leaves)
    assert vjp(f, *x)[1](1.0) == tuple(leaf.grad for leaf in leaves)
    scale = 1 + sum(sizes.get(leaf, 0.0) for leaf in leaves)
    derivative = sum(s * d for s, d in zip(slopes, v))
    assert jvp(f, x, v)[1] == pytest.approx(derivative, rel=1e-10, abs=1e-10 * scale)
    product = hvp(f, x, v)
    got = sum(p * d for p, d in zip(product, v))
    assert got == pytest.approx(bend, rel=1e-8, abs=1e-9 * scale**2 * 10)
    # the gradient as a graph: the same numbers, and its own gradient is the Hessian's product
    points = [Value(t) for t in x]
    slopes = grad(f, everything)(*points)
    assert [getattr(s, "data", s) for s in slopes] == [leaf.grad for leaf in leaves]
    directional = autograd.dot(slopes, v)
    if isinstance(directional, Value):
        directional.backward()
    for point, p in zip(points, product):
        assert point.grad == pytest.approx(p, rel=1e-9, abs=1e-10 * scale**2)


# ---- a state machine over graphs of integers ----


@dataclass(eq=False)
class Node:
    """What the model knows of a Value: integers throughout."""

    data: int
    args: list = field(default_factory=list)  # Nodes, and plain integers for constants
    partials: list = field(default_factory=list)
    stale: bool = False
    unrecorded: bool = False
    grad: int = 0
    has_grad: bool = False

    def below(self):
        """All Nodes this one was made from and itself, every Node after its users."""
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for arg in node.args:
                    if isinstance(arg, Node):
                        visit(arg)
                order.append(node)

        visit(self)
        return order[::-1]


# kind: on Values, on integers, and the partials on integers
BINARY = {
    "add": (lambda a, b: a + b, lambda a, b: a + b, lambda a, b: [1, 1]),
    "sub": (lambda a, b: a - b, lambda a, b: a - b, lambda a, b: [1, -1]),
    "mul": (lambda a, b: a * b, lambda a, b: a * b, lambda a, b: [b, a]),
}
UNARY = {
    "neg": (lambda a: -a, lambda a: -a, lambda a: [-1]),
    "square": (lambda a: a.square(), lambda a: a * a, lambda a: [2 * a]),
    "relu": (lambda a: a.relu(), lambda a: max(a, 0), lambda a: [int(a > 0)]),
    "abs": (lambda a: abs(a), lambda a: abs(a), lambda a: [(a > 0) - (a < 0)]),
    "detach": (lambda a: a.detach(), lambda a: a, None),
}
SMALL = st.integers(-3, 3)
EXACT = 2**50  # integers below stay exact in floats, sums of some of them too


class Graphs(RuleBasedStateMachine):
    values = Bundle("values")

    def __init__(self):
        super().__init__()
        self.pairs = []

    def keep(self, value, node):
        assume(abs(node.data) < 1000)
        pair = value, node
        self.pairs.append(pair)
        return pair

    @initialize(target=values, numbers=st.lists(SMALL, min_size=3, max_size=3))
    def first_leaves(self, numbers):
        return multiple(*(self.keep(Value(x), Node(x)) for x in numbers))

    @rule(target=values, number=SMALL)
    def leaf(self, number):
        return self.keep(Value(number), Node(number))

    @rule(target=values, a=values, b=values, kind=st.sampled_from(sorted(BINARY)))
    def binary(self, a, b, kind):
        make, model, partials = BINARY[kind]
        x, z = a[1].data, b[1].data
        return self.keep(make(a[0], b[0]), Node(model(x, z), [a[1], b[1]], partials(x, z)))

    @rule(target=values, a=values, b=values, condition=st.booleans())
    def choice(self, a, b, condition):
        node = Node((a if condition else b)[1].data, [int(condition), a[1], b[1]])
        node.partials = [0, int(condition), int(not condition)]
        return self.keep(where(condition, a[0], b[0]), node)

    @rule(
        target=values,
        a=values,
        c=SMALL,
        kind=st.sampled_from(["add", "sub", "mul"]),
        left=st.booleans(),
    )
    def with_a_constant(self, a, c, kind, left):
        make, model, partials = BINARY[kind]
        x = a[1].data
        if left:
            return self.keep(make(c, a[0]), Node(model(c, x), [c, a[1]], partials(c, x)))
        return self.keep(make(a[0], c), Node(model(x, c), [a[1], c], partials(x, c)))

    @rule(target=values, a=values, kind=st.sampled_from(sorted(UNARY)))
    def unary(self, a, kind):
        make, model, partials = UNARY[kind]
        x = a[1].data
        node = Node(model(x), [a[1]], partials(x)) if partials else Node(model(x))
        return self.keep(make(a[0]), node)

    @rule(target=values, items=st.lists(values, min_size=1, max_size=5))
    def sum_of_many(self, items):
        nodes = [node for _, node in items]
        total = Node(sum(node.data for node in nodes), nodes, [1] * len(nodes))
        return self.keep(autograd.sum([value for value, _ in items]), total)

    @rule(target=values, a=values, b=values)
    def without_recording(self, a, b):
        with no_grad():
            y = a[0] * b[0]
        node = Node(a[1].data * b[1].data)
        node.unrecorded = True
        return self.keep(y, node)

    @rule(a=values, number=SMALL)
    def assign(self, a, number):
        value, node = a
        value.data = number
        node.data = number
        if node.args:
            node.stale = True  # no longer what its op computed
        for _, user in self.pairs:
            if any(arg is node for arg in user.args):
                user.stale = True

    @rule(a=values, number=SMALL)
    def set_grad(self, a, number):
        a[0].grad = float(number)
        a[1].grad, a[1].has_grad = number, True

    @rule(a=values)
    def zero_grad(self, a):
        a[0].zero_grad()
        for node in a[1].below():
            node.grad, node.has_grad = 0, False

    @rule(a=values, seed=st.integers(-2, 2))
    def backward(self, a, seed):
        value, output = a
        below = output.below()
        if output.unrecorded:
            with pytest.raises(RuntimeError, match="inside no_grad"):
                value.backward(seed)
            return
        if any(node.stale for node in below):
            with pytest.raises(RuntimeError, match="was assigned after"):
                value.backward(seed)
            for node in below:
                if node.args:
                    node.grad, node.has_grad = 0, False
            return
        adjoints = dict.fromkeys(below, 0)
        adjoints[output] = seed
        sizes = {output: 2}
        for node in below:
            for arg, p in zip(node.args, node.partials):
                if isinstance(arg, Node):
                    adjoints[arg] += p * adjoints[node]
                    sizes[arg] = sizes.get(arg, 0) + abs(p) * sizes[node]
        assume(max(sizes.values()) < EXACT and all(abs(node.grad) < EXACT for node in below))
        value.backward(seed)
        for node in below:
            node.grad = adjoints[node] if node.args else node.grad + adjoints[node]
            node.has_grad = True

    @rule(
        target=values,
        items=st.lists(values, min_size=1, max_size=3),
        duplicate=st.sampled_from([copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]),
    )
    def copies(self, items, duplicate):
        """Of some Values at once; the first twin goes on being used, all stay watched."""
        twins = duplicate([value for value, _ in items])
        models = copy.deepcopy([node for _, node in items])
        seen = {node for _, node in self.pairs}
        for twin, model in zip(twins, models):
            for value, node in zip(self.walk(twin), self.walk(model)):
                if node not in seen:
                    seen.add(node)
                    self.pairs.append((value, node))
        return twins[0], models[0]

    @staticmethod
    def walk(root):
        """Depth first, every visit: the same order for Values and for their models."""
        found, stack, seen = [], [root], set()
        while stack:
            item = stack.pop()
            if id(item) not in seen:
                seen.add(id(item))
                found.append(item)
                inputs = item.inputs if isinstance(item, Value) else item.args
                stack += [x for x in inputs if isinstance(x, (Value, Node))]
        return found

    @invariant()
    def all_is_as_in_the_model(self):
        place = {id(value): node for value, node in self.pairs}
        for value, node in self.pairs:
            assert (value.data, value.grad, value.has_grad) == (node.data, node.grad, node.has_grad)
            inputs = [place.get(id(x), x) if isinstance(x, Value) else x for x in value.inputs]
            assert len(inputs) == len(node.args)
            assert all(x is arg or x == arg for x, arg in zip(inputs, node.args))


Graphs.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, derandomize=True
)
TestGraphs = Graphs.TestCase
