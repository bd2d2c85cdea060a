"""The rows of a trace that time is taken from, chosen by `cat` alone, as columns: some 33 bytes a row, whatever its
name."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from harness.trace.event import NOTHING, Arguments, Event, Id, nanoseconds, whole_number
from harness.trace.shapes import shape_text
from harness.values.profile import Doubt

KERNEL, COPY, MEMSET, LAUNCH, OP, SCOPE, PYTHON, UNREAD = range(8)
ROLES = {
    "kernel": KERNEL,
    "Kernel": KERNEL,
    "gpu_memcpy": COPY,
    "Memcpy": COPY,
    "gpu_memset": MEMSET,
    "Memset": MEMSET,
    "cuda_runtime": LAUNCH,
    "cuda_driver": LAUNCH,
    "hip_runtime": LAUNCH,
    "xpu_runtime": LAUNCH,
    "xpu_driver": LAUNCH,
    "mtia_runtime": LAUNCH,
    "privateuse1_runtime": LAUNCH,
    "privateuse1_driver": LAUNCH,
    "Runtime": LAUNCH,
    "cpu_op": OP,
    "Operator": OP,
    "user_annotation": SCOPE,
    "python_function": PYTHON,
    "cuda_profiler_range": UNREAD,
    "mtia_ccp_events": UNREAD,
    "mtia_insight": UNREAD,
    "mtia_workloadd": UNREAD,
    "privateuse1_kernel": UNREAD,
    "hpu_op": UNREAD,
    "xpu_kernel": UNREAD,
}
"""The names of today and, with capitals, those before torch 1.13. gpu_user_annotation lies on GPU tracks and is no
time. What other devices did is counted, so that their traces are not taken for a CPU's."""

LONGEST_ID = 80
"""Of what a process, device or stream is called."""
NUMBER_AT_END = re.compile(r"\d+$")
MODULE = "nn.Module: "
NO_ARGUMENTS = Arguments()
NO_ID = float("nan")
"""Equals nothing, itself included."""
MOST_NS = 1 << 62
"""Beyond 146 years: damage, and no number for a column."""
NONE = -1
"""In a column: no launch, op or scope."""


Named = str | tuple[str, bytes, bytes]
"""A name; of an op whose shapes were recorded, with them."""


class GpuColumns:
    """Kernels, copies and memsets in file order. name: index into `Rows.names`; place: into `Rows.places`."""

    def __init__(self) -> None:
        self.role = array("b")
        self.start_ns, self.duration_ns = array("q"), array("q")
        self.name, self.place = array("i"), array("i")
        self.correlation = array("q")


class HostColumns:
    """Ops and scopes of one thread. label: twice the index into `Rows.names`, plus 1 for a scope. process: index into
    `Rows.processes`."""

    def __init__(self, process: int = 0) -> None:
        self.process = process
        self.start_ns, self.end_ns = array("q"), array("q")
        self.label = array("i")


class LaunchColumns:
    """Runtime and driver calls. thread: index into `Rows.threads`."""

    def __init__(self) -> None:
        self.start_ns = array("q")
        self.name, self.thread = array("i"), array("i")


class Place(NamedTuple):
    """Where a GPU row ran. mark: what its `pid` says beside the device (`[TP01]` of `[TP01] 0`): tools that merge the
    files of several processes write it there."""

    mark: str
    device: str
    stream: str


class Process:
    """pid: as the file has it. by_correlation: the launch of each number; another process counts for itself."""

    def __init__(self, pid: str) -> None:
        self.pid = pid
        self.by_correlation: dict[int, int] = {}


