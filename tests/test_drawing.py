"""Pictures: what the cards and arrows of a graph say, and that no label can break them.

Expected texts are worked out by hand, or read off the picture whose design these pictures follow.
"""

from __future__ import annotations

import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import pytest

import autograd
from autograd import ParameterPath, Value, draw, no_grad
from autograd.drawing import mimebundle
from autograd.drawing.labels import clean, number
from autograd.drawing.palette import KINDS, NEGATIVE, POSITIVE, RED, UNKNOWN, ZERO
from nn import MLP, Neuron

HOSTILE = [
    "\"double\" 'single' `back`",
    "<script>alert(1)</script>",
    "<b>bold</b>",
    "a|{b}",
    r"\N \G \L \n \\",
    "]; n0 -> n9 [",
    "%s %d {0}",
    "../../etc/passwd",
    "x" * 20_000,
    "\u202eright to left\u202c\u200f",
    "😀 中文 ﷽",
    "nul\x00 escape\x1b[0m c1\x85",
    "\ud800 lone surrogate",
    "a:b:c",
    "&lt; &amp; &#60; &bogus;",
    "two\nlines\tand a tab",
    "javascript:alert(1)",
    "_em_ **strong** ~~x~~",
    "1. list",
    "- list",
    "-->",
    "end",
    "\\",
    "\u200f",
    "   ",
]


@dataclass
class Drawn:
    """One card, read back from Graphviz source."""

    texts: list[str]
    fills: list[str]
    border: str


def cards(picture) -> list[Drawn]:
    found = re.findall(r"\tn\d+ \[label=<(<TABLE.*?</TABLE>)> tooltip=", picture.source, re.DOTALL)
    tables = [ElementTree.fromstring(table) for table in found]
    return [
        Drawn(
            [font.text or font[0].text for font in table.iter("FONT")],
            [cell.get("BGCOLOR") for cell in table.iter("TD") if cell.get("BGCOLOR")],
            table.get("COLOR"),
        )
        for table in tables
    ]


def card(picture, name: str) -> Drawn:
    return next(drawn for drawn in cards(picture) if name in drawn.texts[:2])


def arrows(picture) -> list[tuple[str, str, str]]:
    """(tail, head, local derivative) of each arrow between cards."""
    found = re.findall(r"\tn(\d+) -> n(\d+) \[(.*?)\](?=\n)", picture.source, re.DOTALL)
    labels = [re.search(r"<TD>∂ (.*?)</TD>", rest) for _, _, rest in found]
    return [(t, h, label[1] if label else "") for (t, h, _), label in zip(found, labels)]


def svg(picture) -> ElementTree.Element:
    return ElementTree.fromstring(picture.pipe("svg"))


def texts(root: ElementTree.Element) -> list[str]:
    return [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]


def neuron_with_loss() -> Value:
    """The graph of the design: tanh(w·x + b), its squared error, and a penalty on w1."""
    x1, x2, target = (Value(v, label=n) for n, v in (("x1", 2.0), ("x2", 1.0), ("target", 1.0)))
    w1, w2, b = (
        Value(v, label=ParameterPath(n)) for n, v in (("w1", -0.3), ("w2", 0.8), ("b", 0.1))
    )
    o = (x1 * w1 + x2 * w2 + b).tanh()
    o.label = "o"
    loss = (o - target) ** 2 + 0.5 * w1**2
    loss.label = "loss"
    loss.backward()
    return loss


# ---- cards ----


def test_the_design_picture_comes_out_with_its_numbers():
    picture = draw(neuron_with_loss())
    assert card(picture, "w1").texts == [
        "w1", "value", "−0.3", "grad", "−2.894", "= −0.3 − 2.594", "sum over 2 uses",
    ]  # fmt: skip
    assert card(picture, "x1").texts == ["x1", "value", "2", "grad", "+0.3891"]
    assert card(picture, "target").texts == ["target", "value", "1", "grad", "+1.417"]
    assert card(picture, "o").texts == ["tanh", "o", "value", "0.2913", "grad", "−1.417"]
    assert card(picture, "loss").texts == ["+", "loss", "value", "0.5472", "grad", "+1"]
    labels = {label for _, _, label in arrows(picture)}
    assert {"2", "−0.3", "0.9151", "−1.417", "−0.6", "0.5", "1", "−1"} <= labels


