"""Verdicts from growing pairs: looks at fixed numbers of pairs, where each decision is final.

Judging stored pairs, judging them while they are measured, and the simulation that shows the error rates are this same
procedure. A look sees only the pairs measured by then.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.compare.decide import MOVED, Decision, Evidence, describe, verdicts_of
from harness.compare.offset import allowance
from harness.compare.pairs import Pairs
from harness.compare.policy import LOOKS, Policy
from harness.stats.difference import PairFit
from harness.values.pairing import CaseNoise, Noise
from harness.values.verdict import Verdict

PRIOR_WEIGHT = 4
"""A calibrated variance counts as much as four degrees of freedom of the comparison's own."""
TRUSTED = 0.99
"""Quantile of F beyond which the noise no longer matches the calibration, and the comparison's own variance stands
alone."""


@dataclass
class InterimAnalyses:
    """family: number of cases that may be FASTER or SLOWER, fixed beforehand. noise: as calibrated, its cases by the
    names that the pairs have here."""

    policy: Policy
    family: int
    noise: Noise = field(default_factory=Noise)
    decided: dict[str, Verdict] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)

    def look(self, pairs: Mapping[str, Pairs]) -> None:
        """Take one look at every case that has new pairs, except those already decided."""
        fresh = {case: found for case, found in pairs.items() if case not in self.decided and found.n > 1}
        evidence = self._evidence(fresh)
        judged = {case: evidence[case] for case, found in fresh.items() if found.judgeable}
        never_same = {case for case in judged if self._has_two_modes(case, fresh[case])}
        left = self.family - sum(verdict in MOVED for verdict in self.decided.values())
        found = verdicts_of(judged, self.policy, left, never_same)
        left -= sum(verdict in MOVED for verdict in found.values())
        for case, e in evidence.items():
            self.evidence[case], self.left[case] = e, max(1, left)
            if found.get(case, Verdict.UNDECIDED) is not Verdict.UNDECIDED:
                self.decided[case] = found[case]

    def decisions(self) -> dict[str, Decision]:
        """The decision on every case with a look, as of its last look."""
        return {
            case: describe(e, self.decided.get(case, Verdict.UNDECIDED), self.policy, self.left[case])
            for case, e in self.evidence.items()
        }

    def _evidence(self, pairs: Mapping[str, Pairs]) -> dict[str, Evidence]:
        fits = with_noise({case: found.fit for case, found in pairs.items()}, self.noise.cases)
        return {
            case: Evidence(*fit.difference, "pair", allowance(self.noise, case, self.family))
            for case, fit in fits.items()
        }

    def _has_two_modes(self, case: str, pairs: Pairs) -> bool:
        known = self.noise.cases.get(case)
        return (known is not None and known.bimodal) or pairs.has_two_modes


def replay(looks: InterimAnalyses, pairs: Mapping[str, Pairs], *, open_ended: bool = False) -> InterimAnalyses:
    """Take every look that these pairs allow, in order, and return the looks. If a budget ended the pairs between two
    looks, the next look uses the pairs that exist. open_ended: more pairs will come, so that look is not taken yet."""
    before = 0
    for at in LOOKS:
        seen = {
            case: found.first(at)
            for case, found in pairs.items()
            if found.n >= at or (not open_ended and found.n > before and found.n >= LOOKS[0])
        }
        if seen:
            looks.look(seen)
        before = at
    return looks


def with_noise(fits: Mapping[str, PairFit], noise: Mapping[str, CaseNoise]) -> dict[str, PairFit]:
    """Pool each case's variance with the calibrated one, where the two agree.

    Calibrated variances are first scaled up by the suite's mean increase of noise since then.
    """
    known = {case: noise[case] for case in fits if case in noise and noise[case].pair_variance > 0}
    ratios = [fits[case].variance / calibrated.pair_variance for case, calibrated in known.items()]
    louder = max(1.0, statistics.fmean(ratios)) if ratios else 1.0
    pooled = {case: _pooled(fits[case], louder * known[case].pair_variance, known[case].degrees) for case in known}
    return {**fits, **pooled}


def _pooled(fit: PairFit, variance: float, degrees: int) -> PairFit:
    if fit.variance / variance > _trusted_ratio(fit.degrees, degrees):
        return fit
    together = (PRIOR_WEIGHT * variance + fit.degrees * fit.variance) / (fit.degrees + PRIOR_WEIGHT)
    return fit._replace(variance=together, degrees=fit.degrees + PRIOR_WEIGHT)


_ratios: dict[tuple[int, int], float] = {}


def _trusted_ratio(own: int, calibrated: int) -> float:
    """The F quantile, cached: a few dozen different ones are needed, again and again."""
    if (own, calibrated) not in _ratios:
        from scipy.special import fdtri

        _ratios[own, calibrated] = float(fdtri(own, calibrated, TRUSTED))
    return _ratios[own, calibrated]
