"""Every page in a real browser: no error, no request, sorting, filtering, theme, keyboard, phone, and axe-core.

HARNESS_SCREENSHOTS=FOLDER keeps what each page looks like at phone and desktop width.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from harness.values.difference import Difference
from harness_reports.pages import machines_pages, write
from harness_reports.views.history_view import slim, trends
from harness_reports.views.machines import side_by_side
from tests.reports.browser import chromium
from tests.reports.comparison_factory import comparison, large_run
from tests.reports.hostile import EVIL, hostile_run
from tests.reports.pages.test_against import against_page
from tests.reports.pages.test_history_and_site import other_driver, site_of, team_history
from tests.reports.pages.test_landscape_and_quality import swept
from tests.reports.run_factory import broken_run, synthetic_run

pytestmark = pytest.mark.xdist_group("browser")

WIDTHS: dict[str, ViewportSize] = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}
LENGTH = "(bar) => bar.getBoundingClientRect().width"
NAMES = ("report", "compared", "broken", "hostile", "large", "sweep", "machines", "index", "case")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each kind of page, by name."""
    folder = tmp_path_factory.mktemp("pages")
    refused = msgspec.structs.replace(comparison(0), comparable=False, differences=(Difference("driver", "1", "2"),))
    runs = [large_run(24, number=number, drift=number / 100) for number in range(12)]
    made = {
        "report": write.page(synthetic_run(3), "html", write.Beside(comparison(8))),
        "compared": against_page(),
        "broken": write.page(broken_run(), "html", write.Beside(refused)),
        "hostile": write.page(hostile_run(), "html", write.Beside(comparison(14, name=EVIL))),
        "large": write.page(runs[-1], "html", write.Beside(comparison(30), tuple(slim(run) for run in runs[:-1]))),
        "sweep": write.page(swept(), "html"),
        "machines": machines_pages.page(side_by_side([synthetic_run(3), synthetic_run(1, seed=8)]), "html"),
    }
    paths = {}
    for name, text in made.items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(text, encoding="utf-8")
    runs = [large_run(4, number=0), large_run(4, number=1), other_driver(large_run(4, number=2))]
    written = site_of(runs, folder / "site", team_history(runs))
    return paths | {"index": written[0], "case": next(path for path in written if path.parent.name == "cases")}


