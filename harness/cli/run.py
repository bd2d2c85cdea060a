"""`harness run`: kernels, categories and decode of every arm of a suite, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Arms, AsJson, Match, Note, Store, csv
from harness.cli.sharing import Share


def command(
    suite: Annotated[Path, typer.Argument(help="Suite file (YAML).")],
    arms: Arms = "",
    match: Match = "",
    processes: Annotated[int, typer.Option(min=1, help="Repeat every case in this many fresh processes.")] = 1,
    only: Annotated[str, typer.Option(help="Only these of kernels,decode,figures,profile.")] = "",
    rounds: Annotated[int, typer.Option(min=0, help="Interleaved rounds per process; 0: timer default.")] = 0,
    energy: Annotated[
        bool, typer.Option("--energy", help="Also measure joules per call and token; 12 s for each case.")
    ] = False,
    keep_traces: Annotated[Path | None, typer.Option(help="Keep the profiler's traces in this folder.")] = None,
    note: Note = "",
    store: Store = "",
    share: Share = "",
    as_json: AsJson = False,
) -> None:
    """Verify, time and profile a suite; store and show the run."""
    from harness.worker.launch import Ahead

    with Ahead() as ahead:
        from harness.cli.execute import execute, finish
        from harness.runner.stage import Options, stages_named

        options = Options(
            processes=processes,
            stages=stages_named(csv(only)),
            rounds=rounds or None,
            energy=energy,
            note=note,
            keep_traces=str(keep_traces) if keep_traces else None,
        )
        run, failed = execute(suite, csv(arms), match, options, store, ahead)
    finish(run, failed, as_json)
