"""Where the history of a case stands: each change with its state, and how far the code is from what it owes."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.values.change import Change
from harness.values.estimate import Ratio
from harness.values.event import Acceptance, Confirmation


class ChangeState(StrEnum):
    SUSPECTED = "suspected"
    """Not measured anew yet, or without a decision."""
    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    """The commits are equally fast: noise, or the machine."""
    ACCEPTED = "accepted"
    GONE = "gone"
    """Confirmed, and taken back by later confirmed changes."""


class KnownChange(msgspec.Struct, frozen=True):
    """ratio: as the pairs have it where they confirmed it, else as the history suspects it."""

    change: Change
    state: ChangeState
    ratio: Ratio
    confirmation: Confirmation | None = None
    acceptance: Acceptance | None = None

    @property
    def is_open(self) -> bool:
        """A slowdown that is there and that nobody accepted."""
        return self.state is ChangeState.CONFIRMED and self.ratio.value > 1

    @property
    def is_alarm(self) -> bool:
        """To be measured anew."""
        return self.state is ChangeState.SUSPECTED


class Standing(msgspec.Struct, frozen=True):
    """A series. owed: what its code takes now against what it owes, 1.05 where 5 % are open."""

    case: str
    suite: str
    machine: str
    changes: tuple[KnownChange, ...] = ()
    owed: float = 1.0

    @property
    def open_changes(self) -> tuple[KnownChange, ...]:
        return tuple(one for one in self.changes if one.is_open)

    @property
    def alarms(self) -> tuple[KnownChange, ...]:
        return tuple(one for one in self.changes if one.is_alarm)
