"""Packages compiled ahead of time, kept for the other processes of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from harness.values.package import Package

RECORD = "package.json"


def kept_or_made(folder: Path, make: Callable[[], Package]) -> Package:
    """Return the record of a package in a folder, which `make` fills first if there is none.

    The record comes last and whole, so that an interrupted process leaves nothing that looks finished.
    """
    record = folder / RECORD
    if not record.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = record.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(make()))
        part.replace(record)
    return msgspec.json.decode(record.read_bytes(), type=Package)
