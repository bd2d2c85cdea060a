"""Suspected changes of cases over commits."""

from __future__ import annotations

from collections.abc import Sequence

from harness.values.change import Change, Series

from ..figures import number, plural, ratio_full
from ..table import Column, Name, Number, Row, Table, Words


def changes(found: Sequence[Series]) -> Table:
    columns = (
        Column("case", "Case"), Column("machine", "Machine", extra=True), Column("since", "Since"),
        Column("before", "Last before"), Column("ratio", "Against before"), Column("z", "z", right=True, extra=True),
        Column("words", "", extra=True),
    )  # fmt: skip
    rows = [_row(change) for one in found for change in one.changes]
    return Table("changes", "Suspected changes", columns, tuple(rows))


def _row(change: Change) -> Row:
    return Row((
        Name(change.case, long=True), Words(change.machine), Name(change.since.commit[:9], mono=True),
        Name(change.before.commit[:9], mono=True), Number(change.ratio.value, ratio_full(change.ratio)),
        Number(change.z, number(change.z, 2)), Words(_said(change)),
    ))  # fmt: skip


def _said(change: Change) -> str:
    if change.same_code:
        return "the same code before and after: the machine"
    if change.between is None or change.between == 1:
        return ""
    return f"one of {plural(change.between, 'commit')}"


def summary(found: Sequence[Series], by_commit: bool) -> str:
    """What was looked at, and what to do."""
    points, left = sum(len(one.points) for one in found), sum(one.left_out for one in found)
    order = "in the order of the commits" if by_commit else "in the order of the runs: no git repository here"
    looked = f"{plural(points, 'point')} of {plural(len(found), 'series', 'series')}, {order}"
    out = f"; {plural(left, 'run')} of commits on no first-parent line left out" if left else ""
    many = sum(len(one.changes) for one in found)
    if not many:
        return f"No change is suspected. {looked}{out}."
    return f"{plural(many, 'suspected change')}; `harness bisect CASE BEFORE SINCE` measures them. {looked}{out}."
