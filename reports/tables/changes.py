"""Changes of cases over commits: suspected, measured again, accepted."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from harness.values.change import Missing, Series
from harness.values.event import Answer, Confirmation, Note
from harness.values.standing import ChangeState, KnownChange, Standing

from ..figures import clean, number, percent, plural, ratio_full
from ..table import Column, Name, Number, Row, Table, Words


def known_changes(found: Sequence[Standing]) -> Table:
    columns = (
        Column("case", "Case"), Column("machine", "Machine", extra=True), Column("state", "State"),
        Column("since", "Since"), Column("before", "Last before", extra=True), Column("ratio", "Against before"),
        Column("z", "z", right=True, extra=True), Column("words", "Known"),
    )  # fmt: skip
    rows = [_row(one) for standing in found for one in standing.changes]
    return Table("changes", "Changes over commits", columns, tuple(rows))


def overview(found: Sequence[Standing]) -> Table:
    """A row for each suite on each machine."""
    columns = (
        Column("suite", "Suite"), Column("machine", "Machine"), Column("state", "State"),
        Column("cases", "Cases", right=True), Column("open", "Open", right=True),
        Column("suspected", "Suspected", right=True), Column("newest", "Newest change"),
    )  # fmt: skip
    by_place: dict[tuple[str, str], list[Standing]] = {}
    for standing in found:
        by_place.setdefault((standing.suite, standing.machine), []).append(standing)
    return Table("overview", "Suites and machines", columns, tuple(map(_place, by_place.items())))


def _place(place: tuple[tuple[str, str], list[Standing]]) -> Row:
    (suite, machine), found = place
    is_open, suspected = sum(len(one.open_changes) for one in found), sum(len(one.alarms) for one in found)
    state = "slower" if is_open else "suspected" if suspected else "quiet"
    cases, last = len({one.case for one in found}), [one.changes[-1] for one in found if one.changes]
    newest = max(last, key=_run_number, default=None)
    said = f"{clean(newest.change.case)}, {newest.change.since.commit[:9]}: {newest.state.value}" if newest else ""
    return Row((
        Name(clean(suite)), Words(clean(machine)), Words(state), Number(cases, str(cases)),
        Number(is_open, str(is_open)), Number(suspected, str(suspected)), Words(said) if said else None,
    ))  # fmt: skip


def _run_number(one: KnownChange) -> tuple[int, str]:
    """Sorting key: later runs have larger numbers."""
    run = one.change.since.runs[-1]
    return len(run), run


def notes(found: Sequence[Note]) -> Table:
    columns = (Column("commit", "Commit"), Column("note", "Note"), Column("by", "By"), Column("at", "At"))
    rows = [
        Row((Name(clean(one.commit[:9]), mono=True), Words(clean(one.text, 300), "wide"), Words(clean(one.by)),
             Words(one.at[:10], "nowrap")))
        for one in found
    ]  # fmt: skip
    return Table("notes", "Notes", columns, tuple(rows))


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


def missing(found: Sequence[Missing]) -> Table:
    """Cases that no longer have times, so that no change can show."""
    columns = (
        Column("case", "Case"), Column("machine", "Machine", extra=True), Column("last", "Last time at"),
        Column("words", "Since then"),
    )  # fmt: skip
    rows = tuple(
        Row((
            Name(one.case, long=True), Words(clean(one.machine)),
            Name(clean(one.commit[:9]) or f"run {one.run}", mono=True), Words(_without(one)),
        ))
        for one in found
    )  # fmt: skip
    return Table("missing", "Without data", columns, rows)


def _without(one: Missing) -> str:
    if not one.runs:
        return "this machine is silent, others measure it"
    return f"{plural(one.runs, 'run')} without a time, the newest {one.status}: {clean(one.reason, 80)}"


def summary(found: Sequence[Series], standings: Sequence[Standing], by_commit: bool) -> str:
    """The series that were examined, and the next steps."""
    points, left = sum(len(one.points) for one in found), sum(one.left_out for one in found)
    order = "in the order of the commits" if by_commit else "in the order of the runs: no commits of git here"
    looked = f"{plural(points, 'point')} of {plural(len(found), 'series', 'series')}, {order}"
    out = f"; {plural(left, 'run')} of commits on no first-parent line left out" if left else ""
    said = [*_open(standings), *_suspected(standings)]
    if not any(one.changes for one in standings):
        said = ["No change is suspected."]
    elif not said:
        said = ["Nothing is open."]
    return f"{' '.join(said)} {looked}{out}.{_unchanged(found)}"


def _unchanged(found: Sequence[Series]) -> str:
    """The noise between commits that do not change a case."""
    spreads = [one.unchanged_sd for one in found if one.unchanged_sd is not None]
    if not spreads:
        return ""
    many = sum(one.unchanged for one in found)
    return (
        f" {plural(many, 'step')} between points of the same code: SD {percent(statistics.median(spreads))} (median)."
    )


def _open(standings: Sequence[Standing]) -> list[str]:
    many = sum(len(one.open_changes) for one in standings)
    if not many:
        return []
    what = "is" if many == 1 else "are"
    return [f"{plural(many, 'slowdown')} {what} open; `harness accept CASE@COMMIT --why TEXT` accepts one."]


def _suspected(standings: Sequence[Standing]) -> list[str]:
    many = sum(len(one.alarms) for one in standings)
    return [f"{plural(many, 'suspected change')}; `harness confirm CASE` measures them."] if many else []
