"""`harness history`: one case over stored runs and commits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import AsJson, Store, csv
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from harness.store import Store as RunStore
    from harness.values.point import CasePoint, CaseSeries

FAIL_ON = ("new", "suspected", "missing")
SHOWN = 100
"""Runs of a case that a terminal shows unless --last gives another number."""


def command(
    case: Annotated[str, typer.Argument(help="Part of a case's id, as for -k; every matching case is listed.")],
    suite: Annotated[str, typer.Option(help="Only runs of this suite, by name; default: all.")] = "",
    last: Annotated[
        int | None,
        typer.Option(
            min=0, help="Only this many of the newest runs; 0: all [100; with --json all; with --changes 2000]."
        ),
    ] = None,
    svg: Annotated[Path | None, typer.Option(help="Draw the first cases over their runs into this file.")] = None,
    changes: Annotated[
        bool,
        typer.Option(
            "--changes", help="Show suspected changes over commits instead of runs, separately for each machine."
        ),
    ] = False,
    fail_on: Annotated[
        str,
        typer.Option(help="With --changes: new (exit status 1: slower and not accepted), suspected (3), missing (3)."),
    ] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Show a case over runs and commits, with intervals. For a verdict use `harness compare`."""
    from harness.history.selecting import meant
    from harness.store import Store as RunStore

    fails = set(csv(fail_on))
    if (fail_on and not changes) or fails - set(FAIL_ON):
        raise HarnessError(f"--fail-on {fail_on}: allowed: {', '.join(FAIL_ON)}, with --changes")
    stored = RunStore(store)
    if changes:
        return _changes(stored, case, suite, last, fails, as_json)
    most = last if last is not None else 0 if as_json else SHOWN
    found = stored.points(meant(stored, case, suite), most)
    if svg is not None:
        _draw(svg, found)
    if as_json:
        from harness.compare.history import history
        from harness_reports.documents.stored import history_text

        print(history_text(history(found)))
    else:
        from harness.compare.history import history
        from harness_reports.formats.console import show
        from harness_reports.formats.terminal_table import Titled
        from harness_reports.tables.over_runs import moments

        show(*(Titled(moments(one)) for one in history(found)))
        if most and len(found) >= most and last is None:
            print(f"The newest {most} runs of each series; --last 0 shows all.")


def _changes(stored: RunStore, case: str, suite: str, last: int | None, fails: Collection[str], as_json: bool) -> None:
    """Show changes in the order of the repository's commits; without a repository, in the order of the runs, with a
    note."""
    from harness.cli.changes_shown import end_by, show_known
    from harness.history.reading import SCANNED, read

    known = read(stored, case, suite, SCANNED if last is None else last)
    show_known(known, as_json)
    end_by(known.standings, fails, known.missing)


def _draw(path: Path, found: Sequence[tuple[CaseSeries, CasePoint]]) -> None:
    from harness.cli.output_file import write
    from harness_reports.charts.history_chart import draw_history
    from harness_reports.views.history_view import trends_of_points

    trends = trends_of_points(found)
    charts = draw_history([trend for trend in trends if trend.suite == trends[-1].suite])
    if not charts:
        raise HarnessError("--svg: no matching case has a time in two runs of a suite; a line needs two points")
    write("--svg", path, charts[0].svg)
