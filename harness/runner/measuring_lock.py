"""One pair of processes at a time on a host: comparisons take turns, and none is in another's times."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def lock_file() -> Path:
    """Of this user, for all devices: a CPU that is busy for one is in the times of another."""
    return Path(tempfile.gettempdir()) / f"harness-measuring-{os.getuid()}.lock"


@contextmanager
def measuring_lock(say: Callable[[str], None]) -> Iterator[None]:
    """While this process alone measures. The system releases the lock of one that is killed."""
    with lock_file().open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("wait: another comparison measures a pair")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
