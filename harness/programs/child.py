"""One rank of a program: the process that runs it under the profiler, watched to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from harness.programs.place import Place
from harness.programs.processes import joined
from harness.programs.told import Calls, Recording, Told, read_told, write_told
from harness.programs.window import Window
from harness.programs.words import PythonProgram
from harness.worker.launch import reaching_harness

END_S = 10.0
"""A program that is told to end writes its trace within this time, or is killed."""
CALLS_LOST = "nothing recorded: it ended before it could be written"
ENDED_BEFORE = "no trace: it ended before one was written"


@dataclass(frozen=True)
class Ended:
    """The end of a program."""

    status: int
    """The program's exit status."""
    interrupted: bool = False
    """Whether this process got ^C or SIGTERM."""

    @property
    def shell_status(self) -> int:
        """The status as a shell reports it: 128 plus the signal that ended the program."""
        return self.status if self.status >= 0 else 128 - self.status

    @property
    def whole(self) -> bool:
        return not self.status and not self.interrupted


def record(program: PythonProgram, place: Place, window: Window, stdout: int | None = None) -> Ended:
    """Run the program to its end. Its trace (one file for it and its child processes) and its `Told` are left in the
    place's folder. stdout: a file descriptor for the program's output, instead of this process's."""
    place.begun(place.rank).touch()
    told = place.told(place.rank)
    own = place.own(place.rank)
    ended = run(_asked(program, place, window), stdout)
    said = read_told(own) if own.exists() else Told(ended.status, ENDED_BEFORE)
    write_told(told, joined(place, said))
    return ended


def record_calls(program: PythonProgram, place: Place, window: Window, calls: Calls) -> tuple[Told, Ended]:
    """Run the program to its end and record its calls, which are left in the place's folder."""
    ended = run(_asked(program, place, window, calls))
    own = place.own(place.rank)
    return read_told(own) if own.exists() else Told(ended.status, CALLS_LOST), ended


def _asked(program: PythonProgram, place: Place, window: Window, calls: Calls | None = None) -> Recording:
    own, path = str(place.own(place.rank)), os.environ.get("PYTHONPATH", "")
    return Recording(program, str(place.folder), place.stem(place.rank), own, path, window, calls)


def run(asked: Recording, stdout: int | None = None) -> Ended:
    """^C and SIGTERM to this process reach the program."""
    command = [sys.executable, "-P", "-m", "harness.recording.program", msgspec.json.encode(asked).decode()]
    process = subprocess.Popen(command, env=reaching_harness(os.environ), stdout=stdout)
    try:
        return Ended(process.wait())
    except KeyboardInterrupt:
        return Ended(_stopped(process), interrupted=True)


def _stopped(process: subprocess.Popen[bytes]) -> int:
    """Wait for the program's end; a second ^C or SIGTERM ends it at once."""
    with suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
        process.terminate()
        return process.wait(END_S)
    process.kill()
    return process.wait()
