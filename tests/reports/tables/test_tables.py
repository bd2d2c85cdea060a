"""Every kind of table in every format, and in a format that nobody knew before."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from harness_reports import tables
from harness_reports.formats import TABLE_FORMATS, csv_table, html_table, json_table, terminal_table
from harness_reports.table import Column, Name, Names, Row, Table, text_of
from tests.conftest import REPOSITORY
from tests.reports.pages.test_html import Page
from tests.reports.table_factory import every_table

WIDTHS = (60, 80, 100, 120)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Table]:
    return every_table(tmp_path_factory.mktemp("traces"))


def names_of(table: Table) -> set[str]:
    cells = [cell for row in table.rows for cell in row.cells]
    single = {cell.text for cell in cells if isinstance(cell, Name)}
    return single | {name for cell in cells if isinstance(cell, Names) for name in cell.names}


def test_every_declared_table_is_made(made: list[Table]) -> None:
    """No kind of `reports/tables` is left out of the tests below."""
    declared = set()
    for module in Path(next(iter(tables.__path__))).glob("*.py"):
        for call in ast.walk(ast.parse(module.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Table":
                declared |= {call.args[0].value} if isinstance(call.args[0], ast.Constant) else set()
    assert len(declared) > 15 and declared <= {table.name for table in made}
    empty = {table.name for table in made if not table.rows}
    may_be = {"layers", "scopes", "ops", "launches", "processes", "contradictions", "steps", "shapes"}
    assert empty <= may_be | {"machine_differences", "differences"}, empty


@pytest.mark.parametrize("width", WIDTHS)
def test_no_name_is_broken_at_any_width(made: list[Table], width: int) -> None:
    """Each stands whole on a line, and nothing but a name is wider than the terminal."""
    for table in made:
        lines = [line.plain for line in terminal_table.lines(table, width)]
        for name in names_of(table):
            assert any(name in line for line in lines), (table.name, name)
        for line in (line for line in lines if cell_len(line) > width):
            assert any(name in line for name in names_of(table)) or " " not in line.strip(), (table.name, line)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_number_is_shown_whole(made: list[Table], width: int) -> None:
    """What is not an extra column is there at every width."""
    for table in (table.known for table in made):
        shown = " ".join(line.plain for line in terminal_table.lines(table, width))
        for row in table.rows:
            for cell, column in zip(row.cells, table.columns, strict=True):
                if column.right and not column.extra and not column.ends and cell is not None:
                    assert text_of(cell) in shown, (table.name, column.key)


def test_a_page_has_a_cell_for_every_value(made: list[Table]) -> None:
    """One row a row, one cell a column, elements that nest."""
    for table in (table.known for table in made):
        text = str(html_table.render(table))
        page, size = Page(text), len(table.columns)
        assert len(page.named("tr")) == len(table.rows) + 1
        assert len(page.named("td")) + len(page.named("th")) == size * (len(table.rows) + 1)


def test_files_for_programs_keep_the_values(made: list[Table]) -> None:
    """CSV has a line a row, all of one length; JSON the keys of the columns, and an estimate with its interval."""
    for table in made:
        lines = list(csv.reader(io.StringIO(csv_table.render(table))))
        assert len(lines) == len(table.rows) + 1 and len({len(line) for line in lines}) == 1
        found = json.loads(json_table.render(table))
        keys = [column["key"] for column in found["columns"]]
        assert len(set(keys)) == len(keys) and all(list(row) == keys for row in found["rows"])
    kernels = json.loads(json_table.render(made[0]))
    assert {"value", "low", "high", "n"} <= kernels["rows"][0]["time_us"].keys()


def copied(folder: Path) -> Path:
    """A tree whose harness and reports may be changed."""
    for name in ("tests", "suites", "kernels"):
        (folder / name).symlink_to(REPOSITORY / name)
    ignored = shutil.ignore_patterns("__pycache__", "samples")
    for name in ("harness", "reports"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignored)
    return folder


def run_in(folder: Path, script: str) -> None:
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def add_line(module: Path, after: str, line: str) -> None:
    text, count = re.subn(f"({after}.*\n)", rf"\g<1>{line}\n", module.read_text())
    module.write_text(text)
    assert count == 1


TABS = """
from ..table import text_of

def render(table):
    head = [column.title for column in table.columns]
    rows = [head, *([text_of(cell) for cell in row.cells] for row in table.rows)]
    return "".join("\\t".join(row) + "\\n" for row in rows)
"""
NEW_FORMAT = """
from pathlib import Path
from harness import reports_root
reports_root.bind()
from harness_reports.pages import write
from harness_reports.formats import TABLE_FORMATS
from tests.reports.run_factory import synthetic_run
from tests.reports.table_factory import every_table

for table in every_table(Path()):
    assert {line.count("\\t") + 1 for line in TABLE_FORMATS["tabs"](table).splitlines()} == {len(table.columns)}
assert "moe_gate_up" in write.page(synthetic_run(1), write.page_format("tables.tabs"))
"""


def test_every_table_has_every_format(made: list[Table]) -> None:
    for table in made:
        for name, render in TABLE_FORMATS.items():
            assert render(table), (name, table.name)


def test_a_new_format_is_one_module_and_one_line(tmp_path: Path) -> None:
    """Every table is shown in it, and `harness report` takes its name."""
    folder = copied(tmp_path) / "reports" / "formats"
    (folder / "tabs.py").write_text(TABS)
    add_line(folder / "__init__.py", '    "md": "markdown_table"', '    "tabs": "tabs",')
    run_in(tmp_path, NEW_FORMAT)


NEW_VERDICT = """
import json, sys
from pathlib import Path
from harness import reports_root
reports_root.bind()
from harness.values.estimate import Ratio
from harness.values.reason import Undetermined
from harness.values.verdict import CaseVerdict, Comparison, Side, Verdict
from harness_reports.pages import comparison, comparison_markdown, github, html
from harness_reports.documents.comparisons import comparison_text
from harness_reports.formats.console import plain
from harness_reports.views.view import build
from tests.reports.run_factory import synthetic_run

side = Side("1", None, "s", "2026-01-01", "complete", 4)
ratio = Ratio(1.1, 1.0, 1.2, 0.99, 4, "pair")
verdict = CaseVerdict("a/b", "kernel_us", Verdict("WOBBLY"), Undetermined(), True, 1.0, 1.1, ratio)
found = Comparison(side, side, True, (), (verdict,))
assert "WOBBLY" in plain(comparison.render(found)) and "**WOBBLY**" in comparison_markdown.render(found)
assert 'class="worse">WOBBLY' in html.render(build(synthetic_run(1)), comparison=found)
assert list(github.commands(None, found, {"GITHUB_ACTIONS": "true"}))[0].startswith("::error title=WOBBLY")
document = json.loads(comparison_text(found))
assert document["verdicts"][0]["verdict"] == "WOBBLY" and document["exit_status"] == 1
"""


def test_a_new_verdict_is_one_line(tmp_path: Path) -> None:
    """Declared in the enum alone, it is ranked, coloured, annotated and gates in every report."""
    module = copied(tmp_path) / "harness" / "values" / "verdict.py"
    add_line(module, '    SLOWER = "SLOWER"', '    WOBBLY = "WOBBLY", "worse", 1, ExitStatus.REGRESSION')
    run_in(tmp_path, NEW_VERDICT)


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="table noise: 2 columns, 1 cells"):
        Table("noise", "Noise", (Column("case", "Case"), Column("pairs", "Pairs")), (Row((Name("rms_norm"),)),))
