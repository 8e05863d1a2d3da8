"""Random programs, compiled and run on Values: the bits of all values and gradients are the same.

A program is Python source: loops in loops, branches, nested lists, variables that are carried, reused
or overwritten, tables of constants, outputs that arise inside loops. It is compiled once and called at
several points, so that branches are crossed after compiling.

    x, y, xs, rows    its arguments: two numbers, three, and two rows of three
    C                 a table of constants, read from outside
    out               the list that it returns
"""

from __future__ import annotations

import builtins
import math
import struct
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, assume, given, note, reject, settings
from hypothesis import strategies as st

from autograd import Value, jit, softmax
from autograd.ops import TABLE

pytest.importorskip("llvmlite")

UNARY = (
    "-({})", "abs({})", "sin({})", "exp({})", "tanh({})", "relu({})", "({}) ** 2", "({}) ** 3.0", "sqrt({})",
    "({}) * 2.0", "1.0 - ({})", "({}) / 3", "sigmoid({})", "floor({})", "log({})", "atan({})",
)  # fmt: skip
BINARY = (
    "({}) + ({})", "({}) - ({})", "({}) * ({})", "({}) / ({})", "({}) * ({})", "({}) + ({})", "({}) % ({})",
    "maximum({}, {})", "min({}, {})", "max({}, {})", "where({0} < {1}, {0}, {1} * 0.5)", "atan2({}, {})",
    "where({0} > 0.0, log({0}), {1})", "hypot({}, {})", "sorted([{}, {}])[0]",
    "dot([{0}, {1}], [{1}, 2.0])", "softmax([{}, {}])[1]",
)  # fmt: skip
CONDITIONS = ("{} < {}", "{} >= {}", "{} == {}", "{} <= {} and x > 0.0", "not {} > {}", "{} != {}")


class Writer:
    """Writes a program from what hypothesis draws.

    Attributes:
        names: the variables that are set wherever the program is.
        indices: the counters of the loops around, which run below 3.
    """

    def __init__(self, draw):
        self.draw = draw
        self.names = ["x", "y"]
        self.indices = []
        self.lines = []
        self.loops = 0

    def one_of(self, items):
        return self.draw(st.sampled_from(items))

    def number(self):
        """An operand."""
        kinds = ["name"] * 4 + ["xs", "rows", "C", "constant"]
        match self.one_of(kinds):
            case "name":
                return self.one_of(self.names)
            case "constant":
                return repr(self.one_of([0.5, -1.0, 2.0, 1e-3, 0.0]))
            case "rows":
                return f"rows[{self.index()} % 2][{self.index()}]"
            case name:
                return f"{name}[{self.index()}]"

    def index(self):
        return self.one_of([*self.indices, *self.indices, "0", "1", "2"])

    def expression(self):
        form = self.one_of(UNARY + BINARY * 2)
        return form.format(self.number(), self.number())

    def write(self, line):
        self.lines.append("    " * (1 + len(self.indents)) + line)

    def block(self, depth, size):
        for _ in range(self.draw(st.integers(1, size))):
            kinds = (
                ["assign"] * 4
                + ["carry"] * 3
                + ["out"]
                + ["for", "each", "if", "while"] * (depth < 3)
            )
            getattr(self, self.one_of(kinds))(depth)

    indents: list[str]

    def inside(self, depth, size=3):
        """A block whose new names are not known outside of it."""
        known = list(self.names)
        self.indents.append("")
        self.block(depth + 1, size)
        self.indents.pop()
        self.names = known

    def assign(self, depth):
        name = f"v{len(self.lines)}"
        self.write(f"{name} = {self.expression()}")
        self.names.append(name)

    def carry(self, depth):
        name = self.one_of(self.names)
        self.write(
            f"{name} = {self.one_of([name + ' * 0.5', self.one_of(self.names)])} + {self.expression()}"
        )

    def out(self, depth):
        self.write(f"out.append({self.one_of(self.names)} * 1.0)")

    def new_index(self):
        self.loops += 1
        return f"i{self.loops}"

    def each(self, depth):
        name = f"e{len(self.lines)}"
        self.write(f"for {name} in {self.one_of(['xs', 'C', 'rows[0]', 'rows[1][::-1]'])}:")
        self.names.append(name)
        self.inside(depth)
        self.names.remove(name)

    def while_(self, depth):
        index = self.new_index()
        name, limit = self.one_of(self.names), self.one_of(self.names)
        self.write(f"{index} = 0")
        self.write(f"while {name} < {limit} and {index} < 3:")
        self.indices.append(index)
        self.inside(depth)
        self.indents.append("")
        self.write(f"{index} += 1")
        self.indents.pop()
        self.indices.remove(index)

    def for_(self, depth):
        index = self.new_index()
        self.write(f"for {index} in range({self.one_of([0, 1, 2, 3, 3, 3])}):")
        self.indices.append(index)
        self.inside(depth)
        self.indices.remove(index)

    def if_(self, depth):
        condition = self.one_of(CONDITIONS).format(self.number(), self.number())
        self.write(f"if {condition}:")
        self.inside(depth)
        if self.draw(st.booleans()):
            self.write("else:")
            self.inside(depth)


