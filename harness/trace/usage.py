"""Busy time of each device and stream, and the causes of its idle time."""

from __future__ import annotations

from collections.abc import Sequence
from operator import add

from harness.trace.attribute import Attribution
from harness.trace.intervals import AFTER, BEFORE, Covered, Idle
from harness.trace.rows import KERNEL, Rows
from harness.values.profile import DeviceRow, IdleRow, StreamRow


class Usage:
    """order: GPU rows by start. busy_ns, idle: of all devices together. span_ns: from the first start to the last
    end."""

    def __init__(self, rows: Rows, attribution: Attribution, order: Sequence[int]) -> None:
        gpu = rows.gpu
        self._first_ns, self._last_ns = gpu.start_ns[order[0]], max(map(add, gpu.start_ns, gpu.duration_ns))
        self.span_ns = self._last_ns - self._first_ns
        owned = [(place.device, attribution.owner(at)) for at, place in enumerate(rows.places)]
        devices = {unit: _Device(rows, attribution) for unit in owned}
        streams = [_Sum() for _ in rows.places]
        of_place = [devices[unit] for unit in owned]
        several = len(devices) > 1
        whole = _Device(rows, attribution) if several else of_place[0]
        kernels = Covered()
        for row in order:
            place, start_ns, duration_ns = gpu.place[row], gpu.start_ns[row], gpu.duration_ns[row]
            streams[place].add(start_ns, duration_ns)
            of_place[place].work(row, start_ns, duration_ns)
            if several:
                whole.work(row, start_ns, duration_ns)
            if gpu.role[row] == KERNEL:
                kernels.add(start_ns, start_ns + duration_ns)
        self.kernel_busy_ns, self.busy_ns, self.idle = kernels.total_ns, whole.busy_ns, whole.idle.rows()
        found = zip(rows.places, owned, streams, strict=True)
        of_streams = [StreamRow(device, at.stream, *total.sums, pid) for at, (device, pid), total in found]
        self.streams = tuple(sorted(of_streams, key=_natural))
        self.devices = tuple(sorted((self._row(*unit, device) for unit, device in devices.items()), key=_natural))

    def _row(self, device: str, process: str, total: _Device) -> DeviceRow:
        idle = total.idle_within(self._first_ns, self._last_ns)
        return DeviceRow(device, "", *total.sums, process, self.span_ns, idle)


class _Sum:
    def __init__(self) -> None:
        self._calls = self._total_ns = 0
        self._covered = Covered()

    def add(self, start_ns: int, duration_ns: int) -> int:
        """Add a row; return the idle time just before it, in ns."""
        self._calls += 1
        self._total_ns += duration_ns
        return self._covered.add(start_ns, start_ns + duration_ns)

    @property
    def busy_ns(self) -> int:
        return self._covered.total_ns

    @property
    def sums(self) -> tuple[int, int, int]:
        """calls, total ns, busy ns."""
        return self._calls, self._total_ns, self.busy_ns


class _Device(_Sum):
    """The sum of a device, with the causes of its idle time."""

    def __init__(self, rows: Rows, attribution: Attribution) -> None:
        super().__init__()
        self.idle = Idle(rows, attribution)
        self._first_ns: int | None = None

    def work(self, row: int, start_ns: int, duration_ns: int) -> None:
        if self._first_ns is None:
            self._first_ns = start_ns
        gap_ns = self.add(start_ns, duration_ns)
        if gap_ns:
            self.idle.add(gap_ns, row, start_ns)

    def idle_within(self, first_ns: int, last_ns: int) -> tuple[IdleRow, ...]:
        """Idle time by cause, including the time before its first row and after its last one while other devices
        ran."""
        if self._first_ns is not None and self._covered.end_ns is not None:
            self.idle.outside(BEFORE, self._first_ns - first_ns)
            self.idle.outside(AFTER, last_ns - self._covered.end_ns)
        return self.idle.rows()


def _natural(row: StreamRow) -> tuple[tuple[bool, int, str], ...]:
    """Sort key: `stream 10` after `stream 9`, words after numbers."""
    texts = row.process, row.device, row.stream
    return tuple((not text.isdecimal(), int(text) if text.isdecimal() else 0, text) for text in texts)
