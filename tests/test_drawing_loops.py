"""Pictures of compiled functions, with loops as cards: against the function itself, run eagerly.

How often a loop goes round is read off the function's source, by hand. What its nodes compute, and
which of them are handed from a round to the next, is known from the eager graph and the rounds.
"""

from __future__ import annotations

import random
import re
from collections import Counter

import numpy as np
import pytest
import tapes

from autograd import Value, draw, explain, jit, sin, tree, where
from autograd.compiler.fold import Loop, fold, unroll
from autograd.compiler.naming import names_of
from autograd.compiler.rejoined import rejoined
from autograd.compiler.tracing import trace
from autograd.drawing.data import describe
from autograd.drawing.subject import read, traced
from autograd.engine import graph
from nn import MLP


def dot(a, b):
    total = 0.0
    for x, y in zip(a, b):
        total = total + x * y
    return total


def perceptron(layers, points, targets):
    """The mean hinge loss of a network, and weight decay."""
    total = 0.0
    for point, target in zip(points, targets):
        h = point
        for depth, layer in enumerate(layers):
            h = [w[-1] + sum(a * b for a, b in zip(w, h)) for w in layer]
            if depth < len(layers) - 1:
                h = [where(s > 0.0, s, 0.0) for s in h]
        margin = 1.0 - target * h[0]
        total = total + where(margin > 0.0, margin, 0.0)
    return total / len(points) + 1e-4 * sum(w * w for layer in layers for row in layer for w in row)


def pendulum(angle, speed, gravity, steps: int):
    for _ in range(steps):
        speed = speed - 0.01 * gravity * sin(angle)
        angle = angle + 0.01 * speed
    return angle * angle + speed * speed


def states(x, rate, count: int):
    """Every state of a recurrence, and the last."""
    found = []
    for _ in range(count):
        x = x + rate * x * (1.0 - x)
        found.append(x)
    return {"last": x, "all": found}


def triangle(xs):
    """An inner loop that goes round once more each time."""
    total = 0.0
    for i in range(1, len(xs)):
        product = xs[0]
        for x in xs[: i + 1]:
            product = sin(product + x)
        total = total + product * xs[i]
    return total


def numbers(*shape, seed=1):
    random_ = random.Random(seed)
    if not shape:
        return random_.gauss(0.0, 0.5)
    return [numbers(*shape[1:], seed=random_.random()) for _ in range(shape[0])]


LAYERS = [numbers(8, 4, seed=2), numbers(8, 9, seed=3), numbers(1, 9, seed=4)]
PERCEPTRON = perceptron, (LAYERS, numbers(20, 3), [1.0, -1.0] * 10)
PENDULUM = pendulum, (1.0, 0.5, 9.81, 1000)
DOT = dot, (numbers(15), numbers(15, seed=2))
STATES = states, (0.1, 2.5, 40)
TRIANGLE = triangle, (numbers(12),)
ALL = [PERCEPTRON, PENDULUM, DOT, STATES, TRIANGLE]
IDS = [f.__name__ for f, _ in ALL]


def lower(f, args):
    return jit(f).lower(*args)


def in_values(x):
    """The argument, with Values for its floats."""
    if isinstance(x, list):
        return [in_values(part) for part in x]
    return Value(x) if isinstance(x, float) else x


def leaves(x):
    if isinstance(x, dict):
        return [v for part in x.values() for v in leaves(part)]
    return [v for part in x for v in leaves(part)] if isinstance(x, list) else [x]


def cards(picture):
    """The texts of every card, by its id."""
    found = re.findall(r"\t(n\d+) \[label=<(.*?)> tooltip=", picture.source, re.DOTALL)
    return {name: re.findall(r">([^<> ][^<>]*)<", table) for name, table in found}


