"""`harness doctor`: what this machine can measure, one line each, with a remedy where it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import AsJson, Store


def command(
    bandwidth: Annotated[bool, typer.Option(help="Measure how fast memory is read.")] = True,
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Say what this machine can measure, and how to mend the rest."""
    from harness.doctor import examine

    findings = list(examine(_folder(store), bandwidth))
    if as_json:
        import msgspec

        from harness_reports.documents.encoding import text
        from harness_reports.documents.stored import FindingsDocument

        print(msgspec.json.format(text(FindingsDocument(findings=findings)), indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    styles = {"ok": "green", "warn": "yellow", "missing": "red"}
    table = Table(box=None, show_header=False, pad_edge=False)
    for found in findings:
        said = Text(found.text)
        if found.remedy:
            said.append(f"\n-> {found.remedy}", style="bold")
        table.add_row(Text(found.status, style=styles[found.status]), found.name, said)
    Console().print(table)


def _folder(store: str) -> Path:
    """Where the run store is, or will be; the current folder where a database server keeps the runs."""
    if "://" in store:
        return Path()
    return Path(store).parent if store else Path(".harness")