class Opened:
    """A page with what it asked for and complained of."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.messages: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.as_uri())


@pytest.mark.parametrize("name", NAMES)
def test_a_page_opens_without_error_or_request(browser: Browser, pages: dict[str, Path], name: str) -> None:
    """From disk, asking for nothing but itself; on a phone and, turned into one, on a desktop, only its tables scroll
    sideways."""
    page = browser.new_page(viewport=WIDTHS["phone"])
    opened = Opened(page, pages[name])
    for width, size in WIDTHS.items():
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        if folder := os.environ.get("HARNESS_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
    assert opened.messages == [] and opened.requests == [pages[name].as_uri()]
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing(browser: Browser, pages: dict[str, Path], name: str) -> None:
    """No violation of any impact, with everything unfolded, in both themes."""
    context = browser.new_context(color_scheme="light", bypass_csp=True)
    page = context.new_page()
    page.goto(pages[name].as_uri())
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    background = "getComputedStyle(document.body).backgroundColor"
    light, found = page.evaluate(background), violations(page)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(background) != light
    found += violations(page, only="color-contrast")  # nothing else depends on the theme
    context.close()
    assert [f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:200]}" for v in found] == []


def violations(page: Page, only: str | None = None) -> list[dict[str, Any]]:
    """What axe finds by all of its rules, or by one. What passes is not described node by node, which takes longest."""
    options = {"resultTypes": ["violations"]} | ({"runOnly": [only]} if only else {})
    return list(Axe().run(page, options=options).response["violations"])


def test_axe_sees_a_planted_fault(browser: Browser, pages: dict[str, Path]) -> None:
    """The check can fail: an image without words and grey on grey."""
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(pages["case"].as_uri())
    planted = """<img src="data:,"><p style="color:#ccc;background:#fff">pale words</p>"""
    page.evaluate("(html) => document.querySelector('main').insertAdjacentHTML('afterbegin', html)", planted)
    found = {violation["id"] for violation in violations(page)}
    context.close()
    assert {"image-alt", "color-contrast"} <= found


def values(page: Page, column: int) -> list[float]:
    """Of the kernel table, where a cell has a value."""
    script = (
        "(n) => [...document.querySelectorAll('[aria-label=\"Kernels of every arm\"] tbody tr')]"
        ".map((row) => row.cells[n].dataset.value).filter((value) => value !== undefined).map(Number)"
    )
    return list(page.evaluate(script, column))


def test_a_table_sorts_by_mouse_and_keyboard(browser: Browser, pages: dict[str, Path]) -> None:
    """Up, then down, by value and not by text; the heading says which, and what is unknown stays last."""
    page = browser.new_page()
    page.goto(pages["report"].as_uri())
    table = page.get_by_role("region", name="Kernels of every arm")
    heading = table.get_by_role("columnheader", name="us per call")
    before = values(page, 3)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending" and values(page, 3) == sorted(before) != before
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending" and values(page, 3) == sorted(before, reverse=True)
    table.get_by_role("columnheader", name="Against").get_by_role("button").click()
    last = table.locator("tbody tr").last
    assert last.locator("td").nth(3).inner_text() == "-"
    page.close()


def test_a_long_table_filters(browser: Browser, pages: dict[str, Path]) -> None:
    """By all words, whatever their case; the number left is announced, and an empty field shows all."""
    page = browser.new_page()
    page.goto(pages["large"].as_uri())
    region = page.get_by_role("region", name="Kernels of every arm")
    label = page.locator("label.filter:has(+ [aria-label='Kernels of every arm'])")
    field = label.locator("input")
    rows = region.locator("tbody tr")
    every = rows.count()
    field.fill("SITE7 auto")
    shown = [row.inner_text() for row in rows.all() if row.is_visible()]
    assert len(shown) == 1 and "site7" in shown[0]
    assert label.locator("[role=status]").inner_text() == f"1 of {every}"
    field.fill("")
    assert sum(row.is_visible() for row in rows.all()) == every
    page.close()


def test_two_runs_of_a_case_are_compared(browser: Browser, pages: dict[str, Path]) -> None:
    """By keyboard in the table, by clicks on the chart and by the address: the newer against the older run, with the
    ratio of their values, and what forbids comparing them. A third choice takes the place of the first."""
    trend = trends([slim(large_run(4, number=number)) for number in range(3)])[0]
    first, last = trend.points[0].time, trend.points[2].time
    page = browser.new_page()
    opened = Opened(page, pages["case"])
    said = page.locator("#compared")
    boxes = page.get_by_role("checkbox")
    assert boxes.count() == 3 and said.inner_text() == "Choose two runs."
    for box in (boxes.first, boxes.last):  # the newest run, then the oldest
        box.focus()
        page.keyboard.press("Space")
    told = said.inner_text()
    assert "Not to be compared: driver" in told
    assert told.startswith("run 3") and "against run 1" in told and "harness compare 1 3" in told
    assert f"{last.value / first.value:.3f}x [{last.low / first.high:.3f}, {last.high / first.low:.3f}]" in told
    page.reload()
    assert said.inner_text() == told and boxes.first.is_checked()
    page.locator("#history-tip-history-0-1").click()
    told = said.inner_text()
    assert told.startswith("run 2") and "Not to" not in told and not boxes.first.is_checked()  # the earlier choice went
    page.locator("#history-tip-history-0-1").click()
    assert said.inner_text() == "Choose two runs."
    assert opened.messages == []
    page.close()


def test_the_theme_changes_and_stays(browser: Browser, pages: dict[str, Path]) -> None:
    """auto, light, dark: the page and its charts follow, also after it is opened again."""
    context = browser.new_context(color_scheme="light")
    page = context.new_page()
    page.goto(pages["report"].as_uri())
    colour = "getComputedStyle(document.body).backgroundColor"
    bar = "getComputedStyle(document.querySelector('figure .fill[style*=\"--s1\"]')).backgroundColor"
    light = page.evaluate(colour), page.evaluate(bar)
    button = page.locator("#theme")
    button.click()
    assert button.inner_text() == "Theme: light" and page.evaluate(colour) == light[0]
    button.click()
    assert button.inner_text() == "Theme: dark"
    assert page.evaluate(colour) != light[0] and page.evaluate(bar) != light[1]
    page.reload()
    assert page.locator("#theme").inner_text() == "Theme: dark" and page.evaluate(colour) != light[0]
    context.close()


def test_the_keyboard_reaches_everything(browser: Browser, pages: dict[str, Path]) -> None:
    """First the way to the results; then theme, sections, every table and chart."""
    page = browser.new_page()
    page.goto(pages["report"].as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    seen = set()
    for _ in range(400):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.ariaLabel || document.activeElement.id"))
        if page.evaluate("document.activeElement === document.body"):
            break
    named = "[...document.querySelectorAll('main > section > .scroll, main figure')].map((e) => e.ariaLabel)"
    wanted = set(page.evaluate(named))
    assert wanted <= seen and "theme" in seen
    page.close()


def test_all_is_readable_without_script(browser: Browser, pages: dict[str, Path]) -> None:
    """Tables, charts and samples are in the file, not made by the script."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["large"].as_uri())
    for anchor in ("verdicts", "kernels", "history", "samples", "conditions"):
        assert page.locator(f"#{anchor}").is_visible()
    assert page.locator("#theme").is_hidden()
    assert page.locator("svg, .plot .track").count() > 50
    context.close()


