"""The reasons of verdicts, from measurements and decisions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from harness.compare.decide import MOVED, Decision, Evidence
from harness.compare.policy import Policy
from harness.values.measurement import Measurement, Status
from harness.values.reason import BeyondMargin, NotMeasured, SideProblem, Undecided, WithinBounds
from harness.values.verdict import Verdict

RAN_AND_FAILED = (Status.INCORRECT, Status.INVALID, Status.FAILED, Status.TIMEOUT)


class Problem(NamedTuple):
    """failed: a case was wrong, or could not run on a side where it should."""

    reason: NotMeasured
    failed: bool


def not_ok(sides: Mapping[str, Measurement | None]) -> Problem | None:
    """The reason why two measurements (by `base` and `head`) cannot be compared; None where they can.

    An unsupported variant is a failure where the other side supports its answer: head cannot do the work that base
    could.
    """
    found = [
        SideProblem(side, m.status if m else None, m.reason if m else "")
        for side, m in sides.items()
        if m is None or not (m.samples or m.statistics)
    ]
    failed = any(p.status in RAN_AND_FAILED or (p.side == "head" and p.status is Status.UNSUPPORTED) for p in found)
    return Problem(NotMeasured(tuple(found)), failed) if found else None


def decided(
    decision: Decision, evidence: Evidence, policy: Policy, unchanged: bool, two_modes: bool = False
) -> BeyondMargin | WithinBounds | Undecided:
    """The reason of a decision. unchanged: both sides ran the same variant's text. two_modes: of the processes' times,
    which rules out SAME."""
    if decision.verdict in MOVED:
        return BeyondMargin(decision.confidence, evidence.margin_percent(policy), unchanged)
    if decision.verdict is Verdict.SAME:
        return WithinBounds(decision.confidence, policy.same_within_percent)
    assert decision.smallest is not None
    return Undecided(evidence.n, evidence.level, decision.needed, 100 * math.expm1(decision.smallest), two_modes)
