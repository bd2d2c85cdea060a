"""The time of a trace by its place and its launcher: stream, device, process, launch."""

from __future__ import annotations

from harness.values.profile import Profile

from ..figures import clean
from ..figures import milliseconds as ms
from ..table import Cell, Name, Number, Table
from .sums import Shorten, Sum, each_us, sums_table

UNKNOWN_PROCESS = "(cannot be told)"


def streams(profile: Profile) -> Table:
    rows = [
        (_place(r.process, r.device, clean(r.stream)), r.calls, r.total_ns, Number(r.busy_ns, ms(r.busy_ns)))
        for r in profile.streams
    ]
    names = ["Process", "Device", "Stream"]
    table = sums_table("streams", "By stream", names, rows, profile.gpu_sum_ns, last="Busy (ms)")
    return table if len({row.process for row in profile.streams}) > 1 else table.without(["process"])


def devices(profile: Profile) -> Table:
    """busy: share of the span of the whole trace."""
    rows: list[Sum] = []
    for r in profile.devices:
        busy = Number(r.utilisation, f"{ms(r.busy_ns)} of {ms(r.span_ns)}, {100 * r.utilisation:.1f} %")
        rows.append((_place(r.process, r.device), r.calls, r.total_ns, busy))
    return sums_table("devices", "By device", ["Process", "Device"], rows, profile.gpu_sum_ns, last="Busy (ms)")


def processes(profile: Profile) -> Table:
    rows = [
        ((_process(r.process), Name(", ".join(map(clean, r.devices)) or "CPU")), r.calls, r.total_ns,
            each_us(r.calls, r.total_ns))
        for r in profile.processes
    ]  # fmt: skip
    return sums_table("processes", "By process", ["Process", "Devices"], rows, profile.gpu_sum_ns)


def steps(profile: Profile) -> Table:
    """Steps in order. The last row is the time that belongs to no step."""
    rows: list[Sum] = []
    for r in profile.profiler_steps:
        known = r.step is not None
        busy = f"{ms(r.busy_ns)} in {ms(r.host_ns)} of the host" if known else ms(r.busy_ns)
        process = _process(r.process) if known else Name("")
        step = Name(f"ProfilerStep#{r.step}" if known else "(none)")
        rows.append(((process, step), r.calls, r.total_ns, Number(r.busy_ns, busy)))
    table = sums_table("steps", "By step", ["Process", "Step"], rows, profile.gpu_sum_ns, last="Busy (ms)")
    several = len({r.process for r in profile.profiler_steps if r.step is not None}) > 1
    return table if several else table.without(["process"])


def launches(profile: Profile, shorten: Shorten) -> Table:
    rows: list[Sum] = [
        ((Name(shorten(r.name, "") or "(before the trace, or lost)"),), r.calls, r.total_ns,
            Number(r.launches, f"{r.launches:,}"))
        for r in profile.launches
    ]  # fmt: skip
    return sums_table("launches", "By launch", ["Launch"], rows, profile.gpu_sum_ns, last="Calls of it")


def _place(process: str, *names: str) -> tuple[Cell, ...]:
    return _process(process), *(Name(clean(name)) for name in names)


def _process(pid: str) -> Name:
    return Name(clean(pid) or UNKNOWN_PROCESS)
