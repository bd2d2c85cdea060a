"""Who writes a run, so that a reader can tell a run that goes on from one whose writer was killed."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def this_writer() -> str:
    """`host:pid:start`; the start time of the process tells it from a later one with the same number."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start_ticks(os.getpid())}"


def is_alive(writer: str) -> bool:
    """Whether the writer still runs. One on another host is taken to: nothing here can tell."""
    host, pid, start = writer.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    return _start_ticks(int(pid)) == start != ""


def _start_ticks(pid: int) -> str:
    """Start time in clock ticks since boot (proc(5), field 22 of stat); empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
