"""`harness breakdown` of ranks: one table with a line per rank, as text, page, CSV and JSON."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli.main import app
from tests.ranks.made import write_rank
from tests.reports.golden_files import check
from tests.trace.made import KERNELS, write


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["breakdown", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "job"
    found.mkdir()
    for rank in range(4):
        write_rank(found / f"rank{rank}.json", rank, 4, 12, 50.0, 3)
    return found


def test_the_text_has_a_line_per_rank_and_names_the_late_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who, how often, how long, why; then the collectives and the clocks."""
    monkeypatch.chdir(folder.parent)
    check("breakdown_ranks.txt", run("job").stdout)


def test_ranks_are_found_in_a_folder_a_pattern_an_archive_and_several_files(folder: Path) -> None:
    """The same job, whatever it was given as."""
    archive = folder.parent / "job.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "job")
    wanted = json.loads(run(folder, "--json").stdout)["late"]
    for given in ([folder / "rank*.json"], [archive], sorted(folder.iterdir())):
        assert json.loads(run(*given, "--json").stdout)["late"] == wanted


def test_the_json_is_integer_nanoseconds(folder: Path) -> None:
    """With the breakdown of each rank."""
    found = json.loads(run(folder, "--json").stdout)
    assert found["schema"] == 1 and found["straggler"] == 3 and len(found["traces"]) == 4
    (calls,) = found["calls"]
    assert calls["wait_ns"] + calls["transfer_ns"] == calls["total_ns"]
    assert found["ranks"][3]["held_up_ns"] == calls["wait_ns"]


def test_the_page_has_a_line_per_rank(folder: Path, tmp_path: Path) -> None:
    """The late one is marked in the drawing and in the table."""
    page = tmp_path / "job.html"
    assert run(folder, "--html", page).stdout.strip() == str(page)
    text = page.read_text()
    assert text.count('text-anchor="end"') == 5 and text.count("font-weight") >= 1
    assert 'style="fill: var(--bad)">rank 3</text>' in text and "rank 3 was late" in text
    assert 'style="fill: var(--ink)">rank 2</text>' in text


def test_every_table_is_in_the_csv(folder: Path, tmp_path: Path) -> None:
    """Values, not words."""
    path = tmp_path / "job.csv"
    assert run(folder, "--csv", path).stdout.strip() == str(path)
    names = [line[2:] for line in path.read_text().splitlines() if line.startswith("# ")]
    assert names == ["ranks", "causes", "collectives", "late", "rank_categories", "clocks"]


def test_two_ranks_may_be_compared_as_before_and_after(folder: Path) -> None:
    """`--pair`; and two traces of no job are ranks with `--ranks` alone."""
    pair = [folder / "rank0.json", folder / "rank3.json"]
    assert "difference" in run(*pair, "--pair").stdout and "of one job" in run(*pair).stdout
    plain = [write(folder.parent / "a.json", KERNELS), write(folder.parent / "b.json", KERNELS)]
    assert "difference" in run(*plain).stdout and "2 ranks of one job" in run(*plain, "--ranks").stdout


def test_other_traces_have_csv_too(tmp_path: Path) -> None:
    """Every table of each, and what changed."""
    plain = [write(tmp_path / "a.json", KERNELS), write(tmp_path / "b.json", KERNELS[:-1])]
    path = tmp_path / "t.csv"
    run(*plain, "--csv", path)
    text = path.read_text()
    assert "# categories of a.json" in text and "# kernels of b.json" in text and "# change_kernels" in text
    assert text.count("k0,") >= 2 and str(tmp_path) not in text
