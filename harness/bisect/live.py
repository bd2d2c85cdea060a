"""Commits measured in pairs of fresh processes, and kept: a stopped search continues from the store."""

from __future__ import annotations

import math
import socket
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness.bisect.search import MOST_PAIRS, Compared, More, Search, Step
from harness.compare import StoredSide, compare
from harness.compare.paired_runs import paired_runs
from harness.compare.policy import LOOKS
from harness.compare.sessions import as_one
from harness.errors import HarnessError, NotComparable
from harness.revisions import repository_of
from harness.revisions.git import commit_of, git, has_ancestor
from harness.runner.live_sides import Live, prepare, suite_of
from harness.runner.stage import Options, Report
from harness.runner.terms import Terms
from harness.stats import difference
from harness.stats.ratio import ratio_of
from harness.store import Store
from harness.values.bisect import Bisected, BisectStep, Commit
from harness.values.estimate import Ratio
from harness.values.reason import SameCode, SameLaunches
from harness.values.run import Run
from harness.values.verdict import CaseVerdict, Comparison, Verdict

CONFIDENCE = 0.95
MOVED = (Verdict.FASTER, Verdict.SLOWER)
Say = Callable[[str], None]


class Bisection:
    """One case between two commits of the repository here."""

    def __init__(self, case: str, good: str, bad: str, suite: str, store: Store, options: Options, report: Report,
                 say: Say, budget_s: float | None, locate: bool = True) -> None:  # fmt: skip
        """The repository of the working directory is searched.

        case: As `-k`. It must select exactly one.
        budget_s: Budget of each decided comparison. None: the suite's.
        locate: False: both ends are compared alone.

        Raises HarnessError if good is bad, or is no ancestor of bad by first parents.
        """
        repository = repository_of(Path.cwd())
        if repository is None:
            raise HarnessError("bisect: no git repository here; start it inside the one to search")
        self.case, self.suite, self.store, self.options = case, suite, store, options
        self.report, self.say, self.budget_s, self.locate = report, say, budget_s, locate
        self.good, self.commits = commits_between(repository, good, bad)
        if not self.commits:
            raise HarnessError(f"{good} and {bad} are the same commit; there is nothing between them")
        self.pairs = 0
        self.ends: tuple[StoredSide, StoredSide] | None = None
        """Both ends with their pairs, once they are compared."""

    def run(self, said: Callable[[BisectStep], None] = lambda _: None) -> Bisected:
        """Measures until the commit is known, or cannot be. Every pair is stored as soon as it is measured."""
        steps: list[BisectStep] = []

        def show(step: Step) -> None:
            ratio = _ratio(step.log_ratios)
            steps.append(BisectStep(self.commits[step.index], step.state, len(step.log_ratios), ratio, step.broken))
            said(steps[-1])

        found = Search(len(self.commits), self._compare, self._more, show, locate=self.locate).run()
        return Bisected(
            self.case, self.good, self.commits[-1], found.result, len(self.commits), self.pairs,
            found.ends.ratio if found.ends else None,
            tuple(self.commits[found.first : found.last + 1]) if found.first >= 0 else (),
            found.confirmed.ratio if found.confirmed else None, found.share, found.is_alone, tuple(steps),
            bool(found.ends and found.ends.same),
        )  # fmt: skip

    def _at(self, index: int) -> Commit:
        return self.good if index < 0 else self.commits[index]

    def _compare(self, first: int, second: int) -> Compared:
        """A comparison that is decided by the looks of `harness compare`. Raises HarnessError if a side cannot be
        measured."""
        a, b = self._at(first), self._at(second)
        self.say(f"compare {a.hash[:9]} with {b.hash[:9]}: {b.subject}")
        sides = self._decided(a, b)
        verdict = self._verdict(compare(*sides))
        if verdict.verdict is Verdict.INVALID:
            raise HarnessError(f"{a.hash[:9]} with {b.hash[:9]}: {verdict.case}: INVALID: {verdict.words}")
        drawn = self._log_ratios(sides, verdict.case)
        self.pairs += len(drawn)
        if first < 0 and second == len(self.commits) - 1:
            self.ends = sides
        mean = math.log(verdict.ratio.value) if verdict.ratio else None
        spread = statistics.variance(drawn) if len(drawn) > 1 else 0.0
        same = verdict.verdict is Verdict.SAME
        return Compared(verdict.verdict in MOVED, mean, spread, verdict.ratio, same)

    def _decided(self, a: Commit, b: Commit) -> tuple[StoredSide, StoredSide]:
        """Both sides, with enough pairs for a decision. Pairs from a killed session count: the next session continues
        to the next look."""
        note = f"{self._note(a, b)}, decided"
        decided, sessions = next(self._kept(note, "complete"), None), list(self._kept(note, "partial"))
        if decided is None and not any(self._log_ratios(sides, None) for sides in sessions):
            terms = Terms(budget_s=self.budget_s, gated_only=False)
            return self._sides(self._measure(a, b, terms, note))
        if decided is not None:
            return decided
        resumed = f"{self._note(a, b)}, resumed"
        sessions += self._kept(resumed, "complete", "partial")
        while True:
            sides = as_one(sessions)
            n, verdict = len(self._log_ratios(sides, None)), self._verdict(compare(*sides)).verdict
            left = next((look for look in LOOKS if look > n), n)
            if left == n or (n >= LOOKS[0] and verdict is not Verdict.UNDECIDED):
                return sides
            self.say(f"{n} pairs are kept; up to {left}")
            terms = Terms(gated_only=False, pairs=left - n)
            sessions.append(self._sides(self._measure(a, b, terms, resumed)))

    def _more(self, index: int, wanted: int) -> More:
        """Pairs of the good end and a commit, stored ones first."""
        a, b = self.good, self._at(index)
        note = self._note(a, b)
        drawn = [x for sides in self._kept(note, "complete", "partial") for x in self._log_ratios(sides, None)]
        if len(drawn) < wanted <= MOST_PAIRS:
            self.say(f"pairs {len(drawn) + 1} to {wanted} of {a.hash[:9]} and {b.hash[:9]}: {b.subject}")
            try:
                found = self._measure(a, b, Terms(gated_only=False, pairs=wanted - len(drawn)), note)
                verdict = self._verdict(found)
            except HarnessError as error:
                return More(broken=str(error))
            if isinstance(verdict.reason, SameCode | SameLaunches):
                return More(same_code=True)
            if verdict.failed:
                return More(broken=verdict.words)
            new = self._log_ratios(self._sides(found), verdict.case)
            self.pairs += len(new)
            drawn += new
        return More(tuple(drawn))

    def _measure(self, a: Commit, b: Commit, terms: Terms, note: str) -> Comparison:
        live = Live(a.hash, b.hash, self.suite, self.case)
        options = msgspec.structs.replace(self.options, note=note)
        pairs = prepare(live, self.store, options, terms, self.report, self.say)
        names = sorted({case.question for case in pairs.base.plan.cases})
        if len(names) != 1:
            raise HarnessError(f"{self.case}: matches {len(names)} cases, allowed: one of {', '.join(names)}")
        return pairs.run()

    def _verdict(self, found: Comparison) -> CaseVerdict:
        """The verdict on the time of the selected case."""
        if not found.comparable:
            differ = "; ".join(difference.words for difference in found.differences)
            raise NotComparable(f"{self.case}: its two commits are not comparable: {differ}")
        times = [verdict for verdict in found.verdicts if verdict.is_time]
        if len(times) != 1:
            raise HarnessError(f"{self.case}: {len(times)} verdicts on its time, wanted one; name a case with one time")
        return times[0]

    def _sides(self, found: Comparison) -> tuple[StoredSide, StoredSide]:
        base, head = (StoredSide(self.store.load(side.run), side.arm) for side in (found.base, found.head))
        return base, head

    def _log_ratios(self, sides: tuple[StoredSide, StoredSide], case: str | None) -> list[float]:
        """ln(head / base) of each pair that counts.

        case: None if the runs have one.
        """
        runs = paired_runs(sides[0].run, sides[1].run)
        if runs is None:
            return []
        of_head = {m.case.question: m for m in runs.head.measurements if m.samples}
        both = [
            (m, of_head[m.case.question])
            for m in runs.base.measurements
            if m.samples and m.case.question in of_head and case in (None, m.case.question, m.case.id)
        ]
        return [x for base, head in both[:1] for x in runs.of(base, head).log_ratios]

    def _kept(self, note: str, *states: str) -> Iterator[tuple[StoredSide, StoredSide]]:
        """Both sides of each comparison in one of these states, oldest first. A side's note begins with its tree. A
        stopped comparison decides nothing, but its pairs count."""
        by_comparison: dict[str, list[Run]] = {}
        suite = suite_of(Live("", "", self.suite), self.store)[0].stem  # another one may ask a case of the same id
        for summary in self.store.runs(suite, "compare"):
            if summary.note.endswith(note) and summary.comparison and summary.state in states:
                by_comparison.setdefault(summary.comparison, []).append(self.store.load(summary.id))
        for runs in by_comparison.values():
            sides = {run.pairing.side: run for run in runs if run.pairing is not None}
            if sides.keys() == {"base", "head"}:
                yield StoredSide(sides["base"]), StoredSide(sides["head"])

    def _note(self, a: Commit, b: Commit) -> str:
        """The note under which the pairs of two commits are found again. It names the host, since times of another host
        do not count."""
        return f"bisect {self.case} on {socket.gethostname()}: {a.hash[:12]} and {b.hash[:12]}"


