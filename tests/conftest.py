"""A real browser for the tests of pages: Chromium, headless, without a network.

It is looked for on the PATH (or named by the variable CHROMIUM). A machine without one skips these
tests, but for CI, which must have one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
SCREENSHOTS = Path(os.environ.get("SCREENSHOTS", "build/screenshots"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser, started once."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("expected Chromium on the PATH; .ci/run installs it")
        pytest.skip("no Chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open HTML text as a file, as a user would: ``tab = visit(html, fragment="step=3")``.

    Afterwards no tab may have said an error or asked any address for anything.
    """
    complaints: list[str] = []
    contexts = []

    def watch(tab: Any, address: str) -> None:
        tab.on("console", lambda m: complaints.append(m.text) if m.type != "log" else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on(
            "request",
            lambda request: (
                complaints.append(f"a request to {request.url:.80}")
                if not request.url.startswith((address, "data:", "blob:", "about:"))
                else None
            ),
        )

    def open_tab(html: str, fragment: str = "", **options: Any) -> Any:
        file = tmp_path / f"page{len(contexts)}.html"
        file.write_text(html, encoding="utf-8")
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_offline(True)
        contexts.append(context)
        tab = context.new_page()
        watch(tab, file.as_uri())
        tab.goto(file.as_uri() + (f"#{fragment}" if fragment else ""))
        return tab

    yield open_tab
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def keep() -> Callable[..., None]:
    """Keep a screenshot, to be looked at: ``keep(tab, "neuron-dark")``."""

    def save(tab: Any, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=SCREENSHOTS / f"{name}.png")

    return save
