"""Locks that decide which process takes equal code through LLVM and ptxas.

The process that holds the lock compiles; the system releases the lock when the process ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TextIO


class InProgress(Exception):
    """Another process is taking equal code through LLVM and ptxas. `key`: the key of that code."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class OverLimit(Exception):
    """Equal code exceeded the time limit before, as the message says."""


class Claims:
    """The claims of one process, in the folder that all processes share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, TextIO] = {}

    def take(self, key: str) -> None:
        """Claim this code. Raises InProgress where another process is compiling it, OverLimit where it was given up."""
        given_up = self._folder / f"{key}.given-up"
        if given_up.exists():
            raise OverLimit(given_up.read_text())
        if key in self._held:
            return
        file = _locked(self._folder / f"{key}.claim")
        if file is None:
            raise InProgress(key)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._held[key] = file

    def give_back(self) -> None:
        for file in self._held.values():
            file.close()
        self._held = {}


def is_free(folder: Path, key: str) -> bool:
    """Whether no process is compiling this code."""
    file = _locked(folder / f"{key}.claim")
    if file is not None:
        file.close()
    return file is not None


def give_up(folder: Path, pid: int, reason: str) -> None:
    """Mark as given up the code that a process about to be killed has claimed: no process tries it again."""
    for file in folder.glob("*.claim"):
        if file.read_text() == str(pid):
            file.with_suffix(".given-up").write_text(reason)


def _locked(path: Path) -> TextIO | None:
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
