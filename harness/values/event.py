"""A team's knowledge of its history beside the times: confirmed, refuted and accepted changes, and notes."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.values.bisect import Commit
from harness.values.estimate import Ratio


class Answer(StrEnum):
    """The result of measuring a suspected change anew."""

    COMMIT = "confirmed"
    """One commit is the cause."""
    RANGE = "confirmed, a range"
    """The ends differ, but the responsible commit is not known."""
    NOT_REPRODUCIBLE = "not reproducible"
    MACHINE = "the machine"
    """The commits are equally fast. The machine was not."""
    UNDECIDED = "undecided"
    """Neither a difference nor its absence was shown within the budget."""
    BROKEN = "cannot be measured"

    @property
    def is_confirmed(self) -> bool:
        return self in (Answer.COMMIT, Answer.RANGE)

    @property
    def is_refuted(self) -> bool:
        return self in (Answer.NOT_REPRODUCIBLE, Answer.MACHINE)


class Confirmation(msgspec.Struct, frozen=True, tag="confirmation"):
    """A suspected change, measured anew.

    machine: As `Environment.machine`, the machine of the series.
    good, bad: The commits that were compared, by hash.
    suspected: The step in the history.
    measured: Ratio of bad to good by pairs. None if nothing was measured.
    left: The commits that can hold the change, oldest first.
    by: Who ran the command.
    at: ISO 8601, UTC.
    """

    uuid: str
    at: str
    by: str
    suite: str
    case: str
    machine: str
    good: str
    bad: str
    suspected: Ratio
    answer: Answer
    measured: Ratio | None = None
    left: tuple[Commit, ...] = ()
    pairs: int = 0
    evidence: str = ""
    """For the answer MACHINE, the evidence that the code was not the cause."""


class Acceptance(msgspec.Struct, frozen=True, tag="acceptance"):
    """A change that somebody took responsibility for. Later changes are measured from its new level.

    case: Exactly one.
    commit: By hash.
    at_most_percent: A larger slowdown is not accepted.
    """

    uuid: str
    at: str
    by: str
    suite: str
    case: str
    commit: str
    why: str
    at_most_percent: float


class Note(msgspec.Struct, frozen=True, tag="note"):
    """Something that a reader of a history should know.

    case: Empty for all.
    commit: By hash. Empty if the note is about a machine alone.
    """

    uuid: str
    at: str
    by: str
    suite: str
    case: str
    commit: str
    text: str
    machine: str = ""


class Broken(msgspec.Struct, frozen=True, tag="broken"):
    """A commit that could not be measured on a machine. It is not tried again."""

    uuid: str
    at: str
    by: str
    suite: str
    commit: str
    machine: str
    reason: str


Event = Confirmation | Acceptance | Note | Broken