class Rows:
    """names: an op that was called with several shapes has one for each; shapes: of those that have any, by the index
    of the name. places: of GPU rows. processes: of ops, scopes and launches. modules: calls that Python's stack names,
    by thread, until they are scopes; their labels are indices into `names`. said: of a GPU row that is a collective
    or an annotated node of a graph, what its arguments say, by its index; called: (thread, start, end) of
    an op that calls one, with the same. events: all, used or not. unread: how many rows of devices are of a kind that
    is not read. doubts: rows that are left out. kind: of a file that other programs write, "" for a trace of torch's.
    selected: what part of a trace this is, "" for all."""

    def __init__(self) -> None:
        self.said: dict[int, Arguments] = {}
        self.modules: dict[int, HostColumns] = {}
        self.called: list[tuple[int, int, int, Arguments]] = []
        self.gpu, self.launches = GpuColumns(), LaunchColumns()
        self.threads: list[HostColumns] = []
        self.processes: list[Process] = []
        self.names: list[str] = []
        self.shapes: dict[int, str] = {}
        self.places: list[Place] = []
        self.events = 0
        self.unread: Counter[str] = Counter()
        self.doubts: tuple[Doubt, ...] = ()
        self.kind = self.selected = ""

    def index_of_names(self) -> dict[str, int]:
        """Of those that no shape belongs to: of a replay the op is known, and not the shape."""
        return {name: index for index, name in enumerate(self.names) if index not in self.shapes}

    def process_of(self, launch: int) -> int:
        """Index of the process that made a launch."""
        return self.threads[self.launches.thread[launch]].process


def collect(blocks: Iterable[list[Event]], quality: Counter[str]) -> Rows:
    """Sorts events into columns; one without usable times is counted in `quality` and left out."""
    collector = _Collector(quality)
    for block in blocks:
        collector.add(block)
    return collector.rows()


