"""Trees as text. Expected lines are written by hand; what must fit, be found or be counted is checked."""

from __future__ import annotations

import math
import re
import time
import unicodedata

import pytest

import autograd
from autograd import Value, no_grad, op, tree
from autograd.drawing.text import DEEP, Text
from autograd.engine import graph
from nn import MLP, Neuron
from tests.test_drawing import HOSTILE


def neuron() -> Value:
    """The neuron of the course: inputs, weights and a bias whose gradients are round numbers."""
    x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
    w1, w2 = Value(-3.0, label="w1"), Value(1.0, label="w2")
    b = Value(6.8813735870195432, label="b")
    x1w1, x2w2 = x1 * w1, x2 * w2
    x1w1.label, x2w2.label = "x1w1", "x2w2"
    n = x1w1 + x2w2 + b
    n.label = "n"
    o = n.tanh()
    o.label = "o"
    return o


def lines(text: str) -> list[str]:
    return text.split("\n")


def rows(text: str) -> list[str]:
    """The first column of every line that has numbers."""
    _, *rest = lines(text)
    found = [line for line in rest if not line.startswith(("…", "↑ is", "↓ is", "grad –"))]
    return [re.split(r"  +(?=[−+\d–]|nan|inf|older)|$", line)[0].rstrip() for line in found]


# ---- what a tree says ----


def test_the_neuron_of_the_course():
    o = neuron()
    o.backward()
    assert lines(tree(o)) == [
        "                    value  grad  ∂ parent",
        "o = tanh           0.7071    +1",
        "└─ n = +           0.8814  +0.5       0.5",
        "   ├─ +                −6  +0.5         1",
        "   │  ├─ x1w1 = ×      −6  +0.5         1",
        "   │  │  ├─ x1          2  −1.5        −3",
        "   │  │  └─ w1         −3    +1         2",
        "   │  └─ x2w2 = ×       0  +0.5         1",
        "   │     ├─ x2          0  +0.5         1",
        "   │     └─ w2          1     0         0",
        "   └─ b             6.881  +0.5         1",
    ]


def test_before_backward_there_is_no_gradient_and_it_says_why():
    x = Value(3.0, label="x")
    assert lines(tree(x * 2.0)) == [
        "       value  grad  ∂ parent",
        "_ × 2      6     –",
        "└─ x       3     –         2",
        "grad –: backward() has not been here",
    ]


def test_a_gradient_of_zero_is_not_none():
    x = Value(3.0, label="x")
    y = x * 0.0
    y.backward()
    assert lines(tree(y))[1:] == ["_ × 0      0    +1", "└─ x       3     0         0"]


def test_a_leaf_alone():
    assert lines(tree(Value(3.0, label="x"))) == [
        "   value  grad", "x      3     –", "grad –: backward() has not been here",
    ]  # fmt: skip
    assert lines(tree(Value(3.0)))[1] == "input      3     –"


def test_numbers_among_the_inputs_stand_in_the_formula():
    x, y = Value(0.5, label="x"), Value(2.0, label="y")
    cases = {
        "_ + 1": x + 1, "1 − _": 1 - x, "_ / 4": x / 4, "4 / _": 4 / x, "^3": x**3, "^−0.5": x**-0.5,
        "2 ^ _": 2**x, "^": x**y, "_ % 3": x % 3, "_ // 3": x // 3, "−": -x, "tanh": x.tanh(),
        "clip(_, 0, 1)": x.clip(0, 1), "max(_, 0)": autograd.maximum(x, 0),
        "leaky_relu(_, 0.01)": x.leaky_relu(), "·(_, _, 3, 4)": autograd.dot([x, y], [3, 4]),
        "Σ": autograd.sum([x, y]), "Σ of 2, and 3 numbers": autograd.sum([x, y, 1, 2, 3]),
        "mean of 1, and 4 numbers": autograd.mean([x, 1, 2, 3, 4]),
    }  # fmt: skip
    for formula, node in cases.items():
        assert rows(tree(node))[0] == formula


def test_a_node_used_twice_is_drawn_once():
    x = Value(3.0, label="x")
    assert lines(tree(x * x)) == [
        "        value  grad  ∂ parent",
        "×           9     –",
        "├─ x        3     –         3",
        "└─ ↑ x                      3",
        "↑ is drawn above; grad –: backward() has not been here",
    ]


def test_a_node_without_a_name_that_is_used_twice_gets_a_number():
    x = Value(2.0, label="x")
    square = x * x
    assert rows(tree(square * square.sin())) == [
        "×", "├─ × #1", "│  ├─ x", "│  └─ ↑ x", "└─ sin", "   └─ ↑ × #1",
    ]  # fmt: skip
    unnamed = Value(2.0)
    assert rows(tree(unnamed * unnamed)) == ["×", "├─ input #1", "└─ ↑ input #1"]


