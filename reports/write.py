"""A report as files: `report.md`, `report.html`, and every chart as `.svg` and `.png`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from harness.errors import HarnessError, allowed
from harness.values.run import Run

from . import charts, html, markdown, terminal
from .view import build

FORMATS = ("md", "html", "svg", "png")
PAGES = ("md", "html", "text")


def write(run: Run, folder: Path, formats: Collection[str] = FORMATS) -> list[Path]:
    """Writes the formats asked for and returns the paths, pages first. Markdown brings the SVG files that it links.

    The same stored run gives the same bytes. Raises HarnessError for an unknown format and for a folder that cannot be
    written.
    """
    wanted = checked(formats)
    view = build(run)
    drawn = charts.draw_all(view, want_png="png" in wanted)
    files: dict[str, bytes] = {}
    if "md" in wanted:
        files["report.md"] = markdown.render(view, drawn).encode()
    if "html" in wanted:
        files["report.html"] = html.render(view, drawn).encode()
    for chart in drawn:
        if wanted & {"svg", "md"}:
            files[f"{chart.name}.svg"] = chart.svg
        if "png" in wanted:
            files[f"{chart.name}.png"] = chart.png
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise HarnessError(f"{folder}: cannot write the report: {error.strerror}") from error
    return [folder / name for name in files]


def checked(formats: Collection[str]) -> set[str]:
    """The formats as a set; an unknown one is an error that names the nearest."""
    for name in formats:
        if name not in FORMATS:
            raise HarnessError(f"--format: unknown format {name}; {allowed(name, FORMATS)}")
    if not formats:
        raise HarnessError(f"--format: no format given; {allowed('', FORMATS)}")
    return set(formats)


def page_format(name: str) -> str:
    """The one format of a page that goes to standard output."""
    if name not in PAGES:
        raise HarnessError(f"--format: one page at a time goes to standard output, not {name}; {allowed(name, PAGES)}")
    return name


def page(run: Run, name: str) -> str:
    """One page as text: `html` with its charts in it, `md` without links to files, `text` as on a wide terminal."""
    view = build(run)
    if name == "html":
        return html.render(view, charts.draw_all(view, want_png=False))
    if name == "md":
        return markdown.render(view)
    return terminal.plain(view)
