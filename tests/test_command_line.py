"""Expressions as text, and the command line: arithmetic is computed, all else is refused.

What arithmetic gives is compared with Python's own eval on floats.
"""

from __future__ import annotations

import ast
import builtins
import io
import math
import os
import subprocess
import sys
import webbrowser
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import autograd
from autograd import Value, cos, tanh
from autograd.__main__ import HELP, main, read
from autograd.engine import graph
from autograd.expression import DEEPEST, LONGEST, Refused, evaluate

ROOT = Path(__file__).parent.parent


def names_in(text: str) -> dict[str, float]:
    """A number for each single letter."""
    tree = ast.parse(text.strip(), mode="eval")
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and len(node.id) == 1}
    return dict.fromkeys(sorted(names - {"e"}), 0.5)


# ---- what is computed ----


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a*b + b**3", 0.0),
        ("-a**2", -16.0),  # as in Python: the power first
        ("2**b**3", 256.0),  # from the right
        ("+a - -b", -2.0),
        ("a // 3 + b % 3", 0.0),
        ("(a + b) * (a - b) / 4", 3.0),
        ("1e3*b + .5", 2000.5),
        ("a + 0x10", 12.0),
        ("b*pi", 2 * math.pi),
        ("b*e", 2 * math.e),
        ("tanh(b)", math.tanh(2.0)),
        ("maximum(a, b) + clip(a, -1, 1)", 1.0),
        ("leaky_relu(a, 0.5) + leaky_relu(a, slope=0.25)", -3.0),
        ("sum([a, b, 3]) + dot([a, 1], (b, 5))", -2.0),
        ("mean([a*b, b])", -3.0),
        ("norm([3*b, 4*b])", 10.0),
        ("  a +\tb  ", -2.0),
        ("(a\n + b)", -2.0),
    ],
)
def test_arithmetic_and_ops(text, expected):
    used = [name for name in ("a", "b") if name in names_in(text)]
    numbers = {"a": -4.0, "b": 2.0}
    y = evaluate(text, {name: numbers[name] for name in used})
    assert y.data == pytest.approx(expected, rel=1e-15)


def test_gradients_flow_to_the_names():
    y = evaluate("a*b + b**3", {"a": -4.0, "b": 2.0})
    y.backward()
    grads = {x.label: x.grad for x in graph(y) if x.op is None}
    assert grads == {"a": 2.0, "b": 8.0}


def test_a_name_is_one_value_however_often_it_stands_there():
    y = evaluate("a*a*a", {"a": 3.0})
    assert sum(x.op is None for x in graph(y)) == 1


def test_pieces_are_labelled_by_their_text_if_it_is_short():
    y = evaluate("tanh(a * b) + (a + 1)*maximum(a, 123456789.0)", {"a": 1.0, "b": 2.0})
    labels = [x.label for x in graph(y)]
    assert labels == [
        "a", "b", "a * b", "tanh(a * b)", "a + 1", "maximum(a, 123456789.0)", "",
        "tanh(a * b) + (a + 1)*maximum(a, 123456789.0)",
    ]  # fmt: skip


def test_a_name_alone_is_a_leaf():
    y = evaluate("(a)", {"a": 3.0})
    assert y.op is None and y.label == "a"


def test_names_are_read_as_python_reads_them():
    micro, mu = "\u00b5", "\u03bc"
    y = evaluate(f"{micro} * 2", {micro: 3.0})
    assert y.data == 6.0 and y.inputs[0].label == mu


def test_a_given_number_goes_before_a_constant():
    assert evaluate("e + pi", {"e": 1.0, "pi": 2.0}).data == 3.0


@pytest.mark.parametrize("text", ["a*9**9**9**9", "a*10**400", "a/0", "a*(1e999)"])
def test_what_is_beyond_all_floats_is_infinite_at_once(text):
    assert evaluate(text, {"a": 1.0}).data == math.inf


def test_powers_of_negatives_and_the_like_are_those_of_floats():
    assert math.isnan(evaluate("a**0.5", {"a": -1.0}).data)
    assert evaluate("log(a)", {"a": 0.0}).data == -math.inf


leaves = st.one_of(
    st.sampled_from(["a", "b", "pi"]),
    st.floats(0.0, 1e6).map(repr),
    st.integers(0, 1000).map(str),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", " - ", "*", "/", "//", " % ", "**"]), inner).map(
            "".join
        ),
        st.tuples(st.sampled_from("+-"), inner).map("".join),
        inner.map("({})".format),
        st.tuples(st.sampled_from(["tanh", "cos"]), inner).map("{0[0]}({0[1]})".format),
    ),
    max_leaves=12,
)
numbers = st.floats(-100.0, 100.0)


