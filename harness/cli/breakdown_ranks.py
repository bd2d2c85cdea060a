"""`harness breakdown` of several ranks of one job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.ranks.recognise import Ranks


def show_ranks(
    ranks: Ranks, categories: Path | None, top: int, html: Path | None, csv: Path | None, as_json: bool
) -> None:
    """Show a row per rank and who waited for whom, as text, page, CSV or JSON."""
    from harness.cli.output_file import write
    from harness.ranks.job import read_job

    found = read_job(ranks, categories)
    if html is not None:
        from harness_reports.pages.ranks_page import render as render_page

        write("--html", html, render_page(found.job, found.profiles, found.lines))
    if csv is not None:
        from harness_reports.formats.csv_table import render_all
        from harness_reports.tables.ranks import every_table

        write("--csv", csv, render_all(every_table(found.job, found.profiles)))
    if as_json:
        from harness_reports.documents.ranks import ranks_text

        print(ranks_text(found.job, found.profiles))
        return
    if html is not None or csv is not None:
        print(*(file for file in (html, csv) if file is not None), sep="\n")
        return
    from harness_reports.formats.console import show
    from harness_reports.pages.ranks import render

    show(render(found.job, found.profiles, top))
