"""The processes of one program: their traces joined into one file, and a list of those that left none."""

from __future__ import annotations

import mmap
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from harness.programs.place import Place
from harness.programs.told import Told

WAIT_S = 5.0
"""Child processes that have begun a trace end it within this time after their parent, or are left behind."""
POLL_S = 0.02
EVENTS = b'"traceEvents": ['
BASE = re.compile(rb'"baseTimeNanoseconds": (\d+)')
IDENTITY = re.compile(rb'"pid": (\d+)')
ON_GPU = b'"cat": "kernel"'
STILL_RUNS = "no trace: it still ran after the program had ended"
KILLED = "no trace: it was ended before one was written"
OTHER_CLOCK = "no trace: its times count from another moment"


def joined(place: Place, told: Told) -> Told:
    """Join the traces of the rank's processes into one, and record which processes left none."""
    begun = _children(place, "begun")
    since_s = time.monotonic()
    while (left := begun - _children(place, "told")) and time.monotonic() - since_s < WAIT_S and any(map(_runs, left)):
        time.sleep(POLL_S)
    lost = {pid: STILL_RUNS if _runs(pid) else KILLED for pid in sorted(begun - _children(place, "told"))}
    for pid in sorted(begun - lost.keys()):
        said = _file(place, pid, "told").read_text(encoding="utf-8")
        if said:
            lost[pid] = said
    files = _traces(place)
    first = not told.reason
    children = len({_pid(file) for file in files} & begun)
    refused = _write(files, place.trace(place.rank)) if files else []
    lost |= {_pid(file): OTHER_CLOCK for file in refused}
    if not first and children and place.trace(place.rank).exists():  # a launcher that never imports torch itself
        told = msgspec.structs.replace(told, reason="")
    return msgspec.structs.replace(told, children=children, lost=lost)


def _children(place: Place, ending: str) -> set[int]:
    return {_pid(path) for path in place.folder.glob(f"{place.stem(place.rank)}.*.{ending}")}


def _traces(place: Place) -> list[Path]:
    """Traces: the program's own process first, then the others in the order of their start."""
    begun = _children(place, "begun")
    found = place.folder.glob(f"{place.stem(place.rank)}.*.*.json")
    return sorted(found, key=lambda path: (_pid(path) in begun, _pid(path), path.stem))


def _file(place: Place, pid: int, ending: str) -> Path:
    return place.folder / f"{place.stem(place.rank)}.{pid}.{ending}"


def _pid(path: Path) -> int:
    return int(path.name.split(".")[1])


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _write(files: list[Path], path: Path) -> list[Path]:
    """Write one trace of several processes of a machine, whose times count from the same moment. Return the files that
    do not, which are left out."""
    if len(files) == 1:
        files[0].replace(path)
        return []
    part, refused = path.with_suffix(".part"), []
    with part.open("wb") as out, _Piece(files[0]) as first:
        pieces = [_Piece(file) for file in files[1:]]
        several = sum(piece.has_gpu_rows for piece in (first, *pieces)) > 1
        out.write(first.head)
        first.copy_events(out, several)
        for piece in pieces:
            with piece:
                if piece.base_ns != first.base_ns:
                    refused.append(piece.path)
                elif piece.has_events:
                    out.write(b",")
                    piece.copy_events(out, several)
        out.write(first.tail)
    part.replace(path)
    for file in files:
        file.unlink()
    return refused


class _Piece:
    """A trace that torch wrote, as the bytes before, in and after its list of events."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._start = self._bytes.find(EVENTS) + len(EVENTS)
        self._end = self._bytes.rfind(b"]")
        self.head, self.tail = self._bytes[: self._start], self._bytes[self._end :]
        found = BASE.search(self.head)
        self.base_ns = int(found[1]) if found else 0
        self.has_gpu_rows = self._bytes.find(ON_GPU) >= 0
        self.has_events = bool(self._bytes[self._start : min(self._end, self._start + 4096)].strip())

    def __enter__(self) -> _Piece:
        return self

    def __exit__(self, *_: object) -> None:
        self._bytes.close()

    def copy_events(self, out: BinaryIO, marked: bool) -> None:
        """marked: rows of a device get the process in the form of tools that merge ranks: `[P4711] 0`."""
        mark = b'"pid": "[P%d] \\1"' % _pid(self.path)
        for lines in self._lines():
            out.write(IDENTITY.sub(mark, lines) if marked else lines)

    def _lines(self, size: int = 1 << 20) -> Iterator[bytes]:
        """Parts of about this many bytes that end with a line."""
        at = self._start
        while at < self._end:
            found = self._bytes.find(b"\n", min(at + size, self._end), self._end)
            until = found + 1 if found >= 0 else self._end
            yield self._bytes[at:until]
            at = until