def commits_between(repository: Path, good: str, bad: str, own_line: bool = True) -> tuple[Commit, list[Commit]]:
    """The good end, and every commit after it up to bad, by first parents, oldest first. None after it where both are
    one commit.

    own_line: Good must be on bad's line of first parents: else the first commit after it does not build on it, and
    would answer for what it lacks. False: an ancestor by any parent will do.

    Raises HarnessError where good is no such ancestor.
    """
    first, last = commit_of(repository, good), commit_of(repository, bad)
    rows = _rows(repository, "--first-parent", last, f"^{first}")
    if not has_ancestor(repository, last, first):
        raise HarnessError(f"{good} is no ancestor of {bad}; name the older, good commit first")
    if own_line and rows and rows[-1].parents.split()[:1] != [first]:
        raise HarnessError(f"{good} is no ancestor of {bad} by first parents; name the commit that merged it")
    [at] = _rows(repository, "--max-count=1", first)
    return Commit(first, at.subject), [Commit(row.hash, row.subject) for row in reversed(rows)]


class _Row(NamedTuple):
    hash: str
    parents: str
    subject: str


def _rows(repository: Path, *which: str) -> list[_Row]:
    """Commits, newest first. A subject may have any character but NUL, those that end a line elsewhere among them."""
    said = git(repository, "rev-list", "--format=%H%x00%P%x00%s%x00", *which).split("\0")[:-1]
    rows = zip(said[::3], said[1::3], said[2::3], strict=True)
    return [_Row(header.rpartition("\n")[2], parents, subject) for header, parents, subject in rows]


def _ratio(log_ratios: Sequence[float]) -> Ratio | None:
    """The ratio of pairs with its t interval. None for fewer than two."""
    return ratio_of(difference.paired(log_ratios), CONFIDENCE, "pair") if len(log_ratios) > 1 else None
