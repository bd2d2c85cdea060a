"""`harness doctor`: check this machine, one line per item, with a remedy for each problem."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import AsJson, Store


def command(
    bandwidth: Annotated[bool, typer.Option(help="Measure memory read bandwidth.")] = True,
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Check this machine and suggest a fix for every problem."""
    from harness.doctor import examine

    found = list(examine(_folder(store), bandwidth))
    if as_json:
        from harness_reports.documents.stored import findings_text

        print(findings_text(found))
        return
    from rich.console import Console

    from harness_reports.pages.findings import findings

    Console().print(findings(found))


def _folder(store: str) -> Path:
    """The folder of the run store, existing or not; the current folder where a database server keeps the runs."""
    if "://" in store:
        return Path()
    return Path(store).parent if store else Path(".harness")
