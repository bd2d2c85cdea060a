"""One pair of processes at a time on a host: comparisons take turns, so that none disturbs another's times."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = "/tmp"
"""Not TMPDIR: jobs of one host with different ones would measure at the same time."""
VARIABLE = "HARNESS_LOCKS"
"""Names another folder, for containers of one host that share one."""


def lock_file() -> Path:
    """The lock for all users and devices, since a CPU that one of them keeps busy slows the others."""
    folder = Path(os.environ.get(VARIABLE) or FOLDER)
    return (folder if folder.is_dir() else Path(tempfile.gettempdir())) / "harness-measuring.lock"


@contextmanager
def measuring_lock(say: Callable[[str], None]) -> Iterator[float]:
    """Hold the lock while this process measures; yield the seconds that it waited. The system releases the lock of a
    killed process."""
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
    """Open for reading, which suffices for a lock. The file may belong to another user, in a folder where users cannot
    write each other's files."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CREAT, 0o644)
        os.fchmod(descriptor, 0o644)  # whatever the umask of whoever is first
        return descriptor
