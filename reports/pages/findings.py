"""Whether a machine can make each kind of measurement, one a line, with remedies; and the checks of a suite's cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from harness.values.finding import Finding
from harness.values.measurement import Measurement

STYLES = {"ok": "green", "warn": "yellow", "missing": "red"}


def findings(found: Iterable[Finding]) -> RenderableType:
    """Status, name and sentence of each finding, with the remedy below it."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for one in found:
        sentence = Text(one.text)
        if one.remedy:
            sentence.append(f"\n-> {one.remedy}", style="bold")
        table.add_row(Text(one.status, style=STYLES[one.status]), one.name, sentence)
    return table


def checked(found: Iterable[Measurement]) -> Iterator[str]:
    """The verdict on each case, one a line, never cut to the terminal's width."""
    for m in found:
        yield f"{m.status.value:<12}{m.case.id}{f'   {m.reason}' if m.reason else ''}"
