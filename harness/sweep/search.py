"""The plan of a sweep: which configurations it tries, in which order, and until when.

It takes all of a small space, a guided part of a large one, and no more than a budget allows. It reports its choices.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from harness.static.pool import tile_of_a_warp
from harness.sweep.guide import Guide
from harness.sweep.options import Way
from harness.sweep.questions import SweepQuestion
from harness.values.case import Case
from harness.values.measurement import Measurement, Status
from harness.values.sweep import LEFT_OUT, Configuration

GUIDED_FROM = 100
"""Number of a question's configurations from which the search is guided. A smaller space is tried as a whole unless the
user sets another way."""
LEAST_TIMED = 16
"""Least number of distinct configurations of each question that are timed, whatever the budget."""
CHOICE_S = {"cuda": 4.0, "cpu": 8.0}
"""Seconds per question that a budget reserves for the final rounds and the fresh processes. Observed on an H100 and an
H200."""
FAR = "not tried: no neighbour of the fastest (guided; --search exhaustive tries all)"


class Search:
    """The search over all questions. way: for all of them; empty: depends on the size of each. budget_s: limit from
    `started_s`, a reading of `time.perf_counter`, to the tuned file; None: no limit."""

    def __init__(
        self, asked: Sequence[SweepQuestion], way: Way = "", budget_s: float | None = None, started_s: float = 0.0
    ) -> None:
        self.asked, self.budget_s, self._started_s = asked, budget_s, started_s
        self.kind = "cuda"
        self._guides = {
            number: Guide(question.cases, [tile_of_a_warp(case) for case in question.cases])
            for number, question in enumerate(asked)
            if not question.recheck and (way == "guided" or (way == "" and len(question.cases) >= GUIDED_FROM))
        }
        self._over = False
        self.given: set[str] = set()
        """Ids of the cases that `next` named."""

    @property
    def takes_all(self) -> bool:
        """Whether every case is tried, however long it takes."""
        return not self._guides and self.budget_s is None

    def next(self, rows: Mapping[str, Configuration], count: int) -> list[Case]:
        """Return cases without a row that were not given out, taking turns between questions, the one with the fewest
        first. rows: known results, by case id."""
        fewest = sorted(range(len(self.asked)), key=lambda number: self._had(number, rows))
        found = [self._of(number, rows, self.given, count) for number in fewest] if count else []
        turns = [case for turn in range(count) for cases in found for case in cases[turn : turn + 1]][:count]
        self.given |= {case.id for case in turns}
        return turns

    def _had(self, number: int, rows: Mapping[str, Configuration]) -> int:
        return sum(case.id in rows or case.id in self.given for case in self.asked[number].cases)

    def left(self, rows: Mapping[str, Configuration]) -> list[Case]:
        """The cases without a row, of each question that still has one to try."""
        return [
            case
            for number, question in enumerate(self.asked) if self._of(number, rows, (), 1)
            for case in question.everything if case.id not in rows
        ]  # fmt: skip

    def _of(self, number: int, rows: Mapping[str, Configuration], given: Collection[str], count: int) -> list[Case]:
        question, guide = self.asked[number], self._guides.get(number)
        if guide is None:
            return [c for c in question.everything if c.id not in rows and c.id not in given][:count]
        base = question.baseline
        first = [base] if base.id not in rows and base.id not in given else []
        return [*first, *(case for case in guide.next(rows, given, count) if case.id != base.id or not first)][:count]

    def is_over(self, rows: Mapping[str, Configuration]) -> bool:
        """Whether the budget leaves no more than the choice needs, and each question has something to choose from."""
        if self.budget_s is None or self._over:
            return self._over
        spent_s = time.perf_counter() - self._started_s
        if spent_s < self.budget_s - CHOICE_S[self.kind] * len(self.asked):
            return False
        self._over = all(
            sum(bool(rows[c.id].measurement.samples) for c in question.cases if c.id in rows)
            >= min(LEAST_TIMED, len(question.cases))
            for question in self.asked
        )
        return self._over

    def words(self, number: int, rows: Mapping[str, Configuration]) -> str:
        """A description of the search of a question."""
        question = self.asked[number]
        if question.recheck:
            return question.recheck
        left = sum(case.id not in rows for case in question.cases)
        way = "guided: neighbours of good configurations" if number in self._guides else "exhaustive"
        budget = f", within a budget of {self.budget_s:g} s" if self.budget_s is not None else ""
        return f"{way}{budget}; {len(question.cases) - left} of {len(question.cases)} tried"

    def left_out(self, number: int, rows: Mapping[str, Configuration]) -> list[Configuration]:
        """A row for each case that was not tried, with the reason. These rows are not stored, since they hold no
        result."""
        question = self.asked[number]
        missing = [case for case in question.cases if case.id not in rows]
        if not missing:
            return []
        guide = self._guides.get(number)
        idle = guide.idle(rows) if guide else frozenset[int]()
        kept = {guide.seen(i, idle) for i, case in enumerate(guide.cases) if case.id in rows} if guide else set()
        found = []
        for case in missing:
            reason = f"not tried: the budget of {self.budget_s or 0:g} s was spent" if self._over else FAR
            if guide is not None and idle and guide.seen(guide.number(case), idle) in kept:
                names = ", ".join(guide.names[k] for k in sorted(idle))
                reason = f"not tried: differs from one that was in {names} alone, which changed no launch here"
            m = Measurement(case, Status.SKIPPED, reason)
            found.append(Configuration("", m, stage=LEFT_OUT))
        return found
