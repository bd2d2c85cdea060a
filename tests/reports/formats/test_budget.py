"""Markdown within a number of bytes: what is lost is counted, and what matters stays."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.values.verdict import Verdict
from harness_reports.formats.budget import LIMIT_BYTES, fit
from harness_reports.pages import comparison_markdown, pull_request
from harness_reports.table import Column, Row, Table, Words
from harness_reports.views.view import build
from tests.reports.comparison_factory import comparison, large_run

ROWS = st.lists(st.tuples(st.integers(0, 3), st.text("aä€", max_size=30)), max_size=60)


def table_of(headings: str, *rows: Row) -> Table:
    return Table("made", "Made", tuple(Column(heading, heading) for heading in headings.split()), rows)


@given(rows=ROWS, limit=st.integers(300, 3000))
@settings(max_examples=150, deadline=None)
def test_the_limit_holds_and_every_row_is_shown_or_counted(rows: list[tuple[int, str]], limit: int) -> None:
    """Of any table: bytes within the limit, shown + counted = all, and no row leaves before one of higher rank."""
    table = table_of("a b", *(Row((Words(f"r{rank}"), Words(text)), rank, "rows") for rank, text in rows))
    page = fit(["head", table, "foot"], limit)
    assert len(page.encode()) <= limit
    shown = [int(found) for found in re.findall(r"^\| r(\d) \|", page, re.MULTILINE)]
    lost = re.search(r"^(\d+) of (\d+) rows are left out", page, re.MULTILINE)
    assert len(shown) + (int(lost[1]) if lost else 0) == len(rows)
    gone = sorted(rank for rank, _ in rows)
    for rank in shown:
        gone.remove(rank)
    assert not gone or not shown or max(shown) <= min(gone)


def test_what_fits_is_left_alone() -> None:
    table = table_of("a", Row((Words("x"),)), Row((Words("y"),)))
    assert fit(["head", "", table]) == "head\n\n| a |\n| --- |\n| x |\n| y |\n"


def test_blocks_leave_whole_where_no_table_can_give() -> None:
    """A fold is never cut open."""
    page = fit(["verdict", "<details>" + "x" * 900 + "</details>"], 300)
    assert page.startswith("verdict") and "<details>" not in page and "does not fit into 300 bytes" in page


def test_a_thousand_cases_fit_with_every_slower_gate_and_the_verdict_first() -> None:
    """Issue and forge allow 65,536 characters; the regressions are what must survive."""
    c = comparison(1000, slower=40)
    page = comparison_markdown.render(c)
    assert len(page.encode()) <= LIMIT_BYTES == 60_000
    assert page.startswith("**INVALID** of 521 gated verdicts: 1 INVALID, 40 SLOWER")
    assert "40 SLOWER" in page[:1000] and "1.080x slower [" in page[:1000]
    for verdict in c.verdicts[:40]:
        assert f"`{verdict.case}`" in page
    lost = re.search(r"([\d,]+) of 1,000 rows are left out \(([^)]*)\)", page)
    assert lost
    counted = sum(int(n.replace(",", "")) for n in re.findall(r"([\d,]+) [A-Z]+", lost[2]))
    assert counted == int(lost[1].replace(",", "")) and Verdict.SLOWER not in lost[2]
    rows = len(re.findall(r"^\| (?:gate)? ?\| `", page, re.MULTILINE))
    assert rows + counted == 1000


def test_a_thousand_kernels_fit_into_a_pull_request() -> None:
    view = build(large_run(1000, processes=2, rounds=2))
    page = pull_request.render(view)
    assert len(page.encode()) <= LIMIT_BYTES
    assert (
        "faster" in page.splitlines()[0] or "slower" in page.splitlines()[0] or "no difference" in page.splitlines()[0]
    )
    both = pull_request.render(view, (), comparison(1000, slower=3))
    assert len(both.encode()) <= LIMIT_BYTES and "3 SLOWER" in both[:1000]


def test_long_names_do_not_eat_the_budget() -> None:
    """10,000 characters a name, with all that could end a cell."""
    page = comparison_markdown.render(comparison(300, name="|`\\<b>" * 2000))
    assert len(page.encode()) <= LIMIT_BYTES and "2 SLOWER" in page[:1000]
