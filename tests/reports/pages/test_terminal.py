"""The tables on a terminal, wide, narrow and piped."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from harness.values.run import Run
from harness_reports.pages import terminal
from harness_reports.pages.terminal import plain, render
from harness_reports.table import Name, Names, Table
from harness_reports.tables.run import problems
from harness_reports.views.view import View, build
from tests.reports import golden_files
from tests.reports.hostile import hostile_run
from tests.reports.run_factory import ENVIRONMENT, broken_run, synthetic_run


def tables_of(view: View) -> list[Table]:
    return [*terminal.tables(view), problems(view)]


def names_of(table: Table) -> set[str]:
    cells = [cell for row in table.rows for cell in row.cells]
    single = {cell.text for cell in cells if isinstance(cell, Name)}
    return single | {name for cell in cells if isinstance(cell, Names) for name in cell.names}


def test_wide_tables_are_as_in_the_golden_file() -> None:
    golden_files.check("terminal-120.txt", plain(build(synthetic_run(processes=3))))


def test_narrow_tables_are_as_in_the_golden_file() -> None:
    golden_files.check("terminal-60.txt", plain(build(broken_run()), columns=60))


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120])
@pytest.mark.parametrize("make", [synthetic_run, broken_run, hostile_run])
def test_only_a_name_that_has_no_room_is_wider_than_the_terminal(make: type[Run], columns: int) -> None:
    """Such a name, or a word, is printed whole; everything else fits."""
    view = build(make())  # type: ignore[call-arg]
    names = {name for table in tables_of(view) for name in names_of(table)}
    wide = [line for line in plain(view, columns).splitlines() if cell_len(line) > columns]
    for line in wide:
        long = {name for name in names if cell_len(name) > columns // 2}
        assert " " not in line.strip() or any(name in line for name in long), line


@pytest.mark.parametrize("columns", [60, 80, 100, 120])
@pytest.mark.parametrize("make", [synthetic_run, broken_run, hostile_run])
def test_no_name_is_broken(make: type[Run], columns: int) -> None:
    """Of a kernel, an arm, a configuration or a case: each stands on a line, as a whole."""
    view = build(make())  # type: ignore[call-arg]
    lines = plain(view, columns).splitlines()
    for table in tables_of(view):
        for name in names_of(table):
            assert any(name in line for line in lines), name


def test_wide_numbers_push_names_not_words_away() -> None:
    """Shares of four digits at 120 columns: the words of the change stay whole."""
    run = synthetic_run(processes=3)
    slow = msgspec.structs.replace(run, environment=msgspec.structs.replace(ENVIRONMENT, read_gb_s=21.0))
    for columns in (100, 110, 120):
        assert plain(build(slow), columns).count("x faster\n") == 3


@pytest.mark.parametrize("columns", [60, 120])
def test_every_time_is_shown_whole_at_every_width(columns: int) -> None:
    """A number that is cut or broken is another number."""
    text = plain(build(synthetic_run(processes=3)), columns)
    for shown in ("46.3 ± 0.2", "17.15 ± 0.16", "242.7 ± 1.2", "2,560", "16,741 ± 118"):
        assert shown in text


def test_brackets_in_names_are_not_markup() -> None:
    assert "[bold]b[/bold]" in plain(build(hostile_run()), 400)


def test_no_colour_leaves_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR: no colour codes even on a terminal; a hostile name brings no escape codes of its own."""
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    Console(file=out, force_terminal=True, width=100).print(render(build(broken_run())))
    assert "\x1b[3" not in out.getvalue()
    assert "\x1b" not in plain(build(hostile_run()))


def test_colour_on_a_terminal_only_stresses_words() -> None:
    """Stripped of its codes, the coloured text is the plain one."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=120)
    console.print(render(build(broken_run())))
    from rich.text import Text

    lines = [line.rstrip() for line in Text.from_ansi(out.getvalue()).plain.splitlines()]
    assert lines == plain(build(broken_run())).splitlines()
