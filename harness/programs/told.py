"""What a rank says when it has ended."""

from __future__ import annotations

import signal
from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.programs.window import Window
from harness.programs.words import PythonProgram
from harness.values.environment import Environment

CHILDREN = "HARNESS_RECORDING"
"""The variable by which a program's child processes know that they are recorded, and how."""


class Calls(msgspec.Struct, frozen=True):
    """What is recorded of a program's calls. modules: patterns of class names and paths. samples: calls of each case
    whose tensors are kept, as far as so many megabytes go. every: one step of so many is looked at."""

    modules: tuple[str, ...] = ()
    samples: int = 2
    megabytes: int = 256
    every: int = 16


class Recording(msgspec.Struct, frozen=True):
    """What the process that runs a program is asked to do. folder: where it and its children leave their traces, as
    `STEM.PID.N.json`. told: a file there, its last act. python_path: PYTHONPATH as the program is to find it.
    calls: recorded in place of a trace."""

    program: PythonProgram
    folder: str
    stem: str
    told: str
    python_path: str = ""
    window: Window = Window()
    calls: Calls | None = None

    @property
    def flag(self) -> str:
        """A file of one byte: whether the window is open."""
        return f"{self.stem}.window"


class Told(msgspec.Struct, frozen=True):
    """status: of the program. reason: why there is no trace. environment: None where it cannot be said. children: how
    many processes of the program's left a trace; lost: why another did not, by its number."""

    status: int
    reason: str = ""
    environment: Environment | None = None
    children: int = 0
    lost: dict[int, str] = {}

    @property
    def failure(self) -> str:
        """What went wrong, "" where nothing did."""
        ended = _ending(self.status)
        return f"{ended}; {self.reason}" if ended and self.reason else ended or self.reason


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}" if status else ""
    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"


def write_told(path: Path, told: Told) -> None:
    """All of it or nothing: others wait for it."""
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(told))
    part.replace(path)


def read_told(path: Path) -> Told:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Told)
    except (OSError, msgspec.DecodeError) as error:
        raise HarnessError(f"{path}: cannot be read: {error}") from error
