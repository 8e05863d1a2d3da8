"""A real notebook: executed by its kernel, rendered as HTML, and looked at in a browser."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

ROOT = Path(__file__).parent.parent
CELLS = """
from autograd import Value, draw, explain
a, b = Value(2.0, label="a"), Value(-3.0, label="b")
f = a * b + b**2
f.label = "f"
f
---
explain(f)
---
from nn import MLP
MLP(2, [2, 1], rng=0)
---
draw(f)
""".split("---")


@pytest.fixture(scope="module")
def notebook():
    cells = [nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    for cell in cells:
        del cell["id"]
    notebook.nbformat_minor = 4
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT)}}).execute()
    return notebook


def bundle(notebook, cell):
    (output,) = notebook.cells[cell].outputs
    return output["data"]


def test_every_viewer_finds_something_it_can_show(notebook):
    """Jupyter, VS Code and Colab take the richest of these; GitHub and e-mails strip scripts."""
    for cell in (0, 2):
        assert set(bundle(notebook, cell)) == {"text/plain", "image/svg+xml", "text/html"}
        assert "<svg" in bundle(notebook, cell)["image/svg+xml"]
        assert 'src="data:image/svg+xml;base64,' in bundle(notebook, cell)["text/html"]
    assert bundle(notebook, 1)["text/plain"].startswith("<Page of f: 5 nodes")
    assert "image/svg+xml" in bundle(notebook, 3)


def test_its_frame_may_run_scripts_and_save_files_but_touch_nothing_else(notebook):
    for cell in (0, 1, 2):
        html = bundle(notebook, cell)["text/html"]
        assert html.count("<iframe") == 1 and "<script" not in html
        assert 'sandbox="allow-scripts allow-downloads"' in html


@pytest.fixture
def rendered(notebook):
    body, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    return f"<!doctype html><meta charset=utf-8><title>notebook</title><body>{body}</body>"


def test_the_picture_is_there_without_scripts(rendered, visit):
    tab = visit(rendered, java_script_enabled=False)
    picture = tab.locator("img[alt*='its graph']").first
    assert picture.evaluate("image => image.naturalWidth") > 100


def test_the_page_steps_inside_the_notebook(rendered, visit, keep):
    tab = visit(rendered)
    assert tab.locator("iframe").nth(0).is_hidden()  # until one asks for it
    frame = tab.locator("iframe").nth(1)
    frame.scroll_into_view_if_needed()
    inside = frame.content_frame
    inside.locator("body").click(position={"x": 5, "y": 5})
    inside.locator("body").press("End")
    inside.get_by_role("group", name="b, input, value −3, grad −4").wait_for()
    keep(tab, "notebook")
    tab.get_by_text("Step through the backward pass").first.click()
    opened = tab.locator("iframe").nth(0).content_frame
    opened.get_by_role("group", name="a, input").wait_for()
