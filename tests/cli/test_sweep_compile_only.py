"""`sweep --compile-only`: a suite's whole space on a machine without a GPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli.main import app
from harness.errors import HarnessError

pytest.importorskip("triton")
pytestmark = pytest.mark.xdist_group("static_pool")

SUITE = """
suite: 1
title: Some blocks
model: qwen3_5_35b_a3b
weights: {dtype: int4, group: 128, from: random, seed: 0}
routing: uniform
arms:
  baseline: {moe_down: {triton_vecmat: {block_n: 32}}}
kernels: {ops: [moe_down], tokens: [1]}
sweep:
  moe_down:
    triton_vecmat: {block_n: [8, 16], block_k: [48, 64], num_stages: [2, 3]}
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Alone in a folder, so that the kernels are those that came with the harness."""
    folder = tmp_path_factory.mktemp("compile_only")
    (folder / "some_blocks.yaml").write_text(SUITE)
    return folder / "some_blocks.yaml"


def harness(suite: Path, *arguments: str) -> Result:
    cache = {"HARNESS_CACHE": str(suite.parent / "cache"), "TRITON_CACHE_DIR": str(suite.parent / "triton")}
    command = ["sweep", str(suite), "--compile-only", "--jobs", "2", *arguments]
    return CliRunner(env=cache).invoke(app, command)


def test_every_configuration_is_a_row_and_the_second_time_is_known(suite: Path) -> None:
    """8 declared: 4 that the variant does not support are left out with its reason; stages make no difference."""
    first = json.loads(harness(suite, "--target", "sm_90", "--json").stdout)
    again = json.loads(harness(suite, "--target", "sm_90", "--json").stdout)
    assert [first[n] for n in ("schema", "target", "declared", "distinct", "pruned", "failed", "timed")] == [
        1, "sm_90", 8, 2, 4, 0, 0,
    ]  # fmt: skip
    assert (first["cached"], again["cached"]) == (0, 8)
    assert again["configurations"] == first["configurations"]
    for row in first["configurations"]:
        fits = row["tunables"]["block_k"] == 64
        assert row["status"] == ("OK" if fits else "UNSUPPORTED") and bool(row["reason"]) is not fits
        assert (row["estimate"], bool(row["registers"])) == (None, fits)
    assert len({row["identity"] for row in first["configurations"] if row["identity"]}) == 2

    shown = harness(suite, "--target", "sm_90")
    assert shown.exit_code == 0
    assert "8 declared, 8 of them known -> 2 distinct (binary + launch), 4 pruned, 0 failed" in shown.stdout
    assert "4 UNSUPPORTED: block_k 48 neither divides the group of 128 nor is a multiple of it" in shown.stdout
    assert "2|3" in shown.stdout and "Nothing was run" in shown.stdout


def test_without_a_target_and_without_a_gpu_it_says_what_is_allowed(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.static.sweep.present_target", lambda: None)
    error = harness(suite).exception
    assert isinstance(error, HarnessError) and str(error).startswith(
        "--target: no GPU here to take it from; allowed: sm_80"
    )


def test_nothing_that_compiles_is_a_failure(suite: Path) -> None:
    """Status 5, with every row shown."""
    ended = harness(suite, "--target", "sm_90", "-k", "block_k=48")
    assert ended.exit_code == 5 and "4 declared" in ended.stdout and "0 distinct" in ended.stdout


def test_what_was_pruned_elsewhere_is_not_tried_again(suite: Path, tmp_path: Path) -> None:
    """On another machine, played by an empty cache: the pruned rows come from the file, and only from a file that
    says the same target, compiler and source."""
    from harness.plan import sweep_plan
    from harness.static.carried import accept
    from harness.static.pool import compile_cases
    from harness.suite.load import load_suite

    file = tmp_path / "static.json"
    file.write_text(harness(suite, "--target", "sm_90", "--json").stdout)
    plan = sweep_plan(load_suite(suite))
    assert accept(file, plan, "sm_90", tmp_path) == 4
    pruned = [case for case in plan.cases if case.answer and case.answer.tunables["block_k"] == 48]
    found = compile_cases(pruned, "sm_90", suite.parent, folder=tmp_path, python="/nonexistent")
    assert len(found) == 4 and all(f.cached and "block_k 48" in f.reason for f in found)

    document = json.loads(file.read_text())
    [place] = document["sources"]
    for planted, said in (
        ({"toolchain": "triton 1.0; ptxas 9"}, "compiled by triton 1.0; ptxas 9, here is triton"),
        ({"target": "sm_80"}, "compiled for sm_80, the target here is sm_90"),
        ({"sources": {place: "00"}}, "moe_down/triton_vecmat: its source is another one here"),
        ({"schema": 2}, "schema 2; allowed: 1"),
        ({"configurations": 1}, "not the JSON of `harness sweep --compile-only --json`"),
    ):
        file.write_text(json.dumps(document | planted))
        with pytest.raises(HarnessError, match=said):
            accept(file, plan, "sm_90", tmp_path)


def test_an_option_of_what_is_timed_is_refused(suite: Path) -> None:
    with pytest.raises(HarnessError, match="--csv: for what is timed"):
        raise harness(suite, "--csv", "a.csv").exception or AssertionError
