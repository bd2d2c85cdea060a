"""Ranks of one job. All times are integer nanoseconds."""

from __future__ import annotations

from collections.abc import Sequence

from harness.values.profile import Profile
from harness.values.ranks import Job, RankRow

from .breakdowns import Breakdown, breakdown_of
from .encoding import extended, of, several, text

_RANK = extended("RankFacts", RankRow, "hidden_ns")
RanksDocument = extended("RanksDocument", Job, traces=several(Breakdown), ranks=several(_RANK), straggler=int | None)
"""`breakdown` of several ranks. traces: the breakdown of each, in the order of `ranks`. straggler: the rank that the
others waited for longest."""


def ranks_text(job: Job, profiles: Sequence[Profile]) -> str:
    worst = job.straggler
    traces = tuple(breakdown_of(row.trace, profile) for row, profile in zip(job.ranks, profiles, strict=True))
    rows = tuple(of(_RANK, row) for row in job.ranks)
    return text(of(RanksDocument, job, traces=traces, ranks=rows, straggler=worst.rank if worst else None))
