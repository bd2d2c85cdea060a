"""GPU rows whose times cannot be true: found before anything is summed, left out, and reported with their time.

Profilers write such rows: CUPTI under pressure puts zeros in place of times, and ROCm gave rows of seconds to kernels
of microseconds. One such row exceeds all others together.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from harness.trace.attribute import in_order
from harness.trace.rows import NONE, GpuColumns, Rows
from harness.values.profile import Doubt

OUTLASTS = "outlasts the rows behind it on its stream"
BEYOND = "longer than ten times everything else in the file"
AT_ZERO = "at time zero, long before all others"
BEFORE_LAUNCH = "starts before its launch"

FEWEST_BEHIND = 3
"""Rows of other launches that must begin and end within a row of their stream to make it doubtful: kernels of a stream
end in order. Early starts (programmatic dependent launch) overlap the next row, but do not end before the row that they
depend on."""
SHORTEST_NS = 1_000_000
"""The shortest row that is judged by the rows within it: a shorter one may lie on two streams that a profiler calls
one."""
LONG_NS = 1_000_000_000
FEWEST_OTHERS = 3
HOUR_NS = 3_600_000_000_000


def leave_out(rows: Rows) -> tuple[Doubt, ...]:
    """Remove rows that cannot be true from the columns; return them as doubts, by reason."""
    gone: dict[int, str] = {}
    for row in _at_zero(rows):
        gone[row] = AT_ZERO
    for row in _outlasting(rows, gone):
        gone[row] = OUTLASTS
    for row in _beyond(rows, gone):
        gone[row] = BEYOND
    if not gone:
        return ()
    sums: dict[str, list[int]] = {}
    for row, reason in gone.items():
        entry = sums.setdefault(reason, [0, 0])
        entry[0] += 1
        entry[1] += rows.gpu.duration_ns[row]
    _drop(rows, gone)
    return tuple(Doubt(reason, count, total_ns, True) for reason, (count, total_ns) in sums.items())


def before_launch(rows: Rows, launch: Iterable[int]) -> tuple[Doubt, ...]:
    """Rows that start before the call that launched them: the two clocks disagree. Their durations may be true."""
    count = total_ns = 0
    for row, found in enumerate(launch):
        if found != NONE and rows.gpu.start_ns[row] < rows.launches.start_ns[found]:
            count += 1
            total_ns += rows.gpu.duration_ns[row]
    return (Doubt(BEFORE_LAUNCH, count, total_ns, False),) if count else ()


def _at_zero(rows: Rows) -> list[int]:
    starts = rows.gpu.start_ns
    if not starts or min(starts) != 0:
        return []
    others = [ns for ns in starts if ns]
    others += [host.start_ns[0] for host in rows.threads if host.start_ns]
    if not others or min(others) < HOUR_NS:
        return []
    return [row for row, ns in enumerate(starts) if ns == 0]


def _beyond(rows: Rows, gone: dict[int, str]) -> list[int]:
    """Rows that are longer than ten times the span of all shorter rows and of the host's rows."""
    gpu = rows.gpu
    long = [row for row, ns in enumerate(gpu.duration_ns) if ns > LONG_NS and row not in gone]
    if not long:
        return []
    first = last = None
    others = 0
    taken = {*long, *gone}
    for row, (start_ns, duration_ns) in enumerate(zip(gpu.start_ns, gpu.duration_ns, strict=True)):
        if row not in taken:
            others += 1
            first = start_ns if first is None else min(first, start_ns)
            last = max(last or start_ns + duration_ns, start_ns + duration_ns)
    for host in rows.threads:
        others += len(host.start_ns)
        if host.start_ns:
            first = min(first if first is not None else host.start_ns[0], min(host.start_ns))
            last = max(last if last is not None else host.end_ns[0], max(host.end_ns))
    if others < FEWEST_OTHERS or first is None or last is None:
        return []
    return [row for row in long if gpu.duration_ns[row] > 10 * (last - first)]


def _outlasting(rows: Rows, gone: dict[int, str]) -> list[int]:
    """Rows within which several later rows of the same stream and of other launches begin and end."""
    if sum(1 for process in rows.processes if process.by_correlation) > 1 and not all(p.mark for p in rows.places):
        return []  # a stream of the same number in another process is another stream
    gpu = rows.gpu
    if max(gpu.duration_ns, default=0) < SHORTEST_NS:
        return []
    longest = array("q", [NONE]) * len(rows.places)
    behind: dict[int, int] = {}
    for row in in_order(gpu.start_ns, range(len(gpu.start_ns))):
        if row in gone:
            continue
        place, end_ns = gpu.place[row], gpu.start_ns[row] + gpu.duration_ns[row]
        outer = longest[place]
        if outer == NONE or end_ns >= gpu.start_ns[outer] + gpu.duration_ns[outer]:
            longest[place] = row
        elif (
            gpu.duration_ns[outer] >= SHORTEST_NS
            and gpu.start_ns[row] > gpu.start_ns[outer]
            and (gpu.correlation[row] != gpu.correlation[outer] or gpu.correlation[row] == NONE)
        ):
            behind[outer] = behind.get(outer, 0) + 1
    return [row for row, count in behind.items() if count >= FEWEST_BEHIND]


def _drop(rows: Rows, gone: dict[int, str]) -> None:
    old, new = rows.gpu, GpuColumns()
    left = [row for row in range(len(old.start_ns)) if row not in gone]
    for name in vars(new):
        column = getattr(old, name)
        setattr(new, name, array(column.typecode, (column[row] for row in left)))
    place_of = {row: place for place, row in enumerate(left)}
    rows.said = {place_of[row]: said for row, said in rows.said.items() if row in place_of}
    rows.gpu = new
