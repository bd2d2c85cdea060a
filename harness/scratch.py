"""Temporary folders that do not outlive a killed process for long: the next one that makes a folder removes them."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "harness-"
LOCK = "in-use.lock"
"""Locked by the process that made the folder. The system releases the lock of a killed process."""


class Scratch(tempfile.TemporaryDirectory[str]):
    """A temporary folder, removed with its contents by `cleanup`, at the end of a `with` and with the object. what: a
    word of its name."""

    def __init__(self, what: str) -> None:
        remove_left(Path(tempfile.gettempdir()))
        super().__init__(prefix=f"{PREFIX}{what}-", ignore_cleanup_errors=True)
        folder = Path(self.name)
        self._lock = (folder / f"{LOCK}.new").open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (folder / f"{LOCK}.new").rename(folder / LOCK)  # under this name it is always locked while it is in use

    def cleanup(self) -> None:
        _remove(Path(self.name))
        super().cleanup()
        self._lock.close()


def remove_left(place: Path) -> None:
    """Remove the folders of this user whose processes were killed."""
    for folder in place.glob(f"{PREFIX}*"):
        try:
            descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            if os.fstat(descriptor).st_uid == os.getuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(folder)
        except BlockingIOError:
            pass
        finally:
            os.close(descriptor)


def _remove(folder: Path) -> None:
    """Remove a folder, its lock last: after a kill in the middle the next process still finds it."""
    for entry in os.scandir(folder) if folder.is_dir() else ():
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != LOCK:
            Path(entry).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
