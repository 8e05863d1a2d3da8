"""The panels of the page, clicked in a real browser and compared with numbers from elsewhere.

Paths are walked in Python by brute force, answers of models are computed by the models, saved
pictures are parsed, opened and laid out again.
"""

import base64
import itertools
import json
import math
import random
import re
import struct
import xml.etree.ElementTree as ET

import pytest

from autograd import Value, explain, no_grad
from autograd.drawing.labels import clean, number
from autograd.drawing.render import render
from autograd.engine import graph, local_partials
from nn import MLP, SGD, cross_entropy, fit

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    '<img src=x onerror="window.harm = 1">', "</script><script>window.harm = 1</script>",
    'say "hi" \\N \\" & &lt; {a|b}', "x" * 20_000, "\u202eright to left\u202c \u200f", "a\x00b\ud800c",
    "`${window.harm = 1}`",
]  # fmt: skip


# ---- graphs, and what is to be found on their pages ----


def neuron():
    x1, x2, w1, w2, b = (
        Value(x, label=name)
        for name, x in {"x1": 2.0, "x2": 1.0, "w1": -0.3, "w2": 0.8, "b": 0.1}.items()
    )
    z = x1 * w1 + x2 * w2 + b
    o = z.tanh()
    loss = (o - 1.0) ** 2 + 0.5 * w1**2
    z.label, o.label, loss.label = "z", "o", "loss"
    return loss


def random_graph(seed):
    rng = random.Random(seed)
    nodes = [Value(rng.uniform(-2, 2), label=f"x{i}") for i in range(3)]
    for _ in range(7):
        a, b = rng.choice(nodes), rng.choice(nodes)
        nodes.append(rng.choice([a.mul, a.add, a.sub])(b) if rng.random() < 0.7 else a.tanh())
    y = nodes[-1] * nodes[-2] + nodes[-3]
    y.label = "y"
    return y


def products(nodes, output):
    """For every node, the product of local derivatives along each path to the output."""
    found = {node: [] for node in nodes}
    found[output] = [1.0]
    for node in reversed(nodes):
        partials = local_partials(node) if node.op else ()
        for x, partial in zip(node.inputs, partials):
            if isinstance(x, Value):
                found[x] += [partial * product for product in found[node]]
    return found


def select(tab, i):
    """Select a node by its row in the table, and wait for nothing: the page answers at once."""
    if tab.locator("#table").is_hidden():
        tab.click("#show-table")
    tab.locator("#table tbody tr").nth(i).click()


def eventually(tab, is_so):
    """Wait until something is so; what changes is drawn with the next frame."""
    for _ in range(200):
        if is_so():
            return
        tab.wait_for_timeout(25)
    raise AssertionError("waited for 5 seconds in vain")


def paths(tab):
    """The products of the listed paths, and the sentence below them."""
    listed = tab.locator("#chain .path").evaluate_all(
        "paths => paths.map(path => [...path.querySelectorAll('.below')].at(-1).textContent)"
    )
    return listed, tab.locator("#chain .sum").inner_text()


# ---- the chain rule ----


@pytest.mark.parametrize("seed", range(3))
def test_the_chain_rule_lists_every_path_of_every_node(visit, seed):
    y = random_graph(seed)
    y.backward()
    nodes = graph(y)
    expected = products(nodes, y)
    tab = visit(explain(y).html)
    for i, node in enumerate(nodes):
        select(tab, i)
        listed, total = paths(tab)
        products_of_node = expected[node]
        assert (
            tab.locator("#chain h3")
            .inner_text()
            .endswith(f"rule: {len(products_of_node)} path{'s' * (len(products_of_node) != 1)}")
        )
        if len(products_of_node) <= 16:
            shown = [text.strip("()") for text in listed]
            assert sorted(shown) == sorted(map(number, products_of_node))
        assert f"{number(node.grad, signed=True)} = grad" in total
        assert math.isclose(sum(products_of_node), node.grad, rel_tol=1e-12, abs_tol=1e-15)


def test_a_path_reads_as_a_formula_symbols_above_numbers(visit, keep):
    loss = neuron()
    way = [len(graph(loss)) - 1]  # loss, (o − 1)², o − 1, o, z, x1 × w1 + x2 × w2, x1 × w1, w1
    for place in (0, 0, 0, 0, 0, 0, 1):
        way.append(graph(loss).index(graph(loss)[way[-1]].inputs[place]))
    tab = visit(explain(loss).html)
    select(tab, 2)
    keep(tab, "chain-rule")
    path = tab.locator("#chain .path").nth(1)
    above = path.locator(".fraction").evaluate_all(
        "all => all.map(f => [...f.children].map(part => part.textContent).join('/'))"
    )
    names = [v.label or f"v{i}" for i, v in enumerate(graph(loss), 1)]  # the number in the table
    assert above == [f"∂{names[i]}/∂{names[j]}" for i, j in itertools.pairwise(way)]
    symbol, below = path.locator(".column").nth(0).locator("> span").all()
    assert symbol.bounding_box()["y"] < below.bounding_box()["y"]
    said = path.get_attribute("aria-label")
    assert "d o by d z times" in said
    assert said.endswith("times 2 equals −2.594")
    assert tab.locator("#chain .sum").inner_text() == "−0.3 − 2.594 = −2.894 = grad"
    w1 = tab.locator("#chain .facts").inner_text().split()
    assert w1 == ["value", "−0.3", "grad", "−2.8941840909036074"]


