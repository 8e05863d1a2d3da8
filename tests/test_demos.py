"""Every demo, run as a reader runs it: what it answers, what it writes, what it needs."""

import ast
import doctest
import json
import os
import re
import statistics
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from demos import MAIN_STORY, READING_ORDER, penguins
from nn import MLP, fit

ROOT = Path(__file__).parent.parent
LIBRARY = {"__init__", "__main__", "penguins", "plots"}  # the modules that are no demos

ANSWERS = {
    "expression": "Answer: backwards, step by step; graph and hand agree on -3 and -4.",
    "neuron": "Answer: a weighed sum, bent: 0.7071. Its slope is +1.0 in w1, -1.5 in x1, and 0 in w2, "
    "as x2 is 0.",
    "lms": "Answer: by error * input, again and again; it ends 97.9% right, "
    "but 88.4% where no line fits.",
    "mlp": "Answer: by sending the error back through the graph; it now knows "
    "66 of 69 held-out penguins (95.7%).",
    "topological": "Answer: so that a node hands on all of its gradient, once: 36, not 20; "
    "17 visits, not 131,071.",
    "new_op": "Answer: by its formula and its derivative; it gets a check, a picture, and a second "
    "derivative: 0.512 at 3/4.",
    "transformer": "Answer: a letter at a time, from those before; to the next letter of an unseen "
    "name it now gives 1 chance in 8.",
}
FIGURES = {  # printed on the way, known from elsewhere: by hand, by a closed form
    "expression": ["df/da = -3.000000000", "df/db = -4.00000000"],
    "neuron": [  # as PyTorch and micrograd have it
        "n             =   0.8814   add",
        "do/dx1 = -1.5000\n   do/dw1 = +1.0000\n   do/dx2 = +0.5000\n   do/dw2 = +0.0000",
        "x1 raised: o changes by -0.001503, promised -0.001500",
        "one node 0.500000000000, its formula 0.500000000000",
    ],
    "lms": ["output - expected = 0 - (-1) = 1", "172 Adelies and Chinstraps"],
    "mlp": ["51 parameters", "of 205", "69 held out"],
    "topological": [
        "df/dx = 20 after 4 visits",
        "df/dx = 36 after 4 visits",
        "65536        131,071",
    ],
    "new_op": [
        "0.25, derivative 0.6",
        "second at  0.75: +0.512000000000",
        "op twin at (0.75): d/d input 0: expected 0.6",
    ],
    "transformer": [  # the last of them, as a vectorised JAX version of it learns
        "4,064 parameters in 9 tables",
        "a guess among 27 has log(27) = 3.30",
        "equal to the last bit: True",
        "four lengths, four programs",
        "it was 3.39: to the letter that comes it gives 1 chance in 7.",
    ],
}
PICTURES = {  # of an SVG, texts that stand in it; of a page, labels and gradients of its nodes
    "expression": {"expression.svg": ["a*b", "b**2", "−3", "−4", "sum over 2 uses"]},
    "neuron": {
        "neuron.html": {"x1": -1.5, "w1": 1, "x2": 0.5, "w2": 0, "b": 0.5, "x1*w1": 0.5, "o": 1}
    },
    "lms": {"lms.png": []},
    "mlp": {
        "mlp-loss.png": [],
        "mlp-boundary.png": [],
        "mlp-neuron.svg": ["tanh", "w1", "w2", "b", "scaled length", "scaled depth", "output"],
        "mlp.html": {"loss": 1},
    },
    "topological": {
        "topological.svg": ["f", "+36", "= 5 + 4"],
        "topological.html": {"x": 36, "a": 9, "b": 4, "f": 1},
    },
    "new_op": {"new-op.svg": ["pseudo_huber", "∂ −0.6", "loss"]},
    "transformer": {},
}


def run(*arguments, code=None, cwd=ROOT):
    """Run ``python -m demos...`` (or ``code``) in a process of its own."""
    start = ["-c", code] if code else ["-m"]
    return subprocess.run(
        [sys.executable, *start, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        timeout=60,
    )


def texts(svg):
    """All texts of an SVG, ``&nbsp;`` as a space."""
    return [
        "".join(e.itertext()).replace("\xa0", " ") for e in ET.parse(svg).iter() if "text" in e.tag
    ]


def data_of(page):
    """What a page was told, read from its HTML."""
    text = page.read_text(encoding="utf-8")
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1]
    )


def check_picture(file, expected):
    if file.suffix == ".html":
        nodes = data_of(file)["nodes"]
        for label, grad in expected.items():
            assert nodes["grad"][nodes["label"].index(label)] == pytest.approx(grad, abs=1e-12)
        return
    if file.suffix == ".svg":
        missing = set(expected) - set(texts(file))
        assert not missing, f"{file.name} shows {texts(file)}"
        return
    from matplotlib.image import imread  # decodes all of it

    pixels = imread(file)
    height, width = pixels.shape[:2]
    assert width >= 1000 and height >= 600
    inked = (pixels[..., :3] < 0.99).any(axis=-1)
    assert 0.02 < inked.mean() < 0.9, "nearly empty, or nothing but ink"


