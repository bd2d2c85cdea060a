"""Time that overlapping intervals cover, and the causes of the GPU's waits in between."""

from __future__ import annotations

from harness.trace.attribute import Attribution
from harness.trace.rows import NONE, Rows
from harness.values.profile import IdleRow

NOT_LAUNCHED = "host: next kernel not launched yet"
LAUNCHING = "launch: from the call to the start"
QUEUED = "queued: launched before, not started"
UNKNOWN = "unknown: no launch in the trace"
SKEWED = "clocks: the next kernel starts before its launch"
BEFORE = "before the first row of this device"
AFTER = "after the last row of this device"


class Covered:
    """A union of intervals that are added in order of their start. total_ns: time that at least one of them covers.
    end_ns: the last end."""

    def __init__(self) -> None:
        self.total_ns = 0
        self.end_ns: int | None = None

    def add(self, start_ns: int, end_ns: int) -> int:
        """Add an interval; return the uncovered time just before it, in ns."""
        before_ns = self.end_ns
        if before_ns is None or start_ns > before_ns:
            self.total_ns += end_ns - start_ns
            self.end_ns = end_ns
            return 0 if before_ns is None else start_ns - before_ns
        if end_ns > before_ns:
            self.total_ns += end_ns - before_ns
            self.end_ns = end_ns
        return 0


class Idle:
    """Sums of gaps between GPU rows by cause; together they are the uncovered time from the first row to the last."""

    def __init__(self, rows: Rows, attribution: Attribution) -> None:
        self._launched_ns = rows.launches.start_ns
        self._launch_of = attribution.launch
        self._sums: dict[str, list[int]] = {}

    def add(self, gap_ns: int, row: int, start_ns: int) -> None:
        """Count a gap that the start of a row ends: before the row's launch the host was late, after it the launch
        takes its time."""
        launch = self._launch_of[row]
        if launch == NONE:
            self._count(UNKNOWN, gap_ns)
            return
        if self._launched_ns[launch] > start_ns:
            self._count(SKEWED, gap_ns)
            return
        late_ns = min(gap_ns, max(0, self._launched_ns[launch] - (start_ns - gap_ns)))
        if not late_ns:
            self._count(QUEUED, gap_ns)
            return
        self._count(NOT_LAUNCHED, late_ns)
        if gap_ns > late_ns:
            self._count(LAUNCHING, gap_ns - late_ns)

    def outside(self, cause: str, gap_ns: int) -> None:
        """Count the time before the first row or after the last one, if there is any."""
        if gap_ns:
            self._count(cause, gap_ns)

    def _count(self, cause: str, gap_ns: int) -> None:
        entry = self._sums.setdefault(cause, [0, 0])
        entry[0] += 1
        entry[1] += gap_ns

    def rows(self) -> tuple[IdleRow, ...]:
        """The causes, longest first."""
        found = [IdleRow(cause, gaps, total_ns) for cause, (gaps, total_ns) in self._sums.items()]
        return tuple(sorted(found, key=lambda row: (-row.total_ns, row.cause)))
