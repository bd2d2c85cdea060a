"""Changes of cases over commits: suspected, measured anew, accepted."""

from __future__ import annotations

from collections.abc import Sequence

from harness.values.change import Series
from harness.values.event import Answer, Confirmation
from harness.values.standing import ChangeState, KnownChange, Standing

from ..figures import clean, number, plural, ratio_full
from ..table import Column, Name, Number, Row, Table, Words


def known_changes(found: Sequence[Standing]) -> Table:
    columns = (
        Column("case", "Case"), Column("machine", "Machine", extra=True), Column("state", "State"),
        Column("since", "Since"), Column("before", "Last before", extra=True), Column("ratio", "Against before"),
        Column("z", "z", right=True, extra=True), Column("words", ""),
    )  # fmt: skip
    rows = [_row(one) for standing in found for one in standing.changes]
    return Table("changes", "Changes over commits", columns, tuple(rows))


def _row(one: KnownChange) -> Row:
    change, commits = one.change, one.confirmation.left if one.confirmation else ()
    since = commits[0].hash if len(commits) == 1 else change.since.commit
    return Row((
        Name(change.case, long=True), Words(clean(change.machine)), Words(one.state.value),
        Name(since[:9], mono=True), Words(change.before.commit[:9]),
        Number(one.ratio.value, ratio_full(one.ratio)), Number(change.z, number(change.z, 2)), Words(_said(one)),
    ))  # fmt: skip


def _said(one: KnownChange) -> str:
    if one.acceptance is not None and one.state is ChangeState.ACCEPTED:
        return f"{clean(one.acceptance.why, 80)} ({clean(one.acceptance.by, 40)}, {one.acceptance.at[:10]})"
    if one.confirmation is not None:
        return _answered(one.confirmation)
    if one.change.same_code:
        return "the same code before and after: the machine"
    if one.change.between is None or one.change.between == 1:
        return ""
    return f"one of {plural(one.change.between, 'commit')}"


def _answered(found: Confirmation) -> str:
    pairs = f", {plural(found.pairs, 'pair')}" if found.pairs else ""
    if found.answer is Answer.COMMIT:
        return f"{clean(found.left[0].subject, 60)}{pairs}"
    if found.answer is Answer.RANGE:
        return f"one of {plural(len(found.left), 'commit')} up to {found.left[-1].hash[:9]}{pairs}"
    evidence = f": {clean(found.evidence, 120)}" if found.evidence else ""
    return f"{found.answer.value}{evidence}{pairs}"


def summary(found: Sequence[Series], standings: Sequence[Standing], by_commit: bool) -> str:
    """What was looked at, and what to do."""
    points, left = sum(len(one.points) for one in found), sum(one.left_out for one in found)
    order = "in the order of the commits" if by_commit else "in the order of the runs: no git repository here"
    looked = f"{plural(points, 'point')} of {plural(len(found), 'series', 'series')}, {order}"
    out = f"; {plural(left, 'run')} of commits on no first-parent line left out" if left else ""
    said = [*_open(standings), *_suspected(standings)]
    if not any(one.changes for one in standings):
        said = ["No change is suspected."]
    elif not said:
        said = ["Nothing is open."]
    return f"{' '.join(said)} {looked}{out}."


def _open(standings: Sequence[Standing]) -> list[str]:
    many = sum(len(one.open_changes) for one in standings)
    if not many:
        return []
    what = "is" if many == 1 else "are"
    return [f"{plural(many, 'slowdown')} {what} open; `harness accept CASE@COMMIT --why TEXT` accepts one."]


def _suspected(standings: Sequence[Standing]) -> list[str]:
    many = sum(len(one.alarms) for one in standings)
    return [f"{plural(many, 'suspected change')}; `harness confirm CASE` measures them."] if many else []