@settings(max_examples=400, deadline=None)
@given(expressions, numbers, numbers)
def test_any_arithmetic_is_what_python_computes_on_floats(text, a, b):
    known = {"a": a, "b": b, "pi": math.pi, "tanh": math.tanh, "cos": math.cos}
    floats = ast.fix_missing_locations(AsFloats().visit(ast.parse(text, mode="eval")))
    used = {node.id for node in ast.walk(floats) if isinstance(node, ast.Name)}
    try:
        expected = eval(compile(floats, "<text>", "eval"), {"__builtins__": {}}, known)
    except (ArithmeticError, ValueError, TypeError):  # the last of a complex number
        return  # where Python raises, IEEE-754 has an answer: see test_ops.py
    if isinstance(expected, complex) or not used & {"a", "b"}:
        return
    try:
        y = evaluate(text, {name: known[name] for name in ("a", "b") if name in used})
    except Refused as error:
        pytest.fail(f"{text!r} was refused: {error}")
    same_nan = math.isnan(y.data) and math.isnan(expected)
    assert same_nan or y.data == expected or math.isclose(y.data, expected, rel_tol=1e-12)


class AsFloats(ast.NodeTransformer):
    """Makes integers floats: Python's have no end, and its answers may take as long."""

    def visit_Constant(self, node):
        return ast.Constant(float(node.value))


# ---- what is refused ----

REFUSED = [
    ("a.real", "an attribute: 'a.real'; "),
    ("a.tanh()", "an attribute: 'a.tanh'; write tanh(x), with no dot"),
    ("__import__('os').system('ls')", "an attribute: "),
    ("a if a else 2", "an if: "),
    ("a < 2", "a comparison: 'a < 2'; "),
    ("a and 2", "a logical operation: "),
    ("not a", "another operator: 'not a'; "),
    ("~a", "another operator: '~a'; "),
    ("a @ a", "another operator: 'a @ a'; "),
    ("a << 2", "another operator: "),
    ("a | 2", "another operator: "),
    ("a ^ 2", "^: 'a ^ 2'; a power is written **"),
    ("a[0]", "an index: 'a[0]'; "),
    ("(lambda: a)()", "a lambda: 'lambda: a'; "),
    ("(a := 2)", "an assignment: 'a := 2'; "),
    ("f'{a}'", "an f-string: "),
    ("'a'", "a str: "),
    ("b'a'", "a bytes: "),
    ("a*2j", "a complex: '2j'; "),
    ("a + True", "a bool: 'True'; "),
    ("a + None", "a NoneType: "),
    ("a + ...", "a ellipsis: "),
    ("[a, 2]", "a list: "),
    ("(a, 2)", "a tuple: "),
    ("sin([a])", "a list: "),
    ("{a: 2}", "a dict: "),
    ("{a, 2}", "a set: "),
    ("[x for x in (a,)]", "a listcomp: "),
    ("sum(*[a])", "a star: "),
    ("(yield)", "a yield: "),
    ("(await a)", "a await: "),
    ("sin(a)(2)", "a call: 'sin(a)(2)'; "),
    ("a = 2", "'a = 2' (invalid syntax"),
    ("a b", "'a b' (invalid syntax"),
    ("", "'' (invalid syntax"),
    ("a +", "'a +' (invalid syntax"),
    ("import os", "'import os' (invalid syntax"),
    ("a; a", "'a; a' (invalid syntax"),
    ("a\x00", "'a\\x00' (source code string cannot contain null bytes"),
    ("\ud800", "'\\ud800' ("),
    ("leaky_relu(a, **{'slope': 1})", "a dict: "),
]


@pytest.mark.parametrize("text, got", REFUSED, ids=[text[:20] for text, _ in REFUSED])
def test_everything_else_is_refused_by_name(text, got):
    with pytest.raises(Refused) as caught:
        evaluate(text, {"a": 1.0}, "explain")
    assert str(caught.value).startswith(f"explain: expected arithmetic, got {got}")
    assert "; " in str(caught.value)


@pytest.mark.parametrize(
    "text, message",
    [
        ("a*b", "expected a number for b; add b=2"),
        ("a + c*b*d", "expected numbers for c, b, d; add c=2 b=2 d=2"),
        ("sin", "expected sin, which is an op, to be called; write sin(...)"),
        ("2*sin + a", "expected sin, which is an op, to be called; write sin(...)"),
        ("tahn(a)", "expected the name of an op, got 'tahn'; there is tan, tanh, atan"),
        ("max(a, 2)", "expected the name of an op, got 'max'; there is maximum"),
        ("eval(a)", "expected the name of an op, got 'eval'; "),
        ("zzz(a)", "expected the name of an op, got 'zzz'; autograd.OPS lists all"),
        ("clip(a)", "clip: expected 3 inputs, got 1"),
        ("sin(a, a)", "sin: expected 1 input, got 2"),
        ("sum(a, a)", "sum: expected 1 sequence of numbers, got Value, Value; "),
        ("dot([a], [a, 1])", "dot: expected sequences of one length, got lengths [1, 2]"),
        ("sum([a], start=1)", "expected lists alone, got 'sum([a], start=1)'; write sum([a, b])"),
        ("leaky_relu(a, **a)", "expected arithmetic, got ** before an argument in "),
        ("leaky_relu(a, tilt=1)", "leaky_relu(x, slope=0.01): got an unexpected keyword argument"),
    ],
)
def test_what_is_wrong_is_said(text, message):
    with pytest.raises(Refused) as caught:
        evaluate(text, {"a": 1.0}, "explain")
    assert str(caught.value).startswith(f"explain: {message}")


