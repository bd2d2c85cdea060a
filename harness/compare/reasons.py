"""Why a verdict is what it is, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from harness.compare.decide import Decision, Evidence
from harness.compare.policy import Policy
from harness.values.measurement import Measurement, Status
from harness.values.verdict import Verdict

IDENTICAL = "both sides run the same code with the same tunables at the same sizes: not measured"
SAME_LAUNCHES = "the code differs, but binaries, launches and torch calls are the same: checked, not timed"
RAN_AND_FAILED = (Status.INCORRECT, Status.FAILED, Status.TIMEOUT)


class Problem(NamedTuple):
    """failed: a case was wrong, or could not be run on a side that should."""

    reason: str
    failed: bool


def not_ok(sides: Mapping[str, Measurement | None]) -> Problem | None:
    """Why two measurements (by `base` and `head`) cannot be compared; None where they can.

    A variant that is not supported is a failure where the other side's answer is: head cannot do what base could.
    """
    reasons, failed = [], False
    for side, m in sides.items():
        if m is None:
            reasons.append(f"{side} has no measurement: its run ended before")
        elif m.status is not Status.OK:
            reasons.append(f"{side} is {m.status.value}: {m.reason}")
            failed = failed or m.status in RAN_AND_FAILED or side == "head"
        elif not m.samples:
            reasons.append(f"{side} was checked, not timed")
    return Problem("; ".join(reasons), failed) if reasons else None


def too_few(base: int, head: int) -> str:
    """`1 process a side`, `1 and 3 processes`."""
    if base != head:
        return f"{base} and {head} processes"
    return f"{base} {'process' if base == 1 else 'processes'} a side"


def too_few_pairs(pairs: int, disturbed: Sequence[str], least: int) -> str:
    """`3 pairs; a verdict needs 4`, and what became of others."""
    lost = f"; {len(disturbed)} more were disturbed ({disturbed[0]})" if disturbed else ""
    return f"{pairs} {'pair' if pairs == 1 else 'pairs'}; a verdict needs {least}{lost}"


def decided(decision: Decision, evidence: Evidence, policy: Policy, unchanged: bool, two_modes: bool = False) -> str:
    """What the interval says, and for UNDECIDED what would decide it. unchanged: both sides ran the same variant's
    text. two_modes: of the processes' times, so that SAME is never said."""
    sure = f"{100 * decision.confidence:.4g} %"
    if decision.verdict in (Verdict.SLOWER, Verdict.FASTER):
        same = "; variant, tunables and source text are the same on both sides" if unchanged else ""
        return f"the {sure} interval lies beyond the margin of {policy.margin_percent:g} %{same}"
    if decision.verdict is Verdict.SAME:
        return f"the {sure} interval lies inside of ±{policy.same_within_percent:g} %"
    assert decision.smallest is not None
    unit = "pairs" if evidence.level == "pair" else "processes a side"
    enough = f"about {decision.needed} {unit} would decide it" if decision.needed else "more would hardly help"
    smallest = 100 * math.expm1(decision.smallest)
    modes = "; its processes fall into two modes, where SAME cannot be shown" if two_modes else ""
    seen = f"{evidence.n} {unit} show neither a difference nor SAME"
    return f"{seen}; {enough}; they could have seen {smallest:.2g} %{modes}"