def test_a_table_wider_than_the_screen_says_so(browser: Browser, pages: dict[str, Path]) -> None:
    """How many of its columns are seen; nothing where all are, as after the phone is turned."""
    page = browser.new_page(viewport=WIDTHS["phone"])
    page.goto(pages["report"].as_uri())
    hint = page.locator(".hint").first
    assert re.fullmatch(r"[1-5] of \d+ columns; scroll for the rest →", hint.inner_text())
    page.set_viewport_size({"width": 2000, "height": 900})
    expect(hint).to_be_hidden()
    page.close()


def test_bars_are_as_long_as_their_values(browser: Browser, pages: dict[str, Path]) -> None:
    """On a phone as on a desktop; no text is smaller there, and nothing has to be scrolled."""
    page = browser.new_page(viewport=WIDTHS["phone"])
    page.goto(pages["compared"].as_uri())
    for size in WIDTHS.values():
        page.set_viewport_size(size)
        for plot in page.locator(".plot").all():
            assert plot.evaluate("(plot) => plot.scrollWidth <= plot.clientWidth")
            assert plot.evaluate("(plot) => parseFloat(getComputedStyle(plot).fontSize)") >= 12
        base, head = (bar.evaluate(LENGTH) for bar in page.locator(".plot").first.locator(".fill").all()[:2])
        texts = page.locator(".plot").first.locator(".value").all_inner_texts()
        values = [float(text.split()[0].replace(",", "")) for text in texts[:2]]
        assert base / head == pytest.approx(values[0] / values[1], rel=0.03)
    page.close()


def test_bars_have_tooltips(browser: Browser, pages: dict[str, Path]) -> None:
    """The pointer finds a title with arm, value and interval on each bar, mark and point."""
    page = browser.new_page()
    page.goto(pages["large"].as_uri())
    for figure in page.locator("main figure").all():
        tips = figure.locator("svg g > title").all_text_contents()
        tips += figure.locator(".track").evaluate_all("(found) => found.map((track) => track.title)")
        assert len(tips) >= 2 and all(any(c.isdigit() for c in tip) for tip in tips)
    page.close()
