"""The result of a comparison: a verdict per case with its ratio, interval and reason, and the exit status of all."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal, Self

import msgspec

from harness.errors import ExitStatus
from harness.values.difference import Difference
from harness.values.estimate import Ratio
from harness.values.numerics import OutputsCompared
from harness.values.quality import QualityChange
from harness.values.reason import MEASURED, HeadNotAsked, Reason, reason_words

FailOn = Literal["slower", "new", "undecided"]

MOST_FILES = 3
"""Most files that a reason names. JSON has all."""


class Judged(StrEnum):
    """A verdict with its properties.

    tone: `better`, `worse`, `alarm` or `unclear`. A report uses it for the colour.
    rank: 0 for the verdict that a reader must see first.
    gate: The exit status if it gates.
    """

    tone: str
    rank: int
    gate: ExitStatus

    def __new__(cls, word: str, tone: str, rank: int, gate: ExitStatus) -> Self:
        member = str.__new__(cls, word)
        member._value_, member.tone, member.rank, member.gate = word, tone, rank, gate
        return member


class Verdict(Judged):
    """SAME is a claim with evidence. UNDECIDED means that there is not enough evidence, INVALID that there is none. For
    memory and energy, SLOWER means more and FASTER less."""

    INVALID = "INVALID", "alarm", 0, ExitStatus.UNDECIDED
    SLOWER = "SLOWER", "worse", 1, ExitStatus.REGRESSION
    UNDECIDED = "UNDECIDED", "unclear", 2, ExitStatus.UNDECIDED
    FASTER = "FASTER", "better", 3, ExitStatus.OK
    SAME = "SAME", "unclear", 4, ExitStatus.OK

    @property
    def moved(self) -> bool:
        """Whether the case changed."""
        return self.tone != "unclear"


class Side(msgspec.Struct, frozen=True):
    """One side of a comparison, as it is named to a reader.

    arm: None if each arm is compared with itself.
    """

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

    case: The question, with the arm if both sides are of one arm.
    metric: `kernel_us` (per call), `decode_us` (per token), `prefill_us` (per pass), `figure_us`, `figure` (no time;
        less is better), `peak_memory_bytes` or `energy_j` (per call or token).
    base, head: Values in that unit.
    gated: Whether it decides the exit status.
    ratio: head / base.
    failed: INVALID because the case was wrong, or could not be run on a side that should run it.
    needed: Units (pairs, or processes a side) at which it would probably be decided.
    smallest_percent: The change that these units could have seen in nine of ten such comparisons.
    changed: Files that the case read and that differ, relative to the tree.
    shared: The part of `changed` that native code or another process opened, for any case.
    outputs: The comparison of both sides' outputs, whatever their times. Only for the time metric. None if a side kept
        no record.
    quality: For a decode, the distance of both sides from the float32 model.
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
    changed: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    outputs: OutputsCompared | None = None
    quality: QualityChange | None = None

    @property
    def is_time(self) -> bool:
        """Whether the metric is a time."""
        return self.metric.endswith("_us")

    @property
    def words(self) -> str:
        """The reason, with the first of the files that differ if the case was measured."""
        said = reason_words(self.reason)
        if not self.changed or not isinstance(self.reason, MEASURED):
            return said
        own = [name for name in self.changed if name not in self.shared]
        others = [name for name in self.changed if name in self.shared]
        found = ((own, "changed"), (others, "changed, opened by native code or another process for whichever case"))
        return "; ".join([said, *(f"{word}: {_some(names)}" for names, word in found if names)])


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_FILES} more" if len(names) > MOST_FILES else ""
    return f"{', '.join(names[:MOST_FILES])}{more}"


class Comparison(msgspec.Struct, frozen=True):
    """The verdicts on two sides. Empty if they are not comparable."""

    base: Side
    head: Side
    comparable: bool
    """False if a difference was not accepted."""
    differences: tuple[Difference, ...] = ()
    verdicts: tuple[CaseVerdict, ...] = ()
    notes: tuple[str, ...] = ()
    """Facts that a reader has to weigh beside the verdicts."""
    fail_on: tuple[FailOn, ...] = ("slower", "undecided")
    """The gated results that fail. `new`: a slowdown that nobody accepted."""
    accepted: tuple[str, ...] = ()
    """The cases whose slowdown somebody took responsibility for."""
    under_test: tuple[Difference, ...] | None = None
    """The packages that differ between the sides' interpreters. None if both sides have the same interpreter."""

    @property
    def exit_status(self) -> ExitStatus:
        if not self.comparable or any(v.gated and isinstance(v.reason, HeadNotAsked) for v in self.verdicts):
            return ExitStatus.NOT_COMPARABLE  # a gate that head takes away is no gate
        if any(verdict.failed for verdict in self.verdicts):
            return ExitStatus.CASE_FAILED
        gates = {verdict.verdict.gate for verdict in self.verdicts if verdict.gated and self._fails(verdict)}
        if ExitStatus.REGRESSION in gates:
            return ExitStatus.REGRESSION
        return ExitStatus.UNDECIDED if ExitStatus.UNDECIDED in gates else ExitStatus.OK

    def _fails(self, verdict: CaseVerdict) -> bool:
        """Whether the gate of this verdict counts."""
        if verdict.verdict.gate is ExitStatus.REGRESSION:
            known = verdict.is_time and verdict.case in self.accepted
            return "slower" in self.fail_on or ("new" in self.fail_on and not known)
        return "undecided" in self.fail_on