def loops(picture):
    """The names of loops that are cards, of those that are frames."""
    folded = [text for said in cards(picture).values() for text in said if text.startswith("loop ")]
    frames = re.findall(r"subgraph cluster_\d+ \{.*?<B>(loop [^<]*)</B>", picture.source, re.DOTALL)
    return folded, frames


# ---- rounds that were split off ----


def trips(nest):
    """The different trip counts of each loop, and those of the loops in it."""
    return [
        (sorted({*term.trips.tolist()}), trips(term))
        for term in nest.body
        if isinstance(term, Loop)
    ]


def joined(f, args, *, lines=True):
    tape = trace(f, args, {}, lines=lines).tape
    return tape, rejoined(tape, fold(tape))


@pytest.mark.parametrize("lines", [True, False])
def test_a_loop_has_as_many_rounds_as_its_source_says(lines):
    assert trips(joined(*DOT, lines=lines)[1]) == [([15], [])]
    assert trips(joined(*PENDULUM, lines=lines)[1]) == [([1000], [])]
    _, nest = joined(*PERCEPTRON, lines=lines)
    first = next(term for term in nest.body if isinstance(term, Loop))
    assert first.trips.tolist() == [20]
    assert {8} == {n for term in first.body if isinstance(term, Loop) for n in term.trips.tolist()}


@pytest.mark.parametrize(
    "tape",
    [tapes.mlp(12), tapes.pendulum(30), tapes.transformer(5), tapes.straight(300)],
    ids=["mlp", "pendulum", "transformer", "straight"],
)
def test_executing_the_nest_still_gives_the_tape(tape):
    nest = fold(tape)
    assert unroll(rejoined(tape, nest)).tolist() == list(range(len(tape)))
    assert unroll(nest).tolist() == list(range(len(tape)))  # which it did not change


@pytest.mark.parametrize(("f", "args"), ALL, ids=IDS)
def test_traced_functions_too(f, args):
    tape, nest = joined(f, args)
    assert unroll(nest).tolist() == list(range(len(tape)))


def test_what_follows_a_loop_on_its_line_is_not_one_more_round():
    f = lambda xs, y: y / 3.0 + 1e-4 * sum(x * x for x in xs)
    assert trips(joined(f, ([1.0] * 9, 2.0))[1]) == [([9], [])]


def test_the_same_ops_on_the_same_line_are_no_round_unless_they_hand_on_what_rounds_do():
    f = lambda xs, y: (y * y + 1.0) * sum(x * x for x in xs)
    assert trips(joined(f, ([1.0] * 9, 2.0))[1]) == [([9], [])]


def test_what_stands_before_a_loop_and_computes_something_else_is_no_round():
    def f(xs, y):
        start = y * y + 1.0
        for x in xs:
            start = x * x + start
        return start

    assert trips(joined(f, ([1.0] * 9, 2.0))[1]) == [([9], [])]


# ---- the graph ----


@pytest.mark.parametrize(("f", "args"), ALL, ids=IDS)
def test_numbers_and_gradients_are_those_of_the_function(f, args):
    recorded = lower(f, args).recorded()
    given = in_values(list(args))
    expected = list(dict.fromkeys(leaves(f(*given))))
    sum(expected).backward()
    assert [y.data for y in recorded.outputs] == [y.data for y in expected]
    got = {x.label: x.grad for x in graph(*recorded.outputs) if x.op is None}
    names = names_of(f, args, {}, trace(f, args, {}).captures)
    numbers = [x for x in leaves(given) if not isinstance(x, bool)]
    used = {*graph(*expected)}
    assert got == {
        name: x.grad for name, x in zip(names, numbers) if isinstance(x, Value) and x in used
    }


def test_what_is_returned_twice_is_one_result():
    (y,) = lower(lambda x: [square := x * x, square], (3.0,)).recorded().outputs
    assert (y.data, y.inputs[0].grad) == (9.0, 6.0)


