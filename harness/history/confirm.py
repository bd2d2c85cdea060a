"""Alarms measured anew: both ends in pairs, then the commit between them. Each answer is stored at once."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.bisect.live import Bisection
from harness.history.alarms import Alarm
from harness.history.answers import answer_of
from harness.history.stamp import stamp
from harness.id_filter import exactly
from harness.machines.health import slower_between
from harness.runner.stage import Options, Report
from harness.stats import process_medians
from harness.store import Store, events
from harness.values.change import Point
from harness.values.event import Answer, Confirmation
from harness.values.machine import Sniffed


@dataclass(frozen=True)
class Confirming:
    """How alarms are measured.

    suite: Its file.
    budget_s: Budget of each decided comparison. None: the suite's.
    locate: The commit is searched for. False: both ends are compared alone.
    """

    suite: str
    store: Store
    options: Options
    report: Report
    say: Callable[[str], None]
    budget_s: float | None = None
    locate: bool = True

    def confirm(self, alarm: Alarm) -> Confirmation:
        """Measures one alarm, stores the answer and returns it. Measurements stay stored whatever stops it, and the
        same alarm continues from there. Raises HarnessError if an end cannot be measured."""
        change = alarm.change
        if change.same_code:
            return self._keep(_unmeasured(alarm))
        search = Bisection(
            exactly(change.case), alarm.good.commit, alarm.bad.commit, self.suite, self.store, self.options,
            self.report, self.say, self.budget_s, self.locate,
        )  # fmt: skip
        found = search.run(lambda step: self.say(f"{step.commit.hash[:9]}: {step.state.value}"))
        today = _level_of(search) if search.ends else None
        probes = slower_between(self._looks(alarm.before), self._looks(alarm.since))
        answer, evidence = answer_of(found, alarm.shift, None if today is None else today - alarm.level, probes)
        return self._keep(
            Confirmation(
                *stamp(), change.suite, change.case, change.machine, found.good.hash, found.bad.hash, change.ratio,
                answer, found.ends, found.left, found.pairs, evidence,
            )
        )  # fmt: skip

    def _looks(self, points: Iterable[Point]) -> list[Sniffed]:
        found = (self.store.sniff_of(run) for point in points for run in point.runs if run.isdigit())
        return [look for look in found if look is not None]

    def _keep(self, answer: Confirmation) -> Confirmation:
        events.add(self.store, [answer])
        return answer


def _unmeasured(alarm: Alarm) -> Confirmation:
    change = alarm.change
    said = "the code of the case is the same before and after"
    return Confirmation(
        *stamp(), change.suite, change.case, change.machine, alarm.good.commit, alarm.bad.commit, change.ratio,
        Answer.MACHINE, evidence=said,
    )  # fmt: skip


def _level_of(search: Bisection) -> float | None:
    """The level of the good end in this session, ln of us."""
    assert search.ends is not None
    timed = [m for m in search.ends[0].run.measurements if m.samples]
    logs = [math.log(median) for m in timed[:1] for median in process_medians(m.samples)]
    return statistics.fmean(logs) if logs else None


def by_size(found: Sequence[Alarm]) -> list[Alarm]:
    """The alarms, largest slowdown first, improvements last: a budget may end before all are measured."""
    return sorted(found, key=lambda alarm: -alarm.shift)