setattr(Writer, "for", Writer.for_)
setattr(Writer, "while", Writer.while_)
setattr(Writer, "if", Writer.if_)


@st.composite
def programs(draw, returned="{}"):
    writer = Writer(draw)
    writer.indents = []
    writer.block(0, 6)
    last = writer.names[-3:]
    lines = ["def f(x, y, xs, rows):", "    out = []", *writer.lines]
    lines.append(f"    out += [{', '.join(map(returned.format, last))}]")
    return "\n".join([*lines, "    return out"])


def function(source, table):
    scope = {row.name: row for row in TABLE} | {"softmax": softmax}
    scope |= {name: getattr(builtins, name) for name in ("min", "max", "sorted", "abs", "range")}
    scope["C"] = list(table)
    note(source)
    exec(source, scope)
    return scope["f"]


def run(f, point):
    """What f gives at a point, by the engine; not where Python's floats among the constants raise."""
    inputs = [Value(v) for v in point]
    try:
        outputs = f(*arguments(inputs))
    except ArithmeticError:
        reject()
    assume(not any(isinstance(y, complex) for y in outputs))
    return inputs, outputs


numbers = st.one_of(
    st.floats(-3.0, 3.0),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, math.inf, math.nan, 1e-310, 1e200, -1e16]),
)
points = st.lists(numbers, min_size=11, max_size=11)
tables = st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=3)


def arguments(point):
    x, y, a, b, c, *rest = point
    return x, y, [a, b, c], [rest[:3], rest[3:]]


def bits(x):
    """A float as its bits, but one nan."""
    return "nan" if math.isnan(x) else struct.pack("<d", x).hex()


def slope(x):
    """The bits of a gradient, but one zero."""
    return bits(x + 0.0 if x else 0.0)


def number(y):
    return y.data if isinstance(y, Value) else float(y)


def outcome(f, *args):
    """What f gives, or the kind of error: Python has no answer to all arithmetic on floats."""
    try:
        outputs = f(*args)
    except (ArithmeticError, TypeError) as error:
        return type(error)
    return TypeError if any(isinstance(y, complex) for y in outputs) else outputs


def leaves(args):
    """The numbers of arguments, flat."""
    return [v for x in args for v in (leaves(x) if isinstance(x, list | tuple) else [x])]


def on_values(x):
    return [on_values(v) for v in x] if isinstance(x, list) else Value(x)


def engine(f, point, wanted):
    """The bits of the values, and of the gradient of each by the wanted arguments; or an error."""
    values, gradients, k, count = [], [], 0, 1
    while k < count:
        args = [on_values(x) if i in wanted else x for i, x in enumerate(arguments(point))]
        outputs = outcome(f, *args)
        if isinstance(outputs, type):
            return outputs
        if isinstance(outputs[k], Value):
            outputs[k].backward()
        values.append(bits(number(outputs[k])))
        gradients.append([slope(v.grad) for v in leaves(args[i] for i in wanted)])
        k, count = k + 1, len(outputs)
    return values, gradients


fuzzing = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink takes minutes
)


@settings(fuzzing, max_examples=40)
@given(
    programs(),
    tables,
    st.lists(points, min_size=2, max_size=4),
    st.sampled_from([(0, 1, 2, 3), (0,), (2, 0), (1, 3)]),
)
def test_compiled_programs_have_the_bits_of_eager(source, table, at, wanted):
    f = function(source, table)
    compiled = jit(f)
    for point in at:
        called = outcome(compiled, *arguments(point))
        plain = engine(f, point, ())
        assert called is plain or [bits(y) for y in called] == plain[0]
        found = outcome(partial(compiled.jacobian, argnums=wanted), *arguments(point))
        expected = engine(f, point, wanted)
        assert (
            found is expected or [[slope(g) for g in leaves(row)] for row in found] == expected[1]
        )


# An output is a node here, not an input itself: what the caller computes from an input is summed up
# with what f does, in another order.
@settings(fuzzing, max_examples=25)
@given(programs("{} * 1.0"), tables, st.lists(points, min_size=2, max_size=3), st.floats(-2.0, 2.0))
def test_backward_through_compiled_programs_has_the_bits_of_eager(source, table, at, seed):
    f = function(source, table)
    compiled = jit(f)
    for point in at:
        grads = []
        for each in (f, compiled):
            inputs, outputs = run(each, point)
            total = sum(y * (0.5 + k) for k, y in enumerate(outputs))
            if isinstance(total, Value):
                total.backward(seed)
            grads.append([slope(v.grad) for v in inputs])
        assert grads[0] == grads[1]
        f.__globals__["C"][0] += 0.25
