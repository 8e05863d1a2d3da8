"""What a page weighs and how long it takes in Chromium, headless: ``page.py GRAPH``.

    nodes50    a graph of 50 nodes: the page's bytes; the time in which it answers an edit
    mlp        the loss of the network on 100 points, 65,000 nodes: the time until it is drawn, too

An edit is a number typed into the field of a leaf: all is computed again, and laid out.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from workloads import POINTS, SIZES, moons

from autograd import Value, explain
from nn import MLP

EDITS = 50
EDIT = """
([edits]) => {
    const field = document.getElementById("value"), times = [];
    for (let i = 0; i < edits; i++) {
        const start = performance.now();
        field.value = String(0.5 + i / 1000);
        field.dispatchEvent(new Event("change"));
        document.body.getBoundingClientRect();
        times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b);
}
"""


def nodes50() -> Value:
    """A graph of 50 nodes: 10 leaves, used again and again, and 40 operations on them."""
    leaves = [Value(0.1 * i, label=f"x{i}") for i in range(1, 11)]
    y = leaves[0]
    for i in range(40):
        x = leaves[(i + 1) % 10]
        y = (y * x, y + x, y.tanh())[i % 3]
    return y


def mlp() -> Value:
    """The hinge loss with L2 of a 2-16-16-1 network on 100 points."""
    rows, labels = moons(POINTS)
    model = MLP(SIZES[0], list(SIZES[1:]), rng=0)
    losses = [(1 + -y * model(x)).relu() for x, y in zip(rows, labels, strict=True)]
    decay = 1e-4 * sum((p * p for p in model.parameters()), Value(0.0))
    return sum(losses, Value(0.0)) * (1.0 / len(losses)) + decay


def measure(y: Value) -> dict[str, Any]:
    """Make the page, open it, edit its first leaf."""
    from playwright.sync_api import sync_playwright

    start = time.perf_counter()
    page = explain(y)
    made = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = page.save(Path(folder, "page.html"))
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page()
        tab.goto("about:blank")
        start = time.perf_counter()
        tab.goto(f"{file.as_uri()}#node=0")
        tab.locator("#graph [role=group]").first.wait_for()
        drawn = time.perf_counter() - start
        edits = tab.evaluate(EDIT, [EDITS])
        browser.close()
    return {
        "bytes": len(page.html.encode()),
        "made": made,
        "drawn": drawn,
        "edit": edits[len(edits) // 2],
        "slowest": edits[-1],
    }


if __name__ == "__main__":
    print(json.dumps(measure({"nodes50": nodes50, "mlp": mlp}[sys.argv[1]]())))
