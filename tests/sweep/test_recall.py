"""What a sweep knows counts as long as everything that its kernels were made of is what it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.observe.code import content, kind, names
from harness.plan import sweep_plan
from harness.store import Store
from harness.suite.load import load_suite
from harness.sweep.options import Options
from harness.sweep.recall import still_true
from harness.sweep.sweep import sweep
from harness.values.case import Case, Implementation
from harness.values.closure import Closure
from harness.values.measurement import Measurement, Status
from harness.values.sweep import Configuration, SweepResult
from tests.sweep.swept import MATCH, swept_suite


def row(key: str, variant: str = "mine", closure: Closure | None = None) -> Configuration:
    case = Case("kernel", "a", "float32", {}, op="int4_mm", site="gdn_in", answer=Implementation(variant))
    return Configuration(key, Measurement(case, Status.OK), closure=closure)


@pytest.fixture
def seen(tmp_path: Path) -> Closure:
    """Of code, data, a folder's names, and something that is not there."""
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "n.txt").write_text("1")
    found = {
        "a.py": content(tmp_path / "a.py", as_code=True),
        "data/n.txt": content(tmp_path / "data" / "n.txt", as_code=False),
        "data": f"{names(tmp_path / 'data')}; folder",
        "flag": kind(tmp_path / "flag"),
    }
    return Closure(found)


def test_unchanged_files_are_known_with_all_rows_of_their_variant(tmp_path: Path, seen: Closure) -> None:
    """A row that no process ran to its end counts with its variant's; a variant of which nothing was seen does not."""
    rows = {"k1": row("k1", closure=seen), "k2": row("k2"), "k3": row("k3", "other")}
    assert still_true(rows, tmp_path).keys() == {"k1", "k2"}
    (tmp_path / "a.py").write_text("# a comment\nx = 1\n")
    assert still_true(rows, tmp_path).keys() == {"k1", "k2"}


@pytest.mark.parametrize("change", ["a.py", "data/n.txt", "data/more.txt", "flag"])
def test_any_change_is_no_longer_known(change: str, tmp_path: Path, seen: Closure) -> None:
    (tmp_path / change).write_text("x = 2\n")
    assert still_true({"k1": row("k1", closure=seen), "k2": row("k2")}, tmp_path) == {}


def test_what_may_have_read_more_is_not_known(tmp_path: Path, seen: Closure) -> None:
    doubtful = seen.with_opened({}, ("a.py starts another process",))
    assert still_true({"k1": row("k1", closure=doubtful)}, tmp_path) == {}


def test_what_a_kernel_reads_or_imports_is_part_of_what_a_sweep_knows(tmp_path: Path) -> None:
    """The second sweep times nothing; after a change of the file that is read, or of the one that is imported, all."""
    extra = """
from pathlib import Path

from more_times import TIMES

READ = int(Path(__file__).with_name("times.txt").read_text())


def run(x, weight, scale, group, *, block_n: int = 64):
    for _ in range(TIMES * READ):
        found = right(x, weight, scale, group, block_n=block_n)
    return found
"""
    (tmp_path / "times.txt").write_text("1\n")
    (tmp_path / "more_times.py").write_text("TIMES = 1\n")
    path = swept_suite(tmp_path, extra, "{block_n: [128, 512]}")
    store = Store(str(tmp_path / "runs.sqlite"))

    def swept() -> SweepResult:
        settings = Options(rounds=1, processes=1)
        return sweep(sweep_plan(load_suite(path), match=MATCH), store, settings, lambda *_: None)

    first = swept()
    assert [first.reused, swept().reused] == [0, 3]
    rows = {str(number): row for number, row in enumerate(first.configurations)}
    assert still_true(rows, tmp_path) == rows
    (tmp_path / "more_times.py").write_text("TIMES = 2\n")
    assert still_true(rows, tmp_path) == {}
    (tmp_path / "more_times.py").write_text("TIMES = 1\n")
    assert still_true(rows, tmp_path) == rows
    (tmp_path / "times.txt").write_text("2\n")
    assert swept().reused == 0
