"""`harness profile`: where the decode time of a suite's arms goes, by category and kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Arms, AsJson, Note, Store, csv


def command(
    suite: Annotated[Path, typer.Argument(help="Suite file (YAML).")],
    arms: Arms = "",
    keep_traces: Annotated[Path | None, typer.Option(help="Leave the profiler's traces in this folder.")] = None,
    note: Note = "",
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Profile eager decode steps of every arm; store the run and show it."""
    from harness.cli.measured import execute, finish
    from harness.runner.execute import Options

    options = Options(stages=("profile",), note=note, keep_traces=str(keep_traces) if keep_traces else None)
    run, failed = execute(suite, csv(arms), "", options, store)
    finish(run, failed, as_json)