@pytest.mark.parametrize(("f", "args"), ALL, ids=IDS)
def test_every_op_is_a_node_on_its_line(f, args):
    recorded = lower(f, args).recorded()
    made = [v for v in graph(*recorded.outputs) if v.op and v.op.name != "return"]
    eager = [v for v in graph(*leaves(f(*in_values(list(args))))) if isinstance(v, Value) and v.op]
    counts = Counter(v.op.name for v in made if v.op.symbol not in {"<", ">"})
    assert counts == Counter(v.op.name for v in eager)
    first = f.__code__.co_firstlineno
    assert {recorded.lines[v][1] - first for v in made} <= set(range(len(recorded.sources[0].text)))
    assert recorded.sources[0].text[0].startswith(f"def {f.__name__}")


def test_rounds_are_numbered():
    recorded = lower(*DOT).recorded()
    products = [v for v in graph(*recorded.outputs) if v.op and v.op.name == "mul"]
    assert [v.inputs[0].label for v in products] == [f"a[{i}]" for i in range(15)]
    assert {recorded.scopes[v] for v in products} == {("dot", "loop 1 ×15")}
    assert [recorded.calls[v] for v in products] == [(1, k) for k in range(1, 16)]
    assert len({recorded.instructions[v] for v in products}) == 1


def test_names_say_where_inputs_sit():
    scale, table = 0.5, {"a": [1.0, 2.0], "b": np.array([3.0])}
    model = MLP(2, [1], rng=0)

    def f(x, rows, /, *rest, by, bias=3.0):
        return scale * x * rows[1, 0] * rest[0] * by["k"] + bias + table["a"][1] * model([x, x])

    args, named = (2.0, np.array([[3.0, 5.0], [7.0, 9.0]]), 11.0), {"by": {"k": 13.0}}
    lowered = jit(f).lower(*args, **named)
    used = {x.label: x.data for x in graph(*lowered.recorded().outputs) if x.op is None}
    parameters = {name: p.data for name, p in model.named_parameters()}
    assert used == {
        "x": 2.0, "rows[1][0]": 7.0, "rest[0]": 11.0, "by['k']": 13.0, "scale": 0.5, "bias": 3.0,
        "table['a'][1]": 2.0, **parameters,
    }  # fmt: skip
    assert names_of(f, args, named, lowered.traced.captures).count("rows[0][1]") == 1


def test_an_element_that_was_chosen_by_an_int_is_the_input_itself():
    def f(table, i):
        return table[i] * 2.0

    assert lower(f, ([1.0, 3.0, 5.0], 1)).recorded().outputs[0].inputs[0].label == "table[1]"
    assert lower(f, ([1.0, 3.0, 5.0], -1)).recorded().outputs[0].inputs[0].label == "table[2]"


def test_comparisons_that_steered_are_kept_if_an_edit_could_change_them():
    def f(x, n: int):
        for _ in range(n):
            x = x * x
            if x < 0.5:
                x = x + 0.25
        return x

    recorded = lower(f, (0.9, 9)).recorded()
    x, taken = 0.9, []
    for _ in range(9):
        x = x * x
        taken.append((x, x < 0.5))
        x = x + 0.25 if x < 0.5 else x
    assert [(choice.left.data, choice.taken) for choice in recorded.choices] == taken
    assert describe(traced(recorded), recorded)[0]["notes"] == []


# ---- draw ----


def test_every_loop_is_one_card():
    folded, frames = loops(draw(lower(*PERCEPTRON)))
    assert folded == ["loop 1 ×20", f"loop 2 ×{8 * 4 + 8 * 9 + 9}"] and frames == []
    assert loops(draw(lower(*PENDULUM)))[0] == ["loop 1 ×1,000"]
    assert re.fullmatch(r"loop 1.1 ×[23] to 12", loops(draw(lower(*TRIANGLE), depth=2))[0][-1])


