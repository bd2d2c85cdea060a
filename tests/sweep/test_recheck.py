"""An old choice is looked at again: what it kept and its neighbours, and it stays unless one is shown to be faster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.device.probe import slug_here
from harness.errors import HarnessError
from harness.plan import sweep_plan
from harness.store import Store
from harness.suite.load import load_suite
from harness.sweep.questions import SweepQuestion, questions
from harness.sweep.recheck import narrowed
from harness.sweep.sweep import Options, sweep
from harness.values.suite import Suite
from tests.sweep.swept import MATCH, swept_suite

WAITS = """
import time


def run(x, weight, scale, group, *, block_n: int = 64):
    time.sleep(0.06 if block_n < 256 else 0.01)
    return right(x, weight, scale, group, block_n=block_n)
"""
SPACE = "{block_n: [32, 64, 128, 256, 512, 1024]}"


def prepared(
    folder: Path, triton: str, block_n: int, ranked: tuple[int, ...]
) -> tuple[Suite, list[SweepQuestion], Path]:
    """A suite, what it asks, and a tuned file that another Triton made."""
    suite = load_suite(swept_suite(folder, WAITS, SPACE))
    asked = questions(suite, sweep_plan(suite, match=MATCH).cases)
    [question] = asked
    source = question.sources[question.variant]
    entry = {
        "op": "int4_mm", "variant": question.variant, "triton": triton, "source_hash": source,
        "dims": question.cases[0].dims, "tunables": {"block_n": block_n}, "us": 1.0,
        "ranked": [{"variant": question.variant, "tunables": {"block_n": n}, "us": 1.0} for n in ranked],
    }  # fmt: skip
    file = folder / "tuned" / f"{slug_here()}.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"schema": 1, "device": slug_here(), "entries": [entry]}))
    return suite, asked, file


def test_the_kept_and_their_neighbours_are_tried_against_the_old_choice(tmp_path: Path) -> None:
    suite, asked, _ = prepared(tmp_path, "3.0.0", 64, (64, 512))
    [narrow] = narrowed(suite, asked, slug_here(), "3.7.1")
    assert [c.tunables["block_n"] for c in narrow.cases] == [64, 512, 32, 128, 256, 1024]
    assert narrow.baseline.tunables == {"block_n": 64}
    assert narrow.recheck == "recheck of the choice under Triton 3.0.0: 2 kept, 4 neighbours"


def test_without_an_entry_for_this_source_there_is_nothing_to_recheck(tmp_path: Path) -> None:
    suite, asked, file = prepared(tmp_path, "3.0.0", 64, (64,))
    with pytest.raises(HarnessError, match=r"--recheck: no tuned file for this device: .*elsewhere.json does"):
        narrowed(suite, asked, "elsewhere", "3.7.1")
    file.write_text(file.read_text().replace('"source_hash": "', '"source_hash": "0'))
    with pytest.raises(HarnessError, match="its source or shape is another one"):
        narrowed(suite, asked, slug_here(), "3.7.1")
    file.write_text("{}")
    with pytest.raises(HarnessError, match="not a tuned file of schema 1"):
        narrowed(suite, asked, slug_here(), "3.7.1")


def test_an_entry_of_another_triton_goes_before_one_of_this(tmp_path: Path) -> None:
    """That one is what was not looked at yet; of several the newest counts, by number and not by letter."""
    suite, asked, file = prepared(tmp_path, "3.7.1", 64, (64,))
    content = json.loads(file.read_text())
    others = [
        {**content["entries"][0], "triton": t, "tunables": {"block_n": n}} for t, n in (("3.9.0", 128), ("3.10.0", 256))
    ]
    file.write_text(json.dumps({**content, "entries": [*content["entries"], *others]}))
    assert narrowed(suite, asked, slug_here(), "3.7.1")[0].baseline.tunables == {"block_n": 256}


@pytest.mark.slow
def test_an_old_choice_that_became_slow_is_replaced(tmp_path: Path) -> None:
    """It waits for 60 ms where its neighbour waits for 10; the file then has the new one beside the old Triton's."""
    suite, _, file = prepared(tmp_path, "3.0.0", 128, (128,))
    plan = sweep_plan(suite, match=MATCH)
    options = Options(rounds=2, processes=2, untrusted=True, recheck=True)
    result = sweep(plan, Store(str(tmp_path / "runs.sqlite")), options, lambda *_: None)
    [question] = result.questions
    assert {c.tunables["block_n"] for c in question.configurations} == {64, 128, 256}
    assert question.search.endswith("1 kept, 2 neighbours; replaced: another one is faster by more than the margin")
    entries = {e["triton"]: e["tunables"] for e in json.loads(file.read_text())["entries"]}
    assert entries == {"3.0.0": {"block_n": 128}, result.environment.triton: {"block_n": 256}}


def test_what_a_recheck_does_not_take_is_said(tmp_path: Path) -> None:
    suite = swept_suite(tmp_path, WAITS, SPACE)
    for options, words in (
        (["--recheck", "--budget", "5s"], "--budget: for a sweep"),
        (["--budget", "soon"], "allowed: seconds or minutes"),
    ):  # fmt: skip
        result = CliRunner().invoke(app, ["sweep", str(suite), *options])
        assert result.exit_code == 2 and words in str(result.exception), result.output
