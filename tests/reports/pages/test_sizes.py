"""Reports stay small enough to be mailed, also with a long history; `benchmarks/test_pages.py` has their times."""

from __future__ import annotations

import re

import pytest

from harness_reports.charts import charts
from harness_reports.pages import comparison_markdown, write
from harness_reports.views.history_view import Slim, slim
from harness_reports.views.view import build
from tests.reports.comparison_factory import comparison, large_run
from tests.reports.run_factory import synthetic_run

PAGE_BYTES = 500_000
"""Of the page without its raw samples."""


@pytest.fixture(scope="module")
def history() -> tuple[Slim, ...]:
    """199 runs before the last; a quarter of the samples, since a point is one estimate."""
    return tuple(slim(large_run(100, 2, 2, number=number, drift=number / 2000)) for number in range(199))


def test_a_long_report_is_small(history: tuple[Slim, ...]) -> None:
    """100 cases x 8 pairs with 200 points of history: 500 kB and its samples."""
    run, verdicts = large_run(100, number=199, drift=0.1), comparison(100, pairs=8)
    page = write.page(run, "html", write.Beside(verdicts, history))
    samples = re.search(r'<section aria-labelledby="samples">.*?</section>', page, re.DOTALL)
    assert samples and page.count("200 runs, from") == 100 and "8 pairs" in page
    assert len(page.encode()) - len(samples[0].encode()) <= PAGE_BYTES


def test_coordinates_are_rounded_and_numbers_are_not() -> None:
    """A chart loses digits of points, never of what it says."""
    drawn = charts.draw_all(build(synthetic_run(3)), want_png=False)
    for chart in drawn:
        text = chart.svg.decode()
        assert not re.search(r' (?:d|x|y)="[^"]*\.\d{3}', text)
    roofline = next(chart for chart in drawn if chart.name == "roofline")
    assert re.search(r"<title>[^<]*\d\.\d\d FLOP/byte", roofline.svg.decode())


def test_the_markdown_of_a_thousand_cases_fits_into_a_comment() -> None:
    assert len(comparison_markdown.render(comparison(1000)).encode()) <= 60_000
