"""The op and the scope that a launch lies in, and the share of an op's time that is its own."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import le

from harness.trace.join import Join
from harness.trace.rows import NONE, HostColumns, Rows


class Attribution:
    """The launches of GPU rows, with their ops and scopes.

    `launch`: for each GPU row, an index into the columns of launches or NONE. `unclear`: number of rows whose process
    is ambiguous. `op`, `scope`: for each launch, indices into `Rows.names` or NONE. `rows`: number of GPU rows that
    each launch owns; a graph launch owns many. `mapped`: op and scope of the GPU rows for which they are known better
    than from the launch.
    """

    def __init__(self, rows: Rows) -> None:
        count = len(rows.launches.start_ns)
        self.mapped: dict[int, tuple[int, int]] = {}
        join = Join(rows)
        self.launch, self.unclear, self._process_of_place = join.launch, join.unclear, join.process
        self._rows = rows
        self.op, self.scope, self.rows = array("i", [NONE]) * count, array("i", [NONE]) * count, array("i", [0]) * count
        for launch in self.launch:
            if launch != NONE:
                self.rows[launch] += 1
        by_thread = [array("i") for _ in rows.threads]
        for launch, thread in enumerate(rows.launches.thread):
            if self.rows[launch]:
                by_thread[thread].append(launch)
        for host, wanted in zip(rows.threads, by_thread, strict=True):
            for launch, op, scope in enclosing(host, rows.launches.start_ns, in_order(rows.launches.start_ns, wanted)):
                self.op[launch], self.scope[launch] = op, scope

    def of(self, row: int) -> tuple[int, int]:
        """(op, scope) of a GPU row."""
        if row in self.mapped:
            return self.mapped[row]
        launch = self.launch[row]
        return (NONE, NONE) if launch == NONE else (self.op[launch], self.scope[launch])

    def process(self, row: int) -> int:
        """Index of the process whose work a GPU row is, or NONE."""
        launch, rows = self.launch[row], self._rows
        return self._process_of_place[rows.gpu.place[row]] if launch == NONE else rows.process_of(launch)

    def owner(self, place: int) -> str:
        """The pid of the process that a place (index) belongs to, else the place's mark; "" where neither is known."""
        number = self._process_of_place[place]
        return self._rows.places[place].mark if number == NONE else self._rows.processes[number].pid


def enclosing(host: HostColumns, moments_ns: Sequence[int], wanted: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """For each wanted moment, in order of time: (it, innermost op, innermost scope) on a thread. NONE where there is
    none."""
    start_ns, end_ns, label = host.start_ns, host.end_ns, host.label
    following = outermost_first(host)
    row = next(following, None)
    stack: list[tuple[int, int]] = []  # (end, label); what a later one outlives stays below it and is passed over
    for moment in wanted:
        at_ns = moments_ns[moment]
        while row is not None and start_ns[row] <= at_ns:
            while stack and stack[-1][0] < start_ns[row]:
                stack.pop()
            stack.append((end_ns[row], label[row]))
            row = next(following, None)
        op = scope = NONE
        for until_ns, named in reversed(stack):
            if until_ns < at_ns:
                continue
            if named & 1:
                scope = named >> 1 if scope == NONE else scope
            elif op == NONE:
                op = named >> 1
            if op != NONE and scope != NONE:
                break
        yield moment, op, scope


def self_times(host: HostColumns) -> Iterator[tuple[int, int, int]]:
    """For each op of a thread: (name, time outside of the ops that it called, innermost scope). The times add up to the
    time that ops cover."""
    return (found[2:] for found in own_times(host))


def own_times(host: HostColumns) -> Iterator[tuple[int, int, int, int, int]]:
    """As `self_times`, with the place of each op: (start, end, name, own time, scope)."""
    start_ns, end_ns, label = host.start_ns, host.end_ns, host.label
    stack: list[list[int]] = []  # [start, end, name, own time, scope]
    scopes: list[tuple[int, int]] = []
    for row in outermost_first(host):
        at_ns, until_ns = start_ns[row], end_ns[row]
        while stack and stack[-1][1] <= at_ns:
            yield _closed(stack)
        while scopes and scopes[-1][0] <= at_ns:
            scopes.pop()
        if label[row] & 1:
            scopes.append((until_ns, label[row] >> 1))
            continue
        taken_ns = at_ns
        for outer in reversed(stack):  # one, unless ops overlap without one being in the other
            if outer[1] > taken_ns:
                outer[3] -= min(until_ns, outer[1]) - taken_ns
                taken_ns = outer[1]
            if taken_ns >= until_ns:
                break
        scope = next((name for end, name in reversed(scopes) if end > at_ns), NONE)
        stack.append([at_ns, until_ns, label[row] >> 1, until_ns - at_ns, scope])
    while stack:
        yield _closed(stack)


def _closed(stack: list[list[int]]) -> tuple[int, int, int, int, int]:
    at_ns, until_ns, name, own_ns, scope = stack.pop()
    return at_ns, until_ns, name, own_ns, scope


def outermost_first(host: HostColumns) -> Iterator[int]:
    """Rows by start. Among rows that start together: the longer first, then a scope, then file order."""
    start_ns, end_ns, label = host.start_ns, host.end_ns, host.label
    together: list[int] = []

    def longest_first(row: int) -> tuple[int, int]:
        return -end_ns[row], -(label[row] & 1)

    for row in in_order(start_ns, range(len(start_ns))):
        if together and start_ns[row] != start_ns[together[0]]:
            yield from together if len(together) == 1 else sorted(together, key=longest_first)
            together.clear()
        together.append(row)
    yield from sorted(together, key=longest_first)


def in_order(start_ns: Sequence[int], rows: Sequence[int]) -> Sequence[int]:
    """Rows by start. Most traces are already in this order and need no list of rows."""
    starts = map(start_ns.__getitem__, rows)
    later = map(start_ns.__getitem__, islice(rows, 1, None))
    return rows if all(map(le, starts, later)) else sorted(rows, key=start_ns.__getitem__)
