"""What a page is told: views whose cards and arrows leave nothing out, and text that cannot break it."""

import base64
import hashlib
import json
import linecache
import math
import re
from itertools import pairwise

import numpy as np
import pytest

import autograd
from autograd import OPS, Value, detect_anomaly, explain, log, op, where
from autograd.drawing.data import describe
from autograd.drawing.layout import Box, Line, lay_out
from autograd.drawing.trace import Trace, recomputed
from autograd.recording import run
from nn import MLP, Module, Neuron


def neuron():
    x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
    w1, w2 = Value(-3.0, label="w1"), Value(1.0, label="w2")
    b = Value(6.8813735870195432, label="b")
    o = (x1 * w1 + x2 * w2 + b).tanh()
    o.label = "o"
    return o


def shared():
    """A graph that uses numbers twice, and twice by one node."""
    x, y = Value(3.0, label="x"), Value(-2.0, label="y")
    a = x * x
    return a * y + a - y / x


def xor_loss(hidden=4, n=4):
    model = MLP(2, [hidden, 1], activation="tanh", rng=1)
    points = [[i % 2, i // 2 % 2] for i in range(n)]
    return sum((model(p) - (p[0] != p[1])) ** 2 for p in points) / n


def hinge(n=20):
    model = MLP(2, [8, 8, 1], rng=3)
    points = [[0.1 * i, (i * i % 7) / 7] for i in range(n)]
    losses = [(1 - (1 if i % 3 else -1) * model(p)).relu() for i, p in enumerate(points)]
    return sum(losses) / n + 1e-4 * sum(p * p for p in model.parameters())


class Cell(Module):
    """A recurrent module: its calls feed each other."""

    def __init__(self):
        self.w, self.u = Value(0.5), Value(-0.3)

    def __call__(self, h, x):
        return (self.w * h + self.u * x).tanh()


def recurrent(n=60):
    cell, h = Cell(), Value(0.0, label="h")
    for i in range(n):
        h = cell(h, Value(0.1 * i, label=f"x{i}"))
    return h


class Fickle(Module):
    """A module whose calls differ in where a number stands, and in how many there are."""

    def __init__(self):
        self.w = Value(0.5)

    def __call__(self, x, turn):
        y = x * self.w
        y = (y - 1.5, 1.5 - y)[turn % 2]
        return autograd.sum([y.tanh(), *[0.1 * turn] * (turn % 3)])


def fickle(n=40):
    module = Fickle()
    return sum(module(Value(0.1 * i, label="x"), i).exp() for i in range(n))


def sums_of_sums(n=100):
    """Two equal sums, the second of which adds the first one as well."""
    x = Value(2.0, label="x")
    first = autograd.sum([x])
    second = autograd.sum([x, first])
    return sum((second * Value(0.1 * i, label=f"x{i}") for i in range(n)), second)


GRAPHS = [
    neuron, shared, xor_loss, hinge, recurrent, fickle, sums_of_sums,
    lambda: Neuron(2, rng=0)([1.0, 2.0]),
]  # fmt: skip


def described(y):
    data, _ = describe(Trace([y]))
    assert "<" not in json.dumps(data, allow_nan=False)
    for view in data["views"]:
        for card in view["cards"]:
            classes = card["classes"]
            card["nodes"] = (
                sorted(i for c in classes for i in data["classes"][c])
                if data["classes"]
                else classes
            )
    return data


def views(data):
    return [
        (view, {i: at for at, c in enumerate(view["cards"]) for i in c["nodes"]})
        for view in data["views"]
    ]


def shows_nodes(card):
    return card.get("percall") or (len(card["nodes"]) == 1 and "module" not in card)


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_view_has_every_node_on_one_card(graph):
    data = described(graph())
    for view, card_of in views(data):
        assert sorted(i for c in view["cards"] for i in c["nodes"]) == sorted(card_of)
        assert len(card_of) == len(data["nodes"]["op"])


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_use_of_a_shown_node_has_an_arrow(graph):
    """So the contributions that arrows bring are all there are: a sum over them is the gradient."""
    data = described(graph())
    inputs = data["nodes"]["inputs"]
    for view, card_of in views(data):
        arrows = {(a["tail"], a["head"], a["place"]) for a in view["arrows"]}
        for user, row in enumerate(inputs):
            for place, j in enumerate(row):
                if j < 0:
                    continue
                tail, head = card_of[j], card_of[user]
                if shows_nodes(view["cards"][tail]):
                    assert tail != head
                if tail != head:
                    one, other = view["cards"][tail], view["cards"][head]
                    by_place = shows_nodes(one) and shows_nodes(other)
                    by_place &= not one.get("percall") or other.get("percall", False)
                    assert (tail, head, place if by_place else -1) in arrows


@pytest.mark.parametrize("graph", GRAPHS)
def test_cards_by_call_show_one_call(graph):
    """The k-th node of one such card is made from the k-th of another, never from another call's."""
    data = described(graph())
    inputs = data["nodes"]["inputs"]
    for view, _ in views(data):
        percall = {at for at, c in enumerate(view["cards"]) if c.get("percall") and c["nodes"]}
        call = {i: k for at in percall for k, i in enumerate(view["cards"][at]["nodes"])}
        for at in percall:
            assert len(view["cards"][at]["nodes"]) == view["calls"]
            for i in view["cards"][at]["nodes"]:
                assert all(call[j] == call[i] for j in inputs[i] if j in call)


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_number_is_counted_on_a_card(graph):
    """Where a card shows one call, and a card of numbers one of them, the other calls have one too."""
    data = described(graph())
    op, inputs = data["nodes"]["op"], data["nodes"]["inputs"]
    for view, _ in views(data):
        for at, card in enumerate(view["cards"]):
            nodes = [i for i in card["nodes"] if data["ops"][op[i]]["name"] != "pow"]
            if "module" not in card and nodes:
                tails = [view["cards"][a["tail"]] for a in view["arrows"] if a["head"] == at]
                shown = [tail.get("count", 1) for tail in tails if tail["kind"] == "constant"]
                assert sum(shown) == sum(j < 0 for i in nodes for j in inputs[i])


def test_very_many_numbers_are_one_card():
    data = described(autograd.sum([Value(1.0), *map(float, range(1000))]))
    (card,) = [card for card in data["views"][0]["cards"] if card["kind"] == "constant"]
    assert card["count"] == 1000 and card["name"] == "numbers"


def test_numbers_that_are_not_finite_have_cards():
    x = Value(1.0)
    for y in (x * math.inf, x + math.nan):
        (card,) = [c for c in described(y)["views"][0]["cards"] if c["kind"] == "constant"]
        assert card["values"] in (["inf"], ["nan"])


def test_the_calls_of_a_layer_can_be_told_apart():
    data = described(hinge(20))
    opened = data["views"][data["modules"][0]["view"]]
    assert data["modules"][0]["path"] == "layers.0" and opened["calls"] == 20
    neuron_view = next(m["view"] for m in data["modules"] if m["path"] == "layers.1.neurons.3")
    cards = data["views"][neuron_view]["cards"]
    inside = [c for c in cards if c.get("percall") and c["kind"] == "operation"]
    assert len(inside) > 10
    assert any(c["name"] == "rest of layers.1" for c in cards)


def test_calls_that_feed_each_other_are_not_told_apart():
    data = described(recurrent())
    for view, _ in views(data):
        ops = [c for c in view["cards"] if c["kind"] == "operation"]
        assert not any(c.get("percall") for c in ops)


@pytest.mark.parametrize("graph", GRAPHS)
def test_cards_do_not_overlap_and_arrows_touch_them(graph):
    data = described(graph())
    for view, _ in views(data):
        cards = view["cards"]
        for c in cards:
            assert 0 <= c["x"] and c["x"] + c["w"] <= view["width"] + 1
            assert 0 <= c["y"] and c["y"] + c["h"] <= view["height"] + 1
        for i, a in enumerate(cards):
            for b in cards[:i]:
                apart_x = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
                apart_y = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
                assert apart_x or apart_y
        for arrow in view["arrows"]:
            assert len(arrow["points"]) % 3 == 1
            for (x, y), end in zip((arrow["points"][0], arrow["points"][-1]), ("tail", "head")):
                c = cards[arrow[end]]
                assert c["x"] - 3 <= x <= c["x"] + c["w"] + 3
                assert c["y"] - 3 <= y <= c["y"] + c["h"] + 3


def test_frames_hold_the_cards_of_their_module():
    data = described(xor_loss(n=1))
    view = data["views"][data["full"]]
    homes = data["nodes"]["home"]
    assert {f["module"] for f in view["frames"]} == set(range(len(data["modules"])))
    for frame in view["frames"]:
        inside = [
            c["nodes"][0]
            for c in view["cards"]
            if c["nodes"]
            and frame["x"] <= c["x"]
            and frame["y"] <= c["y"]
            and c["x"] + c["w"] <= frame["x"] + frame["w"]
            and c["y"] + c["h"] <= frame["y"] + frame["h"]
        ]
        path = data["modules"][frame["module"]]["path"]
        members = [
            i
            for i, home in enumerate(homes)
            if home >= 0 and (data["modules"][home]["path"] + ".").startswith(path + ".")
        ]
        assert sorted(inside) == members


def test_numbers_are_those_of_the_graph():
    o = neuron()
    data = described(o)
    o.backward()
    nodes = autograd.engine.graph(o)
    assert data["nodes"]["value"] == [v.data for v in nodes]
    assert data["nodes"]["grad"] == [v.grad for v in nodes]
    assert data["nodes"]["label"][-1] == "o"


def test_its_gradients_are_of_a_pass_of_its_own():
    x = Value(3.0)
    y = x * x
    y.backward()
    y.backward()
    assert x.grad == 12.0
    assert described(y)["nodes"]["grad"] == [6.0, 1.0]


def test_an_output_used_by_another_gets_both():
    x = Value(3.0)
    y = x * x
    data, _ = describe(Trace([y, y * 2.0]))
    assert data["nodes"]["grad"] == [18.0, 3.0, 1.0]  # d (y + 2y) / dx = 3 * 2x


def test_numbers_that_are_not_finite_are_words_and_the_first_is_named():
    x = Value(0.0, label="x")
    data = described(log(x) * 2.0 + 1.0)
    assert data["nodes"]["value"] == [0.0, "-inf", "-inf", "-inf"]
    assert data["began"] == {"node": 1, "text": "log(x) = −inf"}
    assert described(x + 1.0)["began"] is None


def test_a_graph_whose_numbers_were_changed_is_computed_anew():
    x = Value(3.0, label="x")
    y = x * x + 1.0
    x.data = 4.0
    page = explain(y)
    data = page_data(page)
    assert data["nodes"]["value"] == [4.0, 16.0, 17.0] and data["nodes"]["grad"][0] == 8.0
    assert "1 of 3 values, first mul(x, x), no longer followed" in data["notes"][0]
    assert y.data == 10.0 and len(y.inputs) == 2  # the caller's graph is as it was


def test_computed_anew_it_keeps_its_name():
    x = Value(3.0, label="x")
    y = x * x
    y.label, x.data = "y", 4.0
    assert page_data(explain(y))["title"] == "y"


def test_what_a_function_found_outdated_is_computed_anew_and_keeps_its_lines():
    w = Value(2.0, label="w")
    h = w * w
    w.data = 5.0

    def f(x):
        return h * x

    data = page_data(explain(f, 3.0))
    assert data["nodes"]["value"] == [5.0, 3.0, 25.0, 75.0]
    assert "no longer followed" in data["notes"][0] and data["title"] == "f"
    assert data["nodes"]["line"][-1] == 0 and data["lines"][0]["scope"][-1].endswith("f")


def test_recomputed_equals_a_fresh_run():
    x = Value(3.0)
    y = where(x > 0.0, x.exp() * x, x) + x**2
    x.data = 1.5
    fresh = x.exp() * x + x**2
    assert recomputed(Trace([y])).nodes[-1].data == fresh.data


@pytest.fixture
def lonely():
    """An op that floats can do and registers cannot."""

    @op
    def lonely(xp, x):
        return x * 2.0 if x > 0.0 else x

    @lonely.partials
    def _(xp, y, x):
        return (2.0 if x > 0.0 else 1.0,)

    yield lonely
    del OPS["lonely"]
    del Value.lonely


def test_an_op_that_cannot_be_written_comes_with_its_numbers(lonely):
    x = Value(3.0)
    data = described(lonely(x) * x)
    assert data["partials"] == [[], [2.0], [3.0, 6.0]]
    assert any("lonely" in note for note in data["notes"])


def test_a_graph_that_does_not_fold_shows_its_end():
    y = Value(0.5, label="x")
    for i in range(3000):
        y = y * (1.0 - y) * (3.0 + i * 1e-9)
    data = described(y)
    (view,) = data["views"]
    assert {i for c in view["cards"] for i in c["nodes"]} == set(range(9001 - 40, 9001))
    assert "8,961 of 9,001 nodes are not drawn" in data["notes"][0]


# ---- functions as modules ----


def bend(x):
    return x.tanh() * 2.0


def bend_often(x):
    for _ in range(5):
        x = bend(x)
    return x + 1.0


def headings(f, *args):
    """The cards of folded modules and functions, with their counts and sizes."""
    recorded = run(f, args)
    trace = Trace(
        recorded.outputs, names=recorded.names, scopes=recorded.scopes, calls=recorded.calls
    )
    data, _ = describe(trace, recorded)
    cards = [card for view in data["views"] for card in view["cards"] if card["kind"] == "module"]
    return {(card["name"], card.get("count", 1), card["row"]) for card in cards}


def test_a_function_counts_its_own_calls_not_those_it_makes():
    found = headings(lambda x: bend_often(x) * bend_often(2.0 * x), 0.5)
    assert ("bend_often", 2, "11 ops, 0 parameters") in found
    assert ("bend", 10, "2 ops, 0 parameters") in found


def test_calls_of_different_size_have_their_ops_counted_together():
    def power(x, n):
        for _ in range(n):
            x = x * 2.0
        return x

    assert headings(lambda x: power(x, 2) + power(x, 5), 1.0) == {
        ("power", 2, "7 ops in all, 0 parameters")
    }


def test_a_function_is_not_the_module_of_its_name():
    class Model(Module):
        def __init__(self):
            self.bend = Neuron(1, rng=0)

    found = headings(lambda x, model: bend(model.bend([x])), 0.5, Model())
    assert {(name, count) for name, count, _ in found} == {("bend", 1), ("bend()", 1)}


def test_source_is_shown_with_its_indentation_and_without_tricks():
    program = "def f(x):\n    return x * x  # \u202etxt\x01 " + "a" * 400 + "\n"
    linecache.cache["<tricky>"] = (len(program), None, program.splitlines(True), "<tricky>")
    names = {}
    exec(compile(program, "<tricky>", "exec"), names)
    first, second = page_data(explain(names["f"], 2.0))["files"][0]["text"]
    del linecache.cache["<tricky>"]
    assert first == "def f(x):" and second.startswith("    return x * x  # txt\ufffd aaa")
    assert len(second) == 300 and second.endswith("a…")


# ---- the file ----


def page_data(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page.html, re.DOTALL)[1])


def test_its_policy_names_what_may_run_and_nothing_else():
    page = explain(neuron())
    policy = re.search(r'content="(default-src [^"]*)"', page.html)[1]
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    for element in ("script", "style"):
        (text,) = re.findall(rf"<{element}>(.*?)</{element}>", page.html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert page.html.count("<script") == 2  # data, and that


def test_it_names_no_address():
    addresses = set(re.findall(r"https?://[^\s\"'<>)]*", explain(neuron()).html))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml",
                         "http://www.w3.org/1998/Math/MathML"}  # fmt: skip


HOSTILE = [
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "{{script}}", "a" * 20_000,
    "\u202ealert", "\x00\x1b", "\ud800", "<!--", "'\"`${1}", "]]>", "\u2028",
]  # fmt: skip


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_is_text(label):
    x = Value(2.0, label=label)
    y = x * 3.0
    y.label = label
    page = explain(y)
    page.html.encode()
    assert page.html.count("<script") == 2 and page.html.count("</script") == 2
    assert "<img" not in page.html and "<!--" not in page.html
    assert len(page.html) < 150_000
    shown = page_data(page)["nodes"]["label"][0]
    assert len(shown) <= 24 and not re.search("[\x00-\x1f\u202a-\u202e\ud800]", shown)


def test_fifty_nodes_weigh_less_than_150_kB():
    y = Value(1.0, label="x")
    values = [y]
    for i in range(49):
        values.append(values[-1] * values[i // 2])
    page = explain(values[-1])
    assert len(page_data(page)["nodes"]["op"]) == 50
    assert len(page.html.encode()) < 150_000


def test_it_is_written_where_one_says(tmp_path):
    o = neuron()
    page = explain(o, tmp_path / "deep" / "o.html")
    assert page.path == tmp_path / "deep" / "o.html"
    assert page.path.read_text(encoding="utf-8") == page.html
    assert "saved as" in repr(page) and "10 nodes" in repr(page)
    assert explain(o, path=tmp_path / "p.html").path == tmp_path / "p.html"


def test_it_opens_twice_as_one_file(monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    page = explain(neuron(), open=True)
    page.open()
    assert len(opened) == 2 and opened[0] == opened[1] and opened[0].startswith("file://")


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((3.0,), TypeError, "explain: expected"),
        (([],), TypeError, "explain: expected"),
        (([Value(1.0), 2.0],), TypeError, "explain: expected"),
        ((Value(1.0), "a.html", "b.html"), TypeError, "a graph and a path"),
        ((Value(1.0), "picture.svg"), ValueError, "draw"),
    ],
)
def test_bad_input_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        explain(*arguments)


def test_a_graph_that_is_too_large_is_refused_with_a_way_out():
    y = Value(1.0)
    for _ in range(200_001):
        y = y + 1.0
    with pytest.raises(ValueError, match=r"at most 200,000 nodes, got 200,002.*a part"):
        explain(y)


def test_a_path_of_very_many_digits_is_a_page():
    class Keyed(Module):
        def __init__(self):
            self.units = {"1" * 5000: Neuron(1, rng=0), "2": Neuron(1, rng=1)}

    one, two = Keyed().units.values()
    paths = [m["path"] for m in page_data(explain(one([1.0]) + two([2.0])))["modules"]]
    assert paths[0] == "units.2" and paths[1].startswith("units.1111")


def test_a_label_may_be_anything():
    x = Value(2.0)
    y = x * x
    for label in (5, ("t", 1), b"w", None, np.array([1, 2])):
        x.label = label
        assert page_data(explain(y))["nodes"]["label"][0] == ("" if label is None else str(label))


def test_a_leaf_alone_is_a_page():
    data = page_data(explain(Value(2.5, label="x")))
    (view,) = data["views"]
    assert [c["name"] for c in view["cards"]] == ["x"] and data["nodes"]["grad"] == [1.0]


def test_nothing_of_it_is_ambient():
    """Neither a mode that is open outside nor the page itself changes what is computed."""
    o = neuron()
    with autograd.no_grad():
        explain(o)
    with detect_anomaly():
        explain(o)
    assert (o.data, o.has_grad) == (neuron().data, False)


# ---- layout ----


def test_a_long_chain_goes_down():
    boxes = [Box(150, 70) for _ in range(12)]
    lines = [Line(i, j) for i, j in pairwise(range(12))]
    assert lay_out(boxes, lines).rankdir == "TB"
    assert [b.y for b in boxes] == sorted(b.y for b in boxes)


# ---- functions ----


def piece(x):
    if x > 1.0:
        return x * 2.0
    return x * x


def test_a_branch_comes_with_what_decided_it():
    data = page_data(explain(piece, 3.0))
    (guard,) = data["guards"]
    assert (guard["left"], guard["op"], guard["right"]) == (0, ">", {"constant": 1.0})
    assert guard["taken"] is True and guard["text"] == "x > 1"
    line = data["lines"][guard["line"]]
    source = data["files"][line["file"]]
    assert source["text"][line["line"] - source["start"]].strip() == "if x > 1.0:"


def test_a_branch_on_numbers_that_are_not_in_the_graph_is_announced():
    def f(x):
        if x * x > 4.0:
            return x * 2.0
        return x

    data = page_data(explain(f, 3.0))
    assert (
        data["guards"] == [] and "compares numbers that are not in this graph" in data["notes"][0]
    )


def test_a_function_takes_keywords_and_a_path(tmp_path):
    page = explain(lambda x, y: x * y, 2.0, y=4.0, path=tmp_path / "a.html")
    assert page_data(page)["nodes"]["value"] == [2.0, 4.0, 8.0]
    assert explain(piece, 2.0, str(tmp_path / "b.html")).path == tmp_path / "b.html"


def test_a_class_is_refused():
    with pytest.raises(TypeError, match=r"got the class MLP; make one: MLP\(\.\.\.\)"):
        explain(MLP)
