"""The changes that `history --changes`, `confirm` and `track` show, and the exit status that follows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import typer

from harness.cli.quiet import is_quiet

if TYPE_CHECKING:
    from harness.history.reading import Known
    from harness.values.change import Missing
    from harness.values.standing import Standing


def show_known(known: Known, as_json: bool) -> None:
    if as_json:
        from harness_reports.documents.stored import changes_text

        print(changes_text(known.series, known.standings, known.missing))
        return
    from harness_reports.formats.console import show
    from harness_reports.formats.terminal_table import Titled
    from harness_reports.tables.changes import known_changes, missing, summary

    show(summary(known.series, known.standings, known.positions is not None))
    if is_quiet():
        return
    if any(one.changes for one in known.standings):
        show(Titled(known_changes(known.standings)))
    if known.missing:
        show(Titled(missing(known.missing)))


def end_by(standings: Sequence[Standing], fails: Collection[str], missing: Sequence[Missing] = ()) -> None:
    """End the command with 1 for `new` if a confirmed slowdown is open, and with 3 for `suspected` or `missing` if any
    is there."""
    from harness.errors import ExitStatus

    if "new" in fails and any(one.open_changes for one in standings):
        raise typer.Exit(int(ExitStatus.REGRESSION))
    if ("suspected" in fails and any(one.alarms for one in standings)) or ("missing" in fails and missing):
        raise typer.Exit(int(ExitStatus.UNDECIDED))
