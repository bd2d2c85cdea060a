"""Runs as files: one JSON document, compressed where the name ends in .gz."""

from __future__ import annotations

import gzip
import io
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import HarnessError
from harness.store import tables
from harness.store.benchmark_file import is_benchmark_file, plain_json, read_benchmarks
from harness.store.migrate import upgraded
from harness.store.soundness import refuse_unsound
from harness.values.run import SCHEMA_VERSION, Run

NOT_FINITE = "$float"
"""JSON has no infinity and no NaN: they are written as {"$float": "inf"}."""

LARGEST_BYTES = 256 * 2**20
"""Limit of an exported run, unpacked. A whole run of the largest suite here has 3 MB; some kB of gzip can expand to
gigabytes."""


class Exported(msgspec.Struct, frozen=True):
    """The document of an exported run."""

    schema: int
    """Schema of the values."""
    uuid: str
    """The run's, the same on every machine."""
    run: Run


def export_run(run: Run, identity: str, path: Path) -> None:
    """Write a whole run, the whole file or nothing. The same run gives the same bytes. Raises HarnessError where it
    cannot be written."""
    data = msgspec.json.format(exported_line(run, identity), indent=0)
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror}") from error


def exported_line(run: Run, identity: str) -> bytes:
    """A whole run as one line of JSON."""
    return msgspec.json.encode(_marked(msgspec.to_builtins(Exported(SCHEMA_VERSION, identity, run))))


def read_exported(path: Path) -> tuple[Run, str]:
    """The run in a file and its uuid; files of pytest-benchmark are read too. Raises HarnessError where it is none, or
    has a later schema."""
    return _read(lambda: _bytes(path), path)


def read_exported_line(line: bytes, where: str) -> tuple[Run, str]:
    """The run in a line of a dump and its uuid. where: the line's name in messages."""
    return _read(lambda: line, Path(where))


def _read(data: Callable[[], bytes], path: Path) -> tuple[Run, str]:
    try:
        plain = plain_json(data())
        if is_benchmark_file(plain):
            return read_benchmarks(plain, path)
        schema = plain.get("schema") if isinstance(plain, dict) else None
        if isinstance(schema, int) and schema > SCHEMA_VERSION:
            newer = f"schema {schema}, this program reads up to {SCHEMA_VERSION}"
            raise HarnessError(f"{path}: {newer}; use a newer harness")
        found = msgspec.convert(_unmarked(plain), Exported, str_keys=True)
        tables.encode(found)  # a whole number beyond 64 bits is JSON, and cannot be stored
    except (OSError, EOFError, zlib.error, ValueError, TypeError, OverflowError, RecursionError) as error:
        what = error.strerror if isinstance(error, OSError) and error.strerror else str(error).partition("\n")[0]
        raise HarnessError(f"{path}: not an exported run: {what}") from error
    refuse_unsound(found.run, str(path))
    return upgraded(found.run), found.uuid


def _bytes(path: Path) -> bytes:
    """The bytes of a file, unpacked where it is gzip, up to LARGEST_BYTES."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        reader: io.BufferedIOBase = gzip.GzipFile(fileobj=file) if packed else file
        data = reader.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise ValueError(f"more than {LARGEST_BYTES >> 20} MiB; allowed: up to that")
    return data


def _marked(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else {NOT_FINITE: repr(value)}
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    return [_marked(item) for item in value] if isinstance(value, list | tuple) else value


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {NOT_FINITE}:
            return float(value[NOT_FINITE])
        return {key: _unmarked(item) for key, item in value.items()}
    return [_unmarked(item) for item in value] if isinstance(value, list) else value
