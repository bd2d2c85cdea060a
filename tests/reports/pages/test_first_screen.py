"""The first screen of a report holds the answer, on a desktop and on a phone, in both themes; its picture is kept.

UPDATE_GOLDEN=1 keeps the pictures anew. The font is the one that matplotlib brings, so that they are alike on every
machine; edges of letters may differ between releases of Chromium, so pictures are compared in cells of 10 x 10 pixels.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize

from harness_reports.pages import write
from tests.reports.browser import chromium
from tests.reports.comparison_factory import comparison
from tests.reports.golden_files import FOLDER
from tests.reports.run_factory import synthetic_run

pytestmark = pytest.mark.xdist_group("browser")

SAMPLE = Path(__file__).resolve().parents[3] / "reports" / "samples" / "qwen3_5_moe-h100" / "report.html"
SIZES: dict[str, ViewportSize] = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
CELL = 10
FAR = 32
"""Levels of 255 by which the mean colour of a cell may differ."""
MOST_FAR = 0.01
"""Share of cells that may differ by more."""
COLOURS = 24


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def opened(browser: Browser, path: Path, size: ViewportSize, theme: str) -> Page:
    context = browser.new_context(viewport=size, color_scheme=theme, bypass_csp=True)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(path.as_uri())
    faces = ""
    for weight, name in ((400, "DejaVuSans.ttf"), (700, "DejaVuSans-Bold.ttf")):
        data = base64.b64encode((Path(mpl.get_data_path()) / "fonts" / "ttf" / name).read_bytes()).decode()
        faces += f"@font-face {{ font-family: Golden; font-weight: {weight}; src: url(data:font/ttf;base64,{data}); }}"
    page.add_style_tag(content=f"{faces} * {{ font-family: Golden !important; }}")
    page.evaluate("document.fonts.ready")
    return page


def picture(page: Page) -> bytes:
    """The screen as a PNG of few colours."""
    out = io.BytesIO()
    shot = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    shot.quantize(COLOURS, dither=Image.Dither.NONE).save(out, "png", optimize=True)
    return out.getvalue()


def cells(png: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(png)).convert("RGB")
    size = (image.width // CELL, image.height // CELL)
    return np.asarray(image.resize(size, Image.Resampling.BOX), dtype=float)


def apart(one: bytes, other: bytes) -> float:
    """Share of cells whose mean colours differ by more than `FAR`."""
    return float((np.abs(cells(one) - cells(other)).max(-1) > FAR).mean())


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_first_screen_is_as_it_was_seen(browser: Browser, size: str, theme: str) -> None:
    page = opened(browser, SAMPLE, SIZES[size], theme)
    found, golden = picture(page), FOLDER / "screens" / f"{size}-{theme}.png"
    page.context.close()
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_bytes(found)
    assert golden.stat().st_size < 60_000
    assert apart(found, golden.read_bytes()) <= MOST_FAR, "UPDATE_GOLDEN=1 if this is meant"


@pytest.mark.parametrize(
    "change",
    [
        ".bars { display: none }",
        ".glance .word { color: #b3261e; font-size: 1.4rem }",
        "header { padding-top: 3.5rem }",
        ".track .fill { background: #888 !important }",
    ],
)
def test_a_planted_change_is_seen(browser: Browser, change: str) -> None:
    """The comparison can fail: without the chart, with another answer, moved down, with bars of one colour."""
    page = opened(browser, SAMPLE, SIZES["phone"], "light")
    page.add_style_tag(content=change)
    found = picture(page)
    page.context.close()
    assert apart(found, (FOLDER / "screens" / "phone-light.png").read_bytes()) > MOST_FAR


@pytest.mark.parametrize("size", SIZES)
def test_the_answer_needs_no_scrolling(browser: Browser, tmp_path: Path, size: str) -> None:
    """Verdict, chart and reason of a run end above the fold; of a comparison, which names its cases, verdict and base
    beside head."""
    compared = tmp_path / "compared.html"
    compared.write_text(write.page(synthetic_run(3), "html", write.Beside(comparison(8))), encoding="utf-8")
    for path, last in ((SAMPLE, ".glance"), (compared, ".bars ul")):
        page = opened(browser, path, SIZES[size], "light")
        bottom = page.locator(last).first.evaluate("(found) => found.getBoundingClientRect().bottom")
        page.context.close()
        assert 100 < bottom <= SIZES[size]["height"], path.name
