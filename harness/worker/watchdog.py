"""A worker whose parent is gone has nobody to answer, and may hold a GPU for minutes: it ends."""

from __future__ import annotations

import os
import signal
import threading
import time

POLL_S = 1.0


def end_with_parent() -> None:
    """From now on this process is killed within about a second of its parent's end, whatever it is doing. It asks the
    system once a second: Linux' own signal comes when the thread ends that started the process, not the parent."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os.kill(os.getpid(), signal.SIGKILL)
