"""`harness calibrate`: how much identical code differs from itself on this machine; `run` and `compare` use it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import Arms, AsJson, Match, Note, Store, csv

if TYPE_CHECKING:
    from rich.table import Table

    from harness.runner.calibrate import Calibrated


def command(
    suite: Annotated[str, typer.Argument(help="Suite file; the only one of the repository when left out.")] = "",
    match: Match = "",
    arms: Arms = "",
    revision: Annotated[str, typer.Option(help="What is measured against itself.")] = ".",
    worktrees: Annotated[int, typer.Option(min=1, help="Pairs of worktrees; the offset needs four.")] = 4,
    pairs: Annotated[int, typer.Option(min=2, help="Pairs of processes in each; sixteen in all are needed.")] = 4,
    rounds: Annotated[int, typer.Option(min=0, help="Interleaved rounds per process; 0: the timer's default.")] = 0,
    note: Note = "",
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Measure identical code against itself: what is noise here. Each calibration adds to those before it."""
    from harness.cli.compare_live import interruptible
    from harness.cli.measured import end
    from harness.cli.progress import RunProgress
    from harness.runner.calibrate import calibrate
    from harness.runner.live_sides import Live
    from harness.runner.paired import Terms
    from harness.runner.stage import Options
    from harness.store import Store as RunStore

    live = Live(revision, revision, suite, match, tuple(csv(arms)))
    options = Options(processes=0, stages=("kernels", "decode"), rounds=rounds or None, note=note)
    with interruptible("what was measured is kept and counts"), RunProgress(stages=False) as progress:
        found = calibrate(
            live, worktrees, pairs, Terms(gated_only=not match), RunStore(store), options, progress, progress.say
        )
    if as_json:
        from harness_reports.documents.encoding import of, text
        from harness_reports.documents.stored import CalibrationDocument

        device = found.environment.device_name
        print(text(of(CalibrationDocument, found.noise, device=device, runs=found.runs, failed=found.failed)))
    else:
        from harness_reports.formats.console import show

        show(*([_table(found)] if found.noise.cases else []), _summary(found))
    end(found.failed)


def _table(found: Calibrated) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("case", overflow="fold")
    for heading in ("pairs", "SD of a pair, %", "SD of a process, %", "modes"):
        table.add_column(heading, justify="right", no_wrap=True)
    for case, known in found.noise.cases.items():
        of_pair = 100 * math.sqrt(known.pair_variance)
        modes = "two" if known.bimodal else "one"
        table.add_row(case, str(known.pairs), f"{of_pair:.2f}", f"{100 * known.process_sd:.2f}", modes)
    return table


def _summary(found: Calibrated) -> str:
    noise = found.noise
    if not noise.cases:
        return "not calibrated yet: a case needs sixteen pairs; what was measured counts towards them"
    offset = f"{100 * noise.offset:.2f} %" if noise.offset else "none that chance would not give as well"
    where = f"{noise.worktree_pairs} pairs of identical worktrees on {found.environment.device_name}"
    return f"lasting offset between worktrees: {offset} ({where}); `harness run` and `harness compare` use this now"
