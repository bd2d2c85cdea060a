"""The commits of a search, each against the good end."""

from __future__ import annotations

from harness.values.bisect import Bisected, BisectResult, BisectStep, Commit

from ..figures import clean, percent, plural, ratio_full
from ..table import Column, Name, Number, Row, Table, Words


def steps(found: Bisected) -> Table:
    columns = (
        Column("commit", "Commit"), Column("state", "State"), Column("pairs", "Pairs", right=True),
        Column("ratio", "Against the good end"), Column("subject", "Subject", extra=True),
    )  # fmt: skip
    return Table("bisect", "Commits that were measured", columns, tuple(_row(step) for step in found.steps))


def _row(step: BisectStep) -> Row:
    ratio = Number(step.ratio.value, ratio_full(step.ratio)) if step.ratio else None
    said = f"{step.commit.subject}: {step.reason}" if step.reason else step.commit.subject
    return Row(
        (Name(step.commit.hash[:9]), Words(step.state.value), Number(step.pairs, str(step.pairs)), ratio,
         Words(clean(said)))
    )  # fmt: skip


def answer(found: Bisected) -> str:
    """One sentence with the answer and the evidence for it."""
    by = ratio_full(found.ends) if found.ends else "not measured"
    ends = f"{_commit(found.bad)} against {_commit(found.good)}: {by}"
    spent = f"{plural(found.pairs, 'pair')} over {plural(found.commits, 'commit')}"
    if found.result is BisectResult.NOT_REPRODUCIBLE:
        return f"Not reproducible: {ends}, {spent}."
    if found.result is BisectResult.FOUND and found.confirmed and found.share is not None:
        alone = "" if found.is_alone else ": there is another change"
        own = f"{ratio_full(found.confirmed)} against the commit before it"
        return (
            f"{_commit(found.left[0])}: {own}, {percent(found.share)} of the ends' difference{alone}. {ends}, {spent}."
        )
    if found.result is BisectResult.BROKEN:
        return f"No commit between the ends could be measured. {ends}, {spent}."
    left = f"{_commit(found.left[0])} to {_commit(found.left[-1])}"
    return f"One of {plural(len(found.left), 'commit')}, {left}. {ends}, {spent}."


def _commit(commit: Commit) -> str:
    return f"{commit.hash[:9]} ({clean(commit.subject, 60)})" if commit.subject else commit.hash[:9]