def test_kinds_have_their_colours_and_the_legend_names_those_that_occur():
    picture = draw(neuron_with_loss())
    for name, kind in (
        ("x1", "input"),
        ("w1", "parameter"),
        ("loss", "output"),
        ("0.5", "constant"),
    ):
        ink, paper = KINDS[kind]
        assert card(picture, name).border == ink
        assert paper in card(picture, name).fills
    assert card(picture, "o").border == KINDS["operation"][0]
    legend = [kind for kind in KINDS if f"<B>{kind}</B>" in picture.source]
    assert legend == ["input", "parameter", "operation", "output", "constant"]
    assert "raising it lowers loss" in picture.source


def test_gradients_are_coloured_by_sign_and_size():
    # Largest |grad| 2.894: 5·sqrt(1/2.894) = 2.9, 5·sqrt(0.3891/2.894) = 1.8, 5·sqrt(1.417/2.894) = 3.5
    picture = draw(neuron_with_loss())
    assert card(picture, "w1").fills[-2] == NEGATIVE[4]  # the last one is that of the note
    assert card(picture, "loss").fills[-1] == POSITIVE[2]
    assert card(picture, "x1").fills[-1] == POSITIVE[1]
    assert card(picture, "target").fills[-1] == POSITIVE[3]
    assert card(picture, "o").fills[-1] == NEGATIVE[3]


def test_arrows_are_coloured_and_widened_by_what_flows_back():
    x, y = Value(3.0, label="x"), Value(-0.5, label="y")
    out = x * y  # 0.5 negative to x, 3 positive to y; the largest grad is 3
    out.backward()
    lines = re.findall(
        r'-> n2 \[.*?color="(#\w+)".*?penwidth=([\d.]+)', draw(out).source, re.DOTALL
    )
    narrow = 1 + 2 * math.sqrt(0.5 / 3)
    assert lines == [("#c4661a", f"{narrow:.2f}"), ("#2f78b3", "3.00")]


def test_before_backward_a_gradient_is_a_dash_on_white_never_a_zero():
    a, b = Value(-4.0, label="a"), Value(2.0, label="b")
    picture = draw((a * b + b**3).tanh())
    for drawn in cards(picture):
        assert drawn.texts[-2:] == ["grad", "–"]
        assert drawn.fills[-1] == UNKNOWN
    assert "backward() has not been here" in picture.source
    assert "raising it lowers" not in picture.source
    assert "#2f78b3" not in picture.source and "#c4661a" not in picture.source


def test_a_leaf_that_only_zero_adjoints_point_at_has_the_gradient_zero():
    w, x = Value(-1.0, label="w"), Value(2.0, label="x")
    (dead := (w * x).relu()).backward()
    assert w.grad == 0.0
    assert card(draw(dead), "w").texts[-1] == "0"
    assert card(draw(dead), "w").fills[-1] == ZERO


def test_an_exponent_stands_in_the_badge_and_other_constants_get_a_card_per_use():
    x = Value(3.0, label="x")
    y = 2.0 * x**-0.5 + 2.0
    y.backward()
    drawn = [c.texts for c in cards(draw(y))]
    assert ["^−0.5", "value", "0.5774", "grad", "+2"] in drawn
    assert drawn.count(["2"]) == 2  # no value row, no grad row
    assert ["2"] not in [c.texts for c in cards(draw(x**2.0))]
    assert [c.texts[0] for c in cards(draw(2.0**x))] == ["x", "^", "2"]


