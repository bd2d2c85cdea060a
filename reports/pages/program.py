"""A profiled program on the terminal and as one HTML file: its breakdown, or its ranks side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from harness.values.run import Run

from ..documents.runs import run_text
from ..figures import clean
from ..formats import console
from ..formats.csv_table import render_all
from ..table import Table
from ..tables.ranks import every_table
from . import breakdown, breakdown_page, ranks, ranks_page

LIMIT = 400
"""Most characters of a command line."""
WIDE = 140
"""Columns of a table of ranks."""


def render(run: Run, top: int = 12) -> RenderableType:
    """Render the command, then the tables of a breakdown."""
    assert run.program is not None
    parts: list[RenderableType] = [Text(line) for line in _head(run)]
    if run.program.job is not None:
        parts.append(ranks.render(run.program.job, run.profiles, top))
    else:
        parts += [breakdown.render(_title(run), profile, top=top) for profile in run.profiles]
    return Group(*parts)


def pages(run: Run, wanted: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield (ending, text) of each format that such a run has. It measured no case, so there is nothing to chart."""
    assert run.program is not None
    if "html" in wanted:
        yield "html", page(run)
    if "md" in wanted or "pr" in wanted:
        yield "md", f"```text\n{plain(run)}```\n"
    if "text" in wanted:
        yield "txt", plain(run)
    if "json" in wanted:
        yield "json", run_text(run) + "\n"
    if "csv" in wanted or "tables.csv" in wanted:
        yield "csv", render_all(_tables(run))


def plain(run: Run) -> str:
    return console.plain(render(run), columns=WIDE)


def _tables(run: Run) -> Iterable[Table]:
    assert run.program is not None
    if run.program.job is not None:
        return every_table(run.program.job, run.profiles)
    return breakdown_page.every_table([_title(run)], run.profiles)


def page(run: Run) -> str:
    """The page as text."""
    assert run.program is not None
    if run.program.job is not None:
        return ranks_page.render(run.program.job, run.profiles, run.program.lines)
    return breakdown_page.render([_title(run)], run.profiles)


def _head(run: Run) -> Iterator[str]:
    assert run.program is not None
    environment = run.environment
    where = [clean(environment.device_name), f"torch {clean(environment.torch)}"] if environment else []
    yield " · ".join([_title(run), *where])
    state = [clean(run.state)] if run.state != "complete" else []
    yield " · ".join([*state, f"run {clean(run.id)}" + (f" “{clean(run.note)}”" if run.note else "")])
    for rank, why in run.program.failed.items():
        what = f"rank {rank}" if run.program.job is not None else "failed"
        yield f"{what}: {clean(why, LIMIT)}"
    if run.program.window:
        yield f"recorded: {clean(run.program.window, LIMIT)}"
    if run.program.processes:
        yield f"with {run.program.processes} of its child processes"
    for pid, why in run.program.lost.items():
        yield f"child process {pid}: {clean(why, LIMIT)}"
    yield ""


def _title(run: Run) -> str:
    assert run.program is not None
    return clean(" ".join(run.program.words), LIMIT)
