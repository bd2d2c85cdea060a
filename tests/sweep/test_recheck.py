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
from harness.sweep.options import Options
from harness.sweep.questions import SweepQuestion, questions
from harness.sweep.recheck import narrowed, outcome
from harness.sweep.register import choice
from harness.sweep.sweep import sweep
from harness.values.suite import Suite
from harness.values.sweep import Confirmed
from tests.sweep.made import case, finals, measured, question
from tests.sweep.swept import MATCH, swept_suite

PLAIN = """

def run(x, weight, scale, group, *, block_n: int = 64):
    return right(x, weight, scale, group, block_n=block_n)
"""
RECHECK = "recheck of the choice under Triton 3.0.0: 1 kept, 2 neighbours"
SPACE = "{block_n: [32, 64, 128, 256, 512, 1024]}"


def prepared(
    folder: Path, triton: str, block_n: int, ranked: tuple[int, ...]
) -> tuple[Suite, list[SweepQuestion], Path]:
    """A suite, what it asks, and a tuned file that another Triton made."""
    suite = load_suite(swept_suite(folder, PLAIN, SPACE))
    asked = questions(suite, sweep_plan(suite, match=MATCH).cases)
    [one] = asked
    source = one.sources[one.variant]
    entry = {
        "op": "int4_mm", "variant": one.variant, "triton": triton, "source_hash": source,
        "dims": one.cases[0].dims, "tunables": {"block_n": block_n}, "us": 1.0,
        "ranked": [{"variant": one.variant, "tunables": {"block_n": n}, "us": 1.0} for n in ranked],
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
def test_the_old_choice_stays_unless_one_is_shown_to_be_faster(tmp_path: Path) -> None:
    """Either way the file has an entry for the Triton that is here, beside the old one's."""
    suite, _, file = prepared(tmp_path, "3.0.0", 128, (128,))
    options = Options(rounds=1, processes=2, untrusted=True, recheck=True)
    plan = sweep_plan(suite, match=MATCH)
    result = sweep(plan, Store(str(tmp_path / "runs.sqlite")), options, lambda *_: None)
    [found] = result.questions
    assert {c.tunables["block_n"] for c in found.configurations} == {64, 128, 256}
    assert found.finals is not None and found.finals.baseline is not None
    assert found.finals.baseline.tunables == {"block_n": 128}
    assert found.search == f"{RECHECK}; {outcome(found)}" and not any("baseline" in w for w in result.warnings)
    entries = {e["triton"]: e["tunables"] for e in json.loads(file.read_text())["entries"]}
    chosen = choice(found)
    assert chosen is not None
    assert entries == {"3.0.0": {"block_n": 128}, result.environment.triton: dict(chosen.tunables)}


def test_what_came_of_it_is_said() -> None:
    old, other = Confirmed(measured(case(b=1), [2.0] * 4)), Confirmed(measured(case(b=2), [1.0] * 4))
    words = {
        outcome(question([], finals([other], old, None))): "confirmed: none was shown to be faster",
        outcome(question([], finals([other], old, case(b=2).id))): "replaced: another one is faster",
        outcome(question([], finals([other], None, case(b=2).id))): "replaced: the old one failed",
        outcome(question([], None)): "nothing could be timed",
    }
    assert len(words) == 4 and all(said.startswith(start) for said, start in words.items())


def test_what_a_recheck_does_not_take_is_said(tmp_path: Path) -> None:
    suite = swept_suite(tmp_path, PLAIN, SPACE)
    for options, words in (
        (["--recheck", "--budget", "5s"], "--budget: for a sweep"),
        (["--budget", "soon"], "allowed: seconds or minutes"),
    ):  # fmt: skip
        result = CliRunner().invoke(app, ["sweep", str(suite), *options])
        assert isinstance(result.exception, HarnessError) and words in str(result.exception)