def test_names_that_are_not_unique_get_a_number_where_they_are_referred_to():
    first, second = Value(1.0, label="x"), Value(2.0, label="x")
    assert rows(tree(first * second * second)) == [
        "×",
        "├─ ×",
        "│  ├─ x",
        "│  └─ x #1",
        "└─ ↑ x #1",
    ]


def test_several_outputs_stand_below_each_other():
    x = Value(2.0, label="x")
    assert rows(tree([x * 3.0, x + 1.0])) == ["_ × 3", "└─ x", "_ + 1", "└─ ↑ x"]
    assert rows(tree([x, x])) == ["x", "↑ x"]


def test_a_module_is_run_and_its_parameters_have_their_paths():
    text = tree(MLP(1, [1], activation="tanh", init=0.5))
    assert lines(text)[0].startswith("MLP ")
    assert {"layers.0.neurons.0.w1", "layers.0.neurons.0.b", "x1"} <= {
        row.split()[-1] for row in rows(text)
    }
    assert "grad –" in text
    with no_grad():
        assert "x2" in tree(Neuron(2))


def test_a_long_sum_is_one_node():
    xs = [Value(float(i), label=f"x{i}") for i in range(10)]
    total = sum(x * 2.0 for x in xs)  # 0 + ..., nine more +
    total.backward()
    text = lines(tree(total))
    assert text[1].split() == ["+", "of", "10", "90", "+1"]
    assert [line[:8] for line in text[2::2][:9]] == ["├─ _ × 2"] * 9
    assert all(line.split()[-1] == "1" for line in text[2::2])
    assert len(text) == 1 + 1 + 20 and "more" not in tree(total)


def test_a_sum_ends_where_a_part_has_a_name_or_another_use():
    xs = [Value(float(i), label=f"x{i}") for i in range(20)]
    part = sum(xs[1:10], xs[0])
    part.label = "part"
    assert rows(tree(sum(xs[10:], part)))[:3] == ["+ of 11", "├─ part = + of 10", "│  ├─ x0"]
    part.label = ""
    whole = sum(xs[10:], part)
    assert rows(tree(whole * part))[:3] == ["×", "├─ + of 11", "│  ├─ + of 10 #1"]


def test_numbers_in_a_sum_are_counted_unless_zero():
    xs = [Value(float(i), label=f"x{i}") for i in range(9)]
    assert rows(tree(sum(xs)))[0] == "+ of 9"
    assert rows(tree(sum(xs, 0.5) + 1.0))[0] == "+ of 9, and 2 numbers"


def test_where_a_nan_or_infinity_begins():
    y = Value(0.0, label="x").log() * 2.0 + 1.0
    found = [line for line in lines(tree(y)) if "begins here" in line]
    assert len(found) == 1 and found[0].lstrip(" └─│").startswith("log ")
    assert found[0].endswith("−inf begins here")
    assert "nan begins here" in tree(Value(math.nan, label="x") + 1.0)


def test_a_number_assigned_since_is_seen():
    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    y = (x * w).tanh()
    x.data = 5.0
    stale = [line for line in lines(tree(y)) if "older than its inputs" in line]
    assert len(stale) == 1 and "×" in stale[0]


def test_a_number_assigned_since_is_seen_deep_in_a_long_sum():
    xs = [Value(1.0, label=f"x{i}") for i in range(9)]
    y = sum(xs[1:], xs[0])
    xs[2].data = 100.0
    (stale,) = [line for line in lines(tree(y)) if "older than its inputs" in line]
    assert stale.startswith("+ of 9")


def test_a_long_sum_says_if_infinity_begins_in_it():
    xs = [Value(1e308, label=f"x{i}") for i in range(9)]
    (found,) = [line for line in lines(tree(sum(xs[1:], xs[0]) * 2.0)) if "begins here" in line]
    assert "+ of 9" in found and found.endswith("inf begins here")


def test_what_no_grad_computed_is_a_leaf():
    with no_grad():
        y = Value(2.0) * 3.0
    assert rows(tree(y)) == ["input"]


def test_an_op_of_ones_own():
    @op(symbol="<b>\n|\x1b[31m")
    def doubled(xp, x):
        return x * 2.0

    @doubled.partials
    def _(xp, y, x):
        return (2.0,)

    assert rows(tree(doubled(Value(1.0, label="x"))))[0] == "<b> |\ufffd[31m"


# ---- labels ----


