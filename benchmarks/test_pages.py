"""A report of 100 cases x 8 pairs with 200 runs of history is built in two seconds."""

from __future__ import annotations

import time
from typing import Any

from harness_reports.pages import comparison_markdown, write
from harness_reports.views.history_view import slim
from tests.reports.comparison_factory import comparison, large_run

BUILD_S = 2.0


def test_a_long_report_is_quick(benchmark: Any) -> None:
    """The least processor time of five builds; pytest-benchmark shows the others."""
    history = tuple(slim(large_run(100, 2, 2, number=number, drift=number / 2000)) for number in range(199))
    run, beside = large_run(100, number=199), write.Beside(comparison(100, pairs=8), history)
    times_s: list[float] = []

    def build() -> None:
        start = time.process_time()
        write.page(run, "html", beside)
        times_s.append(time.process_time() - start)

    benchmark.pedantic(build, rounds=5, iterations=1)
    assert min(times_s) <= BUILD_S


def test_the_markdown_of_a_thousand_cases(benchmark: Any) -> None:
    benchmark(comparison_markdown.render, comparison(1000))
