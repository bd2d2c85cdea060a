"""A sweep on the terminal: the fastest configurations of each op and site, and how many were right."""

from __future__ import annotations

from itertools import groupby

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from harness.runner.sweep import Configuration, SweepResult
from harness.values.measurement import Status

SHOWN = 5


def render(result: SweepResult) -> RenderableType:
    """One table per op and site."""
    where = f"{result.environment.device_name} · {result.wall_s:.0f} s · run {result.run_id}"
    counts = f"{result.declared} declared, {result.timed} timed"
    wrong = sum(row.status is Status.INCORRECT for row in result.configurations)
    parts: list[RenderableType] = [f"{result.suite} · {where}", f"{counts}, {wrong} wrong"]
    for (op, variant, site), rows in groupby(result.configurations, key=lambda row: (row.op, row.variant, row.site)):
        parts += ["", f"{op}@{site} · {variant}", _table(list(rows))]
    parts += [
        "",
        "The times choose, they do not report: what a choice brings is what `harness run` measures afterwards.",
    ]
    return Group(*parts)


def _table(rows: list[Configuration]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("#", "configuration"):
        table.add_column(column)
    table.add_column("us, 95 %", justify="right")
    table.add_column("against the best", justify="right")
    best = next((row.estimate.value for row in rows if row.estimate), None)
    for rank, row in enumerate(rows[:SHOWN], 1):
        tunables = ", ".join(f"{name}={value}" for name, value in row.tunables.items())
        if row.estimate is None or best is None:
            table.add_row("-", tunables, row.status.value, row.reason)
            continue
        e = row.estimate
        table.add_row(
            str(rank), tunables, f"{e.value:.4g} [{e.low:.4g}, {e.high:.4g}]", f"{100 * (e.value / best - 1):+.1f} %"
        )
    failed = [row for row in rows[SHOWN:] if row.estimate is None]
    if len(rows) > SHOWN:
        table.add_row("", f"and {len(rows) - SHOWN} more, {len(failed)} of them without a time", "", "")
    return table
