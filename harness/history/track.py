"""The commits of a history, measured one by one. The newest comes first, then commits inside suspected ranges, then the
middle of the widest gap, so that a budget that ends anywhere has halved the unknown part."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path

from harness.errors import HarnessError, StoreFailed
from harness.history.reading import read
from harness.history.stamp import stamp
from harness.plan import expand
from harness.revisions import check_out
from harness.revisions.checkout import Checkout, set_up
from harness.revisions.git import is_file_of
from harness.runner.execute import Execution
from harness.runner.measuring_lock import measuring_lock
from harness.runner.stage import Options, Report
from harness.store import Store, events
from harness.suite.load import load_suite
from harness.values.bisect import Commit
from harness.values.environment import Environment
from harness.values.event import Broken
from harness.values.point import is_of
from harness.values.suite import Plan


def next_commit(
    number: int, measured: Collection[int], skipped: Collection[int], ranges: Iterable[tuple[int, int]]
) -> int | None:
    """The next one of commits 0 .. number - 1 to measure. None if none is left.

    skipped: Commits that cannot be measured.
    ranges: Suspected ranges, from the last commit before a step to the first one after it.
    """
    done = {*measured, *skipped}
    left = [index for index in range(number) if index not in done]
    if not left:
        return None
    if number - 1 in left:
        return number - 1
    for first, last in ranges:
        inside = [index for index in left if first < index < last]
        if inside:
            return inside[len(inside) // 2]
    known = sorted({-1, number, *measured})
    gaps = [(a, b) for a, b in pairwise(known) if any(a < index < b for index in left)]
    a, b = max(gaps, key=lambda gap: (gap[1] - gap[0], gap[1]))  # of two alike the newer one
    return min((index for index in left if a < index < b), key=lambda index: (abs(index - (a + b) / 2), -index))


def refuse_unknown(repository: Path, suite: Path, newest: str) -> None:
    """Raise HarnessError for a suite that the newest commit lacks: a wrong name would be remembered as
    broken commits."""
    name = suite.relative_to(repository).as_posix()
    if not is_file_of(repository, newest, name):
        raise HarnessError(f"{name}: not a file of {newest[:9]}, the newest commit; commit it first, or name --until")


@dataclass
class Tracking:
    """How a history is measured.

    suite: Its file in the working tree.
    commits: First parents, oldest first.
    machine: Its place, as the series of runs here have it.
    match, arms, options: As for `run`.
    budget_s: No further commit is begun after it. None: all.
    """

    repository: Path
    suite: Path
    commits: Sequence[Commit]
    machine: str
    store: Store
    options: Options
    report: Report
    say: Callable[[str], None]
    match: str = ""
    arms: tuple[str, ...] = ()
    budget_s: float | None = None
    most: int | None = None
    failed: dict[str, str] = field(default_factory=dict)
    """The reason, by case and commit."""
    passed: set[int] = field(default_factory=set)
    """Commits that could not be checked out now; another session tries them again."""

    def run(self) -> list[str]:
        """The ids of the runs, in the order in which they were measured."""
        begin, runs = time.monotonic(), list[str]()
        while self.most is None or len(runs) < self.most:
            index = self._next()
            if index is None:
                break
            if self.budget_s is not None and time.monotonic() - begin >= self.budget_s:
                self.say(f"the budget of {self.budget_s:g} s is over")
                break
            commit = self.commits[index]
            self.say(f"measure {commit.hash[:9]}: {commit.subject}")
            try:
                checkout = check_out(commit.hash, self.repository, self.say)
            except HarnessError as error:  # a full disk, perhaps, which says nothing of the commit
                self.failed[commit.hash[:9]] = str(error)
                self.passed.add(index)
                continue
            try:
                runs.append(self._measure(commit, checkout))
            except StoreFailed:
                raise
            except HarnessError as error:
                self.say(f"{commit.hash[:9]} cannot be measured: {error}")
                events.add(self.store, [Broken(*stamp(), self.suite.stem, commit.hash, self.machine, str(error))])
        return runs

    def _next(self) -> int | None:
        places = {commit.hash: index for index, commit in enumerate(self.commits)}
        known = [one for one in self.store.series() if one.suite == self.suite.stem]
        mine = [one for one in known if is_of(one.place, self.machine)]
        measured = {
            places[point.commit]
            for _, point in self.store.points(mine)
            if point.commit in places and not point.tree and point.time is not None
        }
        broken = {
            places[event.commit]
            for event in events.of_suite(self.store, self.suite.stem)
            if isinstance(event, Broken) and is_of(event.machine, self.machine) and event.commit in places
        }
        ranges = []
        if mine:
            for alarm in read(self.store, "", self.suite.stem).alarms(self.machine):
                before, since = (places.get(point.commit) for point in (alarm.change.before, alarm.change.since))
                if before is not None and since is not None:
                    ranges.append((before, since))
        return next_commit(len(self.commits), measured, {*broken, *self.passed}, ranges)

    def _measure(self, commit: Commit, checkout: Checkout) -> str:
        """One run of a commit, in its own checkout."""
        file = checkout.root / self.suite.relative_to(self.repository)
        if not file.is_file():
            raise HarnessError(f"{commit.hash[:9]} has no suite {self.suite.relative_to(self.repository)}")
        suite = load_suite(file)
        planned = partial(expand, suite, arms=list(self.arms) or None, match=self.match or None)
        planned()  # reports its errors before torch loads

        def make_plan(environment: Environment) -> Plan:
            return planned(device_slug=environment.slug, triton=environment.triton)

        set_up(checkout, suite.compare.setup, sys.executable, self.say)
        execution = Execution(suite, make_plan, self.store, self.options, self.report)
        with measuring_lock(self.say):
            run_id = execution.run()
        if not run_id:
            raise HarnessError(f"no case of {self.suite.name} is of the stages {', '.join(self.options.stages)}")
        self.failed |= {f"{case} at {commit.hash[:9]}": reason for case, reason in execution.record.failures.items()}
        if self.store.load(run_id).nothing_measured:
            raise HarnessError(self.store.load(run_id).nothing_measured)
        return run_id
