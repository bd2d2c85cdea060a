"""The page: one file, escaped, usable by keyboard, screen reader and script."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

import msgspec
import pytest

from harness_reports.charts import charts
from harness_reports.pages import html
from harness_reports.views.view import build
from tests.reports import golden_files
from tests.reports.hostile import hostile_run
from tests.reports.run_factory import broken_run, synthetic_run

VOID = {"meta", "link", "img", "br", "wbr", "input", "hr"}


class Page(HTMLParser):
    """Elements with their attributes, and whether they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == [], self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def text() -> str:
    view = build(synthetic_run(processes=3))
    return html.render(view, charts.draw_all(view, want_png=False))


def test_the_body_is_as_in_the_golden_file() -> None:
    """Without charts, styles and script, which have tests of their own."""
    page = html.render(build(broken_run()))
    golden_files.check("report.html", page[page.index("<body>") : page.index("<script>")])


def test_the_page_asks_for_nothing(text: str) -> None:
    """Every address in it is a fragment, empty data, or the name of an XML namespace; the policy forbids the rest."""
    page = Page(text)
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "poster", "data"):
            assert name not in attributes or attributes[name].startswith("#") or attributes[name] == "data:,"
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "default-src 'none'" in text and "@import" not in text and "url(http" not in text


def test_elements_nest_and_ids_are_unique(text: str) -> None:
    ids = Counter(attributes["id"] for _, attributes in Page(text).elements if "id" in attributes)
    assert [name for name, times in ids.items() if times > 1] == []


def test_labels_point_at_what_is_there(text: str) -> None:
    page = Page(text)
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    for _, attributes in page.elements:
        assert set(attributes.get("aria-labelledby", "").split()) <= ids
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids


def test_tables_have_headings_and_scroll_by_keyboard(text: str) -> None:
    page = Page(text)
    assert all(heading.get("scope") in ("col", "row") for heading in page.named("th"))
    scrolling = [a for a in page.named("div") if a.get("class") == "scroll"]
    assert len(scrolling) == len(page.named("table")) > 5
    assert all(a["tabindex"] == "0" and a["role"] == "region" and a["aria-label"] for a in scrolling)
    labels = Counter(a["aria-label"] for a in scrolling)
    assert max(labels.values()) == 1


def test_charts_are_named_for_who_cannot_see_them(text: str) -> None:
    (roofline,) = [a for a in Page(text).named("svg") if a.get("class") != "small"]
    assert roofline["role"] == "img" and roofline["aria-labelledby"] and "viewbox" in roofline
    plots = [a for a in Page(text).named("div") if a.get("class") == "plot"]
    assert len(plots) == 2, "the decode's bars are elements of the first screen"
    assert all(a["role"] == "img" and "us" in a["aria-label"] for a in plots)


def test_hostile_names_add_no_element() -> None:
    """The page of hostile names has exactly the elements, bar more cells, of a page of friendly ones."""
    view = build(hostile_run())
    text = html.render(view, charts.draw_all(view, want_png=False))
    page = Page(text)
    assert len(page.named("script")) == 1 and page.named("img") == []
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]
    assert not [a for a in page.named("a") if "javascript" in a.get("href", "")]
    assert "49" not in re.findall(r"<h1>(.*?)</h1>", text)[0]
    assert "\x1b" not in text and "\u202e" not in text and "\x00" not in text


def test_every_row_of_a_table_has_its_columns() -> None:
    for run in (synthetic_run(3), broken_run()):
        text = html.render(build(run))
        for table in re.findall(r"<table.*?</table>", text, flags=re.DOTALL):
            widths = set()
            for row in re.findall(r"<tr>(.*?)</tr>", table, flags=re.DOTALL):
                spans = [
                    int(re.findall(r'colspan="(\d+)"', cell)[0]) if "colspan" in cell else 1
                    for cell in re.findall(r"<t[dh][^>]*>", row)
                ]
                widths.add(sum(spans))
            assert len(widths) == 1, table


def test_columns_that_nobody_knows_are_left_out() -> None:
    """On a CPU there is no capture, no peak of GPU memory and no launch: no columns of dashes."""
    run = synthetic_run()
    plain = tuple(
        msgspec.structs.replace(m, capture_s=0.0, peak_memory_bytes=None, first_token_us=None) for m in run.measurements
    )
    text = html.render(build(msgspec.structs.replace(run, measurements=plain, profiles=())))
    for heading in ("Capture", "Peak", "Launches", "First token", "In model"):
        assert heading not in text
        assert heading in html.render(build(run))


def test_the_page_is_small(text: str) -> None:
    assert len(text.encode()) < 200_000
