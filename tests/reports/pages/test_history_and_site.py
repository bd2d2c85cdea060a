"""Cases over runs: gaps where conditions changed, and a folder of pages that links only to itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import HarnessError
from harness.stats import estimate
from harness.store import Store
from harness.store.points import points_of
from harness.values.run import Run
from harness_reports.charts.history_chart import draw_history, segments
from harness_reports.charts.small_charts import spark_svg
from harness_reports.pages import site, write
from harness_reports.table import text_of
from harness_reports.views.history_view import slim, trends, trends_of_points
from harness_reports.views.view import build
from tests.reports.comparison_factory import large_run
from tests.reports.hostile import hostile_run
from tests.reports.run_factory import broken_run, synthetic_run
from tests.reports.table_factory import changed_standing, history_notes, machine_healths


def other_driver(run: Run) -> Run:
    assert run.environment
    return msgspec.structs.replace(run, environment=msgspec.structs.replace(run.environment, driver="580.00"))


RUNS = [large_run(4, number=0), large_run(4, number=1), other_driver(large_run(4, number=2))]


def test_a_point_is_the_estimate_of_its_run() -> None:
    for trend in trends([slim(run) for run in RUNS]):
        for point, run in zip(trend.points, RUNS, strict=True):
            samples = next(m.samples for m in run.measurements if m.case.id == trend.id)
            assert point.time == estimate(samples) and point.run == run.id


def test_a_line_stops_where_conditions_changed() -> None:
    """Values on both sides are not comparable, so nothing joins them."""
    trend = trends([slim(run) for run in RUNS])[0]
    assert [bool(point.changed) for point in trend.points] == [False, False, True]
    assert "driver" in trend.points[2].changed[0] and trend.since == 2
    assert [len(points) for _, points in segments(trend)] == [2, 1]
    assert spark_svg(trend).count("M0 ") == 1 and re.search(r'class="line" d="M[^M]+M[^M]+m-4 0h8"', spark_svg(trend))


def test_a_change_in_a_run_without_the_case_is_not_lost() -> None:
    """The driver changed in a run that lacks the case: the next point still says so."""
    without = msgspec.structs.replace(other_driver(RUNS[1]), measurements=())
    trend = trends([slim(run) for run in (RUNS[0], without, RUNS[2])])[0]
    assert len(trend.points) == 2 and trend.points[1].changed


def test_a_case_that_the_last_run_was_not_asked_is_still_drawn() -> None:
    """A run of one arm or one kernel hides nothing of what was measured before; its own cases come first."""
    last = msgspec.structs.replace(RUNS[2], measurements=RUNS[2].measurements[-1:])
    found = trends([slim(run) for run in (RUNS[0], RUNS[1], last)])
    assert {trend.id for trend in found} == {trend.id for trend in trends([slim(run) for run in RUNS])}
    assert [len(trend.points) for trend in found] == [3] + [2] * (len(found) - 1)


def test_runs_without_samples_are_counted() -> None:
    runs = [synthetic_run(), broken_run(), synthetic_run()]
    found = {trend.name: trend.gaps for trend in trends([slim(run) for run in runs])}
    assert found["sdpa, 1 token, context 1,024"] == 1


def test_one_run_is_no_history() -> None:
    assert trends([slim(RUNS[0])]) == () and draw_history(()) == ()


def test_the_chart_is_the_same_each_time_and_starts_at_zero() -> None:
    found = trends([slim(run) for run in RUNS])
    first, again = draw_history(found), draw_history(found)
    assert first == again and b"us/call" in first[0].svg and first[0].svg.count(b"<title>") == 9


def store_of(tmp_path: Path, runs: list[Run]) -> str:
    location = str(tmp_path / "runs.sqlite")
    store = Store(location)
    for number, run in enumerate(runs):
        store.add_run(run, f"{number:08d}")
    store.close()
    return location


def test_the_command_charts_earlier_runs(tmp_path: Path) -> None:
    location = store_of(tmp_path, RUNS)
    arguments = ["report", "last", "--store", location, "--history", "5", "--format", "html", "--out"]
    done = CliRunner().invoke(app, [*arguments, str(tmp_path / "out")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert 'id="history"' in page and "run 2, commit" in page
    alone = write.page(RUNS[2], "html")
    assert 'id="history"' not in alone


def site_of(runs: Sequence[Run], folder: Path, known: site.Known = site.Known()) -> list[Path]:
    pages = [site.SiteRun(run.id, partial(_give, run), run.id) for run in runs]
    found = [pair for run in runs for pair in points_of(run)]
    return site.write(pages, trends_of_points(sorted(found, key=lambda pair: pair[1].started)), folder, known)


def _give(run: Run) -> Run:
    return run


def links(page: Path) -> set[Path]:
    found = re.findall(r'(?:href|src)="([^"#][^"]*)"', page.read_text(encoding="utf-8"))
    return {(page.parent / target).resolve() for target in found if target != "data:,"}


def test_a_site_links_only_to_its_own_files(tmp_path: Path) -> None:
    """Every link leads somewhere, every page is reached from the index, also with names that are no file names."""
    hostile = msgspec.structs.replace(hostile_run(), state="complete")
    twice = msgspec.structs.replace(hostile, started="2026-02-02T00:00:00+00:00")
    paths = site_of([*RUNS, hostile, twice], tmp_path / "site")
    assert all(path.is_file() and path.resolve().is_relative_to(tmp_path / "site") for path in paths)
    assert paths[0] == tmp_path / "site" / "index.html" and len(set(paths)) == len(paths)
    reached = links(paths[0])
    assert reached | {paths[0].resolve()} >= {path.resolve() for path in paths}
    for path in paths:
        assert links(path) <= {other.resolve() for other in paths}


def team_history(runs: Sequence[Run]) -> site.Known:
    """A case of these runs with every state of a change, a note on all cases, a machine that is slow."""
    case = trends([slim(run) for run in runs])[0]
    standing = msgspec.structs.replace(changed_standing(), suite=case.suite, case=case.id)
    notes = [msgspec.structs.replace(note, suite=case.suite) for note in history_notes()]
    return site.Known([standing], notes, machine_healths())


def test_a_site_says_what_the_team_knows(tmp_path: Path) -> None:
    """On the index suites by machines, what is open, suspected or accepted, and slow machines; on a case's page all of
    its changes and notes. A page whose case is accepted is made again, the others are not."""
    known = team_history(RUNS)
    index, *pages = site_of(RUNS, tmp_path, known)
    text = index.read_text(encoding="utf-8")
    for words in ("Overview", "Changes", "needed", "too slow to compare"):
        assert words in text
    assert "the machine: its memory" not in text  # refuted
    before = {path: path.stat().st_mtime_ns for path in pages}
    [page] = [path for path in pages if "the machine: its memory" in path.read_text(encoding="utf-8")]
    assert page.parent.name == "cases" and "new cooling" in page.read_text(encoding="utf-8")
    fewer = msgspec.structs.replace(known.standings[0], changes=known.standings[0].changes[:1])
    site_of(RUNS, tmp_path, site.Known([fewer], known.notes, known.machines))
    assert [path for path in pages if path.stat().st_mtime_ns != before[path]] == [page]


def test_the_same_runs_give_the_same_site(tmp_path: Path) -> None:
    first, again = (site_of(RUNS, tmp_path / name) for name in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_one_more_run_makes_its_own_page_and_those_of_its_cases(tmp_path: Path) -> None:
    """The others are not written again; a page that the index no longer names goes, and nothing else in the folder."""
    folder = tmp_path / "site"
    first = {path: path.stat().st_mtime_ns for path in site_of(RUNS[:2], folder)}
    (folder / "runs" / "mine.html").write_text("somebody's own")
    again = site_of(RUNS[:2], folder)
    changed = {path.name for path in again if path.stat().st_mtime_ns != first[path]}
    assert changed == {"index.html"}
    more = site_of(RUNS, folder)
    changed = {path.relative_to(folder).parts[0] for path in more if path.stat().st_mtime_ns != first.get(path)}
    assert changed == {"index.html", "cases", "runs"}
    assert sum(path.stat().st_mtime_ns == first.get(path) for path in more) == 2
    site_of(RUNS[1:], folder)
    assert {path.name for path in (folder / "runs").iterdir()} == {"2.html", "3.html", "mine.html"}
    for damaged in ("[1]", "{", '{"runs": {"runs/../../x.html": ["", null]}}'):
        (folder / site.MANIFEST).write_text(damaged)
        assert site_of(RUNS, folder)[0].is_file()


def test_a_site_of_nothing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="--site: no runs"):
        site.write((), (), tmp_path)


def test_the_command_makes_a_site(tmp_path: Path) -> None:
    location = store_of(tmp_path, RUNS)
    done = CliRunner().invoke(app, ["report", "--store", location, "--site", str(tmp_path / "site")])
    assert done.exit_code == 0, done.output
    assert Path(done.stdout.splitlines()[0]).name == "index.html" and len(done.stdout.splitlines()) == 1 + 3 + 4


def test_the_index_tells_what_came_of_a_run_that_had_trouble() -> None:
    """What went wrong stands first, and does not push out what was measured."""
    for run in (broken_run(), synthetic_run()):
        view = build(run)
        said = " ".join(text_of(cell) for cell in site._entry(run, view).row("runs/1.html").cells)
        assert view.summary and view.summary[0] in said and all(sentence in said for sentence in view.trouble[:2])


def test_the_command_compares_with_a_base(tmp_path: Path) -> None:
    """The verdict of `harness compare` comes first, in every page; a drift of 5 % is seen."""
    runs = [large_run(4, number=0), large_run(4, number=1, drift=0.05)]
    location = store_of(tmp_path, runs)
    arguments = ["report", "2", "--against", "1", "--store", location, "--format", "html,md,pr", "--out"]
    done = CliRunner().invoke(app, [*arguments, str(tmp_path / "out")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    text = (tmp_path / "out" / "pull_request.md").read_text(encoding="utf-8")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    compared = CliRunner().invoke(app, ["compare", "1", "2", "--store", location, "--json"])
    slower = compared.stdout.count('"verdict":"SLOWER"')
    for page_text in (text, report):
        assert slower >= 4 and page_text.count("| **SLOWER** |") + page_text.count("| SLOWER |") == slower
    assert report.splitlines()[2] == text.splitlines()[0] and "### Against the base" in report
    assert text.startswith("**") and page.index('id="verdicts"') < page.index('id="kernels"')