def test_numbers_for_nothing_are_refused():
    with pytest.raises(Refused, match=r"expected numbers for names in 'a', got b; leave it out"):
        evaluate("a", {"a": 1.0, "b": 2.0})


def test_an_expression_without_a_name_has_nothing_to_differentiate_by():
    with pytest.raises(Refused, match=r"expected a name to differentiate by, got '1\+2' = 3; "):
        evaluate("1+2", {})


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a" + "+a" * 5_000, f"at most {LONGEST:,} characters, got 10,001"),
        ("(" * 5_000 + "a" + ")" * 5_000, f"at most {LONGEST:,} characters"),
        ("-" * 10_000 + "a", f"at most {LONGEST:,} characters"),
        ("(" * 900 + "a" + ")" * 900, "arithmetic, got '(((("),
        ("-" * 1_900 + "a", ""),
        ("a" + "+a" * 900, f"at most {DEEPEST} levels of what stands inside of what"),
        ("tanh(" * 150 + "a" + ")" * 150, f"at most {DEEPEST} levels"),
        ("a" + "**a" * 600, ""),
        ("[" * 900, "arithmetic, got"),
        ("9" * 1_999, "a name to differentiate by"),
    ],
)
def test_long_and_deep_ones_are_an_error_not_a_crash(text, expected):
    with pytest.raises(Refused) as caught:
        evaluate(text, {"a": 1.0} if "a" in text else {})
    assert f"expected {expected}" in str(caught.value)
    assert len(str(caught.value)) < 300


def test_as_deep_as_allowed_works_below_a_deep_stack():
    text = "tanh(" * (DEEPEST - 2) + "a" + ")" * (DEEPEST - 2)

    def deep(n):
        return evaluate(text, {"a": 0.1}) if n == 0 else deep(n - 1)

    assert deep(300).data > 0.0


def test_a_long_sum_can_be_written_as_a_list():
    assert evaluate(f"sum([{'a,' * 900}])", {"a": 1.0}).data == 900.0


def test_nothing_is_executed(monkeypatch):
    with monkeypatch.context() as without:
        for name in ("eval", "exec", "open"):
            without.setattr(builtins, name, None)
        y = evaluate("a*2", {"a": 3.0})
    assert y.data == 6.0


# ---- the command line ----


@pytest.fixture
def browser(monkeypatch):
    """Opened addresses; no page is made, the graphs are kept instead."""
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    return opened


@pytest.fixture
def explained(monkeypatch):
    """The graphs that pages were asked for; each page is a short file."""
    graphs = []

    def explain(y, *, path):
        graphs.append(y)
        Path(path).write_text("a page", encoding="utf-8")

    monkeypatch.setattr(autograd, "explain", explain)
    return graphs


def test_explain_writes_a_page_opens_it_and_says_where(browser, explained, capsys):
    assert main(["explain", "a*b + b**3", "a=-4", "b=2"]) == 0
    *shown, where = capsys.readouterr().out.splitlines()
    assert shown == ["a*b + b**3 = 0", "    grad of a = 2", "    grad of b = 8"]
    file = Path(where.removeprefix("page: "))
    assert file.read_text() == "a page" and browser == [file.as_uri()]
    (y,) = explained
    assert y.label == "a*b + b**3" and y.grad == 1.0


def test_the_page_can_go_to_a_file_and_stay_closed(browser, explained, capsys, tmp_path):
    for option in (["--out", str(tmp_path / "y.html")], [f"--out={tmp_path / 'z.html'}"]):
        assert main(["explain", "--no-open", "a*2", *option, "a=1"]) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"y.html", "z.html"}
    assert browser == [] and str(tmp_path / "y.html") in capsys.readouterr().out


@pytest.mark.parametrize("outcome", [False, webbrowser.Error("none"), OSError("none")])
def test_without_a_browser_the_file_is_named(outcome, explained, capsys, monkeypatch):
    def none_here(address):
        if outcome:
            raise outcome
        return False

    monkeypatch.setattr(webbrowser, "open", none_here)
    assert main(["explain", "a*2", "a=1"]) == 0
    assert "no browser was found here; open this file in one" in capsys.readouterr().out


