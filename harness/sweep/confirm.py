"""Confirms a registered choice: times the finalists and the baseline afterwards, in fresh processes, in shuffled order.

Luck flatters the fastest of hundreds. With the times that chose it, a "faster than the baseline" is wrong in 80 % of
the cases where all are equal. With four fresh processes, p < 0.01 and a margin, it is wrong in 0.1 %.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import msgspec

from harness.compare.policy import Policy
from harness.stats import process_medians, ratio
from harness.stats.difference import paired
from harness.stats.students_t import probability_above
from harness.values.case import Case
from harness.values.measurement import Measurement, Status
from harness.values.suite import Suite
from harness.values.sweep import Confirmed, Entrant
from harness.worker.messages import Outcome, Task
from harness.worker.pool import Devices, outcome_of
from harness.worker.process import WorkerDied

CLOCKED = 1
"""Number of the process whose calls the parent times too."""
ROUNDS = {"cuda": 12, "cpu": 4}
WINS_BELOW = 0.01


class OneProcess(Protocol):
    """A fresh device process. lasts: whether the next task finds the configurations that this one made ready."""

    lasts: bool

    def on_one(self, task: Task) -> Future[Outcome]: ...

    def close(self) -> None: ...


class FreshProcesses:
    """Device processes that start together, so that they import together, and run one after the other. beside: the
    devices of the search, which may hold memory of the same device."""

    def __init__(self, suite: Suite, devices: Sequence[OneProcess], beside: Devices | None = None) -> None:
        self._suite, self._devices, self._beside = suite, devices, beside
        self._awake: list[Future[Outcome]] = []

    def wake(self) -> None:
        """Begin to start all processes; call `wait` before anything is timed."""
        if not self._awake:
            self._awake = [d.on_one(Task(self._suite, (), process=n)) for n, d in enumerate(self._devices, 1)]

    def wait(self) -> None:
        for future in self._awake:
            future.exception()

    def measure(self, cases: Sequence[Case], rounds: int, done: Callable[[Outcome], None]) -> dict[str, Measurement]:
        """Measure each case in each process, and return its samples together.

        A case that is wrong or fails in one process is so as a whole. The processes make everything ready at the same
        time and time one after the other.
        """
        tasks = [self._task(cases, rounds, number) for number in range(1, len(self._devices) + 1)]
        self._prepare(tasks, done)
        found: dict[str, list[Measurement]] = {case.id: [] for case in cases}
        for devices, task in zip(self._devices, tasks, strict=True):
            try:
                outcome = self._timed(devices, task)
            except WorkerDied as death:
                for case in cases:
                    found[case.id].append(death.measurement(case, "in a fresh process: "))
                continue
            done(outcome)
            for measurement in outcome.measurements:
                found[measurement.case.id].append(measurement)
        return {name: _together(measurements) for name, measurements in found.items()}

    def _timed(self, devices: OneProcess, task: Task) -> Outcome:
        """Time the task. If the device had no memory left, time it once more with the device to itself."""
        outcome = outcome_of(devices.on_one(task))
        if not any(measurement.out_of_memory for measurement in outcome.measurements):
            return outcome
        release = Task(self._suite, (), process=task.process, release=True)
        if self._beside is not None:
            self._beside.on_one(release).exception()
        for other in self._devices:
            if other.lasts:
                other.on_one(release).exception()
        return outcome_of(devices.on_one(task))

    def _task(self, cases: Sequence[Case], rounds: int, number: int) -> Task:
        order = list(cases)
        random.Random(f"{number} {[case.id for case in cases]}").shuffle(order)
        clocked = tuple(case.id for case in order) if number == CLOCKED and self._suite.timer.reads_clock else ()
        return Task(self._suite, tuple(Entrant(case) for case in order), rounds, number, clocked=clocked)

    def _prepare(self, tasks: Sequence[Task], done: Callable[[Outcome], None]) -> None:
        """Make everything ready in all processes. A failure here occurs again, and is reported, when the case is timed.
        The device counts as busy for the longest time that a process reports, since they shared it."""
        begun = [
            devices.on_one(msgspec.structs.replace(task, prepare=True))
            for devices, task in zip(self._devices, tasks, strict=True)
            if devices.lasts
        ]
        outcomes = [future.result() for future in begun if future.exception() is None]
        if outcomes:
            done(max(outcomes, key=lambda outcome: outcome.busy_s))

    def close(self) -> None:
        with ThreadPoolExecutor() as at_once:
            list(at_once.map(lambda devices: devices.close(), self._devices))


def _together(measurements: Sequence[Measurement]) -> Measurement:
    bad = next((m for m in measurements if m.status is not Status.OK), None)
    if bad is not None:
        return bad
    return msgspec.structs.replace(measurements[0], samples=tuple(s for m in measurements for s in m.samples))


def judge_finals(
    found: dict[str, Measurement], baseline: str | None
) -> tuple[list[Confirmed], Confirmed | None, str | None]:
    """Return the candidates with their gains, fastest first; the baseline; and the id of the winner.

    The winner is None where no candidate was shown to be faster than the baseline by more than the margin. Without a
    working baseline the fastest wins, with an unknown gain.
    """
    base = found.get(baseline) if baseline else None
    base = base if base is not None and base.status is Status.OK else None
    candidates = [m for name, m in found.items() if name != baseline]
    right = sorted((m for m in candidates if m.status is Status.OK), key=_time_us)
    wrong = [m for m in candidates if m.status is not Status.OK]
    confirmed = [_confirmed(m, base) for m in right] + [Confirmed(m) for m in wrong]
    winners = [c for c in confirmed if c.p is not None and c.p < WINS_BELOW]
    if base is None:
        winners = [c for c in confirmed if c.measurement.samples]
    winner = winners[0].measurement.case.id if winners else None
    return confirmed, Confirmed(base) if base else None, winner


def _confirmed(measurement: Measurement, base: Measurement | None) -> Confirmed:
    if base is None:
        return Confirmed(measurement)
    against = ratio(base.samples, measurement.samples)
    return Confirmed(measurement, against, p_no_faster(base, measurement))


def p_no_faster(base: Measurement, candidate: Measurement) -> float | None:
    """One-sided p of the hypothesis that the candidate's gain over the baseline is at most the margin of every verdict
    here, from one log ratio per process. None below two processes."""
    pairs = zip(process_medians(base.samples), process_medians(candidate.samples), strict=False)
    gains = [math.log(b / c) for b, c in pairs]
    if len(gains) < 2:
        return None
    gain = paired(gains)
    above = gain.centre - Policy().margin
    if gain.error == 0:
        return 0.0 if above > 0 else 1.0
    return probability_above(above / gain.error, gain.degrees)


def _time_us(measurement: Measurement) -> float:
    return statistics.geometric_mean(process_medians(measurement.samples))
