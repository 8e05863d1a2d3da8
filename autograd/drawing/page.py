"""`explain`: a graph as one HTML file in which backpropagation can be stepped through and edited.

The file holds everything: data, the ops as JavaScript, style and script from the folder page/. It
asks no address for anything, and its policy would not let it: only what this file put there may run.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import tempfile
import webbrowser
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from autograd.backends import js
from autograd.recording import Recorded, run

from .cards import count
from .data import describe
from .labels import LONGEST_TIP, clean
from .subject import read, traced
from .trace import Trace, recomputed

STYLES = ("page.css", "panels.css")
SCRIPTS = (  # in this order: each uses what stands before it
    "data.js", "graph.js", "steps.js", "telling.js", "canvas.js", "state.js", "chain.js",
    "table.js", "source.js", "training.js", "save.js", "panel.js", "controls.js", "main.js",
)  # fmt: skip
COMMENT = re.compile(r"^\s*/\*.*?\*/\s*$", re.DOTALL | re.MULTILINE)
REMARK = re.compile(r"  // [^\n\"`]*$", re.MULTILINE)  # after some code
MOST_NODES = 200_000
FRAME_HEIGHT = 680  # pixels in a notebook
DRAWINGS = {".svg", ".png", ".pdf", ".jpg", ".jpeg", ".gif"}


class Page:
    """A graph as a page: ``.save("y.html")``, ``.open()``, ``.html``. Notebooks show it.

    Attributes:
        html: the whole page.
        path: where it was saved last; None if it was not.
    """

    def __init__(self, html: str, name: str, nodes: int) -> None:
        self.html, self._name, self._nodes = html, name, nodes
        self.path: Path | None = None

    def __repr__(self) -> str:
        size = f"{count(self._nodes, 'node')}, {len(self.html.encode()) / 1000:,.0f} kB"
        where = f"saved as {str(self.path)!r}" if self.path else '.save("page.html") keeps it'
        return f"<Page of {self._name}: {size}; {where}, .open() shows it in a browser>"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file.

        Raises:
            ValueError: if the name ends in .svg, .png or the like.
        """
        file = Path(path)
        if file.suffix.lower() in DRAWINGS:
            raise ValueError(
                f"explain: expected a name for a page, such as 'page.html', got {str(path)!r}; "
                f"for a picture run: draw(y).render(outfile={str(path)!r})"
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.html, encoding="utf-8")
        self.path = file
        return file

    def open(self) -> Path:
        """Show the page in a browser, where there is one; if it was not saved, from a temporary file.

        Returns:
            The file.
        """
        if self.path is None:
            self.save(Path(tempfile.mkdtemp(prefix="foldgrad-"), "page.html"))
        assert self.path is not None
        webbrowser.open(self.path.resolve().as_uri())
        return self.path

    def frame(self) -> str:
        """The page inside another one, as HTML: in a frame that can do nothing outside of itself."""
        return (
            f'<iframe title="{html.escape(str(self._name))}: backpropagation step by step" '
            'sandbox="allow-scripts allow-downloads" loading="lazy" width="100%" '
            f'height="{FRAME_HEIGHT}" style="border: 0" srcdoc="{html.escape(self.html)}"></iframe>'
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.frame()}


def explain(
    y: Any,
    /,
    *args: Any,
    path: str | os.PathLike[str] | None = None,
    open: bool = False,
    **options: Any,
) -> Page:
    """Make a page in which backpropagation through a graph can be stepped through and edited.

    Forward node by node, then backward arrow by arrow, each with a sentence that gives the numbers;
    leaves can be edited, modules folded, paths of the chain rule listed. One file, without a network.

    Args:
        y: what to explain. A Value, or a list of them: ``explain(y)``, ``explain(y, "y.html")``.
            A function: ``explain(f, 2.0, b=3.0)`` runs it on Values with these numbers, and shows
            its source beside the graph; where it branches on numbers, the page says when an edit
            would make it go another way. A Module: ``explain(model)``, or how it learns from
            examples: ``explain(model, X, y)``. A compiled function, ``jit(f).lower(2.0)``: its loops
            can be opened as modules can.
        path: where to write the page; it is kept in memory if not given.
        open: whether to show it in a browser.
        options: a function's keyword arguments; for a Module with examples, what
            `nn.explaining.training_record` takes: ``loss=``, ``history=``, ``steps=``,
            ``optimizer=``, ``names=``, ``classes=``.

    Returns:
        The Page.

    Raises:
        TypeError: if ``y`` is none of these, or the function returned no Value.
        ValueError: if the graph is too large for a page.

    >>> from autograd import Value
    >>> x = Value(3.0, label="x")
    >>> explain(x * x)
    <Page of a graph: 2 nodes, ... kB; .save("page.html") keeps it, .open() shows it in a browser>
    """
    if isinstance(y, type):
        raise TypeError(
            f"explain: expected a Value, a function or a Module, got the class {y.__name__}; make "
            f"one: {y.__name__}(...)"
        )
    is_module = hasattr(y, "named_parameters")
    if path is None and args and _is_path(args[-1], sure=is_module or not callable(y)):
        *args, path = args  # type: ignore[assignment]
    learns = len(args) == 2 or {"X", "y"} <= options.keys()
    if hasattr(y, "recorded") and not (args or options):
        page = _recorded_page(y.recorded())
    elif is_module and learns and hasattr(y, "training_record"):
        page = _training_page(y, *args, **options)
    elif callable(y) and (args or options or not is_module):
        page = _function_page(y, args, options)
    elif args or options:
        raise TypeError(
            "explain: expected a graph and a path, a function and its arguments, or a Module and "
            f"examples, got further {(*args, *options)!r:.80}; put several Values in a list"
        )
    else:
        page = _page(*_current(read(y, "explain")))
    if path is not None:
        page.save(path)
    if open:
        page.open()
    return page