def test_the_real_page_is_written(browser, capsys, tmp_path):
    assert main(["explain", "tanh(a)*2", "a=0.5", "--out", str(tmp_path / "y.html")]) == 0
    html = (tmp_path / "y.html").read_text(encoding="utf-8")
    assert html.startswith("<!") and "tanh(a)*2" in html


def test_a_tree_is_printed(capsys):
    assert main(["tree", "a*b + b**3", "a=-4", "b=2"]) == 0
    assert capsys.readouterr().out == (
        "                value  grad  ∂ parent\n"
        "a*b + b**3 = +      0    +1\n"
        "├─ a*b = ×         −8    +1         1\n"
        "│  ├─ a            −4    +2         2\n"
        "│  └─ b             2    +8        −4\n"
        "└─ b**3 = ^3        8    +1         1\n"
        "   └─ ↑ b                          12\n"
        "↑ is drawn above\n"
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_terminals_without_the_characters_get_plain_ones(encoding, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    assert main(["tree", "α*2", "α=3"]) == 0
    sys.stdout.flush()
    text = raw.getvalue().decode(encoding)
    assert ("└─ α" in text) if encoding == "utf-8" else ("`- ?" in text)


def test_names_a_terminal_cannot_show_become_question_marks(explained, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["explain", "α*2", "α=3", "--no-open"]) == 0
    sys.stdout.flush()
    assert raw.getvalue().startswith(b"?*2 = 6\n    grad of ? = 2\n")


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["help"]])
def test_help_has_an_example_that_works(words, capsys):
    assert main(words) == 0
    assert capsys.readouterr().out.strip() == HELP.strip() and HELP.isascii()
    assert 'tree    "a*b + b**3" a=-4 b=2' in HELP


def test_arguments_are_understood_in_any_order():
    request = read(["explain", "--no-open", "-a*b", "a=-1e3", " b = 2 ", "--out", "x.html"])
    assert request.expression == "-a*b" and request.numbers == {"a": -1000.0, "b": 2.0}
    assert request.out == Path("x.html") and not request.opens


@pytest.mark.parametrize(
    "words, message",
    [
        (["foo"], "autograd: expected explain or tree, got 'foo'; write: python -m autograd"),
        (["tree"], "tree: expected an expression, got none; "),
        (["tree", "  "], "tree: expected an expression, got none; "),
        (["tree", "a*b", "a=1"], "tree: expected a number for b; add b=2"),
        (["explain", "a*b", "a=1"], "explain: expected a number for b; add b=2"),
        (["tree", "a", "*", "b"], "tree: expected NAME=NUMBER after the expression, got '*'; "),
        (["tree", "a", "2=3"], "tree: expected NAME=NUMBER after the expression, got '2=3'; "),
        (["tree", "a", "lambda=3"], "tree: expected NAME=NUMBER after the expression, got "),
        (["tree", "a", "=3"], "tree: expected NAME=NUMBER after the expression, got '=3'; "),
        (["tree", "a", "a=two"], "tree: expected a number for a, got 'two'; write a=2"),
        (["tree", "a", "a="], "tree: expected a number for a, got ''; write a=2"),
        (["tree", "a", "a=1", "a=2"], "tree: expected one number for a, got two; leave one out"),
        (["tree", "a", "a=1", "--out", "f"], "tree: expected an option it has, got '--out'; "),
        (["explain", "a", "--close"], "explain: expected an option it has, got '--close'; "),
        (["explain", "a", "a=1", "--out"], "explain: expected a file after --out, got none; "),
        (["tree", "a\n.b\x1b[31m", "a=1"], "tree: expected arithmetic, got "),
    ],
)
def test_mistakes_end_with_code_2_and_one_line(words, message, capsys):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(message) and err.count("\n") == 1
    assert "\x1b" not in err


def test_a_file_that_cannot_be_written_is_an_error_of_one_line(browser, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path, tmp_path / "file" / "y.html"):
        assert main(["explain", "a*2", "a=1", "--out", str(out)]) == 2
        assert "explain: expected a file that can be written, got" in capsys.readouterr().err
    assert browser == []


def test_as_a_program():
    run = [sys.executable, "-m", "autograd", "tree", "a*b + b**3", "a=-4"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(run, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tree: expected a number for b; add b=2\n"
    done = subprocess.run(
        [*run, "b=2"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0 and "`- b**3 = ^3" in done.stdout


def test_the_functions_used_here_are_the_packages():
    x = Value(0.3)
    assert evaluate("tanh(x) + cos(x)", {"x": 0.3}).data == (tanh(x) + cos(x)).data
