"""The result of a search over commits."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.values.estimate import Ratio


class BisectResult(StrEnum):
    FOUND = "found"
    RANGE = "range"
    NOT_REPRODUCIBLE = "not reproducible"
    BROKEN = "broken"
    """No commit between the ends could be measured."""


class CommitState(StrEnum):
    """A commit compared with the good end."""

    GOOD = "good"
    BAD = "bad"
    UNCLEAR = "unclear"
    SAME_CODE = "same code"
    BROKEN = "broken"


class Commit(msgspec.Struct, frozen=True):
    hash: str
    subject: str = ""


class BisectStep(msgspec.Struct, frozen=True):
    """A commit measured against the good end."""

    commit: Commit
    state: CommitState
    pairs: int = 0
    ratio: Ratio | None = None
    reason: str = ""
    """The reason why it could not be measured."""


class Bisected(msgspec.Struct, frozen=True):
    """The search for the commit that changed a case.

    ends: Ratio of the bad end to the good one.
    left: The commits that can hold the change, oldest first. One if it was found.
    confirmed: Ratio of that commit to the one before it.
    share: The part of the ends' difference that it explains, as log ratios.
    pairs: Pairs of fresh processes, in all.
    """

    case: str
    good: Commit
    bad: Commit
    result: BisectResult
    commits: int
    pairs: int
    ends: Ratio | None = None
    left: tuple[Commit, ...] = ()
    confirmed: Ratio | None = None
    share: float | None = None
    is_alone: bool = False
    """Whether the commit explains so much that no other commit need have changed the case."""
    steps: tuple[BisectStep, ...] = ()
    ends_same: bool = False
    """True if both ends were shown to be equally fast. False: a difference was shown, or nothing."""
