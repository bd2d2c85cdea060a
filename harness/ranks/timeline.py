"""The activity of a rank over time: a sequence of rows with their labels, gaps included."""

from __future__ import annotations

import mmap
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from heapq import merge
from pathlib import Path

from harness.trace.attribute import Attribution, in_order, outermost_first
from harness.trace.categories import Rules
from harness.trace.intervals import Covered
from harness.trace.kernel_name import without_arguments
from harness.trace.rows import KERNEL, NONE, HostColumns, Rows

COMPUTE, COMMUNICATION, COPY, GAP = range(4)
COMMUNICATION_CATEGORY = "Communication"
BINS = 1000
"""Parts of a rank's span, for its line on a page."""
LOOK_BACK = 64
"""Rows before a window that may reach into it: far fewer streams run at a time."""


class Timeline:
    """Activities in order of their start, and unions over them. Filled once, then written to a file."""

    def __init__(self) -> None:
        self.start_ns, self.end_ns = array("q"), array("q")
        self.label, self.what = array("i"), array("b")
        self.labels: dict[str, int] = {}
        self.compute, self.communication = Covered(), Covered()
        self._hidden, self._all = Covered(), Covered()
        self.last_ns = 0

    def add(self, start_ns: int, end_ns: int, what: int, label: str) -> None:
        """Add a row. An uncovered time before it is a gap, which `gap` has been told about."""
        self._append(start_ns, end_ns, what, label)
        self.last_ns = max(self.last_ns, end_ns)
        self._all.add(start_ns, end_ns)
        if what == COMPUTE:
            self.compute.add(start_ns, end_ns)
        elif what == COMMUNICATION:
            self.communication.add(start_ns, end_ns)
        if what != COPY:
            self._hidden.add(start_ns, end_ns)

    def idle_until(self, start_ns: int) -> bool:
        """Whether nothing runs just before a moment."""
        return bool(self.start_ns) and start_ns > self.last_ns

    def gap(self, until_ns: int, label: str) -> None:
        """Label the gap since the rank's last row, for which the rank waited."""
        self._append(self.last_ns, until_ns, GAP, label)

    def _append(self, start_ns: int, end_ns: int, what: int, label: str) -> None:
        self.start_ns.append(start_ns)
        self.end_ns.append(end_ns)
        self.what.append(what)
        self.label.append(self.labels.setdefault(label, len(self.labels)))

    @property
    def span_ns(self) -> int:
        return self.last_ns - self.start_ns[0] if self.start_ns else 0

    @property
    def exposed_ns(self) -> int:
        return self._hidden.total_ns - self.compute.total_ns

    @property
    def copies_ns(self) -> int:
        """Copies that neither compute nor communication hides."""
        return self._all.total_ns - self._hidden.total_ns

    @property
    def idle_ns(self) -> int:
        return self.span_ns - self._all.total_ns

    def bins(self) -> tuple[array[int], ...]:
        """For each of `BINS` equal parts of the span, ns of compute, communication and copies."""
        found = tuple(array("q", [0]) * BINS for _ in range(3))
        first_ns, width = self.start_ns[0], max(1, -(-self.span_ns // BINS))
        for start_ns, end_ns, what in zip(self.start_ns, self.end_ns, self.what, strict=True):
            if what == GAP:
                continue
            at = start_ns - first_ns
            while at < end_ns - first_ns:
                place = at // width
                until = min(end_ns - first_ns, (place + 1) * width)
                found[what][place] += until - at
                at = until
        return found

    def write(self, path: Path) -> None:
        with path.open("wb") as file:
            for column in (self.start_ns, self.end_ns, self.label, self.what):
                column.tofile(file)


class StoredTimeline:
    """A timeline in a file; only the parts in use are in memory."""

    def __init__(self, path: Path, labels: list[str], rows: int) -> None:
        self.labels = labels
        if rows:
            with path.open("rb") as file:
                whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        else:
            whole = memoryview(b"")
        self.start_ns, self.end_ns = whole[: 8 * rows].cast("q"), whole[8 * rows : 16 * rows].cast("q")
        self.label, self.what = whole[16 * rows : 20 * rows].cast("i"), whole[20 * rows :].cast("b")

    def within(self, from_ns: int, until_ns: int) -> dict[str, int]:
        """ns of each label between two moments, without communication."""
        sums: dict[str, int] = {}
        at = max(0, bisect_left(self.start_ns, from_ns) - LOOK_BACK)
        while at < len(self.start_ns) and self.start_ns[at] < until_ns:
            shared_ns = min(self.end_ns[at], until_ns) - max(self.start_ns[at], from_ns)
            if shared_ns > 0 and self.what[at] != COMMUNICATION:
                label = self.labels[self.label[at]]
                sums[label] = sums.get(label, 0) + shared_ns
            at += 1
        return sums


def gpu_timeline(rows: Rows, attribution: Attribution, rules: Rules) -> Timeline:
    """The timeline of the kernels, copies and memsets of a rank's devices together."""
    gpu, found = rows.gpu, Timeline()
    named = [*rows.names, ""]  # NONE is -1: the last
    known: dict[tuple[int, int, int], tuple[int, str]] = {}
    for row in in_order(gpu.start_ns, range(len(gpu.start_ns))):
        op, scope = attribution.of(row)
        key = gpu.name[row], op, scope
        said = row in rows.said and rows.said[row].collective is not None
        if key not in known or said:
            what = COPY
            if gpu.role[row] == KERNEL:
                what = COMMUNICATION if said or _communicates(rules, *(named[k] for k in key)) else COMPUTE
            known[key] = what, _label(named[gpu.name[row]], named[op])
        start_ns = gpu.start_ns[row]
        if found.idle_until(start_ns):
            found.gap(start_ns, _waited_for(rows, attribution.launch[row], found.last_ns, named[op]))
        found.add(start_ns, start_ns + gpu.duration_ns[row], *known[key])
    return found


def cpu_timeline(rows: Rows, rules: Rules) -> Timeline:
    """The timeline of the innermost ops and scopes of all threads: the work of a rank without a GPU."""
    found, named = Timeline(), rows.names
    known = {}
    for start_ns, end_ns, label in merge(*(innermost(host) for host in rows.threads)):
        if label not in known:
            name, scope = named[label >> 1], label & 1
            communicates = _communicates(rules, name, "" if scope else name, name if scope else "", "op")
            known[label] = COMMUNICATION if communicates else COMPUTE
        if found.idle_until(start_ns):
            found.gap(start_ns, "idle: no op, Python or waiting")
        found.add(start_ns, end_ns, known[label], named[label >> 1])
    return found


def innermost(host: HostColumns) -> Iterator[tuple[int, int, int]]:
    """(start, end, label) of the innermost op or scope of a thread: parts that do not overlap, in order."""
    stack: list[tuple[int, int]] = []
    at_ns = 0
    for row in outermost_first(host):
        start_ns = host.start_ns[row]
        while stack and stack[-1][0] <= start_ns:
            end_ns, label = stack.pop()
            if end_ns > at_ns:
                yield at_ns, end_ns, label
                at_ns = end_ns
        if stack and start_ns > at_ns:
            yield at_ns, start_ns, stack[-1][1]
        at_ns = max(at_ns, start_ns) if stack else start_ns
        stack.append((host.end_ns[row], host.label[row]))
    while stack:
        end_ns, label = stack.pop()
        if end_ns > at_ns:
            yield at_ns, end_ns, label
            at_ns = end_ns


def _waited_for(rows: Rows, launch: int, since_ns: int, op: str) -> str:
    """The reason for the gap before a row: the host had not launched it yet, or it was queued after its launch."""
    if launch == NONE:
        return "idle"
    late = rows.launches.start_ns[launch] > since_ns
    return f"idle: {op or 'the next kernel'} {'not launched yet' if late else 'queued'}"


def _communicates(rules: Rules, name: str, op: str, scope: str, kind: str = "kernel") -> bool:
    return rules.category(name, op, scope, kind) == COMMUNICATION_CATEGORY


def _label(name: str, op: str) -> str:
    """`aten::mm: ampere_sgemm_128x64_tn`"""
    bare = without_arguments(name)
    return f"{op}: {bare}" if op else bare
