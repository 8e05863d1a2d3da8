"""The README: what it links to is there, and its line counts are about right."""

import re
from pathlib import Path

import pytest

from autograd.ops import TABLE

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\_", "_")


@pytest.mark.parametrize("target", sorted({*re.findall(r"\]\(([^)#:]+)\)", README)}))
def test_a_link_leads_somewhere(target):
    assert (ROOT / target).is_file()


@pytest.mark.parametrize(
    "file, lines", re.findall(r"^\| \[([\w/.]+)\]\(\1\) \| (\d+) \|", README, re.MULTILINE)
)
def test_a_line_count_is_about_right(file, lines):
    actual = len((ROOT / file).read_text(encoding="utf-8").splitlines())
    assert actual == pytest.approx(int(lines), rel=0.15, abs=5)


def test_the_reading_order_names_every_file_of_the_engine_and_nn():
    files = {
        p.relative_to(ROOT).as_posix() for d in ("autograd", "nn") for p in (ROOT / d).glob("*.py")
    }
    listed = set(re.findall(r"^\| \[([\w/.]+)\]", README, re.MULTILINE))
    assert {f for f in files if not f.endswith("__init__.py")} <= listed


def test_every_op_is_listed():
    assert not [row.name for row in TABLE if f"`{row.name}`" not in README]
