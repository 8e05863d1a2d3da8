"""`Picture`: a `graphviz.Digraph` that also draws on a machine without Graphviz.

DOT source is laid out and drawn by the first of these that can: the program that ``graphviz-pure``
brings (found by its wheel's own record, so it need not be on the PATH), a ``dot`` on the PATH,
``pygraphviz``. Of the ``graphviz`` package only the writing of DOT is used.
"""

from __future__ import annotations

import importlib.metadata
import math
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

try:
    import graphviz  # type: ignore[import-untyped]
except ImportError as missing:
    raise ImportError(
        "autograd.drawing: expected the Python package graphviz, which is not installed; "
        "run: pip install graphviz graphviz-pure"
    ) from missing

from .cards import count
from .labels import clean
from .mermaid import write_mermaid
from .scene import Scene

DPI, LEAST_DPI = 144.0, 36.0  # of bitmaps; at the least dpi a letter has 5 pixels
MOST_PIXELS, MOST_AREA = 16_000, 1e8  # of a bitmap: on either side, in all (400 MB in memory)
BITMAPS = {"png", "jpg", "jpeg", "jpe", "gif", "webp"}
PAPER = {"pdf", "ps", "eps"}  # what only pygraphviz, or a dot on the PATH, can draw
DRAWINGS = BITMAPS | PAPER | {"svg", "json"}
SECONDS = 120


