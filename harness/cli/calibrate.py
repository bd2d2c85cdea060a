"""`harness calibrate`: how much identical code differs from itself on this machine; `run` and `compare` use it."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.options import Arms, AsJson, Gpus, Match, Note, Store, csv
from harness.cli.sharing import Share


def command(
    suite: Annotated[str, typer.Argument(help="Suite file; default: the only one of the repository.")] = "",
    match: Match = "",
    arms: Arms = "",
    revision: Annotated[str, typer.Option(help="Revision to measure against itself.")] = ".",
    worktrees: Annotated[int, typer.Option(min=1, help="Pairs of worktrees; the offset needs four.")] = 6,
    pairs: Annotated[int, typer.Option(min=2, help="Pairs of processes in each; at least sixteen in all.")] = 4,
    rounds: Annotated[int, typer.Option(min=0, help="Interleaved rounds per process; 0: timer default.")] = 0,
    gpus: Gpus = 1,
    note: Note = "",
    store: Store = "",
    share: Share = "",
    as_json: AsJson = False,
) -> None:
    """Measure this machine's noise floor with A/A runs. Each calibration adds to the earlier ones."""
    from harness.cli.compare_live import interruptible
    from harness.cli.execute import end
    from harness.cli.progress import RunProgress
    from harness.cli.quiet import is_quiet
    from harness.runner.calibrate import calibrate
    from harness.runner.lane import devices_for
    from harness.runner.live_sides import Live
    from harness.runner.stage import Options
    from harness.runner.terms import Terms
    from harness.store import Store as RunStore
    from harness.values.stage import TIMED

    live = Live(revision, revision, suite, match, tuple(csv(arms)))
    options = Options(processes=0, stages=TIMED, rounds=rounds or None, note=note)
    terms = Terms(gated_only=not match, devices=devices_for(gpus))
    with interruptible("the finished pairs are kept and count"), RunProgress(stages=False) as progress:
        found = calibrate(live, worktrees, pairs, terms, RunStore(store), options, progress, progress.say)
    if as_json:
        from harness_reports.documents.stored import calibration_text

        print(calibration_text(found.environment.device_name, found.noise, found.runs, found.failed))
    else:
        from harness_reports.formats.console import show
        from harness_reports.pages.calibration import render, summary

        show((summary if is_quiet() else render)(found.noise, found.environment.device_name))
    end(found.failed)
