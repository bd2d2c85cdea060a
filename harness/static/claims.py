"""Which process takes equal code through LLVM and ptxas: the one that holds a lock. The system gives it back with the
process' end."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TextIO


class InProgress(Exception):
    """Another process is taking equal code through LLVM and ptxas. key: of that code."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class OverLimit(Exception):
    """Equal code went over the time limit before; the message says so."""


class Claims:
    """Of one process, in the folder that all share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, TextIO] = {}

    def take(self, key: str) -> None:
        """Raises InProgress where another process is at equal code, OverLimit where that code was given up."""
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
    """Whether no process is at this code."""
    file = _locked(folder / f"{key}.claim")
    if file is not None:
        file.close()
    return file is not None


def give_up(folder: Path, pid: int, reason: str) -> None:
    """Nobody is to try again what a process, about to be killed, has claimed."""
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
