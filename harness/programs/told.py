"""The report of a rank that has ended."""

from __future__ import annotations

import signal
from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.programs.window import Window
from harness.programs.words import PythonProgram
from harness.values.environment import Environment

CHILDREN = "HARNESS_RECORDING"
"""The variable that tells a program's child processes that, and how, they are recorded."""


class Calls(msgspec.Struct, frozen=True):
    """The calls of a program to record."""

    modules: tuple[str, ...] = ()
    """Patterns of class names and paths."""
    samples: int = 2
    """Calls of each case whose tensors are kept, up to the limit in megabytes."""
    megabytes: int = 256
    """Limit of all kept tensors together."""
    every: int = 16
    """One step in this many is recorded."""


class Recording(msgspec.Struct, frozen=True):
    """The task of the process that runs a program."""

    program: PythonProgram
    folder: str
    """For its own and its children's traces, `STEM.PID.N.json`."""
    stem: str
    told: str
    """A file there, written last."""
    python_path: str = ""
    """PYTHONPATH as the program is to find it."""
    window: Window = Window()
    calls: Calls | None = None
    """Calls to record instead of a trace."""

    @property
    def flag(self) -> str:
        """A file of one byte: whether the window is open."""
        return f"{self.stem}.window"


class Told(msgspec.Struct, frozen=True):
    """The report of a rank that has ended."""

    status: int
    """The program's exit status."""
    reason: str = ""
    """The reason why there is no trace."""
    environment: Environment | None = None
    """None where it is unknown."""
    children: int = 0
    """Number of the program's processes that left a trace."""
    lost: dict[int, str] = {}
    """The reasons of the others, by process number."""

    @property
    def failure(self) -> str:
        """The failure; "" where there is none."""
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
    """Write all of it or nothing: others wait for it."""
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(told))
    part.replace(path)


def read_told(path: Path) -> Told:
    """Read the notes that a program's process left. Raises HarnessError where they cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Told)
    except (OSError, msgspec.DecodeError) as error:
        raise HarnessError(f"{path}: cannot be read: {error}") from error
