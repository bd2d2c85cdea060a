"""The breakdown of a trace's time. All times are integer nanoseconds, and sums add up exactly."""

from __future__ import annotations

import msgspec

from harness.values.binary import Binary


class KernelRow(msgspec.Struct, frozen=True):
    """One kernel (or copy, memset; or CPU op if there is no GPU) by name, category and scope.

    op: The op that launched it. Out of several, the one with most of its time.
    scope: Innermost harness scope (`int4_mm@lm_head`) if the trace has one.
    longest_ns, median_ns, spread_ns: Over its calls. The spread is the distance between the quartiles.
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
    """The time of one category."""

    name: str
    calls: int
    total_ns: int


class SumRow(msgspec.Struct, frozen=True):
    """GPU rows (CPU ops if there is no GPU) that have something in common. name is "" for rows without it."""

    name: str
    calls: int
    total_ns: int


class IdleRow(msgspec.Struct, frozen=True):
    """Time between the first and the last GPU row that no row covers, by the cause that delayed the next row."""

    cause: str
    gaps: int
    total_ns: int


class StepRow(msgspec.Struct, frozen=True):
    """Work of one `ProfilerStep#N` of a process.

    step: None for work outside of all steps.
    host_ns: Duration of the step on the host.
    busy_ns: Union of its GPU rows (on a CPU, of its ops), over all devices together.
    """

    step: int | None
    process: str
    host_ns: int
    calls: int
    total_ns: int
    busy_ns: int


class Contradiction(msgspec.Struct, frozen=True):
    """A kernel whose category contradicts the op that launched it.

    says: The category that the op's name implies.
    """

    name: str
    op: str
    says: str
    category: str
    calls: int
    total_ns: int


class Doubt(msgspec.Struct, frozen=True):
    """GPU rows whose times cannot be true, or cannot be compared with others.

    left_out: They are in no sum, span or count of this profile. Otherwise they are.
    """

    reason: str
    rows: int
    total_ns: int
    left_out: bool


class StreamRow(msgspec.Struct, frozen=True):
    """A stream of a device.

    busy_ns: Union of its rows.
    process: The pid that launches there, "" if unknown. With several processes on one device, the mark of its rows.
    """

    device: str
    stream: str
    calls: int
    total_ns: int
    busy_ns: int
    process: str = ""


class DeviceRow(StreamRow, frozen=True):
    """A device with all its streams (stream "").

    span_ns: From the first to the last row of the whole trace. It includes busy_ns.
    idle: The rest of the span, by cause. For a single device it is `Profile.idle`.
    """

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
    """GPU rows by the process that launched them. process is "" for rows without a known process.

    devices: The devices that the rows ran on. Empty if the rows are CPU ops.
    """

    process: str
    devices: tuple[str, ...]
    calls: int
    total_ns: int


class LaunchRow(msgspec.Struct, frozen=True):
    """A runtime or driver call that puts work on the GPU. name is "" for GPU rows whose launch is not in the trace.

    launches: Number of these calls.
    without_rows: Calls whose GPU rows are not in the trace.
    calls, total_ns: GPU rows that it launched.
    """

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
    """A Triton kernel that one place of an op (`int4_mm@lm_head`) launches in a decode step.

    launches: Per step.
    grid: Grid of the first launch.
    """

    place: str
    launches: int
    grid: tuple[int, int, int]
    binary: Binary


class Profile(msgspec.Struct, frozen=True):
    """The breakdown of one trace.

    device: `cuda` (any GPU), or `cpu` for a trace without GPU rows, whose kernels are CPU ops by self time.
    gpu_sum_ns: Kernels, copies and memsets. The categories add up to it.
    kernel_busy_ns, gpu_busy_ns: Unions of intervals. gpu_busy_ns is the time in which any device was busy.
    span_ns: First start to last end.
    launched_ns: Kernel time whose launch is in the trace.
    attributed_ns: Kernel time with a launching op or scope (on a CPU: in a scope).
    data_quality: Counts of damaged, dropped or odd rows.
    steps: Decode steps in the trace, for times per token. 0: unknown.
    ops: The same time by innermost op.
    scopes: The same time by innermost `record_function` scope. In our own traces, `op@site`.
    layers: The same time by layer of our own decode.
    shapes: The same time by op and the shapes of its inputs.
    profiler_steps: The same time by step, if the trace marks steps.
    selected: The selected part of the trace. "" for all of it.
    devices: Busy and idle time of each device.
    processes: GPU rows by the process that launched them.
    idle: Time in which no device was busy. It adds up to span minus busy.
    contradictions: Time whose category contradicts its op.
    unknown: Uncategorised time by namespace.
    doubts: Rows whose times cannot be true.
    unread: Rows of devices of a kind that is not read.
    replayed_ns: GPU time of steps of our own decode that were replayed as a graph or compiled.
    mapped_ns: The part of replayed_ns that was attributed to the op and layer that it was captured from.
    not_mapped: The other kernels of replayed_ns.
    work: In a live profile, the least work of each scope whose time is complete.
    binaries: In a live profile, the binaries of the step's Triton kernels.
    not_read: By place, the reason why its binary cannot be given.
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
        """Calls that put work on the GPU and have no row in the trace."""
        return sum(row.without_rows for row in self.launches)

    @property
    def contradicted_ns(self) -> int:
        return sum(row.total_ns for row in self.contradictions)
