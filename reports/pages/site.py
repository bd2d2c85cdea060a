"""A folder of static pages: an index over runs, the report of each, and a trend per case. No server, nothing fetched.

`site.json` beside the index records the source of each page. An unchanged page is not rendered again; a page that the
index no longer names is removed. One more run therefore costs only its own page and the pages of its cases.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import HarnessError
from harness.values.event import Note
from harness.values.machine import Health
from harness.values.run import Run
from harness.values.standing import ChangeState, Standing

from ..charts import charts
from ..charts.history_chart import draw_history
from ..figures import clean
from ..table import Column, Name, Row, Table, Words
from ..tables import changes, health, over_runs
from ..views.history_view import Point, Trend
from ..views.view import View, build
from . import html, program
from .html_frame import page
from .html_page import figures
from .write import save

MANIFEST = "site.json"


@dataclass(frozen=True)
class SiteRun:
    """key: identifies everything that its page shows, and is the same for the same run. Empty if unknown: the page is
    then rendered again."""

    id: str
    load: Callable[[], Run]
    key: str = ""


class Entry(msgspec.Struct, frozen=True):
    """A run in the index, with its main result in one sentence."""

    run: str
    started: str
    suite: str
    device: str
    commit: str
    state: str
    said: str
    note: str

    def row(self, href: str) -> Row:
        return Row((
            Name(f"run {self.run}", code=False, href=href), Words(self.started, "nowrap"), Words(self.suite),
            Words(self.device, "nowrap"), Name(self.commit, mono=True) if self.commit else None, Words(self.state),
            Words(self.said, "wide"), Words(self.note) if self.note else None,
        ))  # fmt: skip


@dataclass(frozen=True)
class Known:
    """Facts beside the runs: the standing of each case on each machine, notes on cases, the machines' health."""

    standings: Sequence[Standing] = ()
    notes: Sequence[Note] = ()
    machines: Sequence[Health] = ()

    def of(self, trend: Trend) -> Known:
        """The part that belongs on a case's page."""
        own = [one for one in self.standings if (one.suite, one.case) == (trend.suite, trend.id) and one.changes]
        return Known(own, [one for one in self.notes if one.suite == trend.suite and one.case in ("", trend.id)])


class Manifest(msgspec.Struct):
    """The sources of a site's pages, by page name. runs: each with its entry in the index."""

    program: str = ""
    runs: dict[str, tuple[str, Entry]] = {}
    cases: dict[str, str] = {}


def write(runs: Sequence[SiteRun], trends: Sequence[Trend], folder: Path, known: Known = Known()) -> list[Path]:
    """Write `index.html`, `runs/ID.html` and `cases/NAME.html` for runs that are sorted oldest first. Return the paths,
    the index first.

    Raises HarnessError for an empty list of runs, and for a folder that cannot be written.
    """
    if not runs:
        raise HarnessError("--site: no runs; `harness run SUITE` makes one")
    before, now = _manifest(folder), Manifest(_program())
    names: set[str] = set()
    for one in runs:
        name = f"runs/{_unique(_file_name(one.id, 'run'), names)}.html"
        now.runs[name] = one.key, _run_page(one, name, before, folder)
    linked, page_of = [], {clean(one.id): f"../{name}" for one, name in zip(runs, now.runs, strict=True)}
    for trend in trends:
        name = f"cases/{_unique(_file_name(f'{trend.suite}-{trend.id}', 'case'), names)}.html"
        linked.append((name, trend))
        said = known.of(trend)
        hrefs = {point.run: page_of[point.run] for point in trend.points if point.run in page_of}
        now.cases[name] = _digest(trend, said, hrefs)
        if before.cases.get(name) != now.cases[name] or not (folder / name).is_file():
            save(folder, {name: _case_page(trend, said, hrefs).encode()})
    entries = [entry.row(name) for name, (_, entry) in now.runs.items()]
    _remove(folder, {*before.runs, *before.cases} - {*now.runs, *now.cases})
    files = {"index.html": _index(entries, linked, known).encode(), MANIFEST: msgspec.json.encode(now)}
    return [save(folder, files)[0], *(folder / name for name in (*now.runs, *now.cases))]


