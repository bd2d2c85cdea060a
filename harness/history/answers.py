"""The result of measuring a suspected change anew: the commit, a range, nothing, or the machine."""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.values.bisect import Bisected, BisectResult
from harness.values.event import Answer

SHARE = 0.5
"""Share of the step. If the machine explains as much, and the commits explain less, the machine is named."""


def answer_of(
    found: Bisected, shift: float, good_today: float | None, probes: Mapping[str, float]
) -> tuple[Answer, str]:
    """The answer, and the evidence against the machine.

    shift: The suspected step, a log ratio.
    good_today: The good commit in this session against its old level in the history, a log ratio. None if it was not
        measured.
    probes: ln of the cost of each probe of the machine since the step over its cost before (`health.slower_between`).
    """
    evidence = machine_evidence(shift, good_today, probes)
    if found.result in (BisectResult.FOUND, BisectResult.RANGE):
        explained = math.log(found.ends.value) / shift if found.ends else 1.0
        if evidence and explained < SHARE:
            return Answer.MACHINE, evidence
        return (Answer.COMMIT if found.result is BisectResult.FOUND else Answer.RANGE), ""
    if found.result is BisectResult.BROKEN:
        return Answer.RANGE, "no commit between the ends could be measured"
    if not found.ends_same:
        return Answer.UNDECIDED, ""
    return (Answer.MACHINE, evidence) if evidence else (Answer.NOT_REPRODUCIBLE, "")


def machine_evidence(shift: float, good_today: float | None, probes: Mapping[str, float]) -> str:
    """The evidence that the machine was the cause. Empty without any."""
    said = [f"its {name} takes {percent(moved)} since then" for name, moved in probes.items() if moved / shift >= SHARE]
    if good_today is not None and good_today / shift >= SHARE:
        said.append(f"the old commit itself takes {percent(good_today)} today")
    return ", ".join(said)


def percent(log_ratio: float) -> str:
    """`20 % longer`."""
    return f"{100 * abs(math.expm1(log_ratio)):.2g} % {'longer' if log_ratio > 0 else 'less'}"
