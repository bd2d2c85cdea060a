"""What outputs are beside right stands on every page: repeats, rows alone, the quality of a decode; nothing of it where
a run from before has none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.values.run import Run
from harness_reports.pages import html, markdown, terminal
from harness_reports.pages.csv_file import render as csv_text
from harness_reports.views.case_rows import report_rows
from harness_reports.views.view import View, build
from tests.reports.run_factory import synthetic_run
from tests.reports.table_factory import labelled_run

PAGES: dict[str, Callable[[View], str]] = {
    "terminal": lambda view: terminal.plain(view, columns=200),
    "markdown": markdown.render,
    "html": html.render,
}


@pytest.fixture(scope="module")
def labelled() -> Run:
    return labelled_run()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_labels_and_the_quality(page: str, labelled: Run) -> None:
    shown = PAGES[page](build(labelled))
    for words in ("within 1.2e-03", "NOT within 4.0e-02", "farther from float32", "1.0e-03 ± 2e-04"):
        assert words in shown, words
    before = PAGES[page](build(synthetic_run()))
    for words in ("within 1.2e-03", "float32</th>", "Same arm again", "Row alone", "row alone", "same arm again"):
        assert words not in before, words


def test_the_data_quality_counts_what_repeats_itself(labelled: Run) -> None:
    rows = dict(build(labelled).quality)
    assert rows["Same call again"].startswith("bit for bit in ")
    assert rows["Same call again"].endswith("20 calls each beside a busy neighbour; within the tolerance in 1")
    assert rows["Row alone"].startswith("bit for bit in 1 of ") and "among 8; beyond" in rows["Row alone"]
    assert not {"Same call again", "Row alone"} & dict(build(synthetic_run()).quality).keys()


def test_a_narrow_terminal_counts_what_it_has_no_column_for(labelled: Run) -> None:
    shown = terminal.plain(build(labelled), columns=80)
    assert "row alone" in shown and "same call again" in shown


def test_rows_of_cases_carry_them(labelled: Run) -> None:
    """In JSON; the CSV of cases keeps its columns."""
    rows = report_rows(labelled)
    assert any(row.determinism and row.determinism.differing == 3 for row in rows)
    assert any(row.batch_invariance and row.batch_invariance.axis == "tokens" for row in rows)
    assert {row.quality.tokens for row in rows if row.quality} == {64}
    assert csv_text(labelled).splitlines()[0] == csv_text(synthetic_run()).splitlines()[0]
