"""The same decode under every engine of a CPU: one suite, one run, one report. `nox -s executorch` runs it, in an
environment that has ExecuTorch."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.store import Store
from harness.values.measurement import Measurement, Status
from tests.decode.test_engines import ONE_LAYER, compiler
from tests.suite.suite_files import write_suite

ENGINES = ("eager", "torch_compile", "aot_inductor", "aot_inductor_calls", "executorch")
SUITE = """suite: 1
title: One layer under every engine of a CPU
model: one_layer
dtype: float32
weights: {dtype: int4, group: 64}
arms:
  baseline:
    int4_mm: {torch_blocked: {block_n: 4096}}
    moe_gate_up: {decode: torch_gather, prefill: torch_per_expert}
    moe_down: {decode: torch_gather, prefill: torch_per_expert}
    sdpa: torch_sdpa
decode: {engines: [ENGINES], context: [20], new_tokens: 8}
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Measurement], str]:
    """By engine, and the report."""
    pytest.importorskip("executorch")
    folder = tmp_path_factory.mktemp("engines")
    import yaml

    from tests.conftest import REPOSITORY

    tiny = yaml.safe_load((REPOSITORY / "suites" / "models.yaml").read_text())["qwen3_5_moe_tiny"]
    (folder / "models.yaml").write_text(yaml.safe_dump({"one_layer": {**tiny, **ONE_LAYER}}))
    suite = write_suite(folder, text=SUITE.replace("ENGINES", ", ".join(ENGINES)))
    store = str(folder / "runs.sqlite")
    run = ["run", str(suite), "--only", "decode", "--processes", "1", "--rounds", "2", "--store", store]
    done = CliRunner().invoke(app, run)
    assert done.exit_code == 0, done.output
    report = CliRunner().invoke(app, ["report", "last", "--out", "-", "--format", "md", "--store", store])
    found = {str(m.case.engine): m for m in Store(store).load("last").measurements if m.case.kind == "decode"}
    return found, report.stdout


@pytest.mark.slow
@compiler
@pytest.mark.xdist_group("inductor")
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_says_what_the_model_says(engine: str, measured: tuple[dict[str, Measurement], str]) -> None:
    """Its logits are within the tolerance of the float32 model, before and after the timed passes, its greedy choices
    are the recorded ones, and the report has its row."""
    found, report = measured
    m = found[engine]
    assert m.status is Status.OK, m.reason
    assert len(m.samples) == 2 and m.correctness is not None and m.correctness.diverges is None
    assert "argmax agrees in 8 of 8" in m.correctness.detail
    assert f"context 20, {engine}" in report


@pytest.mark.slow
@compiler
@pytest.mark.xdist_group("inductor")
def test_what_was_compiled_ahead_is_recorded(measured: tuple[dict[str, Measurement], str]) -> None:
    """Time by part, size, digest; one package serves both engines that run it, and the program names what it is made
    of."""
    found, report = measured
    package, calls = found["aot_inductor"].package, found["aot_inductor_calls"].package
    assert package is not None and calls is not None and package.digest == calls.digest
    assert package.format == "pt2" and package.compile_s > package.cpp_s > 1 and package.export_s > 0.1  # type: ignore[operator]
    assert package.bytes > 500_000 and package.parts["library"] > 100_000 and package.compiler.startswith("g++ ")
    program = found["executorch"].package
    assert program is not None and program.format == "pte" and 100_000 < program.bytes < 10_000_000
    assert any("XnnpackBackend" in note for note in program.notes)
    assert found["eager"].package is None and "| Package" in report
