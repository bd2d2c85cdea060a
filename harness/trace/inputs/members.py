"""Find the traces in given paths: a folder, a pattern, an archive with several."""

from __future__ import annotations

import glob
import os
import re
import shutil
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.errors import HarnessError
from harness.scratch import Scratch
from harness.trace.inputs.packing import DAMAGE, unpacked
from harness.trace.source import read_pieces

SUFFIXES = (".json", ".hatchet", ".hatchet_msgpack", ".chrome_trace", ".sqlite")
"""Suffixes of traces in a folder, each possibly packed. A file that was named itself is recognised by its content."""
PACKED = (".gz", ".xz", ".zst", ".bz2")
TEXT_START = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"


@dataclass(frozen=True)
class TraceFile:
    """path: readable now. title: its origin, `job.tar.gz:rank0.json`."""

    path: Path
    title: str


@contextmanager
def trace_files(given: Sequence[Path]) -> Iterator[list[TraceFile]]:
    """All traces in the given paths, in natural order. Members of archives lie in a folder until the context ends.

    Raises HarnessError where there is nothing, or an archive or folder holds no trace.
    """
    with Scratch("trace") as folder:
        yield [file for path in given for file in _expanded(path, Path(folder))]


def _expanded(path: Path, folder: Path) -> Iterator[TraceFile]:
    if not path.exists() and glob.has_magic(str(path)):
        found = sorted(map(Path, glob.glob(str(path), recursive=True)), key=_natural)
        if not found:
            raise HarnessError(f"{path}: no file has such a name")
        for one in found:
            yield from _expanded(one, folder)
    elif path.is_dir():
        inside = sorted((one for one in path.rglob("*") if one.is_file() and _named_as_trace(one.name)), key=_natural)
        if not inside:
            raise HarnessError(
                f"{path}: a folder without a trace in it; wanted names that end in {', '.join(SUFFIXES)}"
            )
        yield from (TraceFile(one, str(one)) for one in inside)
    else:
        yield from _file(path, folder)


def _file(path: Path, folder: Path) -> Iterator[TraceFile]:
    """The file itself, or its members where it is an archive."""
    if path.is_fifo():
        raise HarnessError(f"{path}: a pipe, not a file: a trace is read more than once")
    try:
        members = _members(path, folder / f"{len(list(folder.iterdir()))}")
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror or error}") from error
    if members is None:
        yield TraceFile(path, str(path))
        return
    traces = [file for file in members if _is_trace(file.path)]
    if not traces:
        names = ", ".join(file.title.partition(":")[2] for file in members[:3]) or "nothing"
        raise HarnessError(
            f"{path}: an archive without a JSON trace in it ({names}); wanted a trace that torch.profiler exports"
        )
    yield from sorted(traces, key=lambda file: _natural(Path(file.title)))


def _members(path: Path, folder: Path) -> list[TraceFile] | None:
    """Files unpacked from an archive; None where the file is no archive."""
    if zipfile.is_zipfile(path):
        folder.mkdir()
        with zipfile.ZipFile(path) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            return [_kept(archive.open(info), info.filename, path, folder) for info in files if _seen(info.filename)]
    with path.open("rb") as file:
        try:
            first = unpacked(file).read(512)
        except (EOFError, *DAMAGE):
            return None
        if first[257:262] != b"ustar":
            return None
        file.seek(0)
        folder.mkdir()
        found: list[TraceFile] = []
        try:
            with tarfile.open(fileobj=unpacked(file), mode="r|") as archive:
                for member in archive:
                    stream = archive.extractfile(member) if member.isfile() and _seen(member.name) else None
                    if stream is not None:
                        found.append(_kept(stream, member.name, path, folder))
        except (tarfile.TarError, EOFError, *DAMAGE):  # cut off: what came before is whole
            pass
        return found


def _kept(stream: IO[bytes], name: str, archive: Path, folder: Path) -> TraceFile:
    """A copy under a number: the name in the archive may lead anywhere."""
    place = folder / f"{len(os.listdir(folder))}"
    with place.open("wb") as file, stream:
        shutil.copyfileobj(stream, file, 1 << 20)
    return TraceFile(place, f"{archive}:{name}")


def _seen(name: str) -> bool:
    """Whether a name is not a leftover of a file system (`._x`)."""
    return not Path(name).name.startswith(".")


def _named_as_trace(name: str) -> bool:
    stem = next((name.removesuffix(packing) for packing in PACKED if name.endswith(packing)), name)
    return _seen(name) and (stem.endswith(SUFFIXES) or name.endswith((".tar", ".tgz", ".zip")))


def _is_trace(path: Path) -> bool:
    """Whether a member of an archive holds events."""
    try:
        text = next(read_pieces(path, Counter()), b"").lstrip(TEXT_START)
    except HarnessError:
        return False
    return text[:1] in (b"{", b"[") and (b"traceEvents" in text or b'"ph"' in text or b'"metrics"' in text)


def _natural(path: Path) -> tuple[object, ...]:
    """Sort key: `rank10` after `rank9`."""

    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", str(path)))
