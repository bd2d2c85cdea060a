"""The search over commits. It does not know how two commits are measured.

Both ends are compared first: a difference that does not reappear is not searched for. Then each commit is measured
against the good end. A sequential probability ratio test (Wald 1945) decides whether it has the ends' difference or
none. The commit that is left is compared with the one before it, since a name is a claim of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from harness.values.bisect import BisectResult, CommitState
from harness.values.estimate import Ratio

ERROR = 0.002
"""Chance that a commit is put on the wrong side, for each measured commit: about six out of 64."""
LEAST_PAIRS = 3
MOST_PAIRS = 24
UNCLEAR = math.log(20)
"""A commit whose ratio of likelihoods stays below this after MOST_PAIRS is on neither side."""
RAISED = 1.5
"""Factor on the variance of the ends' pairs: few pairs can be alike by chance."""
OFFSET_VARIANCE = 0.001**2
"""Variance that is added, in log ratios: the constant difference between two worktrees of the same code."""
LEAST_SHARE = 0.7
"""A commit that explains less of the ends' difference is reported as not alone."""


@dataclass(frozen=True)
class Compared:
    """Two commits, decided.

    moved: FASTER or SLOWER, beyond the margin of a comparison.
    log_ratio: Mean of ln(second / first). None if nothing was measured.
    variance: Variance of the log ratios of its pairs.
    ratio: With its interval, as it is shown.
    same: Shown to be equally fast.
    """

    moved: bool
    log_ratio: float | None
    variance: float = 0.0
    ratio: Ratio | None = None
    same: bool = False


@dataclass(frozen=True)
class More:
    """More pairs of a commit against the good end.

    log_ratios: All so far.
    same_code: There was nothing to measure.
    broken: The reason why the commit cannot be measured. Empty if it can.
    """

    log_ratios: Sequence[float] = ()
    same_code: bool = False
    broken: str = ""


@dataclass(frozen=True)
class Step:
    """One commit, measured.

    index: In the list of commits.
    """

    index: int
    state: CommitState
    log_ratios: tuple[float, ...] = ()
    broken: str = ""


@dataclass
class Search:
    """One search over the commits 0 .. commits - 1. The last one is the bad end.

    compare: Decides two indices by a comparison. -1 is the good end.
    more: Returns pairs of the good end and a commit, at least the wanted number in all.
    said: Receives each step as it is known.
    locate: False: the result is only whether the ends differ.
    """

    commits: int
    compare: Callable[[int, int], Compared]
    more: Callable[[int, int], More]
    said: Callable[[Step], None] = lambda _: None
    locate: bool = True
    steps: list[Step] = field(default_factory=list)

    def run(self) -> Found:
        """The result of the search."""
        ends = self.compare(-1, self.commits - 1)
        if not ends.moved or ends.log_ratio is None:
            return Found(BisectResult.NOT_REPRODUCIBLE, ends=ends)
        good, bad = -1, self.commits - 1
        if not self.locate and bad > 0:
            return Found(BisectResult.RANGE, 0, bad, ends)
        untested: set[int] = set()
        while left := [i for i in range(good + 1, bad) if i not in untested]:
            middle = min(left, key=lambda i: abs(i - (good + bad) / 2))
            step = self._state(middle, ends)
            self.steps.append(step)
            self.said(step)
            if step.state in (CommitState.GOOD, CommitState.SAME_CODE):
                good = middle
            elif step.state is CommitState.BAD:
                bad = middle
            else:
                untested.add(middle)
        if bad - good > 1:  # between them nothing could be decided
            alone = all(step.state is CommitState.BROKEN for step in self.steps)
            return Found(
                BisectResult.BROKEN if alone and bad == self.commits - 1 else BisectResult.RANGE, good + 1, bad, ends
            )
        confirmed = self.compare(bad - 1, bad) if bad > 0 or self.commits > 1 else ends
        if not confirmed.moved or confirmed.log_ratio is None or confirmed.log_ratio * ends.log_ratio < 0:
            return Found(BisectResult.RANGE, max(bad - 1, 0), bad, ends, confirmed)
        return Found(BisectResult.FOUND, bad, bad, ends, confirmed)

    def _state(self, index: int, ends: Compared) -> Step:
        assert ends.log_ratio is not None
        variance = RAISED * ends.variance + OFFSET_VARIANCE
        bound, wanted = math.log((1 - ERROR) / ERROR), LEAST_PAIRS
        while True:
            got = self.more(index, wanted)
            if got.broken:
                return Step(index, CommitState.BROKEN, broken=got.broken)
            if got.same_code:
                return Step(index, CommitState.SAME_CODE)
            step = ends.log_ratio
            for_bad = sum(step * (x - step / 2) for x in got.log_ratios) / variance
            n = len(got.log_ratios)
            drawn = tuple(got.log_ratios)
            if n >= LEAST_PAIRS and abs(for_bad) >= bound:
                return Step(index, CommitState.BAD if for_bad > 0 else CommitState.GOOD, drawn)
            if n >= MOST_PAIRS or n < wanted:  # no more will come
                if abs(for_bad) < UNCLEAR:
                    return Step(index, CommitState.UNCLEAR, drawn)
                return Step(index, CommitState.BAD if for_bad > 0 else CommitState.GOOD, drawn)
            wanted = min(MOST_PAIRS, n + LEAST_PAIRS)


@dataclass(frozen=True)
class Found:
    """The result of a search.

    first, last: Indices of the commits that are left. One commit if the result is FOUND.
    confirmed: The commit compared with the one before it.
    """

    result: BisectResult
    first: int = -1
    last: int = -1
    ends: Compared | None = None
    confirmed: Compared | None = None

    @property
    def share(self) -> float | None:
        """The part of the ends' difference that the commit explains."""
        if self.confirmed is None or self.ends is None or not self.ends.log_ratio or self.confirmed.log_ratio is None:
            return None
        return self.confirmed.log_ratio / self.ends.log_ratio

    @property
    def is_alone(self) -> bool:
        """Whether no other commit of the range need have changed the case, too."""
        return self.share is not None and self.share >= LEAST_SHARE
