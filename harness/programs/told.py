"""What a rank says when it has ended."""

from __future__ import annotations

import signal
from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.programs.words import PythonProgram
from harness.values.environment import Environment


class Recording(msgspec.Struct, frozen=True):
    """What the process that runs a program is asked to do. trace, told: files that it writes, `told` as its last
    act."""

    program: PythonProgram
    trace: str
    told: str


class Told(msgspec.Struct, frozen=True):
    """status: of the program. reason: why there is no trace. environment: None where it cannot be said."""

    status: int
    reason: str = ""
    environment: Environment | None = None

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
