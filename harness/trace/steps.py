"""The steps that a trace marks (`ProfilerStep#N`), and the work of each."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from harness.trace.attribute import Attribution, in_order, own_times
from harness.trace.intervals import Covered
from harness.trace.rows import NONE, Rows
from harness.values.profile import StepRow

MARK = re.compile(r"ProfilerStep\s?#(\d+)$")


class Step(NamedTuple):
    """number: of `ProfilerStep#N`. process: index into `Rows.processes`."""

    start_ns: int
    end_ns: int
    number: int
    process: int


Work = tuple[Step | None, int, int, int]
"""Step, start, end and own time of a row."""


class Steps:
    """The steps of each process. A moment belongs to the last step that began before it and has not ended."""

    def __init__(self, rows: Rows) -> None:
        numbers = {at: int(found[1]) for at, name in enumerate(rows.names) if (found := MARK.match(name))}
        self._of: list[list[Step]] = [[] for _ in rows.processes]
        for host in rows.threads if numbers else ():
            for at, label in enumerate(host.label):
                if label >> 1 in numbers:
                    step = Step(host.start_ns[at], host.end_ns[at], numbers[label >> 1], host.process)
                    self._of[host.process].append(step)
        for steps in self._of:
            steps.sort()
        self._starts = [[step.start_ns for step in steps] for steps in self._of]
        self.processes = [number for number, steps in enumerate(self._of) if steps]

    def of(self, process: int) -> list[Step]:
        return self._of[process]

    def at(self, process: int, moment_ns: int) -> Step | None:
        """The step at a moment, None where there is none. A process without steps uses those of the only process that
        has any."""
        if process == NONE or not self._of[process]:
            if len(self.processes) != 1:
                return None
            process = self.processes[0]
        place = bisect_right(self._starts[process], moment_ns) - 1
        step = self._of[process][place] if place >= 0 else None
        return step if step is not None and moment_ns <= step.end_ns else None


def moment_of(rows: Rows, attribution: Attribution, row: int) -> int:
    """The moment that decides the step of a GPU row: its launch, or its start where the launch is lost."""
    launch = attribution.launch[row]
    return rows.gpu.start_ns[row] if launch == NONE else rows.launches.start_ns[launch]


def step_rows(rows: Rows, attribution: Attribution, steps: Steps) -> tuple[StepRow, ...]:
    """GPU rows by step; empty where the trace marks none. Omits steps without work."""
    if not steps.processes:
        return ()
    gpu = rows.gpu

    def work() -> Iterator[Work]:
        for row in in_order(gpu.start_ns, range(len(gpu.start_ns))):
            start_ns, duration_ns = gpu.start_ns[row], gpu.duration_ns[row]
            step = steps.at(attribution.process(row), moment_of(rows, attribution, row))
            yield step, start_ns, start_ns + duration_ns, duration_ns

    return _summed(rows, work())


def cpu_step_rows(rows: Rows, steps: Steps) -> tuple[StepRow, ...]:
    """Ops by the step in which they start, with their self times."""
    if not steps.processes:
        return ()
    work = [
        (steps.at(host.process, at_ns), at_ns, until_ns, own_ns)
        for host in rows.threads
        for at_ns, until_ns, _, own_ns, _ in own_times(host)
    ]
    return _summed(rows, sorted(work, key=lambda row: row[1]))


def _summed(rows: Rows, work: Iterable[Work]) -> tuple[StepRow, ...]:
    sums: dict[Step | None, list[int]] = {}
    covered: dict[Step | None, Covered] = {}
    for step, start_ns, end_ns, own_ns in work:
        entry = sums.setdefault(step, [0, 0])
        entry[0] += 1
        entry[1] += own_ns
        covered.setdefault(step, Covered()).add(start_ns, end_ns)
    order = sorted(sums, key=lambda step: (step is None, step or ()))
    return tuple(_row(rows, step, sums[step], covered[step].total_ns) for step in order)


def _row(rows: Rows, step: Step | None, calls_and_ns: list[int], busy_ns: int) -> StepRow:
    calls, total_ns = calls_and_ns
    if step is None:
        return StepRow(None, "", 0, calls, total_ns, busy_ns)
    pid = rows.processes[step.process].pid
    return StepRow(step.number, pid, step.end_ns - step.start_ns, calls, total_ns, busy_ns)
