"""A part of a trace: some of its steps, or a window of time."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from harness.errors import HarnessError
from harness.trace.attribute import Attribution
from harness.trace.rows import GpuColumns, HostColumns, LaunchColumns, Rows
from harness.trace.steps import MARK, Step, Steps, moment_of

C = TypeVar("C", GpuColumns, HostColumns, LaunchColumns)

RANGE = re.compile(r"(\d+)-(\d+)")
WINDOW = re.compile(r"(?:([\d.]+)\s*(us|ms|s)?)?\.\.(?:([\d.]+)\s*(us|ms|s)?)?")
UNIT_NS = {"us": 10**3, "ms": 10**6, "s": 10**9}


class Selection(NamedTuple):
    """A part of a trace. `first`, `last`: numbers of steps, inclusive; without `last`, to the end. `skip`: number of
    first steps left out. `start_ns`, `end_ns`: a window that starts at the first row of the trace, end exclusive; None
    is open."""

    first: int | None = None
    last: int | None = None
    skip: int = 0
    start_ns: int | None = None
    end_ns: int | None = None

    @property
    def by_step(self) -> bool:
        return self.first is not None or self.skip > 0

    @property
    def by_time(self) -> bool:
        return self.start_ns is not None or self.end_ns is not None

    def __bool__(self) -> bool:
        return self.by_step or self.by_time

    def __str__(self) -> str:
        until = "on" if self.last is None else f"to {self.last}"
        parts = [f"steps {self.first} {until}"] if self.first is not None else []
        if self.skip:
            parts.append("without the first step" if self.skip == 1 else f"without the first {self.skip} steps")
        if self.by_time:
            ends = ["" if ns is None else f"{ns / 1e6:g} ms" for ns in (self.start_ns, self.end_ns)]
            parts.append(f"window {ends[0]}..{ends[1]}")
        return ", ".join(parts)


def step_range(text: str) -> tuple[int, int]:
    """The first and last step of `2-5`. Raises HarnessError."""
    found = RANGE.fullmatch(text.strip())
    if not found or int(found[1]) > int(found[2]):
        raise HarnessError(f"--steps {text}: no range of steps; allowed: a number of decode steps, or `2-5`")
    return int(found[1]), int(found[2])


def window(text: str) -> tuple[int | None, int | None]:
    """Start and end, in ns, of `1.5..3` (ms), `200us..1s`, `..5`, `5..`. Raises HarnessError."""
    found = WINDOW.fullmatch(text.strip())
    try:
        start_ns, end_ns = (_nanoseconds(*found.group(at, at + 1)) for at in (1, 3)) if found else (None, None)
    except ValueError:
        start_ns = end_ns = None
    backwards = start_ns is not None and end_ns is not None and start_ns >= end_ns
    if backwards or (start_ns is None and end_ns is None):
        raise HarnessError(f"--window {text}: no window; allowed: START..END from the first row on, `1.5ms..2s`, `5..`")
    return start_ns, end_ns


def _nanoseconds(number: str | None, unit: str | None) -> int | None:
    return round(float(number) * UNIT_NS[unit or "ms"]) if number else None


def selection(steps: str, skip: int, of_time: str) -> tuple[int, Selection]:
    """The number of decode steps in a trace and the selected part of it, from the options of the command line."""
    first, last = (None, None) if not steps or steps.isdecimal() else step_range(steps)
    start_ns, end_ns = window(of_time) if of_time else (None, None)
    return int(steps) if steps.isdecimal() else 0, Selection(first, last, skip, start_ns, end_ns)


def select(rows: Rows, wanted: Selection, path: object) -> Rows:
    """The rows of a part: GPU rows (without any, CPU ops) of its steps and window, with the launches of those rows.

    A GPU row belongs to the step in which it was launched, and to the window in which it starts. Raises HarnessError
    where nothing is left.
    """
    if not wanted:
        return rows
    attribution, steps = Attribution(rows), Steps(rows)
    chosen = _chosen(steps, wanted, path) if wanted.by_step else frozenset()
    origin_ns = _first(rows)

    def inside(process: int, moment_ns: int, start_ns: int) -> bool:
        at_ns = start_ns - origin_ns
        if wanted.by_step and steps.at(process, moment_ns) not in chosen:
            return False
        return (wanted.start_ns or 0) <= at_ns and (wanted.end_ns is None or at_ns < wanted.end_ns)

    if rows.gpu.role:
        left = [
            row
            for row, start_ns in enumerate(rows.gpu.start_ns)
            if inside(attribution.process(row), moment_of(rows, attribution, row), start_ns)
        ]
        _keep_launches(rows, {attribution.launch[row] for row in left}, inside)
        rows.said = {at: rows.said[row] for at, row in enumerate(left) if row in rows.said}
        rows.gpu = _columns(GpuColumns(), rows.gpu, left)
    else:
        _keep_launches(rows, set(), inside)
        rows.threads = [_ops(rows, host, inside) for host in rows.threads]
        left = [1 for host in rows.threads if any(not label & 1 for label in host.label)]
    if not left:
        raise HarnessError(f"{path}: nothing in {wanted}")
    rows.selected = str(wanted)
    return rows


Inside = Callable[[int, int, int], bool]
"""Whether a row is selected, by its process, the moment that decides its step, and its start."""


def _chosen(steps: Steps, wanted: Selection, path: object) -> frozenset[Step]:
    first, last = wanted.first, wanted.last
    found = frozenset(
        step
        for process in steps.processes
        for step in steps.of(process)[wanted.skip :]
        if first is None or first <= step.number <= (step.number if last is None else last)
    )
    if not found:
        numbers = sorted({step.number for process in steps.processes for step in steps.of(process)})
        have = f"it has {numbers[0]} to {numbers[-1]}" if numbers else "it has no `ProfilerStep#N` rows"
        raise HarnessError(f"{path}: no step left of {wanted}; {have}")
    return found


def _first(rows: Rows) -> int:
    columns = (rows.gpu.start_ns, rows.launches.start_ns, *(host.start_ns for host in rows.threads))
    return min((min(column) for column in columns if column), default=0)


def _keep_launches(rows: Rows, owning: set[int], inside: Inside) -> None:
    """Keep the launches inside, and those of kept rows."""
    launched_ns = rows.launches.start_ns
    left = [
        launch
        for launch, at_ns in enumerate(launched_ns)
        if launch in owning or inside(rows.process_of(launch), at_ns, at_ns)
    ]
    place_of = {launch: place for place, launch in enumerate(left)}
    for process in rows.processes:
        known = process.by_correlation
        process.by_correlation = {n: place_of[launch] for n, launch in known.items() if launch in place_of}
    rows.launches = _columns(LaunchColumns(), rows.launches, left)


def _ops(rows: Rows, host: HostColumns, inside: Inside) -> HostColumns:
    """Keep the ops inside, and all scopes, which show where an op belongs."""
    left = [
        at
        for at, (start_ns, label) in enumerate(zip(host.start_ns, host.label, strict=True))
        if label & 1 or MARK.match(rows.names[label >> 1]) or inside(host.process, start_ns, start_ns)
    ]
    return _columns(HostColumns(host.process), host, left)


def _columns(new: C, old: C, left: Sequence[int]) -> C:
    for name, column in vars(old).items():
        if isinstance(column, array):
            setattr(new, name, array(column.typecode, (column[row] for row in left)))
    return new
