"""`harness sweep`: verify and time the configurations of a suite's sweep space, register the fastest for this
device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import AsJson, Match, Note, Store


def command(
    suite: Annotated[Path, typer.Argument(help="Suite file (YAML).")],
    match: Match = "",
    rounds: Annotated[
        int, typer.Option(min=0, help="Interleaved rounds per process; 0: as the timer thinks best.")
    ] = 0,
    compile_only: Annotated[
        bool, typer.Option("--compile-only", help="Compile every configuration, without a GPU, and stop there.")
    ] = False,
    target: Annotated[str, typer.Option(help="Architecture to compile for (sm_90); of the GPU here if left out.")] = "",
    jobs: Annotated[int, typer.Option(min=0, help="Processes that compile; 0: one a core.")] = 0,
    limit_s: Annotated[float, typer.Option(min=0, help="Seconds to compile one configuration; 0: the default.")] = 0,
    note: Note = "",
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Search block sizes; write the fastest correct configuration to the tuned file that `tuned` reads."""
    if compile_only:
        from harness.cli import sweep_static

        return sweep_static.compile_only(suite, match, target, jobs, limit_s, as_json)
    import sys

    from harness.cli.as_json import sweep_as_json
    from harness.cli.progress import RunProgress
    from harness.errors import ExitStatus
    from harness.runner.sweep import sweep
    from harness.store import Store as RunStore

    with RunProgress() as progress:
        result = sweep(suite, match or None, rounds or None, note, RunStore(store), progress)
    if as_json:
        print(sweep_as_json(result))
    else:
        from rich.console import Console

        from harness.cli.sweep_table import render

        Console().print(render(result))
    for path in result.written:
        print(f"wrote {path}", file=sys.stderr)
    if not result.chosen:
        raise typer.Exit(ExitStatus.CASE_FAILED)
