"""The rows of a trace that carry time, chosen by `cat` alone, as columns: some 33 bytes a row, whatever its name."""

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
"""Today's names and, capitalised, those before torch 1.13. gpu_user_annotation lies on GPU tracks but is not GPU time.
Rows of other devices are counted, so that their traces are not taken for a CPU's."""

NUMBER_AT_END = re.compile(r"\d+$")
MODULE = "nn.Module: "
MOST_NS = 1 << 62
"""A time of more than 146 years: damage, and no number for a column."""
NONE = -1
"""Marks a row without launch, op or scope in a column."""


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
    """The place where a GPU row ran. mark: the part of its `pid` beside the device (`[TP01]` of `[TP01] 0`), written by
    tools that merge the files of several processes."""

    mark: str
    device: str
    stream: str


class Process:
    """pid: as the file has it. by_correlation: the launch of each number; numbers of other processes are separate."""

    def __init__(self, pid: str) -> None:
        self.pid = pid
        self.by_correlation: dict[int, int] = {}


class Rows:
    """The columns of a trace.

    `names`: an op that was called with several shapes has one entry for each. `shapes`: of names that have any, by
    index of the name. `places`: of GPU rows. `processes`: of ops, scopes and launches. `modules`: calls in Python's
    stack, by thread, until they become scopes; their labels are indices into `names`.

    `said`: arguments of the GPU rows that are collectives or annotated nodes of a graph, by index of the row. `called`:
    (thread, start, end) of an op that calls a collective, with the same arguments. `events`: number of all, used or
    not. `unread`: number of device rows by unsupported kind. `doubts`: rows that are left out. `kind`: of a file from
    another program, "" for a trace of torch. `selected`: the chosen part of the trace, "" for all.
    """

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
        """Indices of the names without shapes: a replay reveals the op, but not the shape."""
        return {name: index for index, name in enumerate(self.names) if index not in self.shapes}

    def process_of(self, launch: int) -> int:
        """Index of the process that made a launch."""
        return self.threads[self.launches.thread[launch]].process


def mark_of(pid: str) -> str:
    """`[TP01] 4711` -> `[TP01]`: the text before the number of a process or device."""
    return NUMBER_AT_END.sub("", pid).strip()
