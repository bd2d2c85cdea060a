"""The standing of a series: the level that its code owes, the changes that are open, and the reasons why the others are
not.

The level begins with the first one. A confirmed improvement lowers the owed level, and an accepted change raises it. A
refuted change was the machine's, and an unconfirmed one moves nothing. A confirmed slowdown is open until it is
accepted, or until later confirmed changes have taken it back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.history.alarms import confirmation_of
from harness.stats.change_points import Rule
from harness.values.change import Change, Series
from harness.values.event import Acceptance, Confirmation, Event
from harness.values.standing import ChangeState, KnownChange, Standing

MARGIN = math.log1p(Rule().margin)
"""A level within this of the owed one counts as the owed one: a smaller change is not suspected either."""


def standing(series: Series, events: Sequence[Event], positions: Mapping[str, int] | None) -> Standing:
    """The standing of a series. events: Those of its suite, oldest first."""
    level = owed = 0.0
    known: list[KnownChange] = []
    for change in series.changes:
        one = _known(change, events, positions)
        known.append(one)
        shift = math.log(one.ratio.value)
        if one.state is ChangeState.ACCEPTED:
            level += shift
            owed = level
        elif one.state is ChangeState.CONFIRMED:
            level += shift
            owed = min(owed, level)
        if level <= owed + MARGIN:
            known = [_gone(one) for one in known]
    return Standing(series.case, series.suite, series.machine, tuple(known), math.exp(level - owed))


def _known(change: Change, events: Sequence[Event], positions: Mapping[str, int] | None) -> KnownChange:
    confirmed = confirmation_of(change, events, positions)
    accepted = _acceptance_of(change, confirmed, events, positions)
    ratio = confirmed.measured if confirmed and confirmed.answer.is_confirmed and confirmed.measured else change.ratio
    if confirmed is not None and confirmed.answer.is_refuted:
        return KnownChange(change, ChangeState.REFUTED, ratio, confirmed, accepted)
    if accepted is not None and 100 * (ratio.low - 1) <= accepted.at_most_percent:
        return KnownChange(change, ChangeState.ACCEPTED, ratio, confirmed, accepted)
    if confirmed is not None and confirmed.answer.is_confirmed:
        return KnownChange(change, ChangeState.CONFIRMED, ratio, confirmed, accepted)
    if change.same_code:
        return KnownChange(change, ChangeState.REFUTED, ratio, confirmed, accepted)
    return KnownChange(change, ChangeState.SUSPECTED, ratio, confirmed, accepted)


def _gone(one: KnownChange) -> KnownChange:
    """A confirmed slowdown that the level does not show any more."""
    import msgspec

    if one.state is ChangeState.CONFIRMED and one.ratio.value > 1:
        return msgspec.structs.replace(one, state=ChangeState.GONE)
    return one


def _acceptance_of(
    change: Change, confirmed: Confirmation | None, events: Sequence[Event], positions: Mapping[str, int] | None
) -> Acceptance | None:  # fmt: skip
    """The newest acceptance for exactly this case and a commit that may have caused the change."""
    blamed = {commit.hash for commit in confirmed.left} if confirmed else set()
    for event in reversed(events):
        if isinstance(event, Acceptance) and (event.suite, event.case) == (change.suite, change.case):
            commit = event.commit
            if commit in blamed or (not blamed and _within(change, commit, positions)):
                return event
    return None


def _within(change: Change, commit: str, positions: Mapping[str, int] | None) -> bool:
    places = [(positions or {}).get(one) for one in (change.before.commit, commit, change.since.commit)]
    if None in places:
        return commit == change.since.commit
    before, at, since = (int(place) for place in places if place is not None)
    return before < at <= since
