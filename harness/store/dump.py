"""A whole store as lines of JSON that any program can read: one run per line, as `harness export` writes it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from harness.errors import HarnessError
from harness.store.exchange import LARGEST_BYTES, exported_line, read_exported_line
from harness.store.store import Store
from harness.store.tables import PRUNED
from harness.values.run import Run

LINES = (".jsonl", ".jsonl.gz")
"""Suffixes of a dump's name."""


def is_dump(path: Path) -> bool:
    return path.name.endswith(LINES)


def dump(store: Store, path: Path) -> tuple[int, int]:
    """Write every run that has its samples, the whole file or nothing. Return the number of these and of pruned runs.
    Raises HarnessError for another ending of the name, and for a file that cannot be written."""
    if not is_dump(path):
        raise HarnessError(f"{path}: allowed: a name that ends in {' or '.join(LINES)}")
    beside = path.with_name(f".{path.name}.part")
    known = store.runs()
    whole = [found for found in known if found.state != PRUNED]
    try:
        with _open(beside, "wb") as file:
            for found in whole:
                file.write(exported_line(store.load(found.id), found.uuid) + b"\n")
        beside.replace(path)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)
    return len(whole), len(known) - len(whole)


def read_dump(path: Path) -> Iterator[tuple[Run, str]]:
    """Each run with its uuid. Raises HarnessError, naming the line, for a line without one."""
    try:
        with _open(path, "rb") as file:
            number = 0
            while line := file.readline(LARGEST_BYTES + 1):
                number += 1
                if len(line) > LARGEST_BYTES:
                    raise HarnessError(
                        f"{path}, line {number}: more than {LARGEST_BYTES >> 20} MiB; allowed: up to that"
                    )
                yield read_exported_line(line, f"{path}, line {number}")
    except (OSError, EOFError, zlib.error) as error:
        raise HarnessError(f"{path}: not a dump: {error}") from error


def _open(path: Path, mode: str) -> IO[bytes]:
    return gzip.open(path, mode) if _packed(path) else path.open(mode)  # type: ignore[return-value]


def _packed(path: Path) -> bool:
    return ".gz" in path.suffixes
