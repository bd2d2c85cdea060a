"""The same decode under every engine of a CPU: one suite, one report. `nox -s executorch` runs it, in an environment
that has ExecuTorch."""

from __future__ import annotations

import msgspec
import pytest

from harness.decode.decode_cases import DecodeBench
from harness.decode.suite_model import SuiteModel
from harness.device.choice import open_device
from harness.plan import expand
from harness.suite.load import load_suite
from harness.values.measurement import Measurement, Status
from harness.worker.messages import Measured
from harness_reports.pages.markdown import render
from harness_reports.views.view import build
from tests.decode.test_engines import ONE_LAYER, compiler
from tests.reports.run_factory import synthetic_run
from tests.suite.suite_files import write_suite

ENGINES = ("eager", "torch_compile", "aot_inductor", "aot_inductor_calls", "executorch")
SUITE = """suite: 1
title: One layer under every engine of a CPU
model: qwen3_5_moe_tiny
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
    suite = load_suite(write_suite(folder, text=SUITE.replace("ENGINES", ", ".join(ENGINES))))
    plan = expand(msgspec.structs.replace(suite, dims={**suite.dims, **ONE_LAYER}))
    cases = [case for case in plan.cases if case.kind == "decode"]
    bench = DecodeBench(SuiteModel(plan, open_device()), 0, 2, {}, references=folder)
    found = tuple(event.measurement for event in bench.run(cases) if isinstance(event, Measured))
    run = msgspec.structs.replace(synthetic_run(1), measurements=found, planned=tuple(cases), profiles=())
    return {str(m.case.engine): m for m in found}, render(build(run))


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
def test_what_was_compiled_ahead_is_recorded(
    measured: tuple[dict[str, Measurement], str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Time by part, size, digest; one package serves both engines that run it and lies there for other processes, and
    the program names what it is made of."""
    found, report = measured
    package, calls = found["aot_inductor"].package, found["aot_inductor_calls"].package
    assert package is not None and calls is not None and package.digest == calls.digest
    assert package.compile_s == calls.compile_s > (package.cpp_s or 0) > 0.1 < package.export_s
    assert package.bytes > 500_000 and package.parts["library"] > 100_000 and package.compiler.startswith("g++ ")
    program = found["executorch"].package
    assert program is not None and program.format == "pte" and 100_000 < program.bytes < 10_000_000
    assert any("XnnpackBackend" in note for note in program.notes)
    assert found["eager"].package is None and "| Package" in report
