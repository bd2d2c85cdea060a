"""Files of other profilers, recognised by their first bytes, as the events that torch's profiler would have written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from harness.errors import HarnessError
from harness.trace.event import Event
from harness.trace.source import read_pieces

SQLITE = b"SQLite format 3\0"
KEYS = b"rocprofiler-sdk-tool", b"metrics"
"""One of them stands at the start of every file that the other readers recognise; only then are these imported."""


def other_profiler(path: Path, quality: Counter[str]) -> Iterator[list[Event]] | None:
    """Its events; None for a trace that needs no conversion. Raises HarnessError for an SQLite file of another kind."""
    try:
        with path.open("rb") as file:
            if file.read(len(SQLITE)) == SQLITE:
                from harness.trace.inputs import nsight

                return nsight.read_events(path, quality)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror or error}") from error
    first = next(pieces := read_pieces(path, Counter()), b"")
    pieces.close()  # type: ignore[attr-defined]  # a generator: its file is closed now
    if not any(key in first for key in KEYS):
        return None
    from harness.trace.inputs import proton, rocprof

    for module in (rocprof, proton):
        if module.recognised(first):
            return module.read_events(b"".join(read_pieces(path, quality)), path, quality)
    return None
