"""`harness confirm`: measure suspected changes again before reporting them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import AsJson, Store


def command(
    case: Annotated[str, typer.Argument(help="Part of a case's id, as for -k; default: all cases.")] = "",
    suite: Annotated[str, typer.Option(help="Suite file; default: the only one.")] = "",
    ends: Annotated[bool, typer.Option("--ends", help="Compare both ends only; do not search for the commit.")] = False,
    most: Annotated[int, typer.Option(min=0, help="Measure this many alarms, the largest first; 0: all.")] = 0,
    budget: Annotated[
        float, typer.Option(min=0, help="Seconds for each comparison of two commits; 0: the suite's.")
    ] = 0,
    rounds: Annotated[int, typer.Option(min=0, help="Interleaved rounds per process; 0: timer default.")] = 0,
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Measure the changes that `history --changes` suspects. Exit status 0: nothing open, 1: a slowdown is open, 3: one
    is suspected."""
    from harness.cli.changes_shown import end_by, show_known
    from harness.cli.compare_live import interruptible
    from harness.cli.progress import RunProgress
    from harness.errors import HarnessError
    from harness.history.confirm import Confirming, by_size
    from harness.history.reading import read
    from harness.machines.here import machine_here
    from harness.runner.live_sides import Live, suite_of
    from harness.runner.stage import Options
    from harness.store import Store as RunStore
    from harness.values.stage import TIMED

    stored = RunStore(store)
    file, _ = suite_of(Live("", "", suite), stored)
    known = read(stored, case, file.stem)
    alarms = by_size(known.alarms(machine_here()))
    options = Options(processes=0, stages=TIMED, rounds=rounds or None)
    kept = "every pair is stored; the same command resumes there"
    with interruptible(lambda: kept), RunProgress(stages=False) as progress:
        confirming = Confirming(
            str(file), stored, options, progress, progress.say, budget or None, locate=not ends
        )  # fmt: skip
        for number, alarm in enumerate(alarms[: most or None], 1):
            progress.say(f"alarm {number} of {len(alarms)}: {alarm.change.case}")
            try:
                answer = confirming.confirm(alarm)
            except HarnessError as error:  # the other alarms can be measured all the same
                progress.say(f"{alarm.change.case}: {error}")
                continue
            progress.say(f"{alarm.change.case}: {answer.answer.value}")
    known = read(stored, case, file.stem)
    show_known(known, as_json)
    end_by(known.standings, ("new", "suspected"))


def suite_file(suite: str, store: str) -> Path:
    """The suite file, found as for `compare`."""
    from harness.runner.live_sides import Live, suite_of
    from harness.store import Store as RunStore

    return suite_of(Live("", "", suite), RunStore(store))[0]
