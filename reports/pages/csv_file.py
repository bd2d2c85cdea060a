"""A run as CSV: one row for each case, units in the headings, estimates with interval and n."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping

from harness.values.run import Run

from ..formats.csv_table import text
from ..views.case_rows import CaseRow, Triple, report_rows


def render(run: Run) -> str:
    """RFC 4180 text with `\\n` line ends; an unknown value is an empty cell."""
    out = io.StringIO()
    rows = [dict(_cells(run, row)) for row in report_rows(run)]
    headings = list(rows[0]) if rows else ["run"]
    writer = csv.DictWriter(out, headings, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _cells(run: Run, row: CaseRow[Triple]) -> Iterator[tuple[str, object]]:
    environment = run.environment
    yield "run", text(run.id)
    yield "started", text(run.started)
    yield "suite", text(run.suite)
    yield "device", text(environment.device_name if environment else "")
    yield "commit", text((environment.commit if environment else "") or "")
    for name in ("id", "kind", "op", "site", "engine", "dtype", "arm", "shared_with", "variant"):
        yield name, text(getattr(row, name) or "")
    yield "axes", text(_pairs(row.axes))
    yield "tunables", text(_pairs(row.tunables))
    yield "status", row.status
    yield "reason", text(row.reason)
    yield "time_unit", row.unit
    for name, estimate in (("time", row.time), ("tok_s", row.tok_s)):
        for part in ("value", "low", "high"):
            yield f"{name}_{part}", getattr(estimate, part, None)
    for part in ("confidence", "n", "level"):
        yield part, getattr(row.time, part, None)
    for name, part in (("to_first_arm", "value"), ("low", "low"), ("high", "high")):
        yield f"ratio_{name}", getattr(row.ratio, part, None)
    for name in ("bound_share", "gb_s", "bytes", "flop", "rms_error", "peak_memory_bytes", "first_token_us"):
        yield name, getattr(row, name)
    yield "samples", len(row.samples)


def _pairs(values: Mapping[str, object]) -> str:
    return ";".join(f"{name}={value}" for name, value in sorted(values.items()))