@pytest.mark.parametrize("label", HOSTILE)
@pytest.mark.parametrize("ascii", [False, True])
def test_no_label_breaks_the_lines(label, ascii):
    x = Value(2.0, label=label)
    y = x * Value(3.0, label="w")
    y.label = label
    text = tree(y, ascii=ascii)
    assert len(lines(text)) == 5 and len(text.splitlines()) == 5
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cs") for c in text)
    assert not re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)
    assert max(map(len, lines(text))) < 100
    text.encode("ascii" if ascii else "utf-8")


def test_columns_are_aligned_by_what_a_terminal_shows():
    wide = Value(2.0, label="重み")  # four columns
    marked = Value(3.0, label="w\u0302")  # one column
    header, product, first, second, _ = lines(tree(wide * marked))
    ends = [
        line.index(digit) + sum(unicodedata.east_asian_width(c) == "W" for c in line)
        - line.count("\u0302")
        for line, digit in ((product, "6"), (first, "2"), (second, "3"))
    ]  # fmt: skip
    assert len(set(ends)) == 1 and header.index("value") + 4 == ends[0]


def test_a_label_may_be_anything():
    y = Value(1.0, label="x") * 2.0
    for label in (None, 3, ("a", "b")):
        y.label = label
        assert len(lines(tree(y))) == 4


def test_plain_characters_if_asked():
    x = Value(-2.0, label="x")
    y = (x * x).sigmoid() - autograd.sum([x, x])
    text = tree(y, ascii=True)
    assert text.isascii()
    assert lines(text)[:4] == [
        "              value  grad  d parent",
        "-             4.982     -",
        "|- sigmoid    0.982     -         1",
        "|  `- *           4     -   0.01766",
    ]
    assert "`- sum" in text and "^ x" in text
    assert lines(tree(y))[2].startswith("├─ σ ")


# ---- size ----


def hidden(text: str) -> int:
    found = re.search(r"^… ([\d,]+) more nodes$", text, re.MULTILINE)
    return int(found[1].replace(",", "")) if found else 0


def drawn(text: str) -> int:
    return sum("↑" not in row and "↓" not in row and "more" not in row for row in rows(text))


def test_equal_inputs_are_counted_if_lines_are_scarce():
    y = autograd.sum([Value(float(i), label=f"x{i}") ** 2 for i in range(100)])
    assert rows(tree(y)) == [
        "Σ of 100", "├─ ^2", "│  └─ x0", "├─ ^2", "│  └─ x1", "└─ … 98 more like this",
    ]  # fmt: skip
    assert hidden(tree(y)) == 196
    assert len(rows(tree(y, max_lines=None))) == 201


def test_unequal_inputs_are_cut_and_counted():
    x = Value(1.0, label="x")
    kinds = [x.sin(), x.cos(), x.tanh(), x.exp()]
    y = autograd.sum([kinds[i % 4] * float(i) for i in range(100)])
    text = tree(y, max_lines=20)
    assert len(lines(text)) <= 20 and "└─ … 85 more" in rows(text)
    assert drawn(text) + hidden(text) == len(graph(y))


@pytest.mark.parametrize("max_lines", [5, 6, 10, 25, 60, 200])
def test_no_more_lines_than_asked_and_every_node_is_drawn_or_counted(max_lines):
    model = MLP(2, [5, 3, 1], rng=0)
    y = sum((model([0.5, i / 10]) - 1.0) ** 2 for i in range(5)) / 5.0
    y.backward()
    text = tree(y, max_lines=max_lines)
    assert max_lines - 4 <= len(lines(text)) <= max_lines
    sums = [int(n) - 1 for n in re.findall(r"^[^…\n]*\+ of (\d+)(?! …)", text, re.MULTILINE)]
    assert drawn(text) <= len(graph(y)) - hidden(text) <= drawn(text) + sum(sums)


def test_nodes_whose_inputs_are_not_drawn_say_so():
    y = Value(1.0, label="x")
    for _ in range(10):
        y = y.sin()
    text = tree(y, max_lines=8)
    assert [row.strip(" └─") for row in rows(text)] == ["sin"] * 4 + ["sin …"]
    assert hidden(text) == 6


def test_everything_is_drawn_without_a_limit():
    model = MLP(2, [3, 1], rng=0)
    y = model([Value(1.0, label="x1"), Value(2.0, label="x2")])
    text = tree(y, max_lines=None)
    assert drawn(text) == len(graph(y)) and hidden(text) == 0


def test_references_are_true():
    """What is above is above, what is below is below, and each node is drawn once."""
    import random

    random_ = random.Random(0)
    nodes = [Value(1.0, label="a"), Value(2.0, label="b")]
    for i in range(300):
        x, y = random_.choice(nodes[-12:]), random_.choice(nodes)
        node = x * y if random_.random() < 0.6 else x.tanh()
        node.label = f"n{i}"
        nodes.append(node)
    text = rows(tree(nodes[-1], max_lines=None))
    names = [re.sub(r"^[ │├└─↳]+", "", row).split(" = ")[0] for row in text]
    places = {name: at for at, name in enumerate(names) if name[0] not in "↑↓"}
    assert len(places) == sum(name[0] not in "↑↓" for name in names) == len(graph(nodes[-1]))
    for at, name in enumerate(names):
        if name[0] == "↑":
            assert places[name[2:]] < at
        if name[0] == "↓":
            assert places[name[2:]] > at
    assert "↓" in "".join(names)  # deep enough for some to be below


