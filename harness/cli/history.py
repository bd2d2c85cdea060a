"""`harness history`: one case over stored runs and commits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import AsJson, Store
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.store import Store as RunStore
    from harness.values.point import CasePoint, CaseSeries

SHOWN = 100
"""Runs of a case that a terminal shows unless --last says otherwise."""
SCANNED = 2000
"""Runs of a series in which changes are looked for."""


def command(
    case: Annotated[str, typer.Argument(help="A part of a case's id, as for -k; several cases are listed in turn.")],
    suite: Annotated[str, typer.Option(help="Only runs of this suite, by name; all when left out.")] = "",
    last: Annotated[
        int | None,
        typer.Option(min=0, help="Only so many of the newest runs; 0: all [100; of --json all; of --changes 2000]."),
    ] = None,
    svg: Annotated[Path | None, typer.Option(help="Draw the first cases over their runs into this file.")] = None,
    changes: Annotated[
        bool, typer.Option("--changes", help="Suspected changes over commits, each machine for itself; and no runs.")
    ] = False,
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """A case over runs and commits, each value with its interval. A history shows; `harness compare` judges."""
    from harness.store import Store as RunStore

    stored = RunStore(store)
    wanted = _series(stored, suite, case)
    most = last if last is not None else SCANNED if changes else 0 if as_json else SHOWN
    found = stored.points(wanted, most)
    if svg is not None:
        _draw(svg, found)
    if changes:
        _changes(found, as_json)
    elif as_json:
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


def _series(stored: RunStore, suite: str, case: str) -> list[CaseSeries]:
    """Those that are meant. Raises HarnessError, naming what there is, where none is."""
    from harness.plan.match import matches, select

    known = [one for one in stored.series() if suite in ("", one.suite)]
    found = [one for one in known if matches(case, one.case.id)]
    if not known:
        of = f" of suite {suite}" if suite else ""
        raise HarnessError(f"no runs{of} in {stored.location}; `harness run SUITE` makes one")
    if not found:
        select(case, list(dict.fromkeys(one.case.id for one in known)))  # says what there is
    return found


def _changes(found: Sequence[tuple[CaseSeries, CasePoint]], as_json: bool) -> None:
    """By the order of the commits of the repository here; without one, of the runs, which is said."""
    from harness.compare.changes import series
    from harness.revisions import repository_of
    from harness.revisions.git import first_parents

    repository = repository_of(Path.cwd())
    positions = first_parents(repository) if repository else None
    made = series(found, positions)
    if as_json:
        from harness_reports.documents.stored import changes_text

        print(changes_text(made))
    else:
        from harness_reports.formats.console import show
        from harness_reports.formats.terminal_table import Titled
        from harness_reports.tables.changes import changes as table
        from harness_reports.tables.changes import summary

        if any(one.changes for one in made):
            show(Titled(table(made)))
        show(summary(made, positions is not None))


def _draw(path: Path, found: Sequence[tuple[CaseSeries, CasePoint]]) -> None:
    from harness.cli.output_file import write
    from harness_reports.charts.history_chart import draw_history
    from harness_reports.views.history_view import trends_of_points

    trends = trends_of_points(found)
    charts = draw_history([trend for trend in trends if trend.suite == trends[-1].suite])
    if not charts:
        raise HarnessError("--svg: no case that was meant has a time in two runs of a suite")
    write("--svg", path, charts[0].svg)
