"""What a search over commits found."""

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
    """A commit beside the good end."""

    GOOD = "good"
    BAD = "bad"
    UNCLEAR = "unclear"
    SAME_CODE = "same code"
    BROKEN = "broken"


class Commit(msgspec.Struct, frozen=True):
    hash: str
    subject: str = ""


class BisectStep(msgspec.Struct, frozen=True):
    """A commit against the good end."""

    commit: Commit
    state: CommitState
    pairs: int = 0
    ratio: Ratio | None = None
    reason: str = ""
    """Why it could not be measured."""


class Bisected(msgspec.Struct, frozen=True):
    """ends: the bad end against the good one. left: the commits among which the change is, oldest first; one where it
    was found. confirmed: that commit against the one before it. share: what it explains of the ends' difference, as
    log ratios. pairs: of fresh processes, in all."""

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
    """Whether the commit explains enough that no other commit need have changed the case, too."""
    steps: tuple[BisectStep, ...] = ()
    ends_same: bool = False
    """Whether both ends were shown to be equally fast; else a difference was shown, or nothing."""
