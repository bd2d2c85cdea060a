"""Events into the columns of `rows`: the loop over every event of a trace."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable

import msgspec

from harness.trace.event import NOTHING, Arguments, Event, Id, all_nanoseconds, whole_number
from harness.trace.rows import (
    LAUNCH,
    MODULE,
    MOST_NS,
    NONE,
    OP,
    ROLES,
    SCOPE,
    UNREAD,
    HostColumns,
    Place,
    Process,
    Rows,
    mark_of,
)
from harness.trace.shapes import shape_text

LONGEST_ID = 80
"""Most characters of the name of a process, device or stream."""
NO_ARGUMENTS = Arguments()
NO_TIME = msgspec.Raw(b"0.000")
NO_ID = float("nan")
"""Equals nothing, not even itself."""

Named = str | tuple[str, bytes, bytes]
"""A name; for an op whose shapes were recorded, the name with its shapes."""


def collect(blocks: Iterable[list[Event]], quality: Counter[str]) -> Rows:
    """Sort events into columns. Events without usable times are left out and counted in `quality`."""
    collector = _Collector(quality)
    for block in blocks:
        collector.add(block)
    return collector.rows()


class _Collector:
    """The loop over events. Stores every name, thread and place once, as a number."""

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
        roles, events = self._read(block)
        starts_ns = all_nanoseconds([event.ts for event in events])
        durations_ns = all_nanoseconds(
            [NO_TIME if role == LAUNCH else event.dur for role, event in zip(roles, events, strict=True)]
        )
        names = self._names
        for role, event, start_ns, duration_ns in zip(roles, events, starts_ns, durations_ns, strict=True):
            if start_ns is None or duration_ns is None:
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

    def _read(self, block: list[Event]) -> tuple[list[int], list[Event]]:
        """The roles and events of all rows in a block. Among events of Python functions, only calls of modules are
        rows."""
        roles: list[int] = []
        events: list[Event] = []
        role_of = ROLES.get
        for event in block:
            role = role_of(event.cat)  # type: ignore[arg-type]  # None is in no dictionary of names
            if role is None or event.ph != "X":
                if not event.cat and event.args is not None and event.args.task_type is not None:
                    self._rows.unread["Ascend NPU"] += 1
            elif role == UNREAD:
                self._rows.unread[event.cat or ""] += 1
            elif role <= SCOPE or event.name.startswith(MODULE):
                roles.append(role)
                events.append(event)
        return roles, events

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
        """The columns of a thread's module calls, kept beside the thread until all calls are known."""
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


def _shown(pid: Id) -> str:
    return "" if pid is None else _text(pid)


def _text(found: Id) -> str:
    """The id as text that can be written out: half of a pair of `\\u` escapes cannot, and thousands of digits are no
    number."""
    return str(found)[:LONGEST_ID].encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _correlation(args: Arguments) -> int:
    value = args.correlation
    if not isinstance(value, int):
        value = whole_number(value)
    return value if value is not None and 0 <= value < MOST_NS else NONE
