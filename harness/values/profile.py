"""Where the time of a trace went. All times are integer nanoseconds; sums add up exactly."""

from __future__ import annotations

import msgspec

from harness.values.binary import Binary


class KernelRow(msgspec.Struct, frozen=True):
    """One kernel (or copy, memset; or CPU op where there is no GPU) by name, category and scope.

    op: the op that launched it (of several, the one with most of its time). scope: innermost harness scope
    (`int4_mm@lm_head`), where the trace has one. longest_ns, median_ns, spread_ns: of its calls; the spread is the
    distance between the quartiles.
    """

    name: str
    category: str
    calls: int
    total_ns: int
    op: str = ""
    scope: str = ""
    longest_ns: int = 0
    median_ns: int = 0
    spread_ns: int = 0


class CategoryRow(msgspec.Struct, frozen=True):
    name: str
    calls: int
    total_ns: int


class SumRow(msgspec.Struct, frozen=True):
    """GPU rows (CPU ops, where there is no GPU) that have something in common; name "" for those that lack it."""

    name: str
    calls: int
    total_ns: int


class IdleRow(msgspec.Struct, frozen=True):
    """Time between the first and the last GPU row that no row covers, by what the next row was waiting for."""

    cause: str
    gaps: int
    total_ns: int


class StepRow(msgspec.Struct, frozen=True):
    """Work of one `ProfilerStep#N` of a process; step None: of no step. host_ns: how long the step took on the host.
    busy_ns: union of its GPU rows (on a CPU, what its ops cover), on all devices together."""

    step: int | None
    process: str
    host_ns: int
    calls: int
    total_ns: int
    busy_ns: int


class Contradiction(msgspec.Struct, frozen=True):
    """A kernel whose category is not what the op that launched it stands for. says: what the op is by its name."""

    name: str
    op: str
    says: str
    category: str
    calls: int
    total_ns: int


class Doubt(msgspec.Struct, frozen=True):
    """GPU rows whose times cannot be true, or cannot be compared with others. left_out: they are in no sum, span or
    count of this profile; otherwise they are."""

    reason: str
    rows: int
    total_ns: int
    left_out: bool


class StreamRow(msgspec.Struct, frozen=True):
    """A stream of a device. busy_ns: union of its rows. process: the pid that launches there, "" where it cannot be
    told; of several processes on one device, what marks the rows."""

    device: str
    stream: str
    calls: int
    total_ns: int
    busy_ns: int
    process: str = ""


class DeviceRow(StreamRow, frozen=True):
    """A device with all its streams (stream ""). span_ns: from the first to the last row of the whole trace, which
    busy_ns is a part of. idle: the rest of it, by cause; of a single device it is `Profile.idle`."""

    span_ns: int = 0
    idle: tuple[IdleRow, ...] = ()

    @property
    def idle_ns(self) -> int:
        return self.span_ns - self.busy_ns

    @property
    def utilisation(self) -> float:
        """Busy share of the span."""
        return self.busy_ns / self.span_ns if self.span_ns else 0.0


class ProcessRow(msgspec.Struct, frozen=True):
    """GPU rows by the process that launched them; process "" for those of which that cannot be told. devices: those
    that the rows ran on; none, where the rows are CPU ops."""

    process: str
    devices: tuple[str, ...]
    calls: int
    total_ns: int


class LaunchRow(msgspec.Struct, frozen=True):
    """A runtime or driver call that puts work on the GPU. launches: calls of it. without_rows: those whose GPU rows
    the trace does not have. calls, total_ns: GPU rows that it launched. name "": GPU rows whose launch the trace does
    not have."""

    name: str
    launches: int
    without_rows: int
    calls: int
    total_ns: int


class SiteWork(msgspec.Struct, frozen=True):
    """The least work of one place of an op (`int4_mm@lm_head`) in one decode step, over all its calls."""

    name: str
    calls: int
    read_bytes: int
    write_bytes: int
    flop: int

    @property
    def bytes(self) -> int:
        return self.read_bytes + self.write_bytes


class SiteBinary(msgspec.Struct, frozen=True):
    """A Triton kernel that one place of an op (`int4_mm@lm_head`) launches in a decode step. launches: of it per step.
    grid: of the first."""

    place: str
    launches: int
    grid: tuple[int, int, int]
    binary: Binary


class Profile(msgspec.Struct, frozen=True):
    """The breakdown of one trace.

    device: `cuda` (any GPU), or `cpu` for a trace without GPU rows: then kernels are CPU ops by self time. gpu_sum_ns:
    kernels, copies and memsets, what the categories add up to. busy: union of intervals. span_ns: first start to last
    end. launched_ns: kernel time whose launch is in the trace. attributed_ns: kernel time with a launching op or scope
    (on a CPU: in a scope). data_quality: counts of what was damaged, dropped or odd. steps: decode steps in the trace
    (0: unknown), so that per token is a division. ops, scopes, layers: the same time by innermost op, by innermost
    `record_function` scope (of our own, `op@site`), and by layer of our own decode. processes: GPU rows by who launched
    them. gpu_busy_ns and idle, which adds up to span minus busy, are of all devices together: time in which any, or
    none, was busy; `devices` has them of each. contradictions: time whose category is not what its op stands for.
    unknown: uncategorised time by namespace. doubts: rows whose times cannot be true. unread: rows of devices of a kind
    that is not read. shapes: by op and the shapes of its inputs. profiler_steps: the same time by step, where the trace
    marks steps. selected: which part of the trace this is, "" for all of it. replayed_ns: GPU time of steps of our own
    decode that were replayed as a graph or compiled; mapped_ns of it went back to the op and layer that it was captured
    from; not_mapped: its other kernels. work: of a live profile, the least work of each scope whose time is all
    there. binaries: of a live profile, what the Triton kernels of the step were compiled to; not_read: by place, why
    that cannot be said.
    """

    device: str
    kernel_count: int
    kernel_sum_ns: int
    gpu_sum_ns: int
    kernel_busy_ns: int
    gpu_busy_ns: int
    span_ns: int
    attributed_ns: int
    uncategorised_ns: int
    categories: tuple[CategoryRow, ...]
    kernels: tuple[KernelRow, ...]
    data_quality: dict[str, int] = {}
    steps: int = 0
    arm: str = ""
    engine: str = ""
    axes: dict[str, int | str] = {}
    launched_ns: int = 0
    ops: tuple[SumRow, ...] = ()
    scopes: tuple[SumRow, ...] = ()
    layers: tuple[SumRow, ...] = ()
    shapes: tuple[SumRow, ...] = ()
    profiler_steps: tuple[StepRow, ...] = ()
    selected: str = ""
    streams: tuple[StreamRow, ...] = ()
    devices: tuple[DeviceRow, ...] = ()
    processes: tuple[ProcessRow, ...] = ()
    launches: tuple[LaunchRow, ...] = ()
    idle: tuple[IdleRow, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    unknown: tuple[SumRow, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    unread: dict[str, int] = {}
    events: int = 0
    replayed_ns: int = 0
    mapped_ns: int = 0
    not_mapped: tuple[SumRow, ...] = ()
    work: tuple[SiteWork, ...] = ()
    binaries: tuple[SiteBinary, ...] = ()
    not_read: dict[str, str] = {}

    @property
    def idle_ns(self) -> int:
        return self.span_ns - self.gpu_busy_ns

    @property
    def lost_launches(self) -> int:
        """Calls that put work on the GPU of which the trace has no row."""
        return sum(row.without_rows for row in self.launches)

    @property
    def contradicted_ns(self) -> int:
        return sum(row.total_ns for row in self.contradictions)
