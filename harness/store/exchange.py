"""Runs as files: one JSON document, compressed where the name ends in .gz."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.values.run import SCHEMA_VERSION, Run


class Exported(msgspec.Struct, frozen=True):
    """schema: of the values. uuid: the run's, the same on every machine."""

    schema: int
    uuid: str
    run: Run


def export_run(run: Run, identity: str, path: Path) -> None:
    """Writes a whole run. The same run gives the same bytes."""
    data = msgspec.json.format(msgspec.json.encode(Exported(SCHEMA_VERSION, identity, run)), indent=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def read_exported(path: Path) -> tuple[Run, str]:
    """The run in a file and its uuid. Raises HarnessError where it is none, or of a later schema."""
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        found = msgspec.json.decode(data, type=Exported)
    except (OSError, EOFError, zlib.error, msgspec.DecodeError) as error:
        raise HarnessError(f"{path}: not an exported run: {error}") from error
    if found.schema > SCHEMA_VERSION:
        raise HarnessError(f"{path}: schema {found.schema}, this program reads up to {SCHEMA_VERSION}; use a newer harness")
    return found.run, found.uuid
