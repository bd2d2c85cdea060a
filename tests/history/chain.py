"""From runs of many commits to confirmed changes, simulated: the scan, alarms, pairs, search, answers and standings are
the shipped ones; what is made up is what a machine would have measured."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.bisect.search import Compared, More, Search
from harness.compare.interim import InterimAnalyses
from harness.compare.order import Orders
from harness.compare.pairs import Pairs
from harness.compare.policy import LOOKS, Policy
from harness.history.alarms import Alarm, alarms
from harness.history.answers import answer_of
from harness.stats import difference
from harness.stats.ratio import ratio_of
from harness.values.bisect import Bisected, Commit
from harness.values.change import Point, Series
from harness.values.event import Answer, Confirmation
from harness.values.verdict import Verdict
from tests.history.made import CASE, MACHINE, SUITE, with_changes

Values = NDArray[np.float64]
COMMON = 0.4
"""Of the variance between processes, what those of a run have in common (samples/compare-h100): +0.1 to +0.54."""
PER_DAY = 8
MACHINE_EVERY = 250
OFFSET = 0.0007
"""SD of what two worktrees of the same code differ by for good."""
SCENARIOS = ("iid", "days", "drift", "outliers", "bimodal", "tails", "machine", "field")


def _ar(rng: np.random.Generator, shape: tuple[int, int], phi: float) -> Values:
    out = rng.normal(size=shape)
    for i in range(1, shape[1]):
        out[:, i] = phi * out[:, i - 1] + math.sqrt(1 - phi * phi) * out[:, i]
    return out


def _mixed(draw: Callable[[int], Values], cases: int) -> Values:
    """Half of an effect is common to all cases of a suite."""
    return math.sqrt(0.5) * draw(1) + math.sqrt(0.5) * draw(cases)


def of_machine(rng: np.random.Generator, kind: str, cases: int, n: int) -> Values:
    """What a machine does to a run of each commit, beside the noise of its process; [cases, n], logs."""
    found: Values = np.zeros((cases, n))
    if kind in ("days", "field"):
        days = n // PER_DAY + 1
        found += 0.0025 * np.repeat(_mixed(lambda c: _ar(rng, (c, days), 0.7), cases), PER_DAY, axis=1)[:, :n]
    if kind in ("drift", "field"):
        size = 0.006 if kind == "drift" else 0.003
        found += size * np.sin(2 * np.pi * (np.arange(n) / 300 + rng.random((cases, 1))))
        found += np.cumsum(0.0002 * rng.normal(size=(cases, n)), axis=1)
    if kind == "machine":
        found += 0.015 * ((np.arange(n) // MACHINE_EVERY) % 2)
    return found


def of_process(rng: np.random.Generator, kind: str, sd: Values, n: int, common: float) -> Values:
    """Noise of one fresh process each; common: the share of the variance that all cases of a run have."""

    def draw(cases: int) -> Values:
        shape = (cases, n)
        return rng.standard_t(4, size=shape) / math.sqrt(2) if kind in ("tails", "field") else rng.normal(size=shape)

    cases = len(sd)
    found = sd[:, None] * (math.sqrt(common) * draw(1) + math.sqrt(1 - common) * draw(cases))
    if kind in ("outliers", "field"):
        share = 0.02 if kind == "outliers" else 0.01
        found += (rng.random((cases, n)) < share) * (0.02 + rng.exponential(0.03, (cases, n)))
    if kind == "bimodal":
        found += 0.02 * (rng.random((cases, n)) < 0.25)
    return found


@dataclass
class Session:
    """Pairs of fresh processes of one case, decided as `harness compare` and `harness bisect` decide them. level: of
    the code at each commit, the good end first."""

    rng: np.random.Generator
    kind: str
    sd: float
    level: Values
    pairs: int = 0
    _seen: dict[int, list[float]] = field(default_factory=dict)
    _offsets: dict[tuple[int, int], float] = field(default_factory=dict)

    def search(self) -> Bisected:
        commits = [Commit(f"{index}") for index in range(len(self.level) - 1)]
        found = Search(len(commits), self._compare, self._more).run()
        left = tuple(commits[found.first : found.last + 1]) if found.first >= 0 else ()
        ends = found.ends
        return Bisected(
            CASE, Commit("good"), commits[-1], found.result, len(commits), self.pairs, ends.ratio if ends else None,
            left, share=found.share, is_alone=found.is_alone, ends_same=bool(ends and ends.same),
        )  # fmt: skip

    def _drawn(self, first: int, second: int, n: int) -> tuple[Values, Values]:
        """n pairs of two commits; what a run's processes have in common goes with the pair, not with the side."""
        offset = self._offsets.setdefault((first, second), float(self.rng.normal() * OFFSET))
        own = np.array([self.sd * math.sqrt(1 - COMMON)])
        sides = [of_process(self.rng, self.kind, own, n, 0.0)[0] for _ in range(2)]
        self.pairs += n
        return self.level[first + 1] + sides[0], self.level[second + 1] + offset + sides[1]

    def _compare(self, first: int, second: int) -> Compared:
        looks, orders = InterimAnalyses(Policy().paired(), 1), Orders(int(self.rng.integers(2**31)))
        base, head = list[float](), list[float]()
        for at in LOOKS:
            for side, new in zip((base, head), self._drawn(first, second, at - len(base)), strict=True):
                side.extend(new)
            ordered = tuple(orders.head_first("kernels", pair) for pair in range(at))
            looks.look({CASE: Pairs(base, head, ordered)})
            if CASE in looks.decided:
                break
        ratios = [b - a for a, b in zip(base, head, strict=True)]
        found, verdict = difference.paired(ratios), looks.decided.get(CASE, Verdict.UNDECIDED)
        moved = verdict in (Verdict.SLOWER, Verdict.FASTER)
        return Compared(
            moved, found.centre, float(np.var(ratios, ddof=1)), ratio_of(found, 0.95, "pair"), verdict is Verdict.SAME
        )

    def _more(self, index: int, wanted: int) -> More:
        seen = self._seen.setdefault(index, [])
        if wanted > len(seen):
            base, head = self._drawn(-1, index, wanted - len(seen))
            seen.extend(head - base)
        return More(tuple(seen))


