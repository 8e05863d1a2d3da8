"""Make the moving picture of README: the page of f = a*b + b**2, step by step.

Run it after the page has changed, where Chromium is (on the PATH, or named by the variable CHROMIUM):

    python -m demos.images.make
"""

from __future__ import annotations

import os
import shutil
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from playwright.sync_api import sync_playwright

from autograd import Value, explain

FILE = Path(__file__).with_name("explain.gif")
WIDTH, SHARPNESS = 900, 2  # of the page in CSS pixels, and the picture's pixels to each
COLOURS, EDGE = 256, "#cbd2d9"
TIMES = {"Start": 1500, "Forward": 1000, "Seed": 2500, "Backward": 2500, "Done": 4000}  # ms


def save_page(folder: str) -> Path:
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    product, square = a * b, b**2
    f = product + square
    product.label, square.label, f.label = "a*b", "b**2", "f"
    return explain(f).save(Path(folder, "page.html"))


def photograph(tab: Any, page: Path) -> tuple[list[Image.Image], list[int]]:
    """Return a picture of every step, and how long to look at it, in milliseconds."""
    pictures, times = [], []
    tab.goto(page.resolve().as_uri() + "#step=0")
    tab.evaluate("document.querySelector('.zoom').style.visibility = 'hidden'")
    for step in range(int(tab.locator("#slider").get_attribute("max")) + 1):
        tab.evaluate(f"location.hash = 'step={step}'")
        tab.wait_for_function(f"document.getElementById('slider').value === '{step}'")
        tab.wait_for_timeout(300)
        stage, caption = (tab.locator(part).bounding_box() for part in (".stage", ".caption"))
        height = caption["y"] + caption["height"] - stage["y"]
        clip = {"x": 0, "y": stage["y"], "width": WIDTH, "height": height}
        picture = Image.open(BytesIO(tab.screenshot(clip=clip))).convert("RGB")
        pictures.append(ImageOps.expand(picture, SHARPNESS, EDGE))
        times.append(TIMES[tab.locator("#chip").inner_text().split()[0]])
    return pictures, times


def write(pictures: list[Image.Image], times: list[int]) -> None:
    """Write them as a GIF with one palette, the commonest colours: large areas keep theirs.

    (Pillow's own choice of colours makes white a little grey.)
    """
    pixels = np.stack([np.asarray(picture) for picture in pictures])
    codes, at, seen = np.unique(
        pixels @ [1 << 16, 1 << 8, 1], return_inverse=True, return_counts=True
    )
    colours = np.column_stack([codes >> 16, codes >> 8 & 255, codes & 255])
    palette = colours[np.argsort(-seen)[:COLOURS]]
    nearest = np.abs(colours[:, None] - palette[None]).sum(axis=2).argmin(axis=1)
    indices = nearest[at].reshape(pixels.shape[:3]).astype(np.uint8)
    first, *more = map(Image.fromarray, indices)
    for picture in (first, *more):
        picture.putpalette(palette.ravel().tolist())
    first.save(FILE, save_all=True, append_images=more, duration=times, loop=0, optimize=True)


def main() -> None:
    chromium = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(
            viewport={"width": WIDTH, "height": 800},
            device_scale_factor=SHARPNESS,
            reduced_motion="reduce",
        )
        pictures, times = photograph(tab, save_page(folder))
        browser.close()
    write(pictures, times)
    print(f"wrote {FILE.name}: {len(pictures)} steps, {FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
