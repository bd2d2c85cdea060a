"""Findings of memory tools on one call of a kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from harness.values.sanitizer import AccessError, ToolReport

from ..figures import clean
from ..table import Column, Mark, Name, Number, Row, Table, Words


def access_errors(reports: Sequence[ToolReport]) -> Table:
    """A row for each faulty line; one for a tool that found nothing or could not run."""
    columns = (
        Column("tool", "Tool", once=True), Column("kind", "Found"), Column("line", "Line", sparse=True),
        Column("kernel", "Kernel", sparse=True, extra=True), Column("where", "Where", sparse=True),
        Column("count", "Accesses", right=True, sparse=True), Column("example", "First", sparse=True, extra=True),
    )  # fmt: skip
    rows = [row for report in reports for row in _rows(report)]
    return Table("access_errors", "Races, stray accesses and unwritten memory", columns, tuple(rows))


def _rows(report: ToolReport) -> Iterator[Row]:
    for error in report.errors:
        where = " ".join(part for part in (error.operand, error.place) if part)
        yield Row((
            Name(report.tool), Mark(clean(_kind(error)), "worse"), Name(clean(_line(error)), long=True),
            Words(clean(error.kernel)) if error.kernel else None, Words(clean(where)) if where else None,
            Number(error.count, f"{error.count:,}"), Words(clean(error.example)) if error.example else None,
        ))  # fmt: skip
    nothing = (None,) * 5
    if report.reason:
        yield Row((Name(report.tool), Words(clean(f"not known: {report.reason}"), "wide"), *nothing))
    elif not report.errors:
        yield Row((Name(report.tool), Words("nothing"), *nothing))


def _kind(error: AccessError) -> str:
    return f"{error.kind} with line {error.other_line}" if error.other_line else error.kind


def _line(error: AccessError) -> str:
    """`my_kernel.py:17`; empty if the kernel has no line information."""
    return f"{PurePath(error.file).name}:{error.line}" if error.file else ""
