"""The decision procedure: turns log ratios and their errors into verdicts, and bounds the chance of a false one over
all cases at once.

It does not know the source of the ratios: unpaired processes of two runs, pairs of processes, or a simulation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.compare.offset import NONE, Allowance
from harness.compare.policy import Policy
from harness.stats import difference
from harness.stats.students_t import probability_above, quantile
from harness.values.verdict import Verdict

MOVED = (Verdict.FASTER, Verdict.SLOWER)
MOST_UNITS = 1000
"""More units than this count as out of reach."""


@dataclass(frozen=True)
class Evidence:
    """Mean of ln(head / base), its standard error and that error's degrees of freedom, from n units."""

    centre: float
    error: float
    degrees: float
    n: int
    level: str
    """`pair`, or `process` where n processes a side are not paired."""
    offset: Allowance = NONE
    """Allowance for lasting offsets."""

    def with_units(self, n: int) -> Evidence:
        """The evidence expected from n units with the same spread."""
        error, degrees = self.error * math.sqrt(self.n / n), self.degrees * (n - 1) / (self.n - 1)
        return replace(self, error=error, degrees=degrees, n=n)

    def margin(self, policy: Policy) -> float:
        """The log ratio that a difference must be shown to exceed."""
        return max(policy.margin, self.offset.moved)

    def margin_percent(self, policy: Policy) -> float:
        return max(policy.margin_percent, 100 * math.expm1(self.offset.moved))


@dataclass(frozen=True)
class Decision:
    """low, high: interval of the log ratio at `confidence`. needed and smallest (a log ratio): see `CaseVerdict`."""

    verdict: Verdict
    low: float
    high: float
    confidence: float
    needed: int | None = None
    smallest: float | None = None


def paired(log_ratios: Sequence[float]) -> Evidence:
    """The evidence of one log ratio per pair, two or more."""
    return Evidence(*difference.paired(log_ratios), "pair")


def unpaired(base: Sequence[float], head: Sequence[float]) -> Evidence:
    """The evidence of unrelated processes, from the logs of their medians, two or more a side."""
    return Evidence(*difference.welch(base, head), "process")


def decide(evidence: Mapping[str, Evidence], policy: Policy) -> dict[str, Decision]:
    """Return a decision for each case of a family, from a single look."""
    verdicts = verdicts_of(evidence, policy, len(evidence))
    left = max(1, sum(verdict not in MOVED for verdict in verdicts.values()))
    return {case: describe(evidence[case], verdict, policy, left) for case, verdict in verdicts.items()}


def verdicts_of(
    evidence: Mapping[str, Evidence], policy: Policy, left: int, never_same: Collection[str] = ()
) -> dict[str, Verdict]:
    """Return a verdict for each case. FASTER and SLOWER come first: the two-sided p of a difference beyond the margin,
    by Holm's procedure over the family.

    SAME comes next: the interval lies inside ±same_within, at its own error per case. Cases in never_same cannot be
    SAME. left: cases of the family that were not FASTER or SLOWER at an earlier look, in `evidence` or not.
    """
    error = policy.family_error / policy.looks
    different = holm({case: p_beyond(e, e.margin(policy)) for case, e in evidence.items()}, error, left)
    found = {}
    for case, e in evidence.items():
        if case in different:
            found[case] = Verdict.SLOWER if e.centre > 0 else Verdict.FASTER
        else:
            same = case not in never_same and _is_same(e, policy)
            found[case] = Verdict.SAME if same else Verdict.UNDECIDED
    return found


def describe(e: Evidence, verdict: Verdict, policy: Policy, left: int) -> Decision:
    """Return a verdict with its interval, at the error of its decision: SAME's lies inside ±same_within. left: cases
    of the family that are neither FASTER nor SLOWER."""
    error = policy.family_error / policy.looks / left
    if verdict is Verdict.SAME:
        reach, smallest = _reach_of_same(e, policy), _smallest(e, policy, error)
        return Decision(verdict, e.centre - reach, e.centre + reach, _sure_of_same(policy), None, smallest)
    half = quantile(1 - error / 2, e.degrees) * e.error
    low, high, confidence = e.centre - half, e.centre + half, 1 - error
    if verdict in MOVED:
        return Decision(verdict, low, high, confidence)
    smallest = _smallest(e, policy, error)
    return Decision(verdict, low, high, confidence, _needed(e, policy, error), smallest)


def p_beyond(evidence: Evidence, margin: float) -> float:
    """Two-sided p of the hypothesis that the true log ratio lies within ±margin."""
    x, error = evidence.centre, evidence.error
    if error == 0:
        return 0.0 if abs(x) > margin else 1.0
    return min(1.0, 2 * probability_above((abs(x) - margin) / error, evidence.degrees))


def holm(p: Mapping[str, float], error: float, family: int) -> set[str]:
    """The cases rejected in a family of that size, where `error` is the chance of any false rejection."""
    rejected: set[str] = set()
    for case, value in sorted(p.items(), key=lambda item: item[1]):
        if value > error / max(1, family - len(rejected)):
            break
        rejected.add(case)
    return rejected


def _is_same(e: Evidence, policy: Policy) -> bool:
    return abs(e.centre) + _reach_of_same(e, policy) < policy.same_within


def _reach_of_same(e: Evidence, policy: Policy) -> float:
    """Half-width of SAME's interval. Half-widths of independent parts add up in quadrature (Howe, JASA 69:789,
    1974)."""
    return math.hypot(quantile(1 - policy.same_error / policy.looks, e.degrees) * e.error, e.offset.same)


def _sure_of_same(policy: Policy) -> float:
    """Confidence of the interval that decides SAME. Each of its ends has the whole error."""
    return 1 - 2 * policy.same_error / policy.looks


def _smallest(e: Evidence, policy: Policy, error: float) -> float:
    """The smallest true log ratio that would be found with the policy's power."""
    return e.margin(policy) + (quantile(1 - error / 2, e.degrees) + quantile(policy.power, e.degrees)) * e.error


def _needed(e: Evidence, policy: Policy, error: float) -> int | None:
    """The fewest units that would show a difference or SAME with the policy's power, if the observed ratio is the
    truth; None where that is out of reach."""

    x = abs(e.centre)

    def enough(n: int) -> bool:
        then = e.with_units(n)
        tail = quantile(policy.power, then.degrees)
        moved = (quantile(1 - error / 2, then.degrees) + tail) * then.error
        same = _reach_of_same(then, policy) + tail * then.error
        return moved <= x - e.margin(policy) or same <= policy.same_within - x

    return _first(enough, e.n + 1, MOST_UNITS)


def _first(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """The smallest n from low to high for which the condition holds; once true, it must stay true."""
    if low > high or not holds(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
