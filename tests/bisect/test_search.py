"""The search, on simulated pairs: the right commit, a range, or nothing; a wrong name hardly ever."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest

from harness.bisect.search import Compared, Found, More, Search
from harness.values.bisect import BisectResult as Result
from harness.values.bisect import CommitState as State
from tests.history.chain import Session

COMMITS = 64
MARGIN = 0.0025
"""Of the comparison that judges ends and answer, as a log ratio."""


@dataclass
class Machine:
    """A made history. level: the log time of each commit, the good end 0. sd: of a pair's log ratio; offset: between
    two worktrees. broken: commits that do not build; untouched: those whose code for the case is the good end's."""

    rng: random.Random
    level: list[float]
    sd: float = 0.005
    offset: float = 0.0007
    broken: set[int] = field(default_factory=set)
    untouched: set[int] = field(default_factory=set)
    pairs: int = 0
    seen: dict[int, list[float]] = field(default_factory=dict)
    offsets: dict[int, float] = field(default_factory=dict)

    def at(self, index: int) -> float:
        return 0.0 if index < 0 else self.level[index]

    def compare(self, first: int, second: int) -> Compared:
        """Up to 24 pairs, decided at 4, 8, 12, 16 or 24 by t intervals at 0.01 in all."""
        true = self.at(second) - self.at(first) + self.rng.gauss(0, self.offset)
        drawn: list[float] = []
        for n in (4, 8, 12, 16, 24):
            drawn += [true + self.rng.gauss(0, self.sd) for _ in range(n - len(drawn))]
            half = {4: 11.0, 8: 5.4, 12: 4.6, 16: 4.2, 24: 3.9}[n] * statistics.stdev(drawn) / math.sqrt(n)
            mean = statistics.fmean(drawn)
            if abs(mean) - half > MARGIN or (half < 0.01 and abs(mean) + half < 0.01):
                break
        self.pairs += len(drawn)
        return Compared(abs(mean) - half > MARGIN, mean, statistics.variance(drawn))

    def more(self, index: int, wanted: int) -> More:
        if index in self.broken:
            return More(broken="does not build")
        if index in self.untouched:
            return More(same_code=True)
        seen = self.seen.setdefault(index, [])
        offset = self.offsets.setdefault(index, self.rng.gauss(0, self.offset))
        self.pairs += max(0, wanted - len(seen))
        seen += [self.at(index) + offset + self.rng.gauss(0, self.sd) for _ in range(wanted - len(seen))]
        return More(tuple(seen))

    def search(self) -> Found:
        return Search(len(self.level), self.compare, self.more).run()


def stepped(at: int, change: float, commits: int = COMMITS) -> list[float]:
    return [math.log1p(change) if index >= at else 0.0 for index in range(commits)]


@pytest.mark.parametrize(("change", "right"), [(0.05, 0.99), (0.02, 0.95), (-0.05, 0.99)])
def test_the_right_commit_is_named(change: float, right: float) -> None:
    """At a process SD of 0.45 % (0.5 % between pairs), by the looks of `compare`; a wrong one in 0.3 % at most, and
    30 pairs on average at most."""
    trials, outcomes, pairs = 400, Counter[str](), []
    for seed in range(trials):
        rng = np.random.default_rng([seed, 5])
        at = int(rng.integers(COMMITS))
        session = Session(rng, "iid", 0.0045, np.array([0.0, *stepped(at, change)]))
        found = session.search()
        named = "right" if [commit.hash for commit in found.left] == [str(at)] else "wrong"
        outcomes[named if found.result is Result.FOUND else found.result.value] += 1
        pairs.append(session.pairs)
    assert outcomes["right"] >= right * trials, outcomes
    assert outcomes["wrong"] <= 0.003 * trials, outcomes
    assert statistics.fmean(pairs) <= 30


def test_what_is_not_there_is_not_named() -> None:
    """Two ends with the same speed: nothing is searched."""
    outcomes = Counter(Machine(random.Random(seed), [0.0] * COMMITS).search().result for seed in range(400))
    assert outcomes[Result.NOT_REPRODUCIBLE] >= 398, outcomes


def test_commits_that_do_not_build_are_never_blamed() -> None:
    """Where the change may lie in one of them, or just behind, the answer is a range that holds it."""
    for seed in range(100):
        rng = random.Random(seed)
        at = rng.randrange(8, COMMITS - 8)
        broken = {index for index in range(at - 3, at + 3) if index != at or seed % 2}
        found = Machine(rng, stepped(at, 0.05), broken=broken).search()
        assert found.result is Result.RANGE and found.first <= at <= found.last
        assert found.last - found.first <= 8
    everything = Machine(random.Random(1), stepped(3, 0.05, 8), broken=set(range(7))).search()
    assert everything.result is Result.BROKEN and (everything.first, everything.last) == (0, 7)


def test_commits_with_the_good_ends_code_cost_no_pair() -> None:
    """Nine of ten commits touch the case not at all: those before the change are the good end's code."""
    for seed in range(60):
        rng = random.Random(seed)
        at = rng.randrange(8, COMMITS)
        machine = Machine(rng, stepped(at, 0.05), untouched=set(range(at)))
        found = machine.search()
        assert found.result is Result.FOUND and found.first == at
        assert machine.pairs <= 40


def test_of_two_changes_one_is_named_and_the_other_said() -> None:
    """The commit explains a part of the difference."""
    alone = 0
    for seed in range(60):
        rng = random.Random(seed)
        first, second = sorted(rng.sample(range(4, COMMITS), 2))
        level = [(index >= first) * 0.04 + (index >= second) * 0.04 for index in range(COMMITS)]
        found = Machine(rng, level).search()
        assert found.result is not Result.FOUND or found.first in (first, second)
        alone += found.result is Result.FOUND and found.is_alone
    assert alone == 0


def test_what_stays_between_both_is_unclear() -> None:
    """Half of the difference is on neither side; the steps say so."""
    machine = Machine(random.Random(3), [0.0, 0.025, 0.05], sd=0.03, offset=0.0)
    ends = Compared(True, 0.05, machine.sd**2)
    search = Search(3, lambda first, second: ends, machine.more)
    search.run()
    assert {step.state for step in search.steps} <= {State.UNCLEAR, State.GOOD, State.BAD}
    assert all(len(step.log_ratios) <= 24 for step in search.steps)
