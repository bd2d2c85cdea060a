"""The rows of a trace that time is taken from, chosen by `cat` alone, as columns: some 33 bytes a row, whatever its
name."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from typing import NamedTuple

from harness.trace.event import Arguments
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

NUMBER_AT_END = re.compile(r"\d+$")
MODULE = "nn.Module: "
MOST_NS = 1 << 62
"""Beyond 146 years: damage, and no number for a column."""
NONE = -1
"""In a column: no launch, op or scope."""


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


def mark_of(pid: str) -> str:
    """`[TP01] 4711` -> `[TP01]`: what stands before the number of a process or device."""
    return NUMBER_AT_END.sub("", pid).strip()
