"""Packages compiled ahead of time, kept for the other processes of a run."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

import msgspec

from harness.values.package import Package

RECORD = "package.json"
LOCK = "lock"


def kept_or_made(folder: Path, make: Callable[[], Package]) -> Package:
    """Return the record of a package in a folder, which `make` fills first if there is none.

    A process waits while another one makes the same package. The record comes last and whole, so that an interrupted
    process leaves nothing that looks finished; the system releases its lock.
    """
    record = folder / RECORD
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            part = record.with_suffix(".part")
            part.write_bytes(msgspec.json.encode(make()))
            part.replace(record)
    return msgspec.json.decode(record.read_bytes(), type=Package)
