"""Proton, Triton's profiler: its `.hatchet` tree of sums.

The tree has a time and a number of calls for each kernel under its call path, and no moments: the rows that stand for
them follow one another without gaps. Sums are exact; busy time, span and idle time say nothing, and that is counted.
Proton's trace output is a Chrome trace, which is read as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import HarnessError
from harness.trace.event import Event
from harness.trace.inputs.rows_as_events import gpu_row, host_row

TIME, COUNT, DEVICE = "time (ns)", "count", "device_id"
MOST_ROWS = 1_000_000
"""Of one kernel: beyond that many calls it gets a row for several."""


class _Frame(msgspec.Struct):
    name: str = ""
    type: str = ""


class _Node(msgspec.Struct):
    frame: _Frame
    metrics: dict[str, Any] = {}
    children: list[_Node] = []


def recognised(start: bytes) -> bool:
    return start.lstrip()[:1] == b"[" and b'"metrics"' in start and b'"frame"' in start and b'"ph"' not in start


def read_events(text: bytes, path: Path, quality: Counter[str]) -> Iterator[list[Event]]:
    """Raises HarnessError where the tree is another one. A leaf is a kernel, what is above it its scopes."""
    try:
        items = msgspec.json.decode(text, type=list[msgspec.Raw])
        roots = [msgspec.json.decode(item, type=_Node) for item in items if b'"frame"' in bytes(item)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise HarnessError(f"{path}: not a tree of Proton: {error}") from error
    at_ns, correlation = 0, 0
    for path_names, node in _leaves(roots):
        total_ns, count = _whole(node.metrics.get(TIME)), max(1, _whole(node.metrics.get(COUNT)))
        if not total_ns:
            continue
        rows = min(count, MOST_ROWS)
        quality["rows_without_a_moment"] += rows
        start_ns, events, correlation = at_ns, [], correlation + 1
        for row in range(rows):
            end_ns = start_ns + total_ns * (row + 1) // rows - total_ns * row // rows
            device = node.metrics.get(DEVICE)
            events.append(gpu_row("kernel", node.frame.name, start_ns, end_ns, correlation, str(device or 0), "proton"))
            start_ns = end_ns
        for name in path_names:
            events.append(host_row("user_annotation", name, at_ns, start_ns - 1, "proton", "proton"))
        events.append(host_row("cuda_runtime", "launch", at_ns, at_ns, "proton", "proton", correlation))
        at_ns = start_ns
        yield events


def _leaves(roots: list[_Node]) -> Iterator[tuple[tuple[str, ...], _Node]]:
    """Each node with a time of its own and without such children, under the names above it. An inner node's time, in
    files that have it, is that of its children."""
    stack: list[tuple[tuple[str, ...], _Node]] = [((), root) for root in reversed(roots)]
    while stack:
        above, node = stack.pop()
        if node.children:
            inside = above if node.frame.name == "ROOT" else (*above, node.frame.name)
            stack += [(inside, child) for child in reversed(node.children)]
        else:
            yield above, node


def _whole(value: object) -> int:
    number = float(value) if isinstance(value, int | float | str) and str(value).replace(".", "", 1).isdigit() else 0.0
    return round(number) if number < 1 << 62 else 0
