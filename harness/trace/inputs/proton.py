"""Proton, Triton's profiler: its tree of sums, as JSON (`.hatchet`) or MessagePack (`.hatchet_msgpack`).

The tree has a time and a number of calls for each kernel under its call path, but no moments, so the rows for the
kernels follow one another without gaps. Sums are exact; busy time, span and idle time have no meaning, which `quality`
counts. Its writer is `third_party/proton/csrc/lib/Data/TreeData.cpp` of Triton: a node's time is its own alone, even
where it has children. `proton_trace` reads Proton's traces.
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

TIME, COUNT, DEVICE = ("time (ns)", "Time (ns)"), ("count", "Count"), ("device_id", "DeviceId")
"""Keys of Triton 3.3 and later, then those of earlier versions."""
ROOT = "ROOT"
PACKED = range(0x90, 0xA0)
"""First byte of a short MessagePack array."""
MOST_ROWS = 1_000_000
"""Most rows of one kernel: with more calls, one row stands for several."""


class _Frame(msgspec.Struct):
    name: str = ""
    type: str = ""


class _Node(msgspec.Struct):
    frame: _Frame
    metrics: dict[str, Any] = {}
    children: list[_Node] = []


def recognised(start: bytes) -> bool:
    if start[0] in PACKED:
        return b"\xa5frame" in start[:4096] and b"\xa7metrics" in start
    return start.lstrip()[:1] == b"[" and b'"metrics"' in start and b'"frame"' in start and b'"ph"' not in start


def read_events(text: bytes, path: Path, quality: Counter[str]) -> Iterator[list[Event]]:
    """The events of a tree. Raises HarnessError where the tree has another form. A node with a time is a kernel, and
    the nodes above it are its scopes."""
    codec: Any = msgspec.msgpack if text[0] in PACKED else msgspec.json
    try:
        items = codec.decode(text, type=list[msgspec.Raw])  # the tree, then what the devices are
        roots = [codec.decode(item, type=_Node) for item in items[:1]]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise HarnessError(f"{path}: not a tree of Proton: {error}") from error
    if b"normalized_cycles" in text and not any(_whole(_metric(node, TIME)) for _, node in _nodes(roots)):
        raise HarnessError(f"{path}: no time in it, cycles of Proton's instrumentation alone")
    at_ns, correlation = 0, 0
    for path_names, node in _nodes(roots):
        total_ns, count = _whole(_metric(node, TIME)), max(1, _whole(_metric(node, COUNT)))
        if not total_ns:
            continue
        rows = min(count, MOST_ROWS)
        quality["rows_without_a_moment"] += rows
        start_ns, events, correlation = at_ns, [], correlation + 1
        for row in range(rows):
            end_ns = start_ns + total_ns * (row + 1) // rows - total_ns * row // rows
            device = _metric(node, DEVICE)
            events.append(gpu_row("kernel", node.frame.name, start_ns, end_ns, correlation, str(device or 0), "proton"))
            start_ns = end_ns
        for name in path_names:
            events.append(host_row("user_annotation", name, at_ns, start_ns - 1, "proton", "proton"))
        events.append(host_row("cuda_runtime", "launch", at_ns, at_ns, "proton", "proton", correlation))
        at_ns = start_ns
        yield events


def _nodes(roots: list[_Node]) -> Iterator[tuple[tuple[str, ...], _Node]]:
    """Each node under the names above it, without the root's."""
    stack: list[tuple[tuple[str, ...], _Node]] = [((), root) for root in reversed(roots)]
    while stack:
        above, node = stack.pop()
        inside = above if node.frame.name == ROOT else (*above, node.frame.name)
        stack += [(inside, child) for child in reversed(node.children)]
        yield above, node


def _metric(node: _Node, names: tuple[str, ...]) -> object:
    return next((node.metrics[name] for name in names if name in node.metrics), None)


def _whole(value: object) -> int:
    """A number, or a text of one; 0 for anything else, or for a number that no time or count can be."""
    try:
        number = float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return 0
    return round(number) if 0 < number < 1 << 62 else 0
