"""Traces made by hand: rows as torch.profiler writes them, times in microseconds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.trace.collect import collect
from harness.trace.events import read_events
from harness.trace.rows import Rows

Row = dict[str, Any]


def gpu(start: float, duration: float, name: str = "k", correlation: int | None = 1, **row: Any) -> Row:
    """A kernel, or with `cat` a copy or memset. device, stream: of its arguments."""
    args = {"correlation": correlation, "device": row.pop("device", 0), "stream": row.pop("stream", 7)}
    event = {"ph": "X", "cat": "kernel", "name": name, "pid": 0, "tid": 7, "ts": start, "dur": duration, "args": args}
    return {**event, **row}


def host(cat: str, name: str, start: float, duration: float, tid: int = 1, **args: Any) -> Row:
    """A row of a thread: cpu_op, user_annotation, cuda_runtime."""
    return {"ph": "X", "cat": cat, "name": name, "pid": 1, "tid": tid, "ts": start, "dur": duration, "args": args}


def text(rows: Sequence[Row]) -> str:
    """The file around the rows."""
    return json.dumps({"schemaVersion": 1, "traceEvents": list(rows), "traceName": "t"})


def write(path: Path, rows: Sequence[Row]) -> Path:
    path.write_text(text(rows))
    return path


def columns(rows: Sequence[Row]) -> Rows:
    """The columns of rows, without a file."""
    return collect(read_events(iter([text(rows).encode()]), Counter()), Counter())


KERNELS = [gpu(10 * i + 0.5, 2.125, f"k{i % 3}", i) for i in range(50)]
"""50 kernels of 2.125 us each on one stream."""

SUM_NS = 50 * 2125
