"""A folder of static pages: an index over runs, the report of each, and a trend per case. No server, nothing fetched.

Runs are taken one at a time; of each only its estimates are kept, so that hundreds fit into memory.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.values.run import Run

from ..charts import charts
from ..charts.history_chart import draw_history
from ..figures import clean
from ..table import Column, Name, Row, Table, Words
from ..tables import over_runs
from ..views.history_view import Slim, Trend, slim, trends
from ..views.view import View, build
from . import html, program
from .html_frame import page
from .html_page import figures
from .write import save


def write(runs: Iterable[Run], folder: Path) -> list[Path]:
    """`index.html`, `runs/ID.html` and `cases/NAME.html`; returns the paths, the index first.

    Raises HarnessError where there is no run, and for a folder that cannot be written.
    """
    entries, kept, paths = [], [], []
    names: set[str] = set()
    for run in runs:
        view = build(run)
        name = _unique(_file_name(run.id, "run"), names)
        text = program.page(run) if run.program else html.render(view, charts.draw_all(view, want_png=False))
        paths += save(folder, {f"runs/{name}.html": text.encode()})
        entries.append(_entry(run, view, f"runs/{name}.html"))
        kept.append(slim(run))
    if not entries:
        raise HarnessError("--site: no runs; `harness run SUITE` makes one")
    found = _trends(kept)
    linked = []
    for trend in found:
        name = _unique(_file_name(f"{trend.suite}-{trend.id}", "case"), names)
        linked.append((f"cases/{name}.html", trend))
        paths += save(folder, {f"cases/{name}.html": _case_page(trend).encode()})
    hrefs, shown = [href for href, _ in linked], [trend for _, trend in linked]
    cases = over_runs.trends(shown, hrefs).pick("case suite arm trend runs last unit") if linked else None
    sections = [("runs", "Runs"), *([("cases", "Cases")] if linked else [])]
    index = page("site.html.j2", {}, entries=entries, runs=_runs(entries[::-1]), cases=cases, sections=sections)
    return [*save(folder, {"index.html": index.encode()}), *paths]


def _trends(kept: Sequence[Slim]) -> list[Trend]:
    """Of every suite by itself, oldest run first."""
    found: list[Trend] = []
    for suite in dict.fromkeys(run.suite for run in kept):
        found += trends(sorted((run for run in kept if run.suite == suite), key=lambda run: (run.started, run.id)))
    return found


def _entry(run: Run, view: View, href: str) -> Row:
    """A run in the index, with what a reader takes away in a sentence."""
    environment, note = run.environment, clean(run.note)
    commit = clean((environment.commit or "")[:9]) if environment else ""
    said = " ".join([*view.trouble[:2], *view.summary[: max(1, 2 - len(view.trouble))]])
    return Row((
        Name(f"run {clean(run.id)}", code=False, href=href),
        Words(clean(run.started[:16].replace("T", " ")), "nowrap"), Words(clean(run.suite)),
        Words(clean(environment.device_name) if environment else ""), Name(commit, mono=True) if commit else None,
        Words(clean(run.state)), Words(said or view.counts.sentence, "wide"), Words(note) if note else None,
    ))  # fmt: skip


def _runs(entries: Sequence[Row]) -> Table:
    headings = ("Run", "Started, UTC", "Suite", "Device", "Commit", "State", "Result", "Note")
    columns = tuple(Column(heading.split(",")[0].lower(), heading) for heading in headings)
    return Table("runs", "Every run", columns, tuple(entries))


def _case_page(trend: Trend) -> str:
    charts_of = figures(draw_history([trend]))
    return page("case.html.j2", {}, trend=trend, points=over_runs.points(trend), charts=charts_of, sections=())


def _file_name(text: str, fallback: str) -> str:
    """Letters, digits, dots and dashes; what was lost is told apart by a digest."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:60] or fallback
    return plain if plain == text else f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _unique(name: str, taken: set[str]) -> str:
    """Two runs of two stores may have one id."""
    found, number = name, 2
    while found.lower() in taken:
        found, number = f"{name}-{number}", number + 1
    taken.add(found.lower())
    return found
