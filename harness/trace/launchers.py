"""The same GPU time by launching call, and by process."""

from __future__ import annotations

from harness.trace.attribute import Attribution
from harness.trace.join import PUTS_WORK
from harness.trace.rows import NONE, Rows
from harness.values.profile import LaunchRow, ProcessRow


def calls(rows: Rows, attribution: Attribution) -> tuple[LaunchRow, ...]:
    """A row for each call that puts work on the GPU, in order of that work's time; one without a name for work without
    a call."""
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


def processes(rows: Rows, attribution: Attribution) -> tuple[ProcessRow, ...]:
    """A row for each process that put work on the GPU, in order of that work's time; none where the trace has GPU rows
    alone."""
    if not rows.processes:
        return ()
    pids = [*(process.pid for process in rows.processes), ""]  # NONE is -1: the last
    if len(rows.processes) < 2:
        everywhere = tuple(sorted({place.device for place in rows.places}))
        return (ProcessRow(pids[0], everywhere, len(rows.gpu.duration_ns), sum(rows.gpu.duration_ns)),)
    calls: dict[int, list[int]] = {}
    devices: dict[int, set[str]] = {}
    for row, (place, duration_ns) in enumerate(zip(rows.gpu.place, rows.gpu.duration_ns, strict=True)):
        process = attribution.process(row)
        entry = calls.setdefault(process, [0, 0])
        entry[0] += 1
        entry[1] += duration_ns
        devices.setdefault(process, set()).add(rows.places[place].device)
    found = [ProcessRow(pids[at], tuple(sorted(devices[at])), *entry) for at, entry in calls.items()]
    return tuple(sorted(found, key=lambda row: (-row.total_ns, row.process)))
