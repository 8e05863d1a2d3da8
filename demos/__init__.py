"""Stories a newcomer can run and read: `python -m demos`, or one of them, `python -m demos.lms`.

Each demo is a script to be read from top to bottom: it asks a question, and answers it. Beside them
stand penguins.py (the data) and plots.py (the pictures that are not graphs).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

READING_ORDER = ("expression", "neuron", "lms", "mlp", "topological", "new_op", "transformer")
MAIN_STORY = READING_ORDER[:4]


def begin(doc: str) -> Path:
    """Print the question a demo opens with; return the folder for its pictures, made if missing.

    That is pictures/ in the working directory, or what ``--out`` says.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m demos.{Path(sys.argv[0]).stem}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_out(parser)
    folder: Path = parser.parse_args().out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--out: expected a folder that can be written, got {str(folder)!r} ({error})")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # story and progress bar in order, whatever they go to
            stream.reconfigure(line_buffering=True, errors="replace")
    question = doc.splitlines()[0]
    print(f"\n{question}\n{'=' * len(question)}")
    return folder


def add_out(parser: argparse.ArgumentParser) -> None:
    """Let a command line say where pictures go."""
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder for pictures")
