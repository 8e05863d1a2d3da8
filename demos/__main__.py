"""Tell the main story: one expression, one neuron, a linear perceptron, a multi-layer perceptron."""

from __future__ import annotations

import argparse
import ast
import runpy
import time
from pathlib import Path

from . import MAIN_STORY, READING_ORDER, add_out


def question(name: str) -> str:
    """Return the first line of a demo without running it."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demos", description=__doc__)
    parser.add_argument("--list", action="store_true", help="show every demo, in reading order")
    add_out(parser)
    if parser.parse_args().list:
        for name in READING_ORDER:
            print(f"python -m demos.{name:12} {question(name)}")
        return
    start = time.perf_counter()
    for name in MAIN_STORY:
        runpy.run_module(f"demos.{name}", run_name="__main__")  # reads --out as this did
    seconds = time.perf_counter() - start
    print(f"\nThe story took {seconds:.0f} s. There are more: python -m demos --list")


if __name__ == "__main__":
    main()