def test_a_leaf_alone_is_one_card():
    assert [c.texts for c in cards(draw(Value(2.0, label="x")))] == [
        ["x", "value", "2", "grad", "–"]
    ]
    assert cards(draw(Value(2.0)))[0].texts[0] == "input"


# ---- sums over uses ----


def test_a_gradient_that_is_a_sum_shows_its_terms_newest_user_first():
    a = Value(3.0, label="a")
    b = a * a + a
    b.backward()
    assert card(draw(b), "a").texts[-2:] == ["= 1 + 3 + 3", "sum over 3 uses"]


def test_four_terms_or_more_are_only_counted():
    a = Value(0.5, label="a")
    total = sum((a * float(k) for k in range(16)), Value(0.0))
    total.backward()
    assert card(draw(total), "a").texts[-1] == "sum over 16 uses"
    assert "=" not in "".join(card(draw(total), "a").texts)


def test_uses_are_counted_not_paths():
    x = Value(2.0, label="x")
    y = x * x
    z = y * y  # four paths from x
    z.backward()
    assert card(draw(z), "x").texts[-2:] == ["= 16 + 16", "sum over 2 uses"]


# ---- gradients from elsewhere ----

FOREIGN = "grad on white: not from this picture alone"


def test_a_gradient_of_another_output_has_no_colour_and_says_so():
    a = Value(2.0, label="a")
    f, g = a * a, -a
    f.label, g.label = "f", "g"
    f.backward()
    picture = draw(g)
    assert card(picture, "a").texts[-2:] == ["+4", "from another backward()"]
    assert card(picture, "a").fills[-2] == UNKNOWN
    assert FOREIGN in picture.source and "raising it lowers" not in picture.source
    assert "#2f78b3" not in picture.source  # no blue arrow
    assert FOREIGN not in draw(f).source and "raising it lowers f" in draw(f).source
    assert "raising it lowers f" in draw([f, g]).source and FOREIGN not in draw([f, g]).source


def test_what_an_inner_node_got_from_another_output_is_not_sent_on():
    a = Value(2.0, label="a")
    inner = a * 3.0
    f, g = inner * inner, -inner
    f.backward()
    assert card(draw(g), "a").texts[-1] == "from another backward()"
    g.backward()  # inner now has -1 from g; a has 36 from f and -3 from g
    assert card(draw(g), "a").texts[-2:] == ["+33", "accumulated, or assigned"]
    assert card(draw(g), "a").fills[-2] == UNKNOWN
    flows = [arrow.flow for arrow in draw(g).scene.arrows if arrow.flow is not None]
    assert flows == [-3.0, -1.0]  # what g sends back, whatever else a has


def test_accumulated_and_assigned_gradients_say_so_and_no_sum_is_claimed():
    a = Value(3.0, label="a")
    b = a * a
    b.backward()
    b.backward()  # 12 in all: no sum of two threes
    assert card(draw(b), "a").texts[-2:] == ["+12", "accumulated, or assigned"]
    assert card(draw(b), "a").fills[-2] == UNKNOWN
    assert card(draw(b), "×").fills[-1] == POSITIVE[4]  # full: what has no colour sets no scale
    a.grad = 1.0
    assert card(draw(b), "a").texts[-2:] == ["+1", "accumulated, or assigned"]
    a.grad = 6.0
    assert card(draw(b), "a").texts[-1] == "sum over 2 uses"


def test_gradients_of_several_outputs_that_are_all_drawn_have_their_colours():
    a = Value(3.0, label="a")
    f, g = a * a, a.exp()
    f.backward()
    g.backward()
    picture = draw([f, g])
    assert FOREIGN not in picture.source and "raising it lowers the outputs" in picture.source
    assert card(picture, "a").fills[-2] == POSITIVE[4]


