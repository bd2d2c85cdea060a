"""The same GPU time by where it ran (device and stream) and by the call that launched it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.trace.attribute import Attribution
from harness.trace.intervals import Covered
from harness.trace.rows import NONE, Rows
from harness.values.profile import LaunchRow, StreamRow

PUTS_WORK = re.compile(r"Launch(?!HostFunc)|Mem(cpy|set)|enqueue", re.IGNORECASE)
"""Names of calls after which GPU rows are expected; the others that have a correlation wait or ask."""


def streams(rows: Rows, order: Sequence[int]) -> tuple[tuple[StreamRow, ...], tuple[StreamRow, ...]]:
    """A row for each stream, and one for each device with all its streams. order: GPU rows by start."""
    gpu = rows.gpu
    by_place = [_Sum() for _ in rows.places]
    by_device: dict[str, _Sum] = {}
    of_place = [by_device.setdefault(device, _Sum()) for device, _ in rows.places]
    for row in order:
        place, start_ns, duration_ns = gpu.place[row], gpu.start_ns[row], gpu.duration_ns[row]
        by_place[place].add(start_ns, duration_ns)
        of_place[place].add(start_ns, duration_ns)
    of_streams = [total.row(*place) for place, total in zip(rows.places, by_place, strict=True)]
    of_devices = [total.row(device, "") for device, total in by_device.items()]
    return tuple(sorted(of_streams, key=_natural)), tuple(sorted(of_devices, key=_natural))


class _Sum:
    def __init__(self) -> None:
        self._calls = self._total_ns = 0
        self._covered = Covered()

    def add(self, start_ns: int, duration_ns: int) -> None:
        self._calls += 1
        self._total_ns += duration_ns
        self._covered.add(start_ns, start_ns + duration_ns)

    def row(self, device: str, stream: str) -> StreamRow:
        return StreamRow(device, stream, self._calls, self._total_ns, self._covered.total_ns)


def calls(rows: Rows, attribution: Attribution) -> tuple[LaunchRow, ...]:
    """A row for each call that puts work on the GPU, by the time of that work; one without a name for what has no
    call."""
    sums: dict[int, list[int]] = {}
    expected = {name: bool(PUTS_WORK.search(text)) for name, text in enumerate(rows.names)}
    for name, owned in zip(rows.launches.name, attribution.rows, strict=True):
        if owned or expected[name]:
            entry = sums.setdefault(name, [0, 0, 0, 0])
            entry[0] += 1
            entry[1] += not owned
    for launch, duration_ns in zip(attribution.launch, rows.gpu.duration_ns, strict=True):
        entry = sums.setdefault(NONE if launch == NONE else rows.launches.name[launch], [0, 0, 0, 0])
        entry[2] += 1
        entry[3] += duration_ns
    named = [*rows.names, ""]  # NONE is -1: the last
    found = [LaunchRow(named[name], *entry) for name, entry in sums.items()]
    return tuple(sorted(found, key=lambda row: (-row.total_ns, row.name)))


def _natural(row: StreamRow) -> tuple[tuple[bool, int, str], ...]:
    """`stream 10` of numbers behind 9, words behind numbers."""
    texts = row.device, row.stream
    return tuple((not text.isdecimal(), int(text) if text.isdecimal() else 0, text) for text in texts)
