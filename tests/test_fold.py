"""Folding: the nest gives back the tape, and has the loops of the program that was traced."""

from __future__ import annotations

import gc
import random
from itertools import chain

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograd.compiler.fold import Instruction, Loop, Nest, fold, gives_back, unroll
from autograd.compiler.tape import Guard, Tape
from tests import tapes


def executed(nest):
    """The times in order of execution, and the instructions' codes, one step after another."""
    steps, counts = [], {}

    def run(body):
        for term in body:
            k = counts[id(term)] = counts.get(id(term), -1) + 1
            if isinstance(term, Instruction):
                steps.append((int(term.times[k]), term.code))
            else:
                for _ in range(term.trips[k]):
                    run(term.body)

    run(nest.body)
    for term in inside(nest.body):  # nothing is left over
        assert (
            len(term.times if isinstance(term, Instruction) else term.trips) == counts[id(term)] + 1
        )
    return steps


def inside(body):
    for term in body:
        yield term
        if isinstance(term, Loop):
            assert term.body
            yield from inside(term.body)


def size(nest):
    return sum(isinstance(term, Instruction) for term in inside(nest.body))


def check(tape):
    """The nest of a tape, after making sure that it gives back the tape."""
    nest = fold(tape)
    loops = [term for term in inside(nest.body) if isinstance(term, Loop)]
    assert all(loop.trips.min() >= 1 for loop in loops)
    assert executed(nest) == list(enumerate(tape.codes.tolist()))
    assert np.array_equal(unroll(nest), np.arange(len(tape)))
    return nest


def loops(tape):
    return fold(tape).to_text(tape).splitlines()


# --- the nest gives back the tape ---


def test_a_step_does_not_pass_for_a_code():
    recorder = tapes.Recorder()
    *x, c = recorder.inputs(6)
    u = c * 1.5 - c
    a = [q * 0.5 for q in x]
    m = u * 0.25
    b = [u - q for q in x]
    s = m * 0.25
    for p, q in zip(a, b):
        s = s + p * q
    check(recorder.tape(s))


def test_a_nest_of_other_codes_does_not_give_back_the_tape():
    recorder = tapes.Recorder()
    (x,) = recorder.inputs(1)
    tape = recorder.tape(x * x + x)
    codes = tape.codes.tolist()
    nests = [
        Nest([Instruction(code, np.array([t])) for t, code in enumerate(those)])
        for those in (codes, codes[::-1], codes[:1])
    ]
    assert [gives_back(nest, tape) for nest in nests] == [True, False, False]


@given(st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
@example(242490)  # a loop of code 0 alone stands where another round has that instruction
@example(595)
def test_a_random_program_comes_back(seed):
    check(tapes.program(seed))


@given(st.recursive(
    st.lists(st.integers(0, 3), min_size=1, max_size=4),
    lambda parts: st.tuples(st.lists(parts, min_size=1, max_size=3), st.integers(1, 9)).map(
        lambda t: list(chain(*t[0])) * t[1]
    ),
    max_leaves=12,
))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_repetitions_of_uneven_addresses_come_back(codes):
    check(tapes.noise(codes[:3000], near=5))


@pytest.mark.parametrize(
    "codes",
    [
        [bin(k).count("1") % 2 for k in range(4000)],  # Thue and Morse: squares, but no cubes
        [int(k * 0.6180339887) - int((k - 1) * 0.6180339887) for k in range(1, 4000)],  # Sturmian
        [min(3, (k & -k).bit_length() - 1) for k in range(1, 4000)],  # the ruler
        [0] * 4000,
        [random.Random(1).randrange(4) for _ in range(800)] * 5,  # a long period
    ],
)
def test_repetitive_codes_come_back(codes):
    check(tapes.noise(codes))


def test_names_that_are_equal_by_chance_are_noticed(monkeypatch):
    monkeypatch.setattr("autograd.compiler.fold._mixed", lambda x: x & np.uint64(1))
    with pytest.raises(AssertionError, match="gives back its tape"):
        for seed in range(50):
            fold(tapes.program(seed))


def test_small_tapes():
    assert fold(tapes.noise([])) == Nest([])
    assert unroll(Nest([])).tolist() == []
    assert str(check(tapes.noise([2]))) == "code 0"
    check(tapes.noise([0, 0]))


def test_the_tape_is_left_as_it_was():
    tape, again = tapes.mlp(5), tapes.mlp(5)
    fold(tape)
    for column in ("codes", "first", "slots", "constants"):
        assert np.array_equal(getattr(tape, column), getattr(again, column))


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(enabled):
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        fold(tapes.mlp(2))
        assert gc.isenabled() == enabled
        with pytest.raises(AttributeError):
            fold("no tape")  # type: ignore[arg-type]
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was else gc.disable)()


