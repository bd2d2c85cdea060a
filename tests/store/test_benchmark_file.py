"""Files that pytest-benchmark wrote, as runs: read, compared, imported."""

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
from harness.store import read_exported

TEST = """
import time

def test_sum(benchmark):
    benchmark.pedantic(sum, args=(range({n}),), rounds=12, iterations=4)

def test_sleep(benchmark):
    benchmark.pedantic(time.sleep, args=(1e-4,), rounds=7)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of pytest-benchmark itself: one test four times as much work in the second."""
    folder = tmp_path_factory.mktemp("benchmarks")
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    for name, n in (("base", 5_000), ("head", 20_000)):
        (folder / "test_sums.py").write_text(TEST.format(n=n))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_sums.py"]
        command.append(f"--benchmark-json={name}.json")
        done = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    return folder / "base.json", folder / "head.json"


def test_every_timing_is_a_sample(files: tuple[Path, Path]) -> None:
    """In the order of the rounds, in us, all of one process; the environment is what the file says."""
    run, identity = read_exported(files[0])
    file = json.loads(files[0].read_text())
    assert [m.case.id for m in run.measurements] == [
        "test_sum@test_sums.py/pytest-benchmark", "test_sleep@test_sums.py/pytest-benchmark",
    ]  # fmt: skip
    for measurement, benchmark in zip(run.measurements, file["benchmarks"], strict=True):
        assert [s.value_us for s in measurement.samples] == [1e6 * value for value in benchmark["stats"]["data"]]
        assert {s.process for s in measurement.samples} == {0}
    assert run.environment is not None and run.environment.python == file["machine_info"]["python_version"]
    assert identity == read_exported(files[0])[1] != read_exported(files[1])[1]


def test_two_files_are_compared_and_no_verdict_is_claimed(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Four times the work is shown with its ratio, and still UNDECIDED: there is one process a side."""
    store = ["--store", str(tmp_path / "runs.sqlite")]
    done = CliRunner().invoke(app, ["compare", *map(str, files), "--json", *store])
    assert done.exit_code == 3, done.output
    found = json.loads(done.stdout)
    verdicts = {v["case"].partition("@")[0]: v for v in found["verdicts"]}
    assert {v["verdict"] for v in verdicts.values()} == {"UNDECIDED"}
    assert verdicts["test_sum"]["ratio"] > 2 and "process" in verdicts["test_sum"]["reason"]
    assert any("pytest-benchmark is one process" in note for note in found["notes"])


def test_a_file_is_imported_once(files: tuple[Path, Path], tmp_path: Path) -> None:
    """It is then a run like any other, with its own number."""
    store = ["--store", str(tmp_path / "runs.sqlite")]
    for _ in range(2):
        assert CliRunner().invoke(app, ["import", str(files[0]), *store]).stdout.strip() == "1"
    shown = CliRunner().invoke(app, ["show", "1", *store])
    assert shown.exit_code == 0 and "test_sum" in shown.stdout


def test_what_has_no_timings_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    """A file of statistics alone, one without tests, and one of another shape: each says what is wrong with it."""
    plain = json.loads(files[0].read_text())
    plain["benchmarks"][0]["stats"].pop("data")
    for change, words in (
        (plain, "no timings of test_sums.py::test_sum; write the file with --benchmark-json"),
        ({**plain, "benchmarks": []}, "measured nothing"),
        ({**plain, "benchmarks": [{"name": 1}]}, "not a file of pytest-benchmark"),
    ):
        (tmp_path / "other.json").write_text(json.dumps(change))
        with pytest.raises(HarnessError, match=words):
            read_exported(tmp_path / "other.json")