def test_the_legend_does_not_name_an_output_that_is_an_inner_node_of_what_was_differentiated():
    w = Value(2.0, label="w")
    guess = w * 3.0
    guess.label = "guess"
    ((guess - 9.0) ** 2).backward()  # raising w raises the guess, and lowers the loss
    picture = draw(guess)
    assert card(picture, "w").fills[-1] == NEGATIVE[4]
    assert "raising it lowers what backward() began at" in picture.source
    assert FOREIGN not in picture.source


def test_gradients_from_before_data_was_assigned_say_so():
    w = Value(1.0, label="w")
    y = w**3
    y.backward()
    w.data = 2.0
    assert card(draw(y), "w").texts[-2:] == ["+3", "of older numbers"]
    assert card(draw(y), "w").fills[-2] == UNKNOWN


def test_in_a_folded_group_and_a_module_a_foreign_gradient_is_seen():
    xs = [Value(float(k)) for k in range(100)]
    total = sum(x * x for x in xs)
    total.backward()
    assert FOREIGN not in draw(total).source
    xs[50].grad += 1.0
    assert card(draw(total), "input ×100").texts[-1] == "accumulated, or assigned"
    y = MLP(1, [2, 1], rng=0)([1.0])
    y.backward()
    assert FOREIGN not in draw(y, depth=0).source
    y.backward()
    assert card(draw(y, depth=0), "model").texts[-1] == "accumulated, or assigned"


@pytest.mark.parametrize("seed", range(5))
def test_after_one_backward_pass_no_gradient_is_foreign(seed):
    model = MLP(3, [4, 4, 2], activation="tanh", rng=seed)
    outputs = model([Value(x) for x in (0.1, -3.0, 1e8)])
    loss = (outputs[0] - outputs[1]).exp().log1p() * 1e-3 + outputs[0].relu()
    loss.backward()
    assert FOREIGN not in draw(loss, max_nodes=500).source


def test_a_number_older_than_its_inputs_says_so():
    w = Value(1.0, label="w")
    y = w * 3.0 + w
    y.backward()
    assert "older than its inputs" not in draw(y).source
    w.data = 2.0
    drawn = {c.texts[0]: c.texts for c in cards(draw(y))}
    assert drawn["×"][-1] == drawn["+"][-1] == "older than its inputs"
    assert "older than its inputs" not in drawn["w"]


# ---- nan and inf ----


def test_nan_is_red_and_an_arrow_points_at_the_first_node_that_made_it():
    x = Value(-1.0, label="x")
    y = x.log() * 2.0
    y.label = "y"
    picture = draw(y)
    assert card(picture, "y").texts[2:4] == ["value", "nan"]
    assert card(picture, "y").border == card(picture, "log").border == RED
    assert card(picture, "x").border != RED
    assert "log(x) = nan" in picture.source
    assert "c0 -> n1 " in picture.source  # n0 is x, n1 the log


def test_inf_that_was_given_and_grads_that_blow_up_are_pointed_at():
    x = Value(math.inf, label="x")
    assert "given inf" in draw(x + 1.0).source
    x = Value(0.0, label="x")
    (y := x.sqrt()).backward()
    picture = draw(y)
    assert card(picture, "x").texts[-1] == "+inf"
    assert card(picture, "x").border == RED and card(picture, "sqrt").border != RED
    assert "the first inf going back" in picture.source
    assert "c0 -> n0 " in picture.source


# ---- numbers and names ----


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (1.0, "1"), (-0.3, "−0.3"), (2 / 3, "0.6667"), (123.456, "123.5"),
        (1e-4, "0.0001"), (9.999e-5, "9.999e−5"), (12345.6, "12346"), (99999.4, "99999"),
        (99999.6, "1e5"), (123456.0, "1.235e5"), (-1e300, "−1e300"), (5e-324, "4.941e−324"),
        (0.99999, "1"), (9.9999, "10"), (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "−inf"),
    ],
)  # fmt: skip
def test_numbers_have_four_digits_and_a_real_minus(x, text):
    assert number(x) == text
    signed = "+" + text if x > 0 else text
    assert number(x, signed=True) == signed