class Picture(graphviz.Digraph):  # type: ignore[misc]
    """A drawn graph: ``.render()``, ``.pipe()``, ``.save()``, ``.source`` as graphviz has them.

    Only what runs a program is replaced; the default format is svg. Notebooks show it.
    """

    def __init__(self, *args: Any, scene: Scene | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **{"format": "svg", **kwargs})
        self.scene = scene

    def _copy_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        copied: dict[str, Any] = super()._copy_kwargs(scene=self.scene, **kwargs)
        return {"scene": self.scene, **copied}

    def __repr__(self) -> str:
        if self.scene is None:
            return object.__repr__(self)
        name = clean(self.scene.name)
        shown = f"{count(len(self.scene.cards), 'card')}, {count(len(self.scene.arrows), 'arrow')}"
        file = f"{name if name.isidentifier() else 'graph'}.svg"
        return f'<Picture of {name}: {shown}; .render(outfile="{file}") saves it>'

    def mermaid(self) -> str:
        """Return the picture as Mermaid text, which GitHub draws in a README.

        >>> from autograd import Value, draw
        >>> print(draw(Value(2.0, label="x")).mermaid().splitlines()[1].strip())
        n0["x<br/>value 2<br/>grad –"]:::input
        """
        return write_mermaid(self.scene or Scene("", []), self.graph_attr.get("rankdir", "LR"))

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Show the picture in a notebook; if nothing here can draw it, say so instead of raising."""
        try:
            shown: dict[str, Any] = super()._repr_mimebundle_(*args, **kwargs)
        except (RuntimeError, ValueError) as error:
            shown = {"text/plain": f"{self!r}\n{error}"}
        return shown

    def pipe(
        self,
        format: str | None = None,
        *_: Any,
        encoding: str | None = None,
        engine: str | None = None,
        **__: Any,
    ) -> Any:
        """Return the drawing as bytes, or as text if an encoding is given."""
        data = render(self.source, format or self.format, engine or self.engine)
        return data.decode(encoding) if encoding else data

    def save(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> str:
        """Write the DOT source to a file, as graphviz does, but not to one named like a drawing.

        Raises:
            ValueError: if the name ends in .svg, .png or the like.
        """
        name = os.fspath(self.filename if filename is None else filename)
        if _suffix(name) in DRAWINGS:
            raise ValueError(
                f"save: expected a file for DOT source, such as 'graph.gv', got {name!r}; "
                f"run: .render(outfile={name!r}) for the drawing"
            )
        saved: str = super().save(filename, directory=directory, **options)
        return saved

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *_: Any,
        outfile: str | os.PathLike[str] | None = None,
        engine: str | None = None,
        **__: Any,
    ) -> str:
        """Write the drawing to a file.

        Args:
            filename: where to save the DOT source; the drawing's name is this and its format. A name
                that ends in a format already is an outfile.
            directory: where both go.
            view: open the drawing with the default application.
            cleanup: delete the DOT source afterwards.
            format: svg if not given; png, jpg, json, ...
            outfile: where to write the drawing and no DOT source; its suffix is the format.
            engine: who lays it out; dot if not given.

        Returns:
            The path of the drawing.
        """
        if filename is not None and _suffix(filename) in DRAWINGS & {format or _suffix(filename)}:
            outfile = filename
        if outfile is not None:
            drawing = Path(directory or "", outfile)
            kind = format or _suffix(drawing) or self.format
            drawing.parent.mkdir(parents=True, exist_ok=True)
            drawing.write_bytes(self.pipe(kind, engine=engine))
        else:
            kind = format or self.format
            source = Path(self.save(filename, directory=directory))
            drawing = source.with_name(f"{source.name}.{kind}")
            drawing.write_bytes(self.pipe(kind, engine=engine))
            if cleanup:
                source.unlink()
        if view:
            self._view(str(drawing), format=kind, quiet=True)
        return str(drawing)


def _suffix(path: str | os.PathLike[str]) -> str:
    return Path(path).suffix[1:].lower()


def render(source: str, format: str = "svg", engine: str = "dot") -> bytes:
    """Draw DOT source. Bitmaps get fewer dots per inch if they would be too large to open.

    Raises:
        ValueError: if it is too large for a bitmap that could be read.
        RuntimeError: if nothing here can draw it.

    >>> render("digraph { a -> b }").startswith(b"<?xml")
    True
    """
    if format in BITMAPS:
        dpi = _dpi(*size(source, engine))
        source = source.replace("{", f"{{\n\tdpi={dpi:.1f}", 1)
    return _draw(source, format, engine)


def size(source: str, engine: str = "dot") -> tuple[float, float]:
    """Lay out DOT source and return (width, height) in inches.

    >>> size("digraph { a -> b }")
    (0.75, 1.5)
    """
    _, _, width, height = _draw(source, "plain", engine).split(maxsplit=4)[:4]
    return float(width), float(height)


def _dpi(width: float, height: float) -> float:
    side = max(width, height) + 1.0  # what is around the layout
    dpi = min(DPI, MOST_PIXELS / side, math.sqrt(MOST_AREA / side / (min(width, height) + 1.0)))
    if dpi < LEAST_DPI:
        raise ValueError(
            f"render: expected a picture that a bitmap of {MOST_PIXELS:,} pixels shows legibly, "
            f"got {width:.0f} × {height:.0f} inches; use format='svg', or draw less"
        )
    return dpi


def _draw(source: str, format: str, engine: str) -> bytes:
    """Try one program after the other; say of each why it failed."""
    failures = []
    for name, program in (("graphviz-pure", bundled_program()), ("dot", shutil.which("dot"))):
        if program is None:
            failures.append(f"{name}: not installed")
            continue
        try:
            done = _run(program, f"-K{engine}", f"-T{format}", source=source)
            if b"init_rank" in done.stderr:  # clusters that feed each other: a known fault of dot
                done = _run(program, f"-K{engine}", f"-T{format}", "-Gnewrank=true", source=source)
        except (OSError, subprocess.TimeoutExpired) as error:
            failures.append(f"{name}: {error}")
            continue
        if done.returncode == 0 and done.stdout:
            return done.stdout  # what it may say about the widths of fonts is of no interest
        failures.append(f"{name}: {done.stderr.decode(errors='replace').strip()[-300:]}")
    try:
        return _draw_in_process(source, format, engine)
    except ImportError:
        failures.append("pygraphviz: not installed")
    except Exception as error:  # pygraphviz raises whatever it likes
        failures.append(f"pygraphviz: {error}")
    raise RuntimeError(
        f"render: expected a program that can draw this graph as {format}, but\n  "
        + "\n  ".join(failures)
        + f"\n{_advice(format, failures)}"
    )


def _run(*command: str, source: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=source.encode(), capture_output=True, timeout=SECONDS)


def _advice(format: str, failures: list[str]) -> str:
    """What to do if nothing could draw; no package is named that would not help."""
    if format in PAPER and "pygraphviz: not installed" in failures:
        return 'run: pip install "foldgrad[pdf]", or draw svg, which a browser prints'
    if format in DRAWINGS - PAPER | {"plain"} and "graphviz-pure: not installed" in failures:
        return "run: pip install graphviz-pure"
    return "draw svg, png, jpg or pdf, or use .source, which any other Graphviz draws"


def bundled_program() -> str | None:
    """Return the path of graphviz-pure's program, None if it is not installed.

    >>> (bundled_program() or "graphviz-pure").endswith(("graphviz-pure", "graphviz-pure.exe"))
    True
    """
    try:
        files = importlib.metadata.distribution("graphviz-pure").files or []
    except importlib.metadata.PackageNotFoundError:
        return None
    paths = [Path(str(file.locate())) for file in files if file.stem == "graphviz-pure"]
    return next((str(path.resolve()) for path in paths if path.is_file()), None)


def _draw_in_process(source: str, format: str, engine: str) -> bytes:
    import pygraphviz  # type: ignore[import-not-found]

    drawn: bytes = pygraphviz.AGraph(string=source).draw(prog=engine, format=format)
    return drawn
