"""`harness profile -- script.py`: an unmodified program, alone or as a rank under torchrun."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from harness.errors import ExitStatus, HarnessError

if TYPE_CHECKING:
    from harness.programs.window import Window
    from harness.values.run import Run


def profile_program(
    words: list[str], window: Window, keep: Path | None, note: str, location: str, as_json: bool
) -> None:
    """Run the program under the profiler. The first rank stores and shows the run; each rank ends with the status of
    its own part."""
    from harness.programs.execute import profile_program as profiled
    from harness.programs.place import this_place
    from harness.programs.words import python_program
    from harness.store import Store

    program, store = python_program(words), Store(location)
    place = this_place((store.file.parent if store.file else Path(".harness")).resolve() / "ranks", os.environ)
    stdout = sys.stderr.fileno() if as_json else None
    run, ended = profiled(program, place, store, window=window, note=note, keep=keep, stdout=stdout)
    if run is not None:
        _show(run, as_json)
    if ended.interrupted:
        raise typer.Exit(ExitStatus.INTERRUPTED)
    if run is not None and run.program is not None and run.program.failed:
        for rank, why in run.program.failed.items():
            print(f"failed: {f'rank {rank}' if place.world_size > 1 else program.name}: {why}", file=sys.stderr)
    if ended.status:
        raise typer.Exit(ended.shell_status)
    if run is not None and run.program is not None and run.program.failed:
        raise typer.Exit(ExitStatus.CASE_FAILED)


def refuse_ranks() -> None:
    """Refuse to run as one of several ranks: a suite's decode runs in one process, and every rank would measure beside
    the others. Raises HarnessError there."""
    world_size = os.environ.get("WORLD_SIZE", "")
    if world_size.isdigit() and int(world_size) > 1:
        raise HarnessError(
            f"a suite is profiled in one process, and this is one of {world_size}; the ranks of a job are profiled by"
            " `torchrun ... -m harness profile -- script.py`"
        )


def _show(run: Run, as_json: bool) -> None:
    if as_json:
        from harness_reports.documents.runs import run_text

        print(run_text(run))
    else:
        from harness_reports.formats.console import show
        from harness_reports.pages.program import render

        show(render(run))