class _Collector:
    """The loop over events. Every name, thread and place is kept once, as a number."""

    def __init__(self, quality: Counter[str]) -> None:
        self._rows, self._quality = Rows(), quality
        self._names: dict[Named, int] = {}
        self._places: dict[tuple[Id, Id, Id], int] = {}
        self._threads: dict[tuple[Id, Id], int] = {}
        self._processes: dict[Id, int] = {}
        self._pid: Id = NO_ID
        self._tid: Id = NO_ID
        self._thread = NONE
        self._columns = HostColumns()

    def add(self, block: list[Event]) -> None:
        self._rows.events += len(block)
        role_of, names = ROLES.get, self._names
        for event in block:
            role = role_of(event.cat)  # type: ignore[arg-type]  # None is in no dictionary of names
            if role is None or event.ph != "X":
                if not event.cat and event.args is not None and event.args.task_type is not None:
                    self._rows.unread["Ascend NPU"] += 1
                continue
            if role > SCOPE:
                if role == UNREAD:
                    self._rows.unread[event.cat or ""] += 1
                    continue
                if not event.name.startswith(MODULE):  # of Python's functions the calls of modules are read
                    continue
            try:
                start_ns = nanoseconds(bytes(event.ts))
                duration_ns = 0 if role == LAUNCH else nanoseconds(bytes(event.dur))
            except ValueError:
                self._quality["events_without_time"] += 1
                continue
            if not (0 <= duration_ns < MOST_NS and -MOST_NS < start_ns < MOST_NS):
                self._quality["impossible_times"] += 1
                continue
            args = event.args
            key: Named = event.name
            if role == OP and args is not None and args.shapes is not NOTHING:
                key = event.name, bytes(args.shapes), bytes(args.dtypes)
            name = names.setdefault(key, len(names))
            if role >= OP:
                if role > SCOPE:
                    host = self._modules(event)
                elif event.tid == self._tid and event.pid == self._pid:  # rows of one thread mostly follow one another
                    host = self._columns
                else:
                    host = self._host(event)
                host.start_ns.append(start_ns)
                host.end_ns.append(start_ns + duration_ns)
                host.label.append(2 * name + (role == SCOPE))  # of a module, too, as of an op
                if args is not None and args.collective is not None:
                    self._rows.called.append((self._thread, start_ns, start_ns + duration_ns, args))
            elif role == LAUNCH:
                self._launch(event, start_ns, name)
            else:
                self._gpu(event, role, start_ns, duration_ns, name)

    def _gpu(self, event: Event, role: int, start_ns: int, duration_ns: int, name: int) -> None:
        args = event.args or NO_ARGUMENTS
        device, stream = args.device, args.stream
        place = event.pid, event.pid if device is None else device, event.tid if stream is None else stream
        gpu = self._rows.gpu
        if args.collective is not None or args.annotation is not None:
            self._rows.said[len(gpu.role)] = args
        gpu.role.append(role)
        gpu.start_ns.append(start_ns)
        gpu.duration_ns.append(duration_ns)
        gpu.name.append(name)
        gpu.place.append(self._places.setdefault(place, len(self._places)))
        gpu.correlation.append(_correlation(args))

    def _launch(self, event: Event, start_ns: int, name: int) -> None:
        correlation = _correlation(event.args or NO_ARGUMENTS)
        if correlation == NONE:
            return
        launches, host = self._rows.launches, self._host(event)
        known = self._rows.processes[host.process].by_correlation
        before = known.setdefault(correlation, len(launches.start_ns))
        if before < len(launches.start_ns):
            self._quality["launches_that_share_a_correlation"] += 1
            if launches.start_ns[before] >= start_ns:
                return
            # of two, the later one is inside the other, or nearer to its kernel
            known[correlation] = len(launches.start_ns)
        launches.start_ns.append(start_ns)
        launches.name.append(name)
        launches.thread.append(self._thread)

    def _host(self, event: Event) -> HostColumns:
        if event.tid != self._tid or event.pid != self._pid:
            self._pid, self._tid = event.pid, event.tid
            self._thread = self._threads.setdefault((event.pid, event.tid), len(self._threads))
            if self._thread == len(self._rows.threads):
                self._rows.threads.append(HostColumns(self._process(event.pid)))
            self._columns = self._rows.threads[self._thread]
        return self._columns

    def _modules(self, event: Event) -> HostColumns:
        """Calls of modules wait beside their thread until all are there."""
        process = self._host(event).process
        return self._rows.modules.setdefault(self._thread, HostColumns(process))

    def _process(self, pid: Id) -> int:
        process = self._processes.setdefault(pid, len(self._processes))
        if process == len(self._rows.processes):
            self._rows.processes.append(Process(_shown(pid)))
        return process

    def rows(self) -> Rows:
        rows = self._rows
        rows.names = [key if isinstance(key, str) else key[0] for key in self._names]
        rows.shapes = {at: shape_text(*key[1:]) for at, key in enumerate(self._names) if not isinstance(key, str)}
        named: dict[Place, int] = {}
        rows.places = [Place(_mark(pid, device), _text(device), _text(stream)) for pid, device, stream in self._places]
        kept = [named.setdefault(place, len(named)) for place in rows.places]
        if len(named) < len(kept):  # numbers in one part of a file, their texts in another
            rows.places = list(named)
            rows.gpu.place = array("i", map(kept.__getitem__, rows.gpu.place))
        return self._rows


def _mark(pid: Id, device: Id) -> str:
    return "" if pid is None or str(pid) == str(device) else mark_of(_shown(pid)) or _shown(pid)


def mark_of(pid: str) -> str:
    """`[TP01] 4711` -> `[TP01]`: what stands before the number of a process or device."""
    return NUMBER_AT_END.sub("", pid).strip()


def _shown(pid: Id) -> str:
    return "" if pid is None else _text(pid)


def _text(found: Id) -> str:
    """As it can be written out: half of a pair of `\\u` escapes cannot, and thousands of digits are no number."""
    return str(found)[:LONGEST_ID].encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _correlation(args: Arguments) -> int:
    value = args.correlation
    if not isinstance(value, int):
        value = whole_number(value)
    return value if value is not None and 0 <= value < MOST_NS else NONE
