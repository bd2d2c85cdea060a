"""The standing of a case's history: each change with its state, and the distance of the code from the level that it
owes."""

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
    """A change with its state.

    ratio: From the pairs if they confirmed the change, else from the history.
    """

    change: Change
    state: ChangeState
    ratio: Ratio
    confirmation: Confirmation | None = None
    acceptance: Acceptance | None = None

    @property
    def is_open(self) -> bool:
        """A slowdown that persists and that nobody accepted."""
        return self.state is ChangeState.CONFIRMED and self.ratio.value > 1

    @property
    def is_alarm(self) -> bool:
        """Whether the change needs to be measured anew."""
        return self.state is ChangeState.SUSPECTED


class Standing(msgspec.Struct, frozen=True):
    """A series with its changes.

    owed: The current time over the time that is owed. 1.05 if 5 % are open.
    """

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