def test_long_names_lose_their_middle():
    assert clean("abcdefghijklmnopqrstuvwxyz") == "abcdefghijkl…pqrstuvwxyz"
    assert clean("x" * 24) == "x" * 24


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_labels_are_text(label):
    x, w = Value(1.0, label=label), Value(2.0, label=ParameterPath(f"{label}.{label}.w"))
    y = x * w
    y.label = label
    root = svg(draw(y))  # raises if it is not well-formed
    assert len([g for g in root.iter() if g.get("class") == "node"]) == 3
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    if clean(label):
        assert texts(root).count(clean(label)) >= 2  # the names of x and y
        tips = [e.get("{http://www.w3.org/1999/xlink}title") or "" for e in root.iter()]
        assert any(tip.startswith(clean(label, 300) + "\n") for tip in tips)
    assert not [e for e in root.iter() if e.get("{http://www.w3.org/1999/xlink}href")]


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_labels_are_text_in_mermaid(label):
    y = Value(1.0, label=label) * Value(2.0, label=ParameterPath(f"{label}.w"))
    y.label = label
    for line in draw(y).mermaid().splitlines():
        for quoted in re.findall(r'\["(.*)"\]', line):
            plain = re.sub(r"#\d+;|<br/>", "", quoted)
            assert re.fullmatch(r"(?a:[\w .,+\-−–×∂…=])*", plain), plain
            assert not re.match(r"(\d+\.|[-+*]) ", quoted)  # Mermaid would make it a list


# ---- what is drawn ----


def test_several_outputs_are_drawn_in_one_picture():
    x = Value(2.0, label="x")
    y, z = x * 3.0, x.exp()
    picture = draw([y, z])
    assert len(cards(picture)) == 4
    assert len([c for c in cards(picture) if c.border == KINDS["output"][0]]) == 2
    assert draw((y, z)).source == picture.source


@pytest.mark.parametrize("y", [3.0, [], [1.0], "x", None, [[Value(1.0)]]])
def test_what_is_no_value_is_refused(y):
    with pytest.raises(TypeError, match="draw: expected a Value, a list of Values or a Module"):
        draw(y)


def test_a_module_is_drawn_on_named_inputs_without_gradients():
    neuron = Neuron(2, activation="tanh", rng=0)
    neuron([1.0, 2.0]).backward()
    before = [p.grad for p in neuron.parameters()]
    with no_grad():
        picture = draw(neuron)
    assert {c.texts[0] for c in cards(picture)} == {"x1", "x2", "w1", "w2", "b", "×", "+", "tanh"}
    assert all(c.texts[-1] == "–" for c in cards(picture))
    assert "<B>Neuron</B>" in picture.source  # the frame around parameters without a path
    assert [p.grad for p in neuron.parameters()] == before
    assert len([c for c in cards(draw(MLP(1, [2], rng=0))) if c.border == KINDS["output"][0]]) == 2


def test_a_module_that_does_not_say_how_many_inputs_it_takes_is_refused():
    neuron = Neuron(2)
    del neuron.nin
    with pytest.raises(TypeError, match=r"Neuron has no attribute nin; draw what it returns"):
        draw(neuron)


def test_modules_are_frames_in_frames_and_parameters_drop_what_those_say():
    picture = draw(MLP(2, [2, 1], rng=0)([Value(1.0), Value(2.0)]))
    frames = re.findall(r"label=<<FONT[^>]*><B>([\w.]+)</B></FONT>> labeljust", picture.source)
    assert frames == ["layers.0", "neurons.0", "neurons.1", "layers.1", "neurons.0"]
    assert len([c for c in cards(picture) if c.texts[0] == "w1"]) == 3


def test_frames_are_at_most_three_deep():
    w = Value(1.0, label=ParameterPath("a.0.b.c.d.e.w"))
    picture = draw(w * Value(2.0))
    assert picture.source.count("subgraph") == 3
    assert card(picture, "d.e.w")
    beside = Value(1.0, label=ParameterPath("bias")) + w * Value(2.0)  # right in the model
    assert draw(beside).source.count("subgraph") == 3
    assert card(draw(beside), "c.d.e.w") and card(draw(beside), "bias")


