"""What a team knows of its history beside the times: changes that were confirmed or refuted, accepted ones, notes."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.values.bisect import Commit
from harness.values.estimate import Ratio


class Answer(StrEnum):
    """What measuring a suspected change anew said."""

    COMMIT = "confirmed"
    """One commit did it."""
    RANGE = "confirmed, a range"
    """The ends differ; which commit did it is not known."""
    NOT_REPRODUCIBLE = "not reproducible"
    MACHINE = "the machine"
    """The commits are equally fast; the machine was not."""
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
    """A suspected change, measured anew. machine: as `Environment.machine`, whose series it is of. good, bad: the
    commits that were compared, by hash; suspected: the step that the history showed; measured: bad against good by
    pairs, None where nothing was measured. left: the commits among which the change is, oldest first. by: who ran the
    command; at: ISO 8601, UTC."""

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
    """Of the machine: what says that it was not the code."""


class Acceptance(msgspec.Struct, frozen=True, tag="acceptance"):
    """A change that somebody took responsibility for: its new level is the one that later changes are held against.
    case: exactly one; commit: by hash. at_most_percent: slower by more is not accepted."""

    uuid: str
    at: str
    by: str
    suite: str
    case: str
    commit: str
    why: str
    at_most_percent: float


class Note(msgspec.Struct, frozen=True, tag="note"):
    """Something that a reader of a history should know. case: empty for all; commit: by hash, empty where it is about
    a machine alone."""

    uuid: str
    at: str
    by: str
    suite: str
    case: str
    commit: str
    text: str
    machine: str = ""


class Broken(msgspec.Struct, frozen=True, tag="broken"):
    """A commit that could not be measured on a machine, which is not tried again."""

    uuid: str
    at: str
    by: str
    suite: str
    commit: str
    machine: str
    reason: str


Event = Confirmation | Acceptance | Note | Broken
