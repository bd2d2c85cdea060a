"""What a comparison says: a verdict per case with its ratio, interval and reason, and the exit status of all."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.errors import ExitStatus
from harness.values.difference import Difference
from harness.values.estimate import Ratio
from harness.values.reason import Reason


class Verdict(StrEnum):
    """SAME is a claim with evidence, UNDECIDED says that there is not enough of it, INVALID that there is none. Of
    memory, SLOWER means more and FASTER less."""

    FASTER = "FASTER"
    SLOWER = "SLOWER"
    SAME = "SAME"
    UNDECIDED = "UNDECIDED"
    INVALID = "INVALID"


class Side(msgspec.Struct, frozen=True):
    """One side of a comparison, as it is named to a reader. arm: None where each arm is compared with itself."""

    run: str
    arm: str | None
    suite: str
    started: str
    state: str
    processes: int
    commit: str | None = None
    note: str = ""
    device: str = ""


class CaseVerdict(msgspec.Struct, frozen=True):
    """The verdict on one metric of one case.

    case: the question, with the arm where both sides are of one arm. metric: `kernel_us` (per call), `decode_us` (per
    token), `prefill_us` (per pass) or `peak_memory_bytes`. base, head: values in that unit. gated: whether it decides
    the exit status. ratio: head / base. failed: INVALID because the case was wrong or could not be run on a side that
    should. needed: units (pairs, or processes a side) at which it would probably be decided. smallest_percent: the
    change that these units could have seen in nine of ten such comparisons.
    """

    case: str
    metric: str
    verdict: Verdict
    reason: Reason
    gated: bool = False
    base: float | None = None
    head: float | None = None
    ratio: Ratio | None = None
    failed: bool = False
    needed: int | None = None
    smallest_percent: float | None = None


class Comparison(msgspec.Struct, frozen=True):
    """The verdicts on two sides; none where they are not comparable."""

    base: Side
    head: Side
    comparable: bool
    """False where a difference was not accepted."""
    differences: tuple[Difference, ...] = ()
    verdicts: tuple[CaseVerdict, ...] = ()
    notes: tuple[str, ...] = ()
    """Facts that a reader has to weigh beside the verdicts."""

    @property
    def exit_status(self) -> ExitStatus:
        if not self.comparable:
            return ExitStatus.NOT_COMPARABLE
        if any(verdict.failed for verdict in self.verdicts):
            return ExitStatus.CASE_FAILED
        gated = {verdict.verdict for verdict in self.verdicts if verdict.gated}
        if Verdict.SLOWER in gated:
            return ExitStatus.REGRESSION
        return ExitStatus.UNDECIDED if gated & {Verdict.UNDECIDED, Verdict.INVALID} else ExitStatus.OK