def check_made_up_names(done):
    assert "learn: 100%" in done.stderr, "the progress bar"
    made = re.findall(r"^   ((?:\S+ *){5})$", done.stdout, re.MULTILINE)[-8:]
    names = " ".join(made).split()
    assert len(names) == 40
    assert all(re.fullmatch(r"[a-z]{1,7}|\([a-z]{1,7}\)", name) for name in names)
    assert 0 < sum(name.startswith("(") for name in names) < 20, "some there are, most are new"


# ---- each demo ----


@pytest.mark.parametrize("name", READING_ORDER)
def test_a_demo_answers_its_question_and_writes_what_it_says(name, tmp_path):
    done = run(f"demos.{name}", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ANSWERS[name]
    for figure in FIGURES[name]:
        assert figure in done.stdout
    assert done.stdout.isascii(), "some terminals and pipes take nothing else"
    if name == "transformer":
        check_made_up_names(done)

    written = {Path(line) for line in re.findall(r"wrote (.+)", done.stdout)}
    assert written == {tmp_path / file for file in PICTURES[name]} == set(tmp_path.iterdir())
    for file, expected in PICTURES[name].items():
        check_picture(tmp_path / file, expected)


def test_the_page_of_mlp_shows_its_training(tmp_path, visit, keep):
    done = run("demos.mlp", "--out", tmp_path)
    training = data_of(tmp_path / "mlp.html")["training"]
    passes = re.search(r"(\d+) passes; ended", done.stdout)[1]
    kept = re.search(r"kept pass (\d+);", done.stdout)[1]
    assert training["steps"][0] == "start"
    assert training["steps"][-1] == f"epoch {passes}"
    assert f"epoch {kept} (kept)" in training["steps"]
    assert len(training["parameters"]) == len(training["values"][0]) == 51
    assert training["loss"][-1] < 0.2 * training["loss"][0]
    assert training["boundary"]["names"] == ["scaled length", "scaled depth"]
    assert training["boundary"]["classes"] == list(penguins.SPECIES)
    tab = visit((tmp_path / "mlp.html").read_text(encoding="utf-8"))
    keep(tab, "demo-mlp")


@pytest.mark.parametrize("name", ["neuron", "topological"])
def test_the_pages_open_without_complaint(name, tmp_path, visit, keep):
    run(f"demos.{name}", "--out", tmp_path)
    tab = visit((tmp_path / f"{name}.html").read_text(encoding="utf-8"))
    assert tab.locator("svg").count() > 0
    keep(tab, f"demo-{name}")


@pytest.mark.parametrize("name", READING_ORDER)
def test_a_demo_reads_as_a_story(name):
    source = (ROOT / "demos" / f"{name}.py").read_text(encoding="utf-8")
    doc = ast.get_docstring(ast.parse(source))
    assert doc.splitlines()[0].endswith("?")
    steps = [int(n) for n in re.findall(r'^print\("""\n(\d)\. ', source, re.MULTILINE)]
    assert steps == list(range(1, len(steps) + 1)) and 4 <= len(steps) <= 8
    imported = set(re.findall(r"^from (demos\S*) import", source, re.MULTILINE))
    assert imported <= {"demos", "demos.penguins", "demos.plots"}, "no helpers from other demos"


def test_the_line_quoted_by_mlp_is_that_of_lms():
    source = (ROOT / "demos" / "mlp.py").read_text(encoding="utf-8")
    quoted = re.search(r"the line of demos\.lms: ([\d.]+%)", source)[1]
    assert quoted in ANSWERS["lms"]


def test_a_model_without_hidden_neurons_does_as_well_as_mlp_says():
    said = re.search(r"knows (\d+) penguins too", (ROOT / "demos" / "mlp.py").read_text("utf-8"))
    learned, watched, held_out = penguins.split(penguins.read()[0], 0.6, 0.2, seed=7)
    scaled = penguins.standardiser([p.bill for p in learned])
    groups = [
        ([scaled(p.bill) for p in group], [penguins.SPECIES.index(p.species) for p in group])
        for group in (learned, watched, held_out)
    ]
    model = MLP(2, [3], init="glorot", rng=7)
    options = {"loss": "cross_entropy", "batch_size": 16, "rng": 7, "validation": groups[1]}
    fit(model, *groups[0], epochs=500, tol=1e-3, patience=20, progress=False, **options)
    answers = [int(np.argmax([score.data for score in model(x)])) for x in groups[2][0]]
    assert sum(a == t for a, t in zip(answers, groups[2][1])) == int(said[1])


# ---- the command ----


def test_the_main_story_is_told_within_a_minute(tmp_path):
    done = run("demos", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    answers = [line for line in done.stdout.splitlines() if line.startswith("Answer")]
    assert answers == [ANSWERS[name] for name in MAIN_STORY]
    assert {f.name for f in tmp_path.iterdir()} == {f for d in MAIN_STORY for f in PICTURES[d]}
    assert "epoch" in done.stderr, "the progress bar"
    assert float(re.search(r"The story took (\d+) s", done.stdout)[1]) < 60


def test_list_shows_every_demo_in_reading_order_with_its_question():
    lines = run("demos", "--list").stdout.splitlines()
    assert [line.split()[2].rstrip() for line in lines] == [f"demos.{n}" for n in READING_ORDER]
    assert all(line.endswith("?") for line in lines)
    files = {file.stem for file in (ROOT / "demos").glob("*.py")}
    assert files - LIBRARY == set(READING_ORDER)


def test_pictures_go_to_a_folder_here_unless_told_otherwise(tmp_path):
    assert "wrote" in run("demos.expression", cwd=tmp_path).stdout
    assert (tmp_path / "pictures" / "expression.svg").stat().st_size > 1000


def test_a_folder_that_cannot_be_made_is_refused_before_the_story(tmp_path):
    taken = tmp_path / "file"
    taken.write_text("")
    done = run("demos", "--out", taken / "inside")
    assert done.returncode == 2 and done.stdout == ""
    assert "--out: expected a folder that can be written" in done.stderr


def test_without_matplotlib_the_way_to_get_it_is_said(tmp_path):
    code = (
        "import runpy, sys; sys.modules['matplotlib'] = None; name = sys.argv.pop(1);"
        "runpy.run_module(f'demos.{name}', run_name='__main__')"
    )
    done = run("lms", "--out", tmp_path, code=code)
    assert done.returncode == 1 and "pip install -e '.[demos]'" in done.stderr
    done = run("expression", "--out", tmp_path, code=code)
    assert done.returncode == 0, "graphs need no matplotlib"


# ---- the picture of README ----


def test_the_moving_picture_of_readme_is_small_and_sharp():
    from PIL import Image  # matplotlib needs it

    file = ROOT / "demos" / "images" / "explain.gif"
    assert file.stat().st_size < 400_000
    with Image.open(file) as picture:
        assert picture.n_frames == 11  # given, 3 forward, the seed, 5 backward, done
        assert picture.width >= 1800
        assert picture.info["loop"] == 0


# ---- the data ----


def test_the_penguins_are_those_that_were_published():
    birds, left_out = penguins.read()
    assert left_out == 2
    assert [sum(b.species == s for b in birds) for s in penguins.SPECIES] == [151, 68, 123]
    # The means that the R package palmerpenguins documents.
    assert statistics.fmean(b.bill[0] for b in birds) == pytest.approx(43.92193, abs=5e-6)
    assert statistics.fmean(b.bill[1] for b in birds) == pytest.approx(17.15117, abs=5e-6)


def test_a_split_deals_every_penguin_once():
    birds, _ = penguins.read()
    groups = penguins.split(birds, 0.6, 0.2, seed=7)
    assert sorted(chain(*groups)) == sorted(birds)
    assert groups == penguins.split(birds, 0.6, 0.2, seed=7), "the same every time"
    assert groups != penguins.split(birds, 0.6, 0.2, seed=8)
    assert groups[-1] == penguins.split(birds, 0.8, seed=7)[-1], (
        "lms and mlp hold out the same ones"
    )


def test_standardised_measurements_have_mean_0_and_deviation_1():
    birds, _ = penguins.read()
    rows = [b.bill for b in birds]
    scaled = np.array([penguins.standardiser(rows)(row) for row in rows])
    assert np.allclose(scaled.mean(axis=0), 0, atol=1e-12)
    assert np.allclose(scaled.std(axis=0), 1, atol=1e-12)


def test_the_examples_in_the_library_run():
    assert doctest.testmod(penguins).failed == 0
    assert doctest.testmod(penguins).attempted >= 3


def test_the_data_say_where_they_come_from():
    text = (ROOT / "demos" / "data" / "README.md").read_text(encoding="utf-8")
    assert "Palmer Station" in text and "CC0" in text
    assert "Census Bureau" in text and "public domain" in text


def test_the_names_are_those_that_were_copied():
    names = (ROOT / "demos" / "data" / "names.txt").read_text(encoding="utf-8").split("\n")
    assert names.pop() == "" and len(names) == 5163
    assert names == sorted(set(names))
    assert all(re.fullmatch("[a-z]+", name) for name in names)
