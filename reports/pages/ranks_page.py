"""Ranks of one job as one HTML file: a line for each rank over time, the tables, and remarks on the data."""

from __future__ import annotations

from collections.abc import Sequence

from harness.values.profile import Profile
from harness.values.ranks import Job, Line

from ..charts.rank_lines import rank_lines_svg
from ..figures import clean
from ..tables.ranks import every_table
from .html_frame import page
from .ranks import facts, remarks, verdict


def render(job: Job, profiles: Sequence[Profile], lines: Sequence[Line]) -> str:
    """The page as text."""
    tables = [(table.name, table) for table in every_table(job, profiles)]
    return page(
        "ranks.html.j2",
        {},
        heading=f"{len(job.ranks)} ranks of one job",
        sections=[("lines", "Over time"), *((anchor, table.title) for anchor, table in tables)],
        facts=list(facts(job, profiles)),
        verdict=verdict(job),
        late=job.straggler is not None,
        lines=rank_lines_svg(job, lines),
        tables=tables,
        remarks=list(remarks(job, profiles)),
        traces=[(row.rank, clean(row.trace, 200)) for row in job.ranks],
    )
