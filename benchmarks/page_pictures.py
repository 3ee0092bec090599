"""Draw the pictures of the page for the docs: a learner served, labelled on by keys, photographed.

Usage: python benchmarks/page_pictures.py [folder]

It needs the extra annotate, playwright and chromium. The tests' server has the rows.
"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import page_server  # noqa: E402

LABELS = 120


def keys(page, n):
    """Label so many rows as their truth is, by keyboard."""
    classes = list(page_server.WORDS)
    for _ in range(n):
        text = page.inner_text("#card .words")
        page.keyboard.press(str(1 + classes.index(page_server.class_of(text))))
        page.wait_for_timeout(400)  # about as fast as the model is trained


def main(folder):
    """Write page.png and page_status.png."""
    with TemporaryDirectory() as store, sync_playwright() as p:
        served = page_server.start(
            "text", Path(store) / "reports.db", ["Ann"], goal=400, guidelines="Read all of it."
        )
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = p.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport={"width": 1120, "height": 640})
        page.goto(served.links["Ann"])
        page.wait_for_selector("#card[data-row]")
        page.wait_for_timeout(400)  # a key that comes with the row counts for nothing
        keys(page, LABELS)
        page.screenshot(path=folder / "page.png")
        page.click("text=Status")
        page.wait_for_selector(".curve svg")
        page.screenshot(path=folder / "page_status.png")
        browser.close()
        served.close()
    for name in ("page.png", "page_status.png"):  # few colours: a third of the bytes
        picture = Image.open(folder / name).convert("RGB").quantize(128, dither=Image.Dither.NONE)
        picture.save(folder / name, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
