"""One pair of processes at a time on a host: comparisons take turns, and none is in another's times."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = "/tmp"
"""Not TMPDIR: jobs of one host that each have their own would measure at the same time."""
VARIABLE = "HARNESS_LOCKS"
"""Names another folder, for containers of one host that share one."""


def lock_file() -> Path:
    """Of all users and devices: a CPU that is busy for one is in the times of another."""
    folder = Path(os.environ.get(VARIABLE) or FOLDER)
    return (folder if folder.is_dir() else Path(tempfile.gettempdir())) / "harness-measuring.lock"


@contextmanager
def measuring_lock(say: Callable[[str], None]) -> Iterator[float]:
    """While this process alone measures; gives the seconds that it waited. The system releases the lock of one that is
    killed."""
    descriptor = _open(lock_file())
    try:
        begin = time.monotonic()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("wait: another comparison measures a pair")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield time.monotonic() - begin
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    """For a lock, reading is enough: the file may be another user's, in a folder where nobody else's can be written."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CREAT, 0o644)
        os.fchmod(descriptor, 0o644)  # whatever the umask of whoever is first
        return descriptor
