"""`harness history`: one case over stored runs and commits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import AsJson, Store
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.compare.history import CaseHistory
    from harness.store import Store as RunStore
    from harness.values.run import Run


def command(
    case: Annotated[str, typer.Argument(help="A part of a case's id, as for -k; several cases are listed in turn.")],
    suite: Annotated[str, typer.Option(help="Only runs of this suite, by name; all when left out.")] = "",
    last: Annotated[int, typer.Option(min=0, help="Only so many of the newest runs; 0: all.")] = 0,
    svg: Annotated[Path | None, typer.Option(help="Draw the first cases over their runs into this file.")] = None,
    changes: Annotated[
        bool, typer.Option("--changes", help="Suspected changes over commits, each machine for itself; and no runs.")
    ] = False,
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """A case over runs and commits, each value with its interval. A history shows; `harness compare` judges."""
    from harness.compare.history import history
    from harness.plan.match import select
    from harness.store import Store as RunStore

    stored = RunStore(store)
    found, ids = history(_runs(stored, suite, last), case)
    if not found:
        if not ids:
            of = f" of suite {suite}" if suite else ""
            raise HarnessError(f"no runs{of} in {stored.location}; `harness run SUITE` makes one")
        select(case, ids)  # says what there is
    if svg is not None:
        _draw(svg, _runs(stored, suite, last), case)
    if changes:
        _changes(found, as_json)
    elif as_json:
        from harness_reports.documents.stored import history_text

        print(history_text(found))
    else:
        from harness_reports.formats.console import show
        from harness_reports.formats.terminal_table import Titled
        from harness_reports.tables.over_runs import moments

        show(*(Titled(moments(one)) for one in found))


def _changes(found: Sequence[CaseHistory], as_json: bool) -> None:
    """By the order of the commits of the repository here; without one, of the runs, which is said."""
    from harness.compare.changes import series
    from harness.revisions import repository_of
    from harness.revisions.git import first_parents

    repository = repository_of(Path.cwd())
    positions = first_parents(repository) if repository else None
    made = [one for case in found for one in series(case, positions)]
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


def _runs(stored: RunStore, suite: str, last: int) -> Iterator[Run]:
    """By their start, a comparison's base before its head, one at a time; those that only calibrated are left out."""
    wanted = [s for s in stored.runs(suite or None) if s.purpose != "calibrate"]
    wanted.sort(key=lambda summary: summary.started)
    return (stored.load(summary.id) for summary in wanted[-last:])


def _draw(path: Path, runs: Iterable[Run], match: str) -> None:
    from harness.cli.output_file import write
    from harness.plan.match import matches
    from harness_reports.charts.history_chart import draw_history
    from harness_reports.views.history_view import slim, trends

    slims = []
    for run in runs:
        kept = tuple(m for m in run.measurements if matches(match, m.case.id))
        if kept:
            import msgspec

            slims.append(slim(msgspec.structs.replace(run, measurements=kept)))
    suite = slims[-1].suite if slims else ""
    charts = draw_history(trends([slim for slim in slims if slim.suite == suite]))
    if not charts:
        raise HarnessError(f"--svg: no case that {match} means has a time in two runs of a suite")
    write("--svg", path, charts[0].svg)
