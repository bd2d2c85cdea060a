"""`harness report`: a stored run as pages, charts and tables. Runs where there is no torch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Store, csv


def command(
    run: Annotated[str, typer.Argument(help="last, last~1, an id, a tag or an exported file.")] = "last",
    out: Annotated[
        str, typer.Option(help="Folder for the files [.harness/reports/RUN]; - prints one page instead.")
    ] = "",
    formats: Annotated[
        str, typer.Option("--format", help="Of md,html,svg,png: only these. With --out -: md, html or text.")
    ] = "",
    store: Store = "",
) -> None:
    """Write the report of a stored run: Markdown, one HTML file, charts as SVG and PNG."""
    from harness import reports_root
    from harness.store import Store as RunStore

    reports_root.bind()
    from harness_reports import write

    if out == "-":
        page = write.page_format(formats or "text")
        stored = RunStore(store).load(run)
        sys.stdout.write(write.page(stored, page))
        return
    wanted = write.checked(csv(formats)) if formats else write.FORMATS
    stored = RunStore(store).load(run)
    if sys.stdout.isatty():
        from harness_reports import terminal, view

        terminal.console().print(terminal.render(view.build(stored)))
    for path in write.write(stored, Path(out or f".harness/reports/{stored.id}"), wanted):
        print(path)
