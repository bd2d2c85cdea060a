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
    worktrees: Annotated[int, typer.Option(min=1, help="Pairs of worktrees; the offset needs four.")] = 6,
    pairs: Annotated[int, typer.Option(min=2, help="Pairs of processes in each; sixteen in all are needed.")] = 4,
    rounds: Annotated[int, typer.Option(min=0, help="Interleaved rounds per process; 0: the timer's default.")] = 0,
    note: Note = "",
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Measure identical code against itself: what is noise here. Each calibration adds to those before it."""
    from harness.cli.compare_live import interruptible
    from harness.cli.execute import end
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
    for heading in ("pairs", "SD of a pair, %", "SD of a process, %", "modes", "second process, %", "own offset, %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for case, known in found.noise.cases.items():
        spreads = [f"{100 * spread:.2f}" for spread in (math.sqrt(known.pair_variance), known.process_sd)]
        modes, order = "two" if known.bimodal else "one", f"{100 * known.order:+.2f}"
        table.add_row(
            case, str(known.pairs), *spreads, modes, order, f"{100 * known.offset:.2f}" if known.offset else "-"
        )
    return table


def _summary(found: Calibrated) -> str:
    from harness.compare.offset import CHANCE, LEAST_WORKTREES

    noise = found.noise
    if not noise.cases:
        return "not calibrated yet: a case needs sixteen pairs; what was measured counts towards them"
    if noise.worktree_pairs < LEAST_WORKTREES:
        offset = f"unknown: it needs {LEAST_WORKTREES} pairs of worktrees"
    elif noise.offset_chance > CHANCE:
        offset = f"none that chance would not give as well ({100 * noise.offset:.2f} % was seen)"
    else:
        offset = f"{100 * noise.offset:.2f} %"
    most = max(noise.cases, key=lambda case: noise.cases[case].offset)
    largest = noise.cases[most].offset
    own = f"up to {100 * largest:.2f} % ({most})" if largest else "none that was shown"
    order = (
        f"{100 * noise.order:+.2f} ± {200 * noise.order_error:.2f} % over all cases" if noise.order_error else "unknown"
    )
    return (
        f"lasting offset between worktrees, in all cases alike: {offset}\n"
        f"lasting offset of a case by itself: {own}\n"
        f"second process of a pair over the first: {order}; a comparison takes its own effect out\n"
        f"{noise.worktree_pairs} pairs of identical worktrees on {found.environment.device_name};"
        " `harness run` and `harness compare` use this now"
    )