def test_a_loop_says_how_much_is_in_it_and_where():
    said = next(iter(s for s in cards(draw(lower(*DOT))).values() if s[0].startswith("loop")))
    line = dot.__code__.co_firstlineno + 3
    assert said[:2] == ["loop 1 ×15", f"2 ops, line {line}"]


def test_depth_opens_loops_from_the_outermost():
    lowered = lower(*PERCEPTRON)
    folded, frames = loops(draw(lowered, depth=2))
    assert frames[0] == "loop 1 ×20" and {name.split()[1] for name in folded} >= {"1.1", "1.2"}
    folded, frames = loops(draw(lowered, depth=9))
    assert folded == [] and "loop 1.3 ×8" in frames


def test_cards_in_loops_leave_it_to_their_frames_to_say_how_often():
    said = [text for card in cards(draw(lower(*PERCEPTRON), depth=9)).values() for text in card]
    assert {text for text in said if "×" in text and text != "×"} == {
        f"layers ×{8 * 4 + 8 * 9 + 9}", "points ×60", "targets ×20",
    }  # fmt: skip


@pytest.mark.parametrize(("f", "args"), [DOT, PENDULUM, STATES], ids=["dot", "pendulum", "states"])
def test_arrows_to_the_next_round_are_dashed(f, args):
    lowered = lower(f, args)
    recorded = lowered.recorded()
    expected = set()  # pairs of instructions, if it is handed on in the same round
    for node in graph(*recorded.outputs):
        for x in node.inputs:
            if node in recorded.instructions and x in recorded.instructions:
                within = recorded.calls[x] == recorded.calls[node]
                expected.add((recorded.instructions[x], recorded.instructions[node], within))
    source = draw(lowered, depth=2).source
    dashed = re.findall(r"\tn\d+ -> n\d+ \[.*style=dashed", source)
    assert len(dashed) == len([pair for pair in expected if not pair[2]]) > 0
    assert not {(a, b) for a, b, within in expected if within} & {
        (a, b) for a, b, within in expected if not within
    }


def test_a_sum_hands_itself_on():
    picture = draw(lower(*DOT), depth=2)
    plus = next(name for name, said in cards(picture).items() if said[0] == "+")
    assert re.search(rf"\t{plus} -> {plus} \[.*style=dashed", picture.source)
    assert f"{plus} -.-> {plus}" in picture.mermaid()


def test_a_result_stands_outside_of_the_loop_that_it_comes_from():
    picture = draw(lower(*DOT), depth=2)
    frame = re.search(r"subgraph cluster_0 \{.*?\n\t\}", picture.source, re.DOTALL)[0]
    outside = [name for name, said in cards(picture).items() if "dot" in said]
    assert len(outside) == 1 and f"{outside[0]} [" not in frame
    assert frame.count("tooltip") == 4  # the frame, × and +, and the 0 that the sum starts from


def test_a_picture_shows_gradients_of_all_results():
    (_, *shown), *_ = (said for said in cards(draw(lower(*STATES))).values() if said[0] == "x")
    x = Value(0.1)
    sum(dict.fromkeys(leaves(states(x, 2.5, 40)))).backward()
    assert f"{x.grad:+.4g}" in [text.replace("−", "-") for text in shown]


def test_without_loops_it_is_drawn_as_any_graph():
    lowered = lower(lambda x, y: (x * y).tanh() + 1.0, (2.0, 3.0))
    assert [said[0] for said in cards(draw(lowered)).values()] == ["x", "y", "×", "tanh", "+", "1"]


def test_parameters_share_a_card_by_their_names_without_numbers():
    model = MLP(3, [8, 8, 1], rng=0)

    def loss(model, points):
        return sum(model(point) ** 2 for point in points)

    said = {card[0] for card in cards(draw(lower(loss, (model, numbers(20, 3))))).values()}
    assert {"layers.neurons.w ×96", "layers.neurons.b ×17", "points ×60"} <= said