@dataclass
class Counts:
    """suspected: alarms. false: confirmed where the code of both ends is equally fast. right, wrong: commits named
    where it is not. answers: of all."""

    suspected: int = 0
    false: int = 0
    right: int = 0
    wrong: int = 0
    pairs: int = 0
    answers: dict[Answer, int] = field(default_factory=dict)

    def add(self, other: Counts) -> None:
        for name in ("suspected", "false", "right", "wrong", "pairs"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for answer, many in other.answers.items():
            self.answers[answer] = self.answers.get(answer, 0) + many


def case_series(values: Values) -> Series:
    """A point of each commit, which is called by its number."""
    return with_changes(tuple(Point(str(n), (str(n),), float(value)) for n, value in enumerate(values)))


def confirmed(alarm: Alarm, session: Session, good_today: float) -> Confirmation:
    """As `history.confirm` makes it of a session. good_today: ln of the good commit's time there."""
    found = session.search()
    answer, evidence = answer_of(found, alarm.shift, good_today - alarm.level, {})
    first = int(alarm.good.commit) + 1
    left = tuple(Commit(str(first + int(commit.hash))) for commit in found.left)
    return Confirmation(
        "u", "2026-01-01", "chain", SUITE, CASE, MACHINE, alarm.good.commit, alarm.bad.commit, alarm.change.ratio,
        answer, found.ends, left, found.pairs, evidence,
    )  # fmt: skip


def chain(rng: np.random.Generator, kind: str, values: Values, code: Values, machine: Values, sd: float) -> Counts:
    """One case over its commits. values: as they were measured; code, machine: what of it is theirs."""
    counts = Counts()
    for alarm in alarms(case_series(values)):
        good, bad = int(alarm.good.commit), int(alarm.bad.commit)
        counts.suspected += 1
        session = Session(rng, kind, sd, code[good : bad + 1])
        said = confirmed(alarm, session, float(code[good] + machine[bad]))
        counts.pairs += session.pairs
        counts.answers[said.answer] = counts.answers.get(said.answer, 0) + 1
        steps = [n for n in range(good + 1, bad + 1) if code[n] != code[n - 1]]
        counts.false += said.answer.is_confirmed and not steps
        if said.answer is Answer.COMMIT and steps:
            counts.right += int(said.left[0].hash) in steps
            counts.wrong += int(said.left[0].hash) not in steps
    return counts


def suite(seed: int, kind: str, cases: int, n: int) -> Counts:
    """Cases of one suite over n commits of which none changes anything; process SD 0.14 to 0.45 %."""
    rng = np.random.default_rng([seed, SCENARIOS.index(kind)])
    sd = np.linspace(0.0014, 0.0045, cases)
    machine = of_machine(rng, kind, cases, n)
    values = machine + of_process(rng, kind, sd, n, COMMON)
    nothing = np.zeros(n)
    counts = Counts()
    for case in range(cases):
        counts.add(chain(rng, kind, values[case], nothing, machine[case], float(sd[case])))
    return counts


def stepped(seed: int, kind: str, change: float, at: int = 60, n: int = 100, sd: float = 0.0045) -> tuple[int, Counts]:
    """One case with a step: the commits after which it was suspected (n where never), and the chain's counts."""
    from harness.stats.change_points import scan

    rng = np.random.default_rng([seed, 77])
    machine = of_machine(rng, kind, 1, n)[0]
    code = np.where(np.arange(n) >= at, math.log1p(change), 0.0)
    values = machine + code + of_process(rng, kind, np.array([sd]), n, COMMON)[0]
    hits = [step.seen_at - at for step in scan(values) if abs(step.index - at) <= 3]
    return (hits[0] if hits else n), chain(rng, kind, values, code, machine, sd)


def seeds(first: int, many: int) -> list[int]:
    return [random.Random(f"{first} {number}").randrange(2**31) for number in range(many)]
