"""Reports as files, and the command that writes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import HarnessError
from harness.store import Store
from harness.values.run import Run
from harness_reports.pages import write
from tests.reports.run_factory import synthetic_run

REPOSITORY = Path(__file__).resolve().parents[3]


def stored(location: Path, run: Run) -> str:
    """The run in a store at `location`, as a finished execution leaves it; returns its id."""
    store = Store(str(location))
    run_id = store.begin(run)
    for measurement in run.measurements:
        store.add_measurement(run_id, 0, measurement)
    store.add_conditions(run_id, run.conditions)
    for profile in run.profiles:
        store.add_profile(run_id, profile)
    store.finish(run_id, "complete")
    store.close()
    return run_id


def test_all_formats_are_written_and_named(tmp_path: Path) -> None:
    paths = write.write(synthetic_run(), tmp_path / "new" / "folder")
    assert [path.name for path in paths[:2]] == ["report.md", "report.html"]
    assert {path.suffix for path in paths} == {".md", ".html", ".svg", ".png"}
    assert all(path.stat().st_size for path in paths)


def test_markdown_brings_the_charts_that_it_links(tmp_path: Path) -> None:
    paths = {path.name for path in write.write(synthetic_run(), tmp_path, ["md"])}
    assert paths == {"report.md", "decode.svg", "categories.svg", "kernels.svg", "roofline.svg"}
    for name in paths - {"report.md"}:
        assert f"({name})" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the order of a set or a hash is; and none of them loads torch."""
    script = (
        "import sys; from harness import reports_root; reports_root.bind();"
        "from harness_reports.pages.write import FORMATS, write; from pathlib import Path;"
        "from tests.reports.run_factory import synthetic_run;"
        "write(synthetic_run(3), Path(sys.argv[1]), FORMATS); assert 'torch' not in sys.modules"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(REPOSITORY)}
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / seed)], check=True, env=environment, cwd=REPOSITORY
        )
    names = sorted(path.name for path in (tmp_path / "1").iterdir())
    assert len(names) == 15
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(HarnessError, match=r"--format: unknown format htm; allowed: .*did you mean html\?"):
        write.checked(["htm"])
    with pytest.raises(HarnessError, match="one page at a time"):
        write.page_format("png")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    with pytest.raises(HarnessError, match="cannot write the report"):
        write.write(synthetic_run(), blocked / "below", ["md"])


def test_the_command_prints_the_paths_that_it_wrote(tmp_path: Path) -> None:
    """stdout is data: one path a line, and nothing else where it is not a terminal."""
    location = tmp_path / "runs.sqlite"
    stored(location, synthetic_run())
    arguments = ["report", "last", "--store", str(location), "--out", str(tmp_path / "out"), "--format", "html,png"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert [Path(line).name for line in result.stdout.splitlines()] == [
        "report.html",
        "decode.png",
        "categories.png",
        "kernels.png",
        "roofline.png",
    ]
    assert all(Path(line).is_file() for line in result.stdout.splitlines())


def test_a_stored_run_reports_as_the_run_itself(tmp_path: Path) -> None:
    """Nothing that a report shows is lost in the store."""
    run = synthetic_run()
    location = tmp_path / "runs.sqlite"
    run_id = stored(location, run)
    for page in ("md", "text", "html"):
        arguments = ["report", run_id, "--store", str(location), "--out", "-", "--format", page]
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert result.stdout.replace(f"run {run_id}", "run 147").replace(f"Run {run_id}", "Run 147") == write.page(
            run, page
        )


def test_the_command_needs_no_torch(tmp_path: Path) -> None:
    """`report` works on a laptop: with torch, triton and the kernels made unimportable."""
    location = tmp_path / "runs.sqlite"
    stored(location, synthetic_run())
    script = (
        "import sys, json\n"
        "for name in ('torch', 'triton', 'harness_kernels'): sys.modules[name] = None\n"
        "from harness.cli.main import main\n"
        f"sys.argv = ['harness', 'report', '--store', {str(location)!r}, '--out', {str(tmp_path / 'out')!r}]\n"
        "main()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 10
    assert json.dumps(done.stderr) == '""'
