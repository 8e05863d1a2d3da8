"""What draws the pictures: every program of the chain, its failures, and the size of bitmaps."""

from __future__ import annotations

import importlib
import os
import struct
import subprocess
import sys
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from autograd import Value, draw
from autograd.drawing import render as chain

SOURCE = "digraph { a -> b }"


@pytest.fixture
def picture():
    y = Value(2.0, label="x").tanh()
    y.label = "y"
    return draw(y)


@pytest.fixture
def nothing_bundled(monkeypatch):
    monkeypatch.setattr(chain, "bundled_program", lambda: None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def pixels(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    return struct.unpack(">II", png[16:24])


def program(path, text: str) -> str:
    """Write an executable script of the shell."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


# ---- the chain ----


def test_pictures_are_drawn_with_nothing_on_the_path(picture, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert ElementTree.fromstring(picture.pipe("svg")).tag.endswith("svg")
    width, height = pixels(picture.pipe("png"))
    inches = chain.size(picture.source)
    assert width / 144 == pytest.approx(inches[0] + 0.4, abs=0.1)  # 0.2 of padding on each side
    assert height / 144 == pytest.approx(inches[1] + 0.4, abs=0.1)


def test_text_comes_back_if_an_encoding_is_given(picture):
    assert picture.pipe(encoding="utf-8").startswith("<?xml")
    assert picture.pipe("svg", encoding="utf-8").encode() == picture.pipe("svg")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for dot is a shell script")
def test_a_dot_on_the_path_is_the_second_choice(nothing_bundled, monkeypatch, tmp_path):
    program(tmp_path / "dot", 'echo "$1 $2"')
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chain.render(SOURCE, "svg", "neato") == b"-Kneato -Tsvg\n"


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
def test_what_fails_is_passed_over_and_all_reasons_are_told(nothing_bundled, monkeypatch, tmp_path):
    broken = program(tmp_path / "broken", "echo no such layout >&2; exit 1")
    monkeypatch.setattr(chain, "bundled_program", lambda: broken)
    program(tmp_path / "dot", "exec /bin/sleep 5")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chain, "SECONDS", 0.2)
    with pytest.raises(RuntimeError) as failure:
        chain.render(SOURCE)
    for reason in ("graphviz-pure: no such layout", "dot: ", "timed out", "pygraphviz: "):
        assert reason in str(failure.value)
    monkeypatch.setattr(chain, "bundled_program", lambda: str(tmp_path / "absent"))
    with pytest.raises(RuntimeError, match=r"graphviz-pure: .*No such file"):
        chain.render(SOURCE)


def test_clusters_that_feed_each_other_are_drawn():
    """dot's older ranking of clusters fails on this graph: "trouble in init_rank"."""
    labelled = (
        "3 8, 0 8, 8 9, 1 10, 3 10, 3 13, 11 14, 12 15, 14 15, 0 19, 6 19, 19 20, 6 20, 20 21, "
        "21 22, 2 23, 22 23, 23 24"
    )
    edges = [f"n{pair} [label=a]".replace(" ", " -> n", 1) for pair in labelled.split(", ")]
    inner = "subgraph cluster_0 { subgraph cluster_1 { n2 n23 } n0 n1 n8 n10 n12 n19 } n22"
    source = "\n".join([inner, *edges, "n43 -> n9", "n44 -> n13", "n47 -> n18"])
    look = 'rankdir=LR nodesep="0.3" ranksep="0.55" node [shape=box fixedsize=true label=""]'
    assert chain.render(f"digraph {{ {look} {source} }}").startswith(b"<?xml")


def test_pygraphviz_is_the_last_choice(nothing_bundled, monkeypatch):
    class AGraph:
        def __init__(self, string):
            self.string = string

        def draw(self, prog, format):
            return f"{prog} {format} {self.string}".encode()

    monkeypatch.setitem(sys.modules, "pygraphviz", SimpleNamespace(AGraph=AGraph))
    assert chain.render(SOURCE, "pdf") == b"dot pdf " + SOURCE.encode()


def test_without_any_program_the_error_says_what_to_install(nothing_bundled, picture):
    with pytest.raises(RuntimeError, match="graphviz-pure: not installed\n  dot: not installed"):
        picture.pipe("svg")
    with pytest.raises(RuntimeError, match=r"run: pip install graphviz-pure$"):
        picture.pipe("png")
    with pytest.raises(RuntimeError, match=r'run: pip install "foldgrad\[pdf\]"'):
        picture.pipe("pdf")


def test_no_package_is_named_that_would_not_help(nothing_bundled, monkeypatch):
    with pytest.raises(RuntimeError, match=r"draw svg, png, jpg or pdf.*") as failure:
        chain.render(SOURCE, "bmp")
    assert "pip install" not in str(failure.value)
    monkeypatch.setitem(sys.modules, "pygraphviz", SimpleNamespace())  # there, and broken
    with pytest.raises(RuntimeError) as failure:
        chain.render(SOURCE, "pdf")
    assert "pip install" not in str(failure.value)


def test_without_any_program_a_notebook_shows_text_and_mermaid_works(nothing_bundled):
    picture = draw(Value(2.0, label="x"))
    shown = picture._repr_mimebundle_()
    assert shown.keys() == {"text/plain"}
    assert "pip install graphviz-pure" in shown["text/plain"]
    assert 'n0["x<br/>value 2' in picture.mermaid()


def test_notebooks_show_svg(picture):
    assert picture._repr_mimebundle_().keys() == {"image/svg+xml"}
    assert picture._repr_mimebundle_(include=["image/png"]).keys() == {"image/png"}


def test_the_bundled_program_is_found_by_its_record(monkeypatch):
    path = chain.bundled_program()
    assert path is not None and os.access(path, os.X_OK)

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    assert chain.bundled_program() is None


def test_a_record_without_the_program_finds_nothing(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: SimpleNamespace(files=None))
    assert chain.bundled_program() is None


def test_without_the_graphviz_package_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['graphviz'] = None\n"
        "from autograd import Value, draw\n"
        "value = Value(1.0)\n"
        "assert list(value._repr_mimebundle_()) == ['text/plain']\n"
        "draw(value)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "run: pip install graphviz graphviz-pure" in done.stderr


# ---- sizes of bitmaps ----


@pytest.mark.parametrize(("width", "height"), [(300, 1), (1, 300), (20, 20)])
def test_large_bitmaps_get_fewer_dots_per_inch(width, height, monkeypatch):
    monkeypatch.setattr(chain, "MOST_AREA", 1e6 if width == height else chain.MOST_AREA)
    source = f"digraph {{ a [shape=box fixedsize=true width={width} height={height}] }}"
    wide, tall = pixels(chain.render(source, "png"))
    assert max(wide, tall) <= chain.MOST_PIXELS
    assert wide * tall <= chain.MOST_AREA
    assert max(wide / width, tall / height) >= chain.LEAST_DPI


def test_a_picture_that_no_bitmap_can_show_is_refused_and_svg_offered():
    source = "digraph { a [shape=box fixedsize=true width=2000 height=1] }"
    with pytest.raises(ValueError, match=r"got 2000 × 1 inches; use format='svg'"):
        chain.render(source, "png")
    assert chain.render(source, "svg")


# ---- files ----


def test_render_writes_the_drawing_beside_its_source(picture, tmp_path):
    path = picture.render("graph", tmp_path, format="png")
    assert path == str(tmp_path / "graph.png")
    assert pixels((tmp_path / "graph.png").read_bytes())
    assert (tmp_path / "graph").read_text() == picture.source
    assert picture.render(tmp_path / "graph", cleanup=True).endswith("graph.svg")
    assert not (tmp_path / "graph").exists()


def test_render_to_an_outfile_takes_its_suffix_and_leaves_no_source(picture, tmp_path):
    assert picture.render(outfile=tmp_path / "y.png") == str(tmp_path / "y.png")
    assert picture.render(directory=tmp_path, outfile="plain", format="svg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plain", "y.png"]
    assert (tmp_path / "plain").read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize("name", ["f.svg", "deep/er/f.PNG", "v1.2.jpg"])
def test_a_name_that_ends_in_a_format_is_that_of_the_drawing(picture, tmp_path, name):
    assert picture.render(name, tmp_path) == str(tmp_path / name)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [tmp_path / name]
    assert (tmp_path / name).read_bytes()[:2] in (b"<?", b"\x89P", b"\xff\xd8")
    assert picture.render(tmp_path / "graph.v1", format="svg").endswith("graph.v1.svg")


def test_source_is_not_saved_under_the_name_of_a_drawing(picture, tmp_path):
    for write in (picture.save, lambda path: picture.render(path, format="svg")):
        with pytest.raises(
            ValueError, match=r"got '.*z\.png'; run: \.render\(outfile='.*z\.png'\)"
        ):
            write(tmp_path / "z.png")
    assert not list(tmp_path.iterdir())
    assert picture.save(tmp_path / "z.gv") == str(tmp_path / "z.gv")
    assert (tmp_path / "z.gv").read_text() == picture.source


def test_render_and_view_open_the_drawing(picture, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(
        type(picture), "_view", lambda self, path, *, format, quiet: opened.append((path, format))
    )
    picture.render(outfile=tmp_path / "y.svg", view=True)
    picture.view(tmp_path / "z")
    assert opened == [(str(tmp_path / "y.svg"), "svg"), (str(tmp_path / "z.svg"), "svg")]


def test_a_picture_is_a_digraph_that_can_be_added_to_and_copied(picture):
    import graphviz

    assert isinstance(picture, graphviz.Digraph)
    copy = picture.copy()
    assert copy.source == picture.source and copy.mermaid() == picture.mermaid()
    with copy.subgraph(name="cluster_mine") as mine:
        mine.node("note", "mine")
    assert b">mine<" in copy.pipe("svg")
    assert b">mine<" not in picture.pipe("svg")