def test_what_cannot_be_drawn_is_still_refused():
    with pytest.raises(ValueError, match="at most 10 cards"):
        draw(lower(*PERCEPTRON), depth=9, max_nodes=10)
    assert "dot = return" in tree(lower(*DOT))


# ---- explain ----


def pages(f, args):
    recorded = lower(f, args).recorded()
    return describe(traced(recorded), recorded)[0], read(lower(f, args), "explain")


def nodes_of(data, card):
    return sorted(i for c in card["classes"] for i in data["classes"][c])


@pytest.mark.parametrize(("f", "args"), ALL, ids=IDS)
def test_a_page_begins_folded_and_every_loop_can_be_opened(f, args):
    data, _ = pages(f, args)
    begun = data["views"][0]
    assert {card["name"] for card in begun["cards"] if card["kind"] == "loop"} == {
        module["name"] for module in data["modules"] if module["parent"] < 0
    }
    assert begun["open"] == [] and begun["calls"] == 0 and data["folded"] == 0
    for at, module in enumerate(data["modules"]):
        assert at in data["views"][module["view"]]["open"], module
        assert module["path"] == module["name"]
    assert len(data["views"][data["full"]]["open"]) == len(data["modules"])
    assert data["notes"] == []


@pytest.mark.parametrize(("f", "args"), [DOT, PENDULUM, STATES], ids=["dot", "pendulum", "states"])
def test_a_view_of_an_open_loop_shows_any_of_its_rounds(f, args):
    recorded = lower(f, args).recorded()
    trace = traced(recorded)
    data, _ = describe(trace, recorded)
    view = data["views"][data["full"]]
    looped = [card for card in view["cards"] if card.get("looped")]
    assert looped and all(card.get("percall") for card in looped)
    for card in looped:
        rounds = [recorded.calls[trace.nodes[i]] for i in nodes_of(data, card)]
        assert rounds == [(1, k) for k in range(1, view["calls"] + 1)]


@pytest.mark.parametrize(("f", "args"), ALL, ids=IDS)
def test_no_arrow_is_missing_in_any_view(f, args):
    data, trace = pages(f, args)
    for view in data["views"]:
        card_of = {i: at for at, c in enumerate(view["cards"]) for i in nodes_of(data, c)}
        arrows = {(arrow["tail"], arrow["head"]): arrow for arrow in view["arrows"]}
        for i, at in card_of.items():
            for j in trace.inputs[i]:
                inside = card_of[j] == at and "module" in view["cards"][at]
                assert inside or (card_of[j], at) in arrows
        for arrow in arrows.values():
            assert len(arrow["points"]) >= 4


def test_a_compiled_function_is_drawn_for_some_arguments():
    for show in (draw, tree):
        with pytest.raises(TypeError, match=r"got <jit dot>; (draw|tree) .* f\.lower"):
            show(jit(dot))


def test_a_notebook_shows_the_picture_and_the_program():
    lowered = jit(dot).lower([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0])
    shown = lowered._repr_mimebundle_()
    assert shown["text/plain"] == str(lowered)
    assert "loop 1 ×4" in shown["image/svg+xml"]
    assert "Step through" in shown["text/html"]


def test_rounds_can_be_stepped_through_in_a_browser(visit):
    f, args = DOT
    tab = visit(explain(lower(f, args)).html)
    tab.locator(".card.loop").click()
    tab.locator("#call").fill("3")
    tab.locator("#call").press("Enter")
    assert tab.locator("label[for=call]").text_content() == "round"
    total = sum(x * y for x, y in list(zip(*args))[:3])
    said = tab.locator("#graph .card").evaluate_all("all => all.map(c => c.ariaLabel)")
    expected = f"value {total:.4g}, grad +1".replace("-", "−")  # handed back by the next round
    assert any(expected in card for card in said), said
    assert tab.locator(".arrow.carried").count() == 1
    tab.locator("[data-fold]").click()
    assert tab.locator(".card.loop").count() == 1