def _is_path(x: Any, sure: bool) -> bool:
    """Whether an argument is where to write the page; text for a function must look like it."""
    return isinstance(x, os.PathLike) or (
        isinstance(x, str) and (sure or x.lower().endswith((".html", ".htm")))
    )


def _current(trace: Trace) -> tuple[Trace, list[str]]:
    """The trace, computed anew if numbers were assigned since, and what is to be said of that."""
    stale = [i for i in range(len(trace.nodes)) if trace.is_stale(i)]
    if not stale:
        return trace, []
    first = clean(trace.label(stale[0]) or trace.formula(stale[0]))
    return recomputed(trace), [
        f"Numbers were assigned after they were used: {len(stale):,} of {len(trace.nodes):,} values, "
        f"first {first}, no longer followed from their inputs. All here is computed anew from the "
        "present numbers."
    ]


def _page(trace: Trace, notes: Iterable[str] = (), **more: Any) -> Page:
    if len(trace.nodes) > MOST_NODES:
        raise ValueError(
            f"explain: expected a graph of at most {MOST_NODES:,} nodes, got {len(trace.nodes):,}; "
            "explain a part of it: one of the Values it was made from, or fewer examples"
        )
    trace, stale = _current(trace)
    data, code = describe(trace, **more)
    data["notes"] += [clean(note, LONGEST_TIP) for note in (*stale, *notes)]
    return Page(_html(data, code), clean(trace.name), len(trace.nodes))


def _function_page(f: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Page:
    return _recorded_page(run(f, args, named))


def _recorded_page(recorded: Recorded) -> Page:
    return _page(traced(recorded), recorded=recorded)


def _training_page(model: Any, X: Any, y: Any, **options: Any) -> Page:
    record = model.training_record(X, y, **options)
    return _page(Trace([record.loss], type(model).__name__), record.notes, training=record)


def _html(data: Mapping[str, Any], code: str) -> str:
    """Join the parts of the page; what may run in it is named by its hash."""
    folder = files("autograd.drawing") / "page"

    def read_file(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    style = "\n".join(_style(read_file(name)) for name in STYLES)
    parts = [
        compact(js.runtime()),
        f"const OPS = {compact(code)};",
        'const DATA = JSON.parse(document.getElementById("data").textContent);',
        *(
            "const startTraining = () => {};"  # a fifth of the script, for few pages
            if name == "training.js" and data["training"] is None
            else compact(read_file(name))
            for name in SCRIPTS
        ),
    ]
    script = '(() => {\n"use strict";\n' + "\n".join(parts) + "\n})();"
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    filled = {
        "title": html.escape(str(data["title"])),
        "csp": policy,
        "style": f"<style>{style}</style>",
        "script": f'<script type="application/json" id="data">{_json(data)}</script>\n'
        f"<script>{script}</script>",
    }
    template = read_file("page.html")
    return re.sub(r"\{\{(\w+)\}\}", lambda marker: filled[marker[1]], template)


def compact(text: str) -> str:
    """Leave out of JavaScript or CSS what only its readers need: indentation and comments.

    >>> compact("/* why */\\nfunction f() {\\n\\n    return 1;  // one\\n}")
    'function f() {\\nreturn 1;\\n}'
    """
    return re.sub(r"^\s+", "", REMARK.sub("", COMMENT.sub("", text)), flags=re.MULTILINE)


def _style(text: str) -> str:
    """CSS without any white space that means nothing."""
    return re.sub(r"(?<=[{};:,])\s+|\s+(?=[{}])", "", compact(text))


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _json(data: Mapping[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
