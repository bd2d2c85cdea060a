"""A change, given by a case and a commit, to its acceptance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.history.reading import Known
from harness.history.stamp import stamp
from harness.id_filter import matches
from harness.revisions import repository_of
from harness.revisions.git import commit_of
from harness.values.event import Acceptance
from harness.values.standing import ChangeState, KnownChange

SLACK_PERCENT = 1.0
"""Accepted beyond the measured change: the interval of a change of some percent is that wide."""
LEAST_HASH = 7


def named(text: str) -> tuple[str, str]:
    """Case and commit of `CASE@COMMIT`, the commit in full if a repository knows it. Raises HarnessError for any other
    form."""
    case, at, revision = text.rpartition("@")
    if not at or not revision:
        raise HarnessError(f"{text}: allowed: CASE@COMMIT, such as int4_mm@lm_head@4f2c9e1")
    repository = repository_of(Path.cwd())
    return case, commit_of(repository, revision) if repository else revision


def accept(
    known: Known, case: str, commit: str, why: str, at_most_percent: float | None, suite: str
) -> list[Acceptance]:  # fmt: skip
    """One acceptance for each case that `case` selects and that became slower at this commit. Raises HarnessError if
    there is none: a change is not accepted before it is known."""
    found = [
        (standing.case, one)
        for standing in known.standings
        if matches(case, standing.case)
        for one in standing.changes
        if one.ratio.value > 1 and one.state is not ChangeState.REFUTED and _may_be(one, commit, known)
    ]
    if not found:
        raise HarnessError(f"{case}@{commit[:9]}: no slowdown is known there; known: {_known(known, case)}")
    worst: dict[str, KnownChange] = {}
    for name, one in found:
        if name not in worst or one.ratio.value > worst[name].ratio.value:
            worst[name] = one
    return [
        Acceptance(
            *stamp(), suite, name, commit, why,
            100 * (one.ratio.value - 1) + SLACK_PERCENT if at_most_percent is None else at_most_percent,
        )
        for name, one in worst.items()
    ]  # fmt: skip


def _may_be(one: KnownChange, commit: str, known: Known) -> bool:
    left = [found.hash for found in one.confirmation.left] if one.confirmation else []
    if left:
        return _names(commit, left)
    change, positions = one.change, known.positions or {}
    places = [positions.get(at) for at in (change.before.commit, commit, change.since.commit)]
    if None in places:
        return _names(commit, [change.since.commit])
    before, at, since = (int(place) for place in places if place is not None)
    return before < at <= since


def _names(commit: str, known: Sequence[str]) -> bool:
    """Whether a hash, or the start of one, is among these."""
    return any(one == commit or (len(commit) >= LEAST_HASH and one.startswith(commit)) for one in known)


def _known(known: Known, case: str) -> str:
    found = [
        f"{standing.case}@{one.change.since.commit[:9]}"
        for standing in known.standings
        if matches(case, standing.case)
        for one in standing.changes
        if one.ratio.value > 1 and one.state is not ChangeState.REFUTED
    ]
    return ", ".join(found[:3]) + (f", ... ({len(found)} in all)" if len(found) > 3 else "") or "none"