def test_only_the_neighbours_of_the_focus_are_drawn():
    x = Value(1.0, label="x")
    chain = [x]
    for _ in range(20):
        chain.append(chain[-1].tanh())
    picture = draw(chain[-1], focus=chain[10])
    assert len(cards(picture)) == 5
    assert "not drawn: 1 input" in picture.source and "not drawn: 1 use" in picture.source
    assert len(cards(draw(chain[-1], focus=x, hops=1))) == 2
    with pytest.raises(ValueError, match="expected focus to be a Value of this graph"):
        draw(chain[5], focus=chain[-1])
    wide = sum([x * float(k) for k in range(400)], Value(0.0))
    with pytest.raises(ValueError, match=r"got 401; use fewer hops than 1, or max_nodes=401"):
        draw(wide, focus=x, hops=1)


def test_a_long_chain_runs_down_and_rankdir_decides():
    x = Value(0.5, label="x")
    for _ in range(10):
        x = x.tanh()
    assert draw(x).graph_attr["rankdir"] == "TB"
    assert draw(x, rankdir="LR").graph_attr["rankdir"] == "LR"
    assert draw(neuron_with_loss()).graph_attr["rankdir"] == "LR"


def test_above_sixty_arrows_derivatives_are_only_in_the_tooltips():
    x = Value(0.5, label="x")
    total = sum([x.tanh() for _ in range(31)], Value(0.0))  # 31 arrows to tanh, 62 to +
    picture = draw(total, max_nodes=100)
    assert {label for _, _, label in arrows(picture)} == {""}
    assert "∂ 1.0: derivative of add" in picture.source


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rankdir": "lr"}, ValueError, "expected rankdir to be .*, got 'lr'; leave it out"),
        ({"rankdir": 3}, ValueError, "expected rankdir"),
        ({"depth": -1}, ValueError, "expected depth to be a whole number, 0 or more, got -1"),
        ({"depth": 1.5}, TypeError, "expected depth .* got 1.5"),
        ({"hops": -2}, ValueError, "expected hops .* got -2"),
        ({"hops": None}, TypeError, "expected hops .* got None"),
        ({"max_nodes": "9"}, TypeError, "expected max_nodes .* got '9'"),
    ],
)
def test_arguments_are_checked(arguments, error, message):
    with pytest.raises(error, match=message):
        draw(Value(1.0).exp(), **arguments)


@pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
def test_every_direction_can_be_drawn(rankdir):
    assert draw(Value(1.0).exp(), rankdir=rankdir, depth=0).graph_attr["rankdir"] == rankdir


@pytest.mark.parametrize(
    ("label", "shown"), [(3, "3"), (0, "0"), (None, "input"), ([1], "[1]"), (2.5, "2.5")]
)
def test_a_label_that_is_no_string_is_shown_as_one(label, shown):
    x = Value(1.0)
    x.label = label
    y = x.exp() * x
    y.label = label
    assert card(draw(y), shown).texts[0] == shown
    assert draw(y, max_nodes=500).mermaid() and draw(y).pipe("svg")
    total = sum(x.exp() * x for _ in range(100))
    assert draw(total)


def test_a_sum_of_many_squares_is_no_staircase():
    xs = [Value(float(k), label=f"x{k}") for k in range(30)]
    total = sum(x * x for x in xs)
    assert [c.texts[:3] for c in cards(draw(total))] == [
        ["x ×30", "values", "0 … 29"], ["×", "×30", "values"], ["+", "×29", "values"],
        ["+", "value", "8555"], ["0"],
    ]  # fmt: skip
    assert len(cards(draw(total, max_nodes=150))) == 91  # asked for
    for k, x in enumerate(xs):
        x.label = "abcdefghijklmnopqrstuvwxyzABCD"[k]
    assert "input ×30" in cards(draw(total))[0].texts
    assert len(cards(draw(Neuron(20, rng=0)))) == 82  # dense: stays as it is


