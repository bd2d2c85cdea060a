"""Growing pairs to verdicts: a look at fixed numbers of pairs, what was decided at one look stays as it is.

Judging stored pairs and judging them while they are measured is this same procedure, and so is the simulation that
shows its error rates.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.compare.decide import MOVED, Decision, Evidence, describe, paired, verdicts_of
from harness.compare.policy import LOOKS, Policy
from harness.values.pairing import CaseNoise
from harness.values.verdict import Verdict

PRIOR_WEIGHT = 4
"""A calibrated variance counts as much as four degrees of freedom of the comparison's own."""
TRUSTED = 0.99
"""Beyond this quantile of F, the noise is not the calibrated one any more, and the own variance stands alone."""


@dataclass
class Looks:
    """family: how many cases may be FASTER or SLOWER, fixed beforehand. noise: of those that are calibrated.
    never_same: cases whose times have two modes."""

    policy: Policy
    family: int
    noise: Mapping[str, CaseNoise] = field(default_factory=dict)
    never_same: set[str] = field(default_factory=set)
    decided: dict[str, Verdict] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)

    def look(self, pairs: Mapping[str, Sequence[float]]) -> None:
        """One look at the log ratios of every case that has new pairs; what was decided before is passed over."""
        fresh = {case: ratios for case, ratios in pairs.items() if case not in self.decided and len(ratios) > 1}
        evidence = with_noise(fresh, self.noise)
        rejected = sum(verdict in MOVED for verdict in self.decided.values())
        found = verdicts_of(evidence, self.policy, family=self.family, rejected=rejected, never_same=self.never_same)
        rejected += sum(verdict in MOVED for verdict in found.values())
        for case, verdict in found.items():
            self.evidence[case], self.left[case] = evidence[case], max(1, self.family - rejected)
            if verdict is not Verdict.UNDECIDED:
                self.decided[case] = verdict

    def decisions(self) -> dict[str, Decision]:
        """Of every case that was looked at, as of its last look."""
        return {
            case: describe(e, self.decided.get(case, Verdict.UNDECIDED), self.policy, self.left[case])
            for case, e in self.evidence.items()
        }


def replay(looks: Looks, pairs: Mapping[str, Sequence[float]], *, open_ended: bool = False) -> Looks:
    """Every look that these pairs allow, in order. Where a budget ended them between two looks, the next look is taken
    at what there is; open_ended: not yet, more will come."""
    before = 0
    for at in LOOKS:
        seen = {
            case: ratios[:at]
            for case, ratios in pairs.items()
            if len(ratios) >= at or (not open_ended and len(ratios) > before and len(ratios) >= LOOKS[0])
        }
        if seen:
            looks.look(seen)
        before = at
    return looks


def with_noise(pairs: Mapping[str, Sequence[float]], noise: Mapping[str, CaseNoise]) -> dict[str, Evidence]:
    """Evidence of each case, its variance put together with the calibrated one where the two agree.

    Calibrated variances are first raised by as much as the suite as a whole is noisier than it was then.
    """
    known = {case: noise[case] for case in pairs if case in noise and noise[case].pair_variance > 0}
    found = {case: paired(values) for case, values in pairs.items()}
    ratios = [found[case].error ** 2 * found[case].n / known[case].pair_variance for case in known]
    louder = max(1.0, statistics.fmean(ratios)) if ratios else 1.0
    for case, calibrated in known.items():
        found[case] = _pooled(found[case], louder * calibrated.pair_variance, calibrated.degrees)
    return found


def _pooled(e: Evidence, variance: float, degrees: int) -> Evidence:
    own = e.error**2 * e.n
    if own / variance > _trusted_ratio(e.n - 1, degrees):
        return e
    together = (PRIOR_WEIGHT * variance + (e.n - 1) * own) / (e.n - 1 + PRIOR_WEIGHT)
    return Evidence(e.centre, math.sqrt(together / e.n), e.n - 1 + PRIOR_WEIGHT, e.n, e.level)


_ratios: dict[tuple[int, int], float] = {}


def _trusted_ratio(own: int, calibrated: int) -> float:
    """The F quantile; a few dozen different ones are asked for, again and again."""
    if (own, calibrated) not in _ratios:
        from scipy.special import fdtri

        _ratios[own, calibrated] = float(fdtri(own, calibrated, TRUSTED))
    return _ratios[own, calibrated]
