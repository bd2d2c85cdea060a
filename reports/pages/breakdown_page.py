"""Breakdowns of traces as one HTML file, and the changes between two traces. Every table adds up to the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.trace.difference import Difference
from harness.values.profile import Profile

from ..figures import clean, plural
from ..figures import milliseconds as ms
from ..table import Number, Row, Table
from ..tables.breakdown import LISTS, categories, changed_by, changed_categories, changed_kernels, idle, listed, whole
from ..tables.breakdown_doubts import contradictions, unknown
from .breakdown import difference_words, facts, remarks
from .html_frame import page

MOST_ROWS = 200
"""Most rows of one table, so that a browser opens the page at once. One row sums up the rest."""


@dataclass(frozen=True)
class Trace:
    """anchor: the id of its section. tables: each with its anchor. remarks: notes on the data, as pairs of word and
    sentence."""

    anchor: str
    title: str
    facts: tuple[str, ...]
    tables: tuple[tuple[str, Table], ...]
    remarks: tuple[tuple[str, str], ...]


def render(titles: Sequence[str], profiles: Sequence[Profile], changed: Difference | None = None) -> str:
    """The page as text. titles: one for each trace. changed: from the first of two traces to the second."""
    traces = [_trace(f"trace-{n}", clean(title), p) for n, (title, p) in enumerate(zip(titles, profiles, strict=True))]
    sections = [(trace.anchor, trace.title) for trace in traces]
    if changed:
        sections.insert(0, ("difference", "Difference"))
    return page(
        "breakdown.html.j2",
        {},
        heading=" and ".join(trace.title for trace in traces[:2]) + (" and others" if len(traces) > 2 else ""),
        sections=sections if len(sections) > 1 else [(anchor, table.title) for anchor, table in traces[0].tables],
        traces=traces,
        difference=tuple(_difference(changed)) if changed else (),
        change=difference_words(changed) if changed else "",
    )


def _trace(anchor: str, title: str, profile: Profile) -> Trace:
    tables = tuple((f"{anchor}-{table.name}", table.first(MOST_ROWS, _left)) for table in _tables(profile))
    return Trace(anchor, title, (*facts(profile), plural(profile.events, "event")), tables, tuple(remarks(profile)))


def _tables(profile: Profile) -> Iterator[Table]:
    yield categories(profile)
    yield from (table for table in (listed(profile, by) for by in LISTS) if table.rows)
    yield from (table for table in (contradictions(profile, whole), unknown(profile)) if table.rows)
    if any(device.idle for device in profile.devices):
        yield idle(profile)


def every_table(
    titles: Sequence[str], profiles: Sequence[Profile], changed: Difference | None = None
) -> Iterator[Table]:
    """All rows of all tables. With several traces, each name includes its trace."""
    for title, profile in zip(titles, profiles, strict=True):
        for table in _tables(profile):
            yield replace(table, name=f"{table.name} of {clean(title)}") if len(titles) > 1 else table
    if changed:
        yield changed_categories(changed)
        yield from (table for by in ("op", "scope") if (table := changed_by(changed, by)).rows)
        yield changed_kernels(changed)


def _left(rows: Sequence[Row]) -> str:
    ns = sum(next(cell.value for cell in row.cells if isinstance(cell, Number)) for row in rows)
    return f"And {plural(len(rows), 'more row')}, together {ms(ns)} ms."


def _difference(changed: Difference) -> Iterator[tuple[str, Table]]:
    yield "change-categories", changed_categories(changed)
    for by in ("op", "scope"):
        table = changed_by(changed, by)
        if table.rows:
            yield f"change-{by}s", table.first(MOST_ROWS, _left)
    kernels = changed_kernels(changed)
    yield "change-kernels", kernels.first(MOST_ROWS, _left)