# --- and has the program's loops ---


@pytest.mark.parametrize(
    ("tape", "most"),
    [
        (tapes.mlp(), 26),
        (tapes.pendulum(), 68),
        (tapes.transformer(7), 126),
        (tapes.transformer(16), 126),
        (tapes.options(), 28),
        (tapes.rosenbrock(), 16),
        (tapes.triangle(), 11),
        (tapes.matrix_product(), 18),
    ],
    ids="mlp pendulum transformer7 transformer16 options rosenbrock triangle product".split(),
)
def test_workloads_fold_to_few_instructions(tape, most):
    assert size(check(tape)) <= most


def test_the_size_is_that_of_the_program_not_of_the_data():
    assert size(fold(tapes.mlp(20))) == size(fold(tapes.mlp(200)))
    assert size(fold(tapes.transformer(9))) == size(fold(tapes.transformer(12)))


def test_loops_in_loops():
    assert (
        loops(tapes.matrix_product(12))[-7:]
        == [
            "loop ×11:",
            "    loop ×12:",
            "        mul x x",
            "        add c v",
            "        loop ×11:",
            "            mul x x",
            "            add v v",
            "        tanh v",
            "        add v v",
        ][-7:]
    )


def test_a_round_is_that_of_the_source():
    """The step of the pendulum, whose first starts from inputs, is found whole and not turned."""
    nest = check(tapes.pendulum(50))
    [step] = [t for t in nest.body if isinstance(t, Loop) and t.trips[0] > 2]
    assert step.trips.tolist() == [49]
    assert step.body[0].times[0] == 38
    assert len(step.body) == 38


def test_an_inner_loop_may_grow():
    [loop] = [t for t in check(tapes.triangle(30)).body if isinstance(t, Loop) and len(t.body) == 4]
    assert loop.trips.tolist() == [28]
    assert loop.body[2].trips.tolist() == list(range(1, 29))


def test_first_rounds_of_a_growing_loop_are_rounds():
    """Of the transformer's positions only the first, whose softmax adds nothing, is by itself."""
    nest = check(tapes.transformer(7))
    assert any(
        isinstance(t, Loop) and t.trips.tolist() == [6] and len(t.body) > 20 for t in nest.body
    )


def test_words_of_all_lengths_share_a_loop():
    nest = check(tapes.words(60))
    assert any(
        isinstance(inner, Loop) and len(set(inner.trips.tolist())) > 4
        for loop in nest.body if isinstance(loop, Loop)
        for inner in loop.body
    )  # fmt: skip


def test_inputs_from_anywhere_are_gathered():
    recorder = tapes.Recorder()
    x, w = recorder.inputs(50), recorder.inputs(50)
    random.Random(1).shuffle(x)
    tape = recorder.tape(tapes.dot(w, x))
    assert loops(tape)[-3:] == ["loop ×49:", "    mul x x", "    add v v"]


def test_values_from_before_the_loop_are_gathered():
    recorder = tapes.Recorder()
    old = [v.sin() for v in recorder.inputs(50)]
    chosen = random.Random(1).choices(old, k=40)
    tape = recorder.tape(tapes.dot(recorder.inputs(40), chosen))
    assert loops(tape)[-3:] == ["loop ×39:", "    mul x v", "    add v v"]


def test_a_few_instructions_are_not_worth_a_loop():
    recorder = tapes.Recorder()
    a, b = recorder.inputs(2)
    assert loops(recorder.tape(a.sin() * b.sin())) == ["sin x", "sin x", "mul v v"]


def test_addresses_are_looked_at_where_codes_do_not_tell_rounds_apart():
    """Three sums at once, of one input each, of pairs and of triples: codes have period 1."""
    recorder = tapes.Recorder()
    x = recorder.inputs(200)
    sums = [x[0].sin(), x[1].sin(), x[2].sin()]
    for _ in range(60):
        sums = [sums[0] + sums[1], sums[1] + sums[2], sums[2] + sums[2]]
    assert loops(recorder.tape(*sums))[-4:] == ["loop ×60:", *["    add v v"] * 3]


def test_guards_are_instructions():
    recorder = tapes.Recorder()
    for v in recorder.inputs(10):
        recorder.record(Guard("<", True), v.exp(), 1.0)
    assert loops(recorder.tape()) == ["loop ×10:", "    exp x", "    guard < v c"]


def test_text_names_source_lines():
    tape = tapes.rosenbrock(4)
    lines = [("rosen.py", 3)] * len(tape)
    fields = {name: getattr(tape, name) for name in tape.__slots__}
    text = fold(tape).to_text(Tape(**{**fields, "lines": lines}))
    assert text.splitlines()[0] == "mul x x  # rosen.py:3"