def test_deep_chains_go_on_in_one_column():
    y = Value(1.0, label="x")
    for i in range(300):
        y = y.sin() + Value(0.0, label=f"b{i}").cos()
    text = tree(y, max_lines=None)
    assert max(map(len, lines(text))) < 80
    deepest = 3 * (DEEP - 1)
    going_on = [line.index("↳") for line in lines(text) if "↳" in line]
    assert set(going_on) == {deepest} and len(going_on) > 500


def test_a_row_that_goes_on_is_an_input_of_the_row_above_in_its_column():
    y = Value(1.0, label="x")
    for _ in range(10):
        y = y.sin()
    assert [row.replace(" ", "") for row in rows(tree(y))][DEEP:] == ["└─sin", "↳sin", "└─x"]


def test_beside_a_row_that_goes_on_stand_the_other_inputs():
    x, y = Value(1.0, label="x"), Value(0.5, label="y")
    for _ in range(6):
        y = x * y.sin()
    assert rows(tree(y * x))[11:] == [
        "│                    ├─ ↑ x",
        "│                    └─ sin",
        "│                    ↳  ×",
        "│                    │  └─ ↑ x",
        "│                    ↳  sin",
        "│                    ↳  ×",
        "│                    │  └─ ↑ x",
        "│                    ↳  sin",
        "│                       └─ y",
        "└─ ↑ x",
    ]


def test_leaves_are_drawn_where_they_are_read_first():
    x = Value(1.0, label="x")
    y = x
    for _ in range(12):
        y = y * 2.0 + x
    text = rows(tree(y))
    assert any("↳" in row for row in text) and not any("↓" in row for row in text)
    first = next(row for row in text if row.endswith("x"))
    assert first.endswith("─ x") and all(
        "↑ x" in row for row in text if "x" in row and row != first
    )


@pytest.mark.parametrize("kind", ["chain", "sum", "loop", "doubling", "wide"])
def test_large_graphs_print_promptly(kind):
    x = Value(1.0, label="x")
    y = x
    if kind == "chain":
        for _ in range(300_000):
            y = y.sin()
    elif kind == "sum":
        for _ in range(300_000):
            y = y + x
    elif kind == "loop":
        for _ in range(100_000):
            y = y * 1.0001 + x
    elif kind == "doubling":  # 2**5000 paths
        for _ in range(5_000):
            y = y + y
    else:
        y = autograd.sum([Value(float(i)) for i in range(300_000)])
    start = time.perf_counter()
    text = tree(y)
    assert time.perf_counter() - start < 60.0  # about 1 s; a recursion or a list of paths: never
    assert len(lines(text)) <= 60 and max(map(len, lines(text))) < 100


def test_of_very_many_inputs_only_the_first_are_compared():
    y = autograd.sum([Value(float(i)) for i in range(25_000)])
    assert rows(tree(y))[1:] == [
        "├─ input", "├─ input", "├─ … 9,998 more like this", "└─ … 15,000 more",
    ]  # fmt: skip


def test_a_long_chain_is_written_whole_if_asked():
    y = Value(1.0, label="x")
    for _ in range(20_000):
        y = y.sin()
    assert len(rows(tree(y, max_lines=None))) == 20_001


# ---- use ----


def test_it_is_text_that_prints_as_it_is():
    text = tree(Value(3.0, label="x"))
    assert isinstance(text, str) and isinstance(text, Text)
    assert repr(text) == str(text) and "\n" in repr(text)


@pytest.mark.parametrize("y", [3.0, None, [], "text", [Value(1.0), 2.0]])
def test_what_is_no_graph_is_refused(y):
    with pytest.raises(
        TypeError, match="tree: expected a Value, a list of Values or a Module, got"
    ):
        tree(y)


@pytest.mark.parametrize("max_lines", [0, 4, -1, True, "9", 7.5])
def test_too_few_lines_are_refused(max_lines):
    with pytest.raises(
        ValueError, match="tree: expected max_lines to be an integer from 5 on, got"
    ):
        tree(Value(1.0), max_lines=max_lines)


def test_nothing_is_changed():
    o = neuron()
    before = [(v.data, v.has_grad, v.label) for v in graph(o)]
    tree(o)
    assert [(v.data, v.has_grad, v.label) for v in graph(o)] == before