@pytest.mark.parametrize("n, said", [(1, "2"), (4, "16"), (10, "1,024"), (52, f"{2**52:,}")])
def test_paths_are_counted_without_walking_them(visit, n, said):
    x = y = Value(1.0, label="x")
    for _ in range(n):
        y = y + y
    tab = visit(explain(y).html)
    select(tab, 0)
    assert tab.locator("#chain h3").inner_text() == f"Chain rule: {said} paths"
    assert tab.locator("#chain .path").count() == min(2**n, 16)
    if n > 4:
        more = tab.locator("#chain .paths .hint").last.inner_text()
        rest = number(2.0**n - 16, signed=True)
        assert more == f"… and {2**n - 16:,} more paths, together {rest}"
    assert x.data == 1.0


def test_more_paths_than_any_number_counts(visit):
    y = Value(1.0, label="x")
    for _ in range(1100):
        y = 0.5 * y + 0.5 * y
    tab = visit(explain(y).html, fragment="node=0")
    assert tab.locator("#chain h3").inner_text() == "Chain rule: more than 1e308 paths"
    assert tab.locator("#chain .path").count() == 16
    assert "2,195 more" in tab.locator("#chain .path").first.inner_text()


def test_the_middle_of_a_long_path_is_one_product(visit):
    y = x = Value(0.5, label="x")
    for _ in range(40):
        y = y * 1.1
    tab = visit(explain(y).html, fragment="node=0")
    columns = tab.locator("#chain .path .column .below").all_inner_texts()
    shown = [text for text in columns if text not in "×="]
    assert shown == ["1.1"] * 3 + [number(1.1**35)] + ["1.1"] * 2 + [number(1.1**40)]
    assert x.label == "x"


def test_a_leaf_alone_is_its_own_derivative(visit):
    tab = visit(explain(Value(3.0, label="x")).html, fragment="node=0")
    assert tab.locator("#chain .path").get_attribute("aria-label") == "d x by d x equals 1"
    assert tab.locator("#chain .sum").inner_text() == "sum = +1 = grad"


def test_a_path_is_lit_in_the_picture(visit):
    tab = visit(explain(neuron()).html, fragment="node=2")
    lit = "() => document.querySelectorAll('#graph .card.lit').length"
    first, second = tab.locator("#chain .path").all()
    first.hover()
    assert tab.evaluate(lit) == 4  # w1, w1**2, its half, the loss
    second.focus()
    assert tab.evaluate(lit) == 8
    second.click()
    tab.mouse.move(0, 0)
    second.blur()
    assert second.get_attribute("aria-pressed") == "true"
    assert tab.evaluate(lit) == 8
    second.click()
    second.blur()
    tab.mouse.move(0, 0)
    assert tab.evaluate(lit) == 0


def test_a_zero_hands_nothing_on_along_a_path(visit):
    x = Value(0.0, label="x")
    y = x.sqrt() * 0.0  # a slope of infinity there
    y.backward()
    assert x.grad == 0.0
    tab = visit(explain(y).html, fragment="node=0")
    assert paths(tab) == (["0"], "sum = 0 = grad")


def test_products_that_do_not_sum_to_the_grad_are_said_not_to(visit):
    root = Value(0.0, label="x").sqrt()
    tab = visit(explain(root - root).html, fragment="node=0")  # two ways, each of an infinite slope
    assert paths(tab) == (
        ["−inf", "inf"],
        "−inf + inf = 0 = grad (the products alone: nan; the sweep adds up at every node)",
    )


def test_a_path_that_is_kept_stays_lit_when_modules_fold(visit):
    model = MLP(2, [2, 1], rng=0)
    html = explain(sum((model([x, 1.0]) - x) ** 2 for x in (0.5, 1.0, 2.0))).html
    tab = visit(html, fragment="node=0")
    tab.locator("#chain .path").first.click()
    tab.mouse.move(0, 0)
    for button in ("#fold-all", "#unfold-all"):
        if tab.is_visible(button):
            tab.click(button)
    tab.mouse.move(0, 0)
    assert tab.locator(".path[aria-pressed=true]").count() == 1
    assert tab.locator("#graph.dimmed .card.lit").count() > 1


