"""A program profiled, from its start to the stored run."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.errors import HarnessError
from harness.programs.child import Ended, record
from harness.programs.gather import gathered
from harness.programs.place import Place
from harness.programs.profiled import profiled_run
from harness.programs.window import Window
from harness.programs.words import PythonProgram
from harness.store import Store
from harness.trace.private import write_without_host
from harness.values.run import Run

WHOLE = Window()


def profile_program(
    program: PythonProgram, place: Place, store: Store, *, window: Window = WHOLE, note: str = "",
    keep: Path | None = None, stdout: int | None = None,
) -> tuple[Run | None, Ended]:  # fmt: skip
    """Return the stored run and the ending of the program here. The first rank stores the run; the others leave their
    traces to it and return None. keep: a folder for the traces.

    Raises CaseFailed where no rank left a trace. Traces that do not make a run stay where they are; the error gives the
    folder.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    ended = record(program, place, window, stdout)
    if place.rank:
        return None, ended
    told = gathered(place, ended.whole)
    try:
        if keep is not None:
            _keep(place, keep)
        run = profiled_run(program, place, told, not ended.interrupted, note, window)
        identity = store.begin(run)
        for profile in run.profiles:
            store.add_profile(identity, profile)
        for key, text in run.sources.items():
            store.add_source(identity, key, text)
        store.finish(identity, run.state)
        stored = store.load(identity)
    except HarnessError as error:
        if ended.status:
            error.exit_status = ended.shell_status  # type: ignore[assignment]  # the program's own
        if any(place.trace(rank).exists() for rank in range(place.world_size)):
            error.args = (f"{error}; the traces are in {place.folder}",)
        else:
            shutil.rmtree(place.folder, ignore_errors=True)
        raise
    shutil.rmtree(place.folder, ignore_errors=True)
    return stored, ended


def _keep(place: Place, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for rank in range(place.world_size):
            if place.trace(rank).exists():
                write_without_host(place.trace(rank), folder / f"{place.trace(rank).name}.gz")
    except OSError as error:
        raise HarnessError(
            f"--keep-traces {folder}: cannot be written: {error.strerror or error}; name another folder"
        ) from error
