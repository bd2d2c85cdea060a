"""The static pages of a store, for `harness report --site` and `harness serve`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.store import Store as RunStore
    from harness.values.point import CasePoint, CaseSeries

SITE_RUNS = 100
"""The newest runs, which have a page and a row in the index of a site."""
SITE_POINTS = 200
"""The newest points of a case on a machine, which its page shows."""


def write_site(stored: RunStore, runs: Sequence[str] | None, folder: Path) -> list[Path]:
    """Write the site of the named runs, or of the newest, with the trends of all cases from their points. Return the
    paths, the index first."""
    from harness.history.reading import known_of
    from harness.machines.health import every_machine
    from harness.store import events
    from harness.store.points import points_of
    from harness.values.event import Note
    from harness_reports.pages import site
    from harness_reports.views.history_view import trends_of_points

    found: list[tuple[CaseSeries, CasePoint]] = []
    pages = []
    for name in runs or ():
        run = stored.load(name)
        found += points_of(run)
        pages.append(site.SiteRun(run.id, partial(stored.load, name)))
    if not runs:
        found = stored.points(stored.series(), SITE_POINTS)
        for one in sorted(stored.runs(newest=SITE_RUNS), key=lambda summary: summary.started):
            key = " ".join((one.id, one.uuid, one.state, *one.tags))
            pages.append(site.SiteRun(one.id, partial(stored.load, one.id), key))
    found.sort(key=lambda pair: pair[1].started)
    said = [event for event in events.of_suite(stored) if isinstance(event, Note)]
    known = site.Known(known_of(stored, found).standings, said, every_machine(stored.sniffs()))
    return site.write(pages, trends_of_points(found), folder, known)