def test_a_folded_module_says_what_it_stands_for(visit):
    model = MLP(2, [3, 1], rng=0)
    page = explain(sum(model([float(k), 1.0]) ** 2 for k in range(40)))
    tab = visit(page.html)
    card = tab.locator("#graph .card.module").first
    card.focus()
    tab.keyboard.press(" ")
    said = tab.locator("#chain").inner_text()
    assert "folded module" in said
    assert "of layers.0" in said
    assert "more" in said
    tab.locator("#chain .nodes button").first.click()
    assert tab.locator("#chain .facts").count() == 1


def test_an_edit_renews_the_chain_rule(visit):
    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    tab = visit(explain(x * y).html, fragment="node=0")
    assert paths(tab)[0] == ["2"]
    select(tab, 1)
    tab.fill("#value", "5")
    tab.keyboard.press("Enter")
    select(tab, 0)
    assert paths(tab)[0] == ["5"]


# ---- the table ----


def test_the_table_has_every_node(visit, keep):
    loss = neuron()
    loss.backward()
    tab = visit(explain(loss).html)
    assert tab.get_attribute("#show-table", "aria-expanded") == "false"
    tab.click("#show-table")
    keep(tab, "table")
    assert tab.get_attribute("#show-table", "aria-expanded") == "true"
    rows = tab.locator("#table tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    nodes = graph(loss)
    assert len(rows) == len(nodes)
    for i, (row, node) in enumerate(zip(rows, nodes)):
        kind = "input" if node.op is None else "output" if node is loss else "operation"
        assert row[0] == str(i + 1)
        assert row[1] == node.label or not node.label
        assert row[2:4] == [kind, node.op.name if node.op else ""]
        assert row[5:8] == [number(node.data), *[number(node.grad, signed=True)] * 2]
    assert tab.locator("#table caption").inner_text()
    assert tab.locator("#table th[scope=row]").count() == len(nodes)
    assert tab.locator("#table th[scope=col]").count() == 8
    tab.keyboard.press("Escape")
    assert tab.locator("#table").is_hidden()
    assert tab.evaluate("document.activeElement.id") == "show-table"


def test_the_table_follows_the_steps(visit):
    tab = visit(explain(neuron()).html, fragment="table=1&step=0")
    now = "rows => rows.map(row => row.cells[7].textContent)"
    assert set(tab.locator("#table tbody tr").evaluate_all(now)) == {"–"}
    tab.click("#last")
    body = tab.locator("#table tbody")
    eventually(tab, lambda: "–" not in body.inner_text())


def test_the_table_is_filtered_sorted_and_selects(visit):
    tab = visit(explain(neuron()).html, fragment="table=1")
    heads = tab.locator("#table thead th")
    heads.nth(5).get_by_role("button").click()
    values = [float(v.replace("−", "-")) for v in column(tab, 5)]
    assert values == sorted(values)
    assert heads.nth(5).get_attribute("aria-sort") == "ascending"
    heads.nth(5).get_by_role("button").click()
    assert [float(v.replace("−", "-")) for v in column(tab, 5)] == values[::-1]
    assert heads.nth(5).get_attribute("aria-sort") == "descending"
    assert heads.nth(0).get_attribute("aria-sort") is None
    tab.fill("#table input", "TANH")
    rows = tab.locator("#table tbody tr")
    eventually(tab, lambda: rows.count() == 1)
    assert column(tab, 1) == ["o"]
    tab.locator("#table tbody button").focus()
    tab.keyboard.press("Enter")
    assert tab.locator("#chain h2").inner_text().startswith("o")
    assert tab.locator("#table tr[aria-current]").count() == 1
    tab.wait_for_timeout(50)
    assert tab.evaluate("document.activeElement.textContent") == "o"  # the focus stays there
    tab.fill("#table input", "no such node")
    eventually(tab, lambda: rows.count() == 0)
    assert "0 of" in tab.locator("#table [role=status]").inner_text()


def column(tab, k):
    tab.wait_for_timeout(50)  # drawn with the next frame
    return tab.locator("#table tbody tr").evaluate_all(
        f"rows => rows.map(row => row.cells[{k}].textContent)"
    )


def test_a_long_table_shows_its_first_500_rows(visit):
    tab = visit(explain(sum(Value(float(k)) for k in range(1200))).html, fragment="table=1")
    tab.wait_for_selector("#table tbody tr")
    assert tab.locator("#table tbody tr").count() == 500
    said = tab.locator("#table [role=status]")
    assert said.inner_text() == "500 of 2,400 shown; narrow the filter"
    tab.fill("#table input", "ADD")
    eventually(tab, lambda: said.inner_text() == "500 of 1,200 shown; narrow the filter")


# ---- source lines ----


def norm(a, b):
    return (a * a + b * b) ** 0.5


def distance(x, y):
    scaled = 3.0 * x
    return norm(scaled, y) + scaled


LINES = {name: f.__code__.co_firstlineno for name, f in (("norm", norm), ("distance", distance))}


def test_the_line_of_the_selected_node_is_lit(visit, keep):
    page = explain(distance, 1.0, 4.0)
    tab = visit(page.html, fragment="node=2")
    keep(tab, "source")
    lit = tab.locator("#source li[aria-current]")
    assert lit.inner_text().split() == [str(LINES["distance"] + 1), "scaled", "=", "3.0", "*", "x"]
    select(tab, 3)
    assert "return (a * a + b * b)" in lit.inner_text()
    scope = tab.locator("#source .scope").inner_text()
    assert scope.startswith(f"test_page_panels.py:{LINES['norm'] + 1}")
    assert scope.endswith("norm")
    assert f":{LINES['norm'] + 1}" in tab.locator("#chain .facts").inner_text()
    head = tab.locator("#table thead th").last.inner_text()
    assert head == "line"


def test_the_line_of_the_step_is_lit_and_in_sight(visit):
    tab = visit(explain(distance, 1.0, 4.0).html, fragment="step=1", reduced_motion="reduce")
    lit = tab.locator("#source li[aria-current]")
    assert "3.0 * x" in lit.inner_text()
    for _ in range(4):
        tab.keyboard.press("ArrowRight")
    assert "a * a" in lit.inner_text()
    box, around = lit.bounding_box(), lit.locator("xpath=ancestor::div[1]").bounding_box()
    assert around["y"] <= box["y"] < around["y"] + around["height"]


def test_a_click_on_a_line_selects_what_it_made(visit):
    tab = visit(explain(distance, 1.0, 4.0).html)
    line = tab.locator("#source button.text", has_text="a * a")
    names = []
    for _ in range(5):
        line.click()
        names.append(tab.locator("#chain h2").inner_text())
    assert len(set(names[:4])) == 4
    assert names[4] == names[0]
    assert tab.locator("#live").inner_text().endswith("1 of 4 nodes made here")


def test_a_graph_of_before_has_no_lines_and_says_so(visit):
    tab = visit(explain(neuron()).html)
    assert "explain(f, *args)" in tab.locator("#source").inner_text()
    assert "not recorded" in tab.locator("#source").inner_text()


# ---- training ----

POINTS = [[math.cos(t) * r, math.sin(t) * r] for r in (0.4, 1.6) for t in range(8)]
CLASSES = [0] * 8 + [1] * 8


class Learner:
    """Remembers how it was trained, so that a test can ask it again what it answered then."""

    def __init__(self, outputs, classes, loss, names=None):
        self.model = MLP(2, [6, outputs], activation="tanh", init="glorot", rng=4)
        self.targets, self.loss = classes, loss
        options = {"loss": loss, "steps": 12}
        self.record = self.model.training_record(POINTS, classes, **options)
        self.html = explain(self.model, POINTS, classes, **options, classes=names).html

    def answer(self, k, x):
        """The outputs after k steps."""
        with no_grad():
            for p, data in zip(self.model.parameters(), self.record.steps[k]):
                p.data = data
            y = self.model(x)
        return [v.data for v in (y if isinstance(y, list) else [y])]


@pytest.fixture(scope="module")
def learner():
    return Learner(3, [c + (x[0] > 1.0) for c, x in zip(CLASSES, POINTS)], cross_entropy, "ABC")


def scrub(tab, k):
    tab.locator("#training input[type=range]").fill(str(k))
    tab.wait_for_timeout(80)  # drawn with the next frame


def pixels(tab, points, record):
    """The colours of the field at points."""
    (x0, x1), (y0, y1) = record.boundary.x, record.boundary.y
    places = [[(x - x0) / (x1 - x0), (y1 - y) / (y1 - y0)] for x, y in points]
    return tab.locator("#training canvas").evaluate(
        """(canvas, places) => {
            const { width, height } = canvas, copy = new OffscreenCanvas(width, height);
            const context = copy.getContext("2d", { willReadFrequently: true });
            context.drawImage(canvas, 0, 0);
            return places.map(([x, y]) =>
                [...context.getImageData(Math.floor(x * width), Math.floor(y * height), 1, 1).data]);
        }""",
        places,
    )


def hue(pixel):
    """Which of blue, orange, green a pale colour leans to."""
    r, g, b, _ = pixel
    return "blue" if b == max(r, g, b) else "orange" if r == max(r, g, b) else "green"


def grid(record, n=9):
    (x0, x1), (y0, y1) = record.boundary.x, record.boundary.y
    steps = [(k + 0.5) / n for k in range(n)]
    return [(x0 + a * (x1 - x0), y0 + b * (y1 - y0)) for a in steps for b in steps]


@pytest.mark.parametrize("k", [0, 5, 12])
def test_the_boundary_of_several_outputs_is_where_python_has_it(visit, learner, k):
    tab = visit(learner.html, fragment=f"training={k}")
    tab.wait_for_timeout(80)
    checked = 0
    points = grid(learner.record)
    for point, pixel in zip(points, pixels(tab, points, learner.record)):
        scores = learner.answer(k, point)
        first, second = sorted(scores)[:-3:-1]
        if first - second > 0.05:  # not at the line, which is interpolated
            assert hue(pixel) == ["blue", "orange", "green"][scores.index(first)]
            checked += 1
    assert checked > 40
    right = sum(
        max(range(3), key=learner.answer(k, x).__getitem__) == t
        for x, t in zip(POINTS, learner.targets)
    )
    said = tab.locator("#training canvas").get_attribute("aria-label")
    assert f"loss {number(learner.record.losses[k])}" in said
    assert f"{right} of 16 right" in said
    assert tab.locator("#training .point.wrong").count() == 16 - right


def test_scrubbing_puts_the_weights_of_the_step_on_the_graph(visit, learner, keep):
    tab = visit(learner.html, fragment="table=1")
    record = learner.record
    for k in (0, 7, 12):
        scrub(tab, k)
        assert tab.locator("#training output").inner_text() == (
            f"{record.names[k]}: loss {number(record.losses[k])}"
        )
        tab.fill("#table input", "parameter")
        assert column(tab, 5) == [number(x) for x in record.steps[k]]
    tab.fill("#table input", "output")
    assert column(tab, 5) == [number(record.losses[-1])]  # the page computed it
    keep(tab, "training")
    assert tab.locator("#training > .hint").inner_text() == ""  # so there is nothing to explain
    tab.wait_for_timeout(250)
    assert "training=12" in tab.url


def changes(tab):
    return tab.locator("#training .changes tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )


def test_at_the_end_no_grad_stands_beside_a_step_that_it_did_not_make(visit, learner):
    tab = visit(learner.html, fragment="training=12")
    tab.wait_for_timeout(80)
    labels = [p.label for p in learner.model.parameters()]
    before, after = learner.record.steps[-2:]
    heads, *rows = changes(tab)
    assert heads == ["parameter", "before", "now"]
    for name, was, now in rows:
        n = labels.index(name)
        assert (was, now) == (number(before[n]), f"→ {number(after[n])}")
    caption = tab.locator("#training caption").inner_text()
    assert caption == "Moved most from step 11 to step 12"


@pytest.mark.parametrize("what", ["w1", "x1"])
def test_no_recorded_step_follows_from_numbers_edited_by_hand(visit, learner, what):
    nodes = graph(learner.record.loss)
    leaf = next(i for i, v in enumerate(nodes) if v.label.split(".")[-1] == what)
    tab = visit(learner.html, fragment=f"training=7&edits={leaf}:2&table=1")
    tab.wait_for_timeout(80)
    assert tab.locator("#training .changes").is_hidden()
    assert "no longer follow" in tab.locator("#training > .hint").inner_text()
    tab.fill("#table input", "output")
    said = tab.locator("#training output").inner_text()
    assert said == f"step 7, edited by hand: loss {column(tab, 5)[0]}"
    assert said.split()[-1] != number(learner.record.losses[7])
    tab.click("#reset")
    tab.wait_for_timeout(80)
    assert tab.locator("#training output").inner_text().startswith("start: ")
    assert tab.locator("#training > .hint").inner_text() == ""
    assert changes(tab)[0] == ["parameter", "grad", "now", "next"]


@pytest.mark.parametrize(
    "unit, size, epochs, steps", [("epoch", None, 4, 4), ("step", 4, 3, 12), ("epoch", 4, 60, 60)]
)
def test_the_axis_counts_what_the_training_counted(visit, unit, size, epochs, steps):
    model = MLP(2, [2, 1], rng=0)
    options = {"epochs": epochs, "batch_size": size, "patience": None, "progress": False}
    history = fit(model, POINTS, CLASSES, rng=0, keep_steps=True, **options)
    tab = visit(explain(model, POINTS, CLASSES, history=history).html)
    plot = tab.locator("#training > .plot")
    assert plot.locator(".title").all_text_contents() == [unit, "loss"]
    assert plot.get_attribute("aria-label").startswith(f"Loss over {steps} {unit}s, ")
    assert tab.get_attribute("#training input", "aria-label") == f"{unit} of the training"


def test_steps_that_were_left_out_count_on_the_axis(visit):
    tab = visit(explain(MLP(2, [2, 1], rng=0), POINTS[:2], CLASSES[:2], steps=600).html)
    scrub(tab, 1)
    assert tab.locator("#training caption").inner_text() == "Moved most from step 3 to step 6"
    last = tab.locator("#training > .plot .middle:not(.title)").last.text_content()
    assert last == "600"


def test_the_table_of_changes_shows_what_the_next_step_moves(visit, learner):
    tab = visit(learner.html, fragment="training=3")
    tab.wait_for_timeout(80)
    before, after = learner.record.steps[3:5]
    labels = [p.label for p in learner.model.parameters()]
    most = sorted(range(len(before)), key=lambda n: -abs(after[n] - before[n]))[:6]
    rows = tab.locator("#training .changes tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    assert rows[0] == ["parameter", "grad", "now", "next"]
    assert [[name, now, then] for name, _, now, then in rows[1:]] == [
        [labels[n], number(before[n]), f"→ {number(after[n])}"] for n in most
    ]
    rate = float(tab.locator("#training h2").inner_text().split()[-1])
    for n, (_, grad, _, _) in zip(most, rows[1:]):  # plain descent: w -= rate * grad
        assert number((before[n] - after[n]) / rate, signed=True) == grad


def test_an_edit_by_hand_moves_the_boundary(visit, learner):
    tab = visit(learner.html, fragment="training=12&table=1")
    tab.wait_for_timeout(80)
    points = grid(learner.record)
    before = pixels(tab, points, learner.record)
    bias = next(
        i for i, v in enumerate(graph(learner.record.loss)) if v.label == "layers.1.neurons.1.b"
    )
    select(tab, bias)
    tab.fill("#value", "100")
    tab.keyboard.press("Enter")
    tab.wait_for_timeout(80)
    after = pixels(tab, points, learner.record)
    assert {hue(pixel) for pixel in before} == {"blue", "orange", "green"}
    assert {hue(pixel) for pixel in after} == {"orange"}  # that class wins everywhere
    assert "edited by hand" in tab.locator("#training output").inner_text()
    scrub(tab, 12)
    assert pixels(tab, points, learner.record) == before


def test_playing_goes_to_the_end(visit, learner):
    tab = visit(learner.html, reduced_motion="reduce")
    assert tab.locator("#training input[type=range]").input_value() == "0"
    scrub(tab, 10)
    button = tab.locator("#training .controls button")
    button.click()
    assert "Pause" in button.inner_text()
    eventually(tab, lambda: "Play" in button.inner_text())
    assert tab.locator("#training input[type=range]").input_value() == "12"
    assert tab.locator("#live").inner_text() == f"step 12: loss {number(learner.record.losses[-1])}"


def test_a_drag_on_the_curve_scrubs(visit, learner):
    tab = visit(learner.html)
    plot = tab.locator("#training > .plot")
    box = plot.bounding_box()
    tab.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"], box["y"] + 0.5 * box["height"])
    tab.mouse.up()
    assert tab.locator("#training input[type=range]").input_value() == "12"
    said = plot.get_attribute("aria-label")
    first, last = (number(learner.record.losses[k]) for k in (0, -1))
    assert f"from {first} to {last}" in said


@pytest.mark.parametrize("low", [-1, 0])
def test_the_boundary_of_one_output_lies_at_its_threshold(visit, low, keep):
    learner = Learner(1, [low if c else 1 for c in CLASSES], "squared_error", ["out", "in"])
    tab = visit(learner.html, fragment="training=12&theme=dark")
    tab.wait_for_timeout(80)
    keep(tab, f"training-one-output-{low + 1}")
    middle = (low + 1) / 2
    assert learner.record.boundary.threshold == middle
    points = [p for p in grid(learner.record) if abs(learner.answer(12, p)[0] - middle) > 0.05]
    for point, pixel in zip(points, pixels(tab, points, learner.record)):
        assert hue(pixel) == ("orange" if learner.answer(12, point)[0] > middle else "blue")
    assert tab.locator("#training .classes").inner_text().startswith("out")


def test_regression_is_shaded_by_what_the_model_answers(visit):
    learner = Learner(1, [2.5 * x + y for x, y in POINTS], "squared_error")
    tab = visit(learner.html, fragment="training=12")
    tab.wait_for_timeout(80)
    low, high = min(learner.targets), max(learner.targets)
    points = [p for p in grid(learner.record) if low < learner.answer(12, p)[0] < high]
    red = [pixel[0] for pixel in pixels(tab, points, learner.record)]  # from white to dark blue
    for point, level in zip(points, red):
        share = (learner.answer(12, point)[0] - low) / (high - low)
        assert abs(level - (255 - share * (255 - 0x1F))) < 6
    assert number(low) in tab.locator("#training .classes").inner_text()


def test_a_training_without_a_plane_shows_the_loss_alone(visit):
    model = MLP(3, [2, 1], rng=0)
    X = [[0.1 * k, 1.0, -0.2 * k] for k in range(6)]
    history = fit(model, X, [float(k % 2) for k in range(6)], epochs=4, keep_steps=True)
    tab = visit(explain(model, X, [float(k % 2) for k in range(6)], history=history).html)
    assert tab.locator("#training canvas").count() == 0
    assert tab.locator("#training .curve").count() == 1


def test_a_training_that_diverges_is_shown_as_far_as_it_goes(visit):
    page = explain(
        MLP(2, [2, 1], rng=0), POINTS, CLASSES, optimizer=lambda p: SGD(p, 1e200), steps=6
    )
    tab = visit(page.html)
    for k in range(7):
        scrub(tab, k)
    assert tab.locator("#training output").inner_text().split()[-1] in ("nan", "inf")
    assert "nan" not in tab.locator("#training .curve").get_attribute("d").lower()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_panels(visit, learner, theme):
    from axe_playwright_python.sync_playwright import Axe

    for html, part in ((learner.html, "training=4"), (explain(distance, 1.0, 4.0).html, "table=1")):
        tab = visit(html, fragment=f"node=3&theme={theme}&{part}", reduced_motion="reduce")
        tab.wait_for_timeout(80)
        found = Axe().run(tab).response["violations"]
        assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in found] == []


def test_no_training_no_panel(visit):
    assert visit(explain(neuron()).html).locator("#training").is_hidden()


def test_the_field_follows_the_slider_without_hanging(visit):
    rng = random.Random(0)
    X = [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(12)]
    page = explain(
        MLP(2, [8, 3], rng=0), X, [k % 3 for k in range(12)], loss=cross_entropy, steps=4
    )
    tab = visit(page.html)
    times = tab.evaluate(
        """async () => {
            const slider = document.querySelector("#training input"), times = [];
            for (let k = 0; k < 20; k++) {
                await new Promise(requestAnimationFrame);
                const began = performance.now();
                slider.value = k % 5;
                slider.dispatchEvent(new Event("input"));
                await new Promise(requestAnimationFrame);
                times.push(performance.now() - began);
            }
            return times.sort((a, b) => a - b);
        }"""
    )
    assert times[10] < 1000  # ms, of which it needs 40: a machine may be busy, a hang is not that


# ---- on paper ----


def test_the_source_is_printed_whole(visit):
    tab = visit(explain(distance, 1.0, 4.0).html, fragment="theme=dark")
    tab.emulate_media(media="print")
    code = tab.locator("#source .code").first
    assert code.is_visible()
    assert code.evaluate("code => code.scrollHeight <= code.clientHeight")
    tab = visit(explain(neuron()).html)
    tab.emulate_media(media="print")
    assert tab.locator("#source").is_hidden()  # nothing to print
    assert tab.locator("#chain").is_hidden()


def test_a_training_is_printed_on_one_page(visit, learner):
    tab = visit(learner.html, fragment="training=5")
    tab.wait_for_timeout(80)
    assert len(re.findall(rb"/Type\s*/Page\b", tab.pdf(format="A4"))) == 1
    tab.emulate_media(media="print")
    field, curve = (
        tab.locator(f"#training {part}").bounding_box() for part in ("figure", "> .plot")
    )
    assert field["x"] + field["width"] <= curve["x"]
    assert abs(field["y"] - curve["y"]) < 20


# ---- taking the picture along ----


def saved(tab, button, folder):
    with tab.expect_download() as waiting:
        tab.click(button)
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_saved_svg_stands_alone(visit, chromium, tmp_path, theme):
    tab = visit(explain(neuron()).html, fragment=f"theme={theme}&step=20")
    path = saved(tab, "#save-svg", tmp_path)
    assert path.name == "loss.svg"
    root = ET.parse(path).getroot()
    assert root.find(f"{SVG}title").text == "loss"
    paper = root.find(f"{SVG}rect")
    assert paper.attrib == {k: root.get("viewBox").split()[i] for i, k in enumerate(
        ("x", "y", "width", "height"))} | {"fill": "#ffffff"}  # fmt: skip
    everything = list(root.iter())
    assert not {"class", "style", "id", "tabindex"} & {a for e in everything for a in e.attrib}
    texts = [e.text for e in everything if e.tag == f"{SVG}text"]
    shown = tab.locator("#graph text").evaluate_all("all => all.map(text => text.textContent)")
    assert texts == [text for text in shown if text] or set(shown) - {""} == set(texts) - {"", None}
    colours = {e.get("fill") for e in everything} | {e.get("stroke") for e in everything}
    assert {"#1d4ed8", "#dbeafe", "#5b21b6"} <= colours  # of the light theme
    assert tab.evaluate("document.documentElement.dataset.theme") == theme

    other = chromium.new_page()
    said = []
    other.on("console", lambda message: said.append(message.text))
    other.goto(path.as_uri())
    assert other.evaluate("document.documentElement.getBBox().width") > 300
    assert said == []
    other.close()


def test_the_theme_does_not_change_what_is_saved(visit, tmp_path):
    html = explain(neuron()).html
    one, two = (
        saved(visit(html, fragment=f"theme={theme}"), "#save-svg", tmp_path).read_text("utf-8")
        for theme in ("light", "dark")
    )
    assert one == two


def test_what_flashes_or_is_selected_is_saved_as_it_stands(visit, tmp_path):
    html = explain(neuron()).html
    tab = visit(html, fragment="edits=0:5")
    tab.wait_for_timeout(1500)
    still = saved(tab, "#save-svg", tmp_path).read_text("utf-8")
    tab = visit(html, fragment="node=0")
    tab.fill("#value", "5")
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.getAnimations().length") > 0
    assert saved(tab, "#save-svg", tmp_path).read_text("utf-8") == still


def test_a_saved_png_shows_the_picture(visit, chromium, tmp_path):
    tab = visit(explain(neuron()).html)
    svg = ET.parse(saved(tab, "#save-svg", tmp_path)).getroot()
    path = saved(tab, "#save-png", tmp_path)
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    assert data.startswith(b"\x89PNG")
    assert (width, height) == (2 * int(svg.get("width")), 2 * int(svg.get("height")))
    other = chromium.new_page()
    counts = other.evaluate(
        """async (source) => {
            const image = new Image();
            image.src = source;
            await image.decode();
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.width, image.height];
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
            let white = 0, opaque = 0;
            for (let p = 0; p < data.length; p += 4) {
                white += data[p] === 255 && data[p + 1] === 255 && data[p + 2] === 255;
                opaque += data[p + 3] === 255;
            }
            return { white: 4 * white / data.length, opaque: 4 * opaque / data.length,
                corner: [...data.slice(0, 4)] };
        }""",
        "data:image/png;base64," + base64.b64encode(data).decode(),
    )
    other.close()
    assert counts["corner"] == [255] * 4
    assert counts["opaque"] == 1.0
    assert 0.3 < counts["white"] < 0.95


def dot(tab):
    """The Graphviz source, by way of the dialog for where there is no clipboard."""
    tab.evaluate("() => { navigator.clipboard.writeText = async () => { throw new Error(); }; }")
    tab.click("#copy-dot")
    text = tab.locator("#dot textarea").input_value()
    tab.keyboard.press("Escape")
    tab.wait_for_selector("#dot", state="detached")
    tab.click("#copy-dot")
    assert tab.evaluate("document.getSelection().toString()") == text
    tab.click("#dot button")
    tab.wait_for_selector("#dot", state="detached")
    return text


def test_the_dot_of_a_view_can_be_drawn(visit):
    model = MLP(2, [2, 1], rng=0)
    loss = model([1.0, Value(2.0, label="x2")]) ** 2
    tab = visit(explain(loss).html)
    cards = tab.locator("#graph [data-card]").count()
    arrows = tab.locator("#graph [data-arrow]").count()
    frames = tab.locator("#graph .area").count()
    drawn = json.loads(render(dot(tab), "json"))
    clusters = [o for o in drawn["objects"] if o["name"].startswith("cluster")]
    assert len(drawn["objects"]) - len(clusters) == cards
    assert len(drawn["edges"]) == arrows
    assert len(clusters) == frames > 0
    layer = next(o for o in clusters if o["label"] == "layers.0")
    assert len(layer["nodes"]) > 8


def test_the_dot_goes_to_the_clipboard_if_that_is_open(visit):
    tab = visit(explain(neuron()).html, permissions=["clipboard-read", "clipboard-write"])
    tab.click("#copy-dot")
    eventually(tab, lambda: "copied" in tab.locator("#live").inner_text())
    assert tab.evaluate("navigator.clipboard.readText()").startswith("digraph {")


# ---- text that means harm ----


def test_hostile_labels_stay_text_everywhere(visit, tmp_path):
    leaves = [Value(float(k), label=label) for k, label in enumerate(HOSTILE, 1)]
    y = sum(leaves)
    y.label = "../../../etc: <b>&\"'"
    tab = visit(explain(y).html, fragment="table=1")
    for i in range(len(leaves)):
        select(tab, i)
        assert tab.locator("#chain .path").count() == 1
    select(tab, 0)
    assert HOSTILE[0] in tab.locator("#chain h2").inner_text()
    path = saved(tab, "#save-svg", tmp_path)
    assert path.name == "etc-b.svg"
    assert HOSTILE[2] in " ".join(ET.parse(path).getroot().itertext())
    drawn = ET.fromstring(render(dot(tab), "svg"))
    assert set(map(clean, HOSTILE)) <= {text.text for text in drawn.iter(f"{SVG}text")}
    assert tab.evaluate("window.harm") is None
    assert tab.locator("img").count() == 0
