"""A report as files: `report.md`, `report.html`, every chart as `.svg` and `.png`, and files for other programs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.compare.explain import Explanation
from harness.errors import HarnessError, allowed
from harness.values.run import Run
from harness.values.verdict import Comparison

from ..charts import charts
from ..charts.comparison_charts import comparison_charts
from ..charts.drawing import Chart
from ..charts.history_chart import draw_history
from ..documents.registry import schema_text
from ..documents.runs import report_text
from ..formats import TABLE_FORMATS
from ..tables.report import of_report
from ..views.history_view import Slim, slim, trends
from ..views.view import View, build
from . import csv_file, html, hud, markdown, program, pull_request, terminal

DEFAULT = ("md", "html", "svg", "png")
FORMATS = (*DEFAULT, "pr", "csv", "json", "hud")
PAGES = ("md", "html", "text", "pr", "csv", "json", "hud")
TABLE_FILES = tuple(f"tables.{name}" for name in TABLE_FORMATS)
"""`tables.csv` and so on: every table of the report, in each format for tables."""
LINKING = {"md", "pr"}
"""Pages that link SVG files and need them beside them."""

NO_EXPLANATION = Explanation()


@dataclass(frozen=True)
class Beside:
    """Context of a report beside its run. explanation: of the comparison. earlier: runs of the same suite, oldest
    first. ci: environment variables of a CI job, for the fields that only it knows."""

    comparison: Comparison | None = None
    earlier: tuple[Slim, ...] = ()
    ci: Mapping[str, str] | None = None
    explanation: Explanation = NO_EXPLANATION


def write(run: Run, folder: Path, formats: Collection[str] = DEFAULT, beside: Beside = Beside()) -> list[Path]:
    """Write the requested formats and return the paths, pages first.

    The same stored run gives the same bytes. Raises HarnessError for an unknown format and for a folder that cannot be
    written.
    """
    wanted = checked(formats)
    if run.program is not None:
        return save(folder, {f"report.{name}": text.encode() for name, text in program.pages(run, wanted)})
    view = build(run)
    drawn = charts.draw_all(view, want_png="png" in wanted) if wanted & {"html", "svg", "png", *LINKING} else ()
    files = dict(_pages(run, view, drawn, wanted, beside))
    for chart in drawn:
        if wanted & {"svg", *LINKING}:
            files[f"{chart.name}.svg"] = chart.svg
        if "png" in wanted:
            files[f"{chart.name}.png"] = chart.png
    if "json" in wanted:
        files["report.schema.json"] = schema_text("report").encode()
    return save(folder, files)


def save(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files by their names into the folder, which is created if missing. Return their paths."""
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise HarnessError(f"{folder}: cannot write the report: {error.strerror}") from error
    return [folder / name for name in files]


def _pages(
    run: Run, view: View, drawn: Sequence[Chart], wanted: Collection[str], beside: Beside
) -> Sequence[tuple[str, bytes]]:
    makers = {
        "md": ("report.md", lambda: markdown.render(view, drawn, beside.comparison)),
        "pr": ("pull_request.md", lambda: pull_request.render(view, drawn, beside.comparison)),
        "html": ("report.html", lambda: _html(run, view, drawn, beside)),
        "csv": ("report.csv", lambda: csv_file.render(run)),
        "json": ("report.json", lambda: report_text(run, beside.comparison)),
        "hud": ("hud.jsonl", lambda: hud.render(run, beside.ci)),
    }
    files = [(name, make().encode()) for wish, (name, make) in makers.items() if wish in wanted]
    return [*files, *((name, _tables(view, name).encode()) for name in TABLE_FILES if name in wanted)]


def _tables(view: View, name: str) -> str:
    render = TABLE_FORMATS[name.partition(".")[2]]
    return "\n".join(render(table) for table in of_report(view))


def _html(run: Run, view: View, drawn: Sequence[Chart], beside: Beside) -> str:
    found = trends((*beside.earlier, slim(run)), last_alone=True) if beside.earlier else ()
    compared = comparison_charts(beside.comparison, beside.explanation) if beside.comparison else ()
    return html.render(view, (*drawn, *compared, *draw_history(found)), beside.comparison, found, beside.explanation)


def checked(formats: Collection[str]) -> set[str]:
    """The formats as a set. An unknown format is an error that names the nearest one."""
    for name in formats:
        if name not in (*FORMATS, *TABLE_FILES):
            raise HarnessError(f"--format: unknown format {name}; {allowed(name, (*FORMATS, *TABLE_FILES))}")
    if not formats:
        raise HarnessError(f"--format: no format given; {allowed('', FORMATS)}")
    return set(formats)


def page_format(name: str) -> str:
    """The one page format that goes to standard output."""
    if name not in (*PAGES, *TABLE_FILES):
        known = allowed(name, (*PAGES, *TABLE_FILES))
        raise HarnessError(f"--format: one page at a time goes to standard output, not {name}; {known}")
    return name


def page(run: Run, name: str, beside: Beside = Beside()) -> str:
    """One page as text: `html` with its charts inline, `md` and `pr` without links to files, `text` as on a wide
    terminal."""
    if run.program is not None:
        return next((text for _, text in program.pages(run, (name,))), "")
    view = build(run)
    if name == "text":
        return terminal.plain(view)
    drawn = charts.draw_all(view, want_png=False) if name == "html" else ()
    return dict(_pages(run, view, drawn, (name,), beside)).popitem()[1].decode()
