"""Who writes a run, so that a reader can tell a run that goes on from one whose writer was killed."""

from __future__ import annotations

import os
import socket
from pathlib import Path

PROC = Path("/proc")


def this_writer() -> str:
    """`host|boot|pid|start`: boot and start time tell the process from a later one with the same number."""
    return "|".join((socket.gethostname(), _boot(), str(os.getpid()), _start_of(os.getpid()) or ""))


def is_alive(writer: str) -> bool:
    """Whether the writer still runs. One on another host is taken to: nothing here can tell."""
    host, *there = writer.split("|")
    if host != socket.gethostname():
        return True
    if len(there) != 3 or there[0] != _boot() or not there[1].isdigit():
        return False
    return _start_of(int(there[1])) == there[2]


def _boot() -> str:
    """Of the running kernel; empty where the system does not say."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _start_of(pid: int) -> str | None:
    """Start time in clock ticks since boot (proc(5), field 22 of stat); empty where the system does not say; None where
    no such process runs. A zombie does not run: its parent has only not asked yet how it ended."""
    if not (PROC / "self/stat").exists():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            return ""
        return ""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
