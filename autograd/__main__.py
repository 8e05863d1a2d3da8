"""The command line: a gradient to look at, without a program. ``python -m autograd`` says how."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from keyword import iskeyword
from pathlib import Path
from typing import TextIO

import autograd

from .engine import Value
from .expression import Refused, evaluate

HELP = """\
Look at the gradient of an expression.

    python -m autograd explain "a*b + b**3" a=-4 b=2    as a page, in the browser
    python -m autograd tree    "a*b + b**3" a=-4 b=2    as text, here

The expression stands in quotes: numbers, names, + - * / // % **, parentheses, pi, e, and ops such
as tanh(x), maximum(x, 0), sum([a, b]). Each name gets a number.

explain writes to a temporary file and opens it in a browser, unless told otherwise:
    --out FILE    write the page there
    --no-open     do not open it
"""
DRAWN_WITH = "├└│─↳…↑↓−×∂–"  # what a tree asks of a terminal


@dataclass
class Request:
    """What was asked for."""

    command: str
    expression: str = ""
    numbers: dict[str, float] = field(default_factory=dict)
    out: Path | None = None
    opens: bool = True


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Returns:
        The exit code: 0, or 2 after a line that says what was wrong.

    >>> main(["tree", "a*2", "a=3"])
                 value  grad  ∂ parent
    a*2 = _ × 2      6    +1
    └─ a             3    +2         2
    0
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] == "help" or {"-h", "--help"} & {*words}:
        _say(HELP.rstrip())
        return 0
    try:
        request = read(words)
        y = evaluate(request.expression, request.numbers, request.command)
        y.backward()
        (_show_tree if request.command == "tree" else _show_page)(y, request)
    except (OSError, ValueError) as error:  # Refused is one
        _say(" ".join(str(error).split()), sys.stderr)
        return 2
    return 0


def read(words: Sequence[str]) -> Request:
    """Understand a command line.

    >>> read(["explain", "a*b", "a=-4", "b=2", "--out=y.html"]).numbers
    {'a': -4.0, 'b': 2.0}
    """
    command, *rest = words
    if command not in ("explain", "tree"):
        raise Refused(
            f"autograd: expected explain or tree, got {command!r:.60}; "
            'write: python -m autograd explain "a*b" a=2 b=3'
        )
    request = Request(command)
    while rest:
        word = rest.pop(0)
        option, _, text = word.partition("=")
        if command == "explain" and word == "--no-open":
            request.opens = False
        elif command == "explain" and option == "--out":
            request.out = _file(text or (rest.pop(0) if rest else ""))
        elif word.startswith("--"):
            raise Refused(f"{command}: expected an option it has, got {word!r:.60}; see --help")
        elif not request.expression:
            request.expression = word
        else:
            _assign(request, word)
    if not request.expression.strip():
        raise Refused(f'{command}: expected an expression, got none; write one in quotes: "a*b"')
    return request


def _file(name: str) -> Path:
    if not name:
        raise Refused("explain: expected a file after --out, got none; write --out page.html")
    return Path(name)


def _assign(request: Request, word: str) -> None:
    name, equals, text = (part.strip() for part in word.partition("="))
    if not equals or not name.isidentifier() or iskeyword(name):
        raise Refused(
            f"{request.command}: expected NAME=NUMBER after the expression, got {word!r:.60}; "
            "the expression itself stands in quotes"
        )
    if name in request.numbers:
        raise Refused(f"{request.command}: expected one number for {name}, got two; leave one out")
    try:
        request.numbers[name] = float(text)
    except ValueError:
        raise Refused(
            f"{request.command}: expected a number for {name}, got {text!r:.60}; write {name}=2"
        ) from None


def _show_tree(y: Value, request: Request) -> None:
    _say(autograd.tree(y, ascii=not _can_say(DRAWN_WITH)))


def _show_page(y: Value, request: Request) -> None:
    file = request.out or Path(tempfile.mkdtemp(prefix="foldgrad-"), "page.html")
    try:
        autograd.explain(y, path=file)
    except OSError as error:
        raise Refused(
            f"explain: expected a file that can be written, got {str(file)!r} ({error.strerror}); "
            "name another one after --out"
        ) from None
    _say(f"{request.expression.strip()} = {y.data:.10g}")
    leaves = {x.label: x for x in autograd.engine.graph(y) if x.op is None}
    for name, x in leaves.items():
        _say(f"    grad of {name} = {x.grad:.10g}")
    _say(f"page: {file}")
    if request.opens and not _opened(file):
        _say("      no browser was found here; open this file in one")


def _opened(file: Path) -> bool:
    with suppress(webbrowser.Error, OSError):
        return webbrowser.open(file.resolve().as_uri())
    return False


def _can_say(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _say(text: str, stream: TextIO | None = None) -> None:
    """Print, with ? for what the terminal cannot show."""
    stream = stream or sys.stdout
    encoding = stream.encoding or "ascii"
    print(text.encode(encoding, "replace").decode(encoding), file=stream)


if __name__ == "__main__":
    sys.exit(main())