def _index(entries: Sequence[Row], linked: Sequence[tuple[str, Trend]], known: Known) -> str:
    hrefs, shown = [href for href, _ in linked], [trend for _, trend in linked]
    cases = over_runs.trends(shown, hrefs).pick("case suite arm trend runs last unit") if linked else None
    parts = {
        "places": changes.overview(known.standings) if known.standings else None,
        "changes": _current(known.standings),
        "machines": health.health(known.machines) if known.machines else None,
    }
    names = {"places": "Overview", "changes": "Changes", "machines": "Machines"}
    sections = [(anchor, name) for anchor, name in names.items() if parts[anchor]]
    sections += [("runs", "Runs"), *([("cases", "Cases")] if linked else [])]
    return page("site.html.j2", {}, entries=entries, runs=_runs(entries[::-1]), cases=cases, sections=sections, **parts)


def _current(standings: Sequence[Standing]) -> Table | None:
    """Open, suspected and accepted changes. Refuted and vanished ones stand on the cases' pages."""
    shown = (ChangeState.CONFIRMED, ChangeState.SUSPECTED, ChangeState.ACCEPTED)
    kept = [
        msgspec.structs.replace(one, changes=tuple(change for change in one.changes if change.state in shown))
        for one in standings
    ]
    return changes.known_changes(kept) if any(one.changes for one in kept) else None


def _run_page(one: SiteRun, name: str, before: Manifest, folder: Path) -> Entry:
    """Write the page unless it is unchanged. Return the run's entry in the index."""
    key, entry = before.runs.get(name, ("", None))
    if entry is not None and key and key == one.key and (folder / name).is_file():
        return entry
    run = one.load()
    view = build(run)
    text = program.page(run) if run.program else html.render(view, charts.draw_all(view, want_png=False))
    save(folder, {name: text.encode()})
    return _entry(run, view)


def _entry(run: Run, view: View) -> Entry:
    environment = run.environment
    said = " ".join([*view.trouble[:2], *view.summary[: max(1, 2 - len(view.trouble))]])
    return Entry(
        clean(run.id), clean(run.started[:16].replace("T", " ")), clean(run.suite),
        clean(environment.device_name) if environment else "",
        clean((environment.commit or "")[:9]) if environment else "", clean(run.state), said or view.counts.sentence,
        clean(run.note),
    )  # fmt: skip


def _manifest(folder: Path) -> Manifest:
    """The manifest of the existing site, or an empty one. If other code made the site, every hash is empty, so that
    each page is rendered again."""
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return Manifest()
    if found.program != _program():
        return Manifest(runs={name: ("", entry) for name, (_, entry) in found.runs.items()},
                        cases=dict.fromkeys(found.cases, ""))  # fmt: skip
    return found


def _remove(folder: Path, names: set[str]) -> None:
    """Remove pages, but only files that belong to this site: a manifest may name any path."""
    for name in names:
        if re.fullmatch(r"(runs|cases)/[A-Za-z0-9.-]+\.html", name):
            (folder / name).unlink(missing_ok=True)


@cache
def _program() -> str:
    """A hash over all code and templates that make pages."""
    root = Path(__file__).parent.parent
    files = sorted(path for path in root.rglob("*") if path.suffix in (".py", ".j2", ".css", ".js"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files if "samples" not in path.parts)).hexdigest()


def _digest(*shown: object) -> str:
    return hashlib.sha256(repr(shown).encode()).hexdigest()


def _runs(entries: Sequence[Row]) -> Table:
    headings = ("Run", "Started, UTC", "Suite", "Device", "Commit", "State", "Result", "Note")
    columns = tuple(Column(heading.split(",")[0].lower(), heading) for heading in headings)
    return Table("runs", "Every run", columns, tuple(entries))


def _case_page(trend: Trend, known: Known, hrefs: Mapping[str, str]) -> str:
    return page(
        "case.html.j2", {}, "compare", trend=trend, points=over_runs.points(trend, hrefs),
        charts=figures(draw_history([trend])), compared=[_compared(point) for point in trend.points],
        changes=changes.known_changes(known.standings) if known.standings else None,
        notes=changes.notes(known.notes) if known.notes else None, sections=(),
    )  # fmt: skip


def _compared(point: Point) -> dict[str, Any]:
    """The part of a point that the page's script compares with another one's."""
    time = point.time
    return {
        "run": point.run, "commit": point.commit, "value": time.value, "low": time.low, "high": time.high,
        "changed": point.changed,
    }  # fmt: skip


def _file_name(text: str, fallback: str) -> str:
    """A file name of letters, digits, dots and dashes. A digest keeps names apart that lost characters."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:60] or fallback
    return plain if plain == text else f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _unique(name: str, taken: set[str]) -> str:
    """A name not yet taken: two runs of two stores may have one id."""
    found, number = name, 2
    while found.lower() in taken:
        found, number = f"{name}-{number}", number + 1
    taken.add(found.lower())
    return found
