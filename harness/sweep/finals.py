"""Narrows the configurations of the first pass to the five of the tuned file.

A quarter is timed side by side, then ten of these with the baseline and eight twins, then the five fastest in fresh
processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from harness.sweep import rank
from harness.sweep.confirm import ROUNDS as CONFIRM_ROUNDS
from harness.sweep.confirm import FreshProcesses, judge_finals
from harness.sweep.questions import SweepQuestion
from harness.sweep.race import Ledger
from harness.values.measurement import Measurement, Sample, Status
from harness.values.suite import Suite
from harness.values.sweep import Configuration, Entrant, Finals, Twin
from harness.worker.messages import Task
from harness.worker.pool import Devices, outcome_of
from harness.worker.process import WorkerDied

HALF_ROUNDS = {"cuda": 10, "cpu": 3}
FINAL_ROUNDS = {"cuda": 15, "cpu": 4}
"""Rounds of one batch. More batches follow until the fastest stands apart or the budget is spent."""
BUDGET_S = {"cuda": 0.8, "cpu": 2.0}
"""Device time in s of a question's final rounds."""
MOST_BATCHES = 4
HALF, FINALS, CONFIRM = "a quarter, side by side", "finals", "the choice again, in fresh processes"


class Finalists:
    """The end of one question. rounds: replaces the usual numbers. begins: called with each stage. brief: choose the
    ten of the final rounds by their first times alone, as a budget requires."""

    def __init__(
        self, suite: Suite, asked: SweepQuestion, ledger: Ledger, devices: Devices, kind: str, rounds: int | None,
        begins: Callable[[str], None], brief: bool = False,
    ) -> None:  # fmt: skip
        self._brief = brief
        self._suite, self._asked, self._ledger, self._devices = suite, asked, ledger, devices
        self._kind, self._rounds, self._begins = kind, rounds, begins

    def choose(self) -> tuple[list[Configuration], list[Twin]]:
        """Return the five fastest distinct configurations besides the baseline, and the twins."""
        baseline = self._asked.baseline.id
        finalists = rank.kept(self._rows())
        if self._brief:
            finalists = finalists[: rank.FINALISTS]
        if len(finalists) > rank.FINALISTS:
            self._begins(HALF)
            self._time([row.case.id for row in finalists], [], self._rounds or HALF_ROUNDS[self._kind], "half")
            kept = {row.case.id for row in finalists}
            finalists = rank.distinct([row for row in self._rows() if row.case.id in kept])[: rank.FINALISTS]
        self._begins(FINALS)
        names = [row.case.id for row in finalists]
        twins = rank.twins_for(finalists, self._rows())
        if baseline not in names:
            names.append(baseline)
        found = self._time_until_apart(names, twins)
        now = [row for row in self._rows() if row.case.id in names]  # rows of an earlier sweep say final, too
        top = [row for row in rank.distinct(now) if row.stage == "final" and not self._is_baseline(row)]
        return top[: rank.TOP], rank.log_ratios(found, twins)

    def confirm(
        self, top: Sequence[Configuration], twins: Sequence[Twin], processes: FreshProcesses, count: int
    ) -> Finals:
        """Time the registered choice again."""
        self._begins(CONFIRM)
        baseline = self._asked.baseline
        rounds = self._rounds or CONFIRM_ROUNDS[self._kind]
        cases = [*(row.case for row in top), baseline]
        found = processes.measure(cases, rounds, self._ledger.record_outcome)
        confirmed, base, winner = judge_finals(found, baseline.id)
        return Finals(tuple(twins), tuple(confirmed), base, winner, count)

    def _is_baseline(self, row: Configuration) -> bool:
        """Whether the row is the baseline, or the same work."""
        base = self._ledger.rows.get(self._asked.baseline.id)
        return row.case.id in (self._asked.baseline.id, base and base.same_as)

    def _rows(self) -> list[Configuration]:
        rows = (self._ledger.rows.get(case.id) for case in self._asked.cases)
        return [row for row in rows if row is not None and row.measurement.status is Status.OK]

    def _time_until_apart(self, names: Sequence[str], twins: Sequence[tuple[str, Entrant]]) -> dict[str, list[float]]:
        start = time.monotonic()
        rounds = self._rounds or FINAL_ROUNDS[self._kind]
        found: dict[str, list[float]] = {}
        for _ in range(1 if self._rounds else MOST_BATCHES):
            found = self._time(names, [twin for _, twin in twins], rounds, "final", found)
            own = {name: values for name, values in found.items() if name in names}
            if rank.separated(own) or time.monotonic() - start > BUDGET_S[self._kind]:
                break
        return found

    def _time(
        self, names: Sequence[str], copies: Sequence[Entrant], rounds: int, stage: str,
        before: dict[str, list[float]] | None = None,
    ) -> dict[str, list[float]]:  # fmt: skip
        """Time all side by side on one device; return the samples of each in us, after those of `before`. If one kills
        the process, each is tried alone, to find its name."""
        cases = {case.id: case for case in self._asked.everything}
        entrants = [*(Entrant(cases[name]) for name in names), *copies]
        measured = self._together(entrants, rounds)
        found = {name: list(values) for name, values in (before or {}).items()}
        for entrant, measurement in zip(entrants, measured, strict=True):
            found.setdefault(entrant.name, []).extend(sample.value_us for sample in measurement.samples)
            if entrant.copy == 0:
                earlier = self._ledger.rows.get(entrant.case.id)
                if before and earlier is not None and measurement.status is Status.OK:
                    measurement = _more(earlier.measurement, measurement)
                self._ledger.record(measurement, stage)
        return found

    def _together(self, entrants: Sequence[Entrant], rounds: int) -> list[Measurement]:
        try:
            outcome = outcome_of(self._devices.on_one(Task(self._suite, tuple(entrants), rounds)))
        except WorkerDied as death:
            if death.stopped:
                raise KeyboardInterrupt from death
            if len(entrants) == 1:
                return [death.measurement(entrants[0].case)]
            return [self._together([entrant], rounds)[0] for entrant in entrants]
        self._ledger.record_outcome(outcome)
        return list(outcome.measurements)


def _more(earlier: Measurement, later: Measurement) -> Measurement:
    """The measurement with one more batch, whose rounds continue the numbering."""
    start = 1 + max((s.round for s in earlier.samples), default=-1)
    shifted = tuple(Sample(s.value_us, s.process, s.round + start) for s in later.samples)
    return msgspec.structs.replace(later, samples=earlier.samples + shifted)
