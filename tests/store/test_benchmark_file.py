"""Files that pytest-benchmark wrote, as runs: read, compared, imported."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from harness.cli.main import app
from harness.errors import HarnessError
from harness.store import read_exported
from harness.values.measurement import Status

pytestmark = pytest.mark.xdist_group("benchmark_file")
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
    own["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # no other plugin has a say in its files, or takes a second to start
    for name, n in (("base", 5_000), ("head", 20_000)):
        (folder / "test_sums.py").write_text(TEST.format(n=n))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_benchmark.plugin"]
        command += [f"--benchmark-json={name}.json", "test_sums.py"]
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
    """A file without tests, and one of another shape: each says what is wrong with it."""
    plain = json.loads(files[0].read_text())
    for change, words in (
        ({**plain, "benchmarks": []}, "measured nothing"),
        ({**plain, "benchmarks": [{"name": 1}]}, "not a pytest-benchmark file"),
    ):
        (tmp_path / "other.json").write_text(json.dumps(change))
        with pytest.raises(HarnessError, match=words):
            read_exported(tmp_path / "other.json")


def made(*benchmarks: dict[str, Any], **head: Any) -> dict[str, Any]:
    """A file of pytest-benchmark, made up."""
    machine = {"python_version": "3.12.1", "system": "Linux", "cpu": {"brand_raw": "CPU", "count": 4}}
    return {"machine_info": machine, "commit_info": {"id": "0" * 40}, "benchmarks": list(benchmarks), **head}


def test_of(name: str, us: float, *, data: bool = True, **stats: Any) -> dict[str, Any]:
    times = [us * 1e-6 * (1 + 0.01 * ((7 * n) % 5 - 2)) for n in range(20)]
    kept = {"median": us * 1e-6, "q1": 0.99e-6 * us, "q3": 1.01e-6 * us, "rounds": 20, "iterations": 1}
    found = kept | ({"data": times} if data else {}) | stats
    return {"fullname": f"tests/test_a.py::{name}", "extra_info": {}, "stats": found}


test_of.__test__ = False  # type: ignore[attr-defined]  # it makes a test's entry


def saved(folder: Path, plain: object, name: str = "b.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(plain))
    return path


def compared(base: Path, head: Path) -> Result:
    return CliRunner().invoke(app, ["compare", str(base), str(head), "--store", str(base.parent / "runs.sqlite")])


def test_statistics_alone_give_a_ratio_and_never_a_verdict(tmp_path: Path) -> None:
    """What `--benchmark-save` writes; ten times as much is shown, with its interval, and not judged."""
    base = saved(tmp_path, made(test_of("a", 50), test_of("b", 50)), "base.json")
    head = saved(tmp_path, made(test_of("a", 500, data=False), test_of("b", 50)), "head.json")
    done = compared(base, head)
    assert done.exit_code == 3 and re.search(r"10\.0*x slower", done.stdout) and "SLOWER " not in done.stdout
    assert "head: only median and quartiles known" in done.stdout
    run, _ = read_exported(head)
    kept = run.measurements[0].statistics
    assert kept is not None and (kept.median_us, kept.rounds) == (500, 20) and not run.measurements[0].samples
    assert run.measurements[1].samples


@pytest.mark.parametrize("value", [0.0, -1e-6, float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["data", "median"])
def test_a_time_that_cannot_be_is_one_line(tmp_path: Path, value: float, where: str) -> None:
    """With the file, the test and the time; never a traceback, never "slower"."""
    base = saved(tmp_path, made(test_of("a", 50)), "base.json")
    entry = test_of("a", 50, data=where == "data")
    entry["stats"][where] = [5e-5, value] if where == "data" else value
    head = saved(tmp_path, made(entry), "head.json")
    error = compared(base, head).exception
    assert isinstance(error, HarnessError) and error.exit_status == 2
    assert re.fullmatch(r".*head\.json: tests/test_a\.py::a: a time of \S+ s; allowed: finite and above 0", str(error))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ([test_of("b", 50, data=False, median=None)], "neither timings nor statistics"),
        ([test_of("b", 50, data=False, q1=None)], "neither timings nor statistics"),
        ([test_of("b", 50), test_of("b", 900)], "more than once"),
        ([{"fullname": "tests/test_a.py::b", "stats": []}], "not readable"),
        ([{"stats": {}}], "not readable"),
    ],
)
def test_one_bad_test_refuses_that_test_alone(tmp_path: Path, other: list[dict[str, Any]], reason: str) -> None:
    """The others are read; why it is none is kept with it."""
    run, _ = read_exported(saved(tmp_path, made(test_of("a", 50), *other)))
    good, bad = run.measurements
    assert good.samples and not bad.samples and reason in bad.reason and bad.status is Status.UNSUPPORTED


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_of_powershell_are_read(tmp_path: Path, encoding: str) -> None:
    """A mark of the byte order, or two bytes a letter."""
    path = tmp_path / "b.json"
    path.write_bytes(json.dumps(made(test_of("a", 50))).encode(encoding))
    assert len(read_exported(path)[0].measurements[0].samples) == 20


def test_what_python_writes_of_no_number_is_read(tmp_path: Path) -> None:
    """NaN and Infinity where no time is meant."""
    path = saved(tmp_path, made(test_of("a", 50, stddev=float("nan"), ops=float("inf"))))
    assert len(read_exported(path)[0].measurements[0].samples) == 20
    path.write_text('{"benchmarks": NaN, "machine_info": ')
    with pytest.raises(HarnessError, match="not an exported run"):
        read_exported(path)


@pytest.mark.parametrize(
    "head", [{"commit_info": None}, {"machine_info": {}}, {"machine_info": None}, {"version": None}]
)
def test_what_a_file_lacks_is_not_known(tmp_path: Path, head: dict[str, Any]) -> None:
    """As anonymised files have it."""
    entry = test_of("a", 50) | {"extra_info": None}
    assert read_exported(saved(tmp_path, made(entry, **head)))[0].measurements[0].samples


def test_a_report_claims_nothing_that_nobody_did(tmp_path: Path) -> None:
    """Nothing was checked, no weights were cold, torch is not known."""
    for data in (True, False):
        path = saved(tmp_path, made(test_of("a", 50, data=data)))
        for form in ("md", "text", "html", "pr"):
            command = ["report", str(path), "--out", "-", "--format", form, "--store", str(tmp_path / "runs.sqlite")]
            text = CliRunner().invoke(app, command).stdout
            assert "none checked" in text or (form == "html" and "50" in text)
            for claim in ("correct", "cold", "1 token", "torch ", "come from memory"):
                assert claim not in re.sub(r"(?s)<(style|script)>.*?</\1>", "", text), (form, claim)