def test_a_picture_says_what_it_is_and_how_to_save_it():
    x = Value(2.0, label="x")
    g = x * x
    g.label = "g"
    saves = '; .render(outfile="{}.svg") saves it>'
    assert repr(draw(g)) == "<Picture of g: 2 cards, 2 arrows" + saves.format("g")
    g.label = "../g"
    assert repr(draw(g)) == "<Picture of ../g: 2 cards, 2 arrows" + saves.format("graph")
    g.label = ""
    assert repr(draw(g)).startswith("<Picture of a graph: 2 cards")
    assert repr(draw(Neuron(1, rng=0))).startswith("<Picture of Neuron: ")
    assert repr(draw(x)) == "<Picture of x: 1 card, 0 arrows" + saves.format("x")


# ---- mermaid ----


def test_mermaid_text_is_the_same_picture():
    x = Value(-1.0, label="x")
    y = x.log() * 2.0
    y.label = "y"
    y.backward()
    assert draw(y).mermaid().splitlines() == [
        "flowchart LR",
        '    n0["x<br/>value −1<br/>grad −2"]:::input',
        '    n1["log<br/>value nan<br/>grad +2"]:::operation',
        '    n2["× y<br/>value nan<br/>grad +1"]:::output',
        '    n3["2"]:::constant',
        '    n0 -->|"∂ −1"| n1',
        '    n1 -->|"∂ 2"| n2',
        "    n3 --> n2",
        '    c0["log#40;x#41; = nan"]:::callout -.-> n1',
        "    classDef input fill:#dbeafe,stroke:#1d4ed8,color:#1f2933",
        "    classDef operation fill:#e4e7eb,stroke:#323f4b,color:#1f2933",
        "    classDef output fill:#e0d7f5,stroke:#5b21b6,color:#1f2933",
        "    classDef constant fill:#f5f7fa,stroke:#52606d,color:#1f2933",
        "    classDef callout fill:#fbd5d5,stroke:#c81e1e,color:#c81e1e",
        "    linkStyle 0 stroke:#c4661a,stroke-width:3.0px",
        "    linkStyle 1 stroke:#2f78b3,stroke-width:3.0px",
    ]


def test_mermaid_has_subgraphs_for_modules():
    text = draw(MLP(1, [1, 1], rng=0)).mermaid()
    assert re.findall(r'subgraph f\d+\["(.*)"\]', text) == [
        "layers.0", "neurons.0", "layers.1", "neurons.0",
    ]  # fmt: skip
    assert text.count("    end\n") == 4


# ---- notebooks ----


def test_a_value_and_a_module_show_themselves_in_notebooks():
    for shown in (neuron_with_loss(), Neuron(2, rng=0)):
        bundle = mimebundle(shown)
        assert bundle["text/plain"] == repr(shown)
        assert ElementTree.fromstring(bundle["image/svg+xml"].encode()).tag.endswith("svg")
    assert "image/svg+xml" in neuron_with_loss()._repr_mimebundle_()


def test_what_cannot_be_drawn_is_shown_as_text(monkeypatch):
    unreadable = Value(0.5)
    for k in range(400):
        unreadable = (unreadable * Value(float(k), label=f"x{k}")).tanh()
    assert mimebundle(unreadable) == {"text/plain": repr(unreadable)}
    assert mimebundle(3) == {"text/plain": "3"}
    monkeypatch.setattr("autograd.drawing.MOST_SHOWN", 4)
    assert mimebundle(neuron_with_loss()).keys() == {"text/plain"}
    assert mimebundle(Neuron(2)).keys() == {"text/plain"}


def test_importing_autograd_loads_no_drawing():
    code = "import sys, autograd; print({'graphviz', 'autograd.drawing'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert autograd.draw is draw
