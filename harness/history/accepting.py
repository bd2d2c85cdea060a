"""A change, given by a case and a commit, to its acceptance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.compare import compare, load_sides
from harness.errors import HarnessError
from harness.history.reading import Known
from harness.history.stamp import stamp
from harness.id_filter import matches
from harness.revisions import repository_of
from harness.revisions.git import commit_of
from harness.store import Store
from harness.values.event import Acceptance
from harness.values.standing import ChangeState, KnownChange
from harness.values.verdict import Verdict

SLACK_PERCENT = 1.0
"""Accepted beyond the measured change: the interval of a change of some percent is that wide."""
LEAST_HASH = 7
LOOKED_AT = 40
"""Newest sides of comparisons among which a commit is looked for."""


def named(text: str) -> tuple[str, str]:
    """Case and commit of `CASE@COMMIT`, the commit in full if a repository knows it. Raises HarnessError for any other
    form."""
    case, at, revision = text.rpartition("@")
    if not at or not revision:
        raise HarnessError(f"{text}: allowed: CASE@COMMIT, such as int4_mm@lm_head@4f2c9e1")
    repository = repository_of(Path.cwd())
    return case, commit_of(repository, revision) if repository else revision


def accept(
    known: Known, store: Store, case: str, commit: str, why: str, at_most_percent: float | None, suite: str
) -> list[Acceptance]:  # fmt: skip
    """One acceptance for each case that `case` selects and that became slower at this commit: in the history, or in the
    newest comparison of it as head. Raises HarnessError if there is none: a change is not accepted before it is
    known."""
    found = [
        (standing.case, one.ratio.value)
        for standing in known.standings
        if matches(case, standing.case)
        for one in standing.changes
        if one.ratio.value > 1 and one.state is not ChangeState.REFUTED and _may_be(one, commit, known)
    ]
    found = found or _compared(store, suite, case, commit)
    if not found:
        raise HarnessError(f"{case}@{commit[:9]}: no slowdown is known there; known: {_known(known, case)}")
    worst: dict[str, float] = {}
    for name, ratio in found:
        worst[name] = max(ratio, worst.get(name, 0.0))
    return [
        Acceptance(
            *stamp(), suite, name, commit, why,
            100 * (ratio - 1) + SLACK_PERCENT if at_most_percent is None else at_most_percent,
        )
        for name, ratio in worst.items()
    ]  # fmt: skip


def _compared(store: Store, suite: str, case: str, commit: str) -> list[tuple[str, float]]:
    """The slower cases of the newest comparison with this commit as head, each with its ratio."""
    sides = store.runs(suite, "compare", LOOKED_AT)
    for head in reversed(sides):
        base = next((one for one in sides if one.comparison == head.comparison and one.id != head.id), None)
        run = store.load(head.id)
        at = run.environment.commit if run.environment else None
        if base is None or not at or not _names(commit, [at]) or not run.pairing or run.pairing.side != "head":
            continue
        verdicts = compare(*load_sides(base.id, head.id, store)).verdicts
        slower = [v for v in verdicts if v.verdict is Verdict.SLOWER and v.is_time and matches(case, v.case)]
        return [(v.case, v.ratio.value) for v in slower if v.ratio is not None]
    return []


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
