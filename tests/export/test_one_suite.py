"""The same decode under every engine of a CPU: one suite, one stored run, one report. `nox -s executorch` runs it, in
an environment that has ExecuTorch."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import torch
import yaml

from harness.plan import expand
from harness.runner.execute import Execution
from harness.runner.stage import Options
from harness.store import Store
from harness.suite.load import load_suite
from harness.values.environment import Environment
from harness.values.measurement import Measurement, Status
from harness.values.suite import Plan
from harness_reports.pages.markdown import render
from harness_reports.views.view import build
from tests.conftest import REPOSITORY
from tests.decode.test_engines import ONE_LAYER, compiler
from tests.export.served_step import served
from tests.models import hugging_face

ENGINES = ("eager", "torch_compile", "aot_inductor", "aot_inductor_calls", "executorch")
BY_TRANSFORMERS = ("eager",)
"""Engines that also run transformers' own implementation of the model."""
GROUP, PROMPT, NEW = 64, 20, 8
SUITE = f"""suite: 1
title: One layer under every engine of a CPU
model: one_layer
dtype: float32
weights: {{dtype: int4, group: {GROUP}, from: ./checkpoint}}
arms:
  baseline:
    int4_mm: {{torch_blocked: {{block_n: 4096}}}}
    moe_gate_up: {{decode: torch_gather, prefill: torch_per_expert}}
    moe_down: {{decode: torch_gather, prefill: torch_per_expert}}
    sdpa: torch_sdpa
  transformers: {{model: hf:./transformers}}
  server: {{engine: {{http: {{url: URL, vocabulary: 256, prompt_tokens: {PROMPT}, new_tokens: {NEW}, requests: 1}}}}}}
decode: {{engines: [{", ".join(ENGINES)}], context: [{PROMPT}], new_tokens: {NEW}}}
"""


class Measured(NamedTuple):
    """of: by arm and engine, or by figure of the server. texts: prompt and new tokens of each answer of the server, and
    what transformers says to the same prompt."""

    of: dict[tuple[str, str], Measurement]
    report: str
    texts: list[tuple[list[int], list[int]]]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    pytest.importorskip("executorch")
    folder = tmp_path_factory.mktemp("engines")
    theirs = _checkpoints(folder)
    path = folder / "engines.yaml"
    path.write_text(SUITE.replace("URL", "http://127.0.0.1:1"))
    with served(path, "baseline") as server:
        path.write_text(SUITE.replace("URL", server.url))
        suite, store = load_suite(path), Store(str(folder / "runs.sqlite"))

        def planned(environment: Environment) -> Plan:
            plan = expand(suite, device_slug=environment.slug, triton=environment.triton)
            kept = [c for c in plan.cases if c.arm != "transformers" or c.engine in BY_TRANSFORMERS]
            return msgspec.structs.replace(plan, cases=tuple(kept))

        options = Options(stages=("decode", "figures"), rounds=2)
        run = store.load(Execution(suite, planned, store, options, lambda *_: None).run())
    of = {(m.case.arm, str(m.case.op or m.case.engine)): m for m in run.measurements if m.case.kind != "prefill"}
    for prompt, answer in server.answered[:2]:
        assert _greedy(theirs, prompt) == answer
    return Measured(of, render(build(run)), server.answered)


def _checkpoints(folder: Path) -> hugging_face.Qwen3_5MoeForCausalLM:
    """One model twice: a checkpoint that our loader packs to int4, and one of the values that this packing stands for,
    which transformers reads. Returns the latter."""
    dims = {**yaml.safe_load((REPOSITORY / "suites" / "models.yaml").read_text())["qwen3_5_moe_tiny"], **ONE_LAYER}
    (folder / "models.yaml").write_text(yaml.safe_dump({"one_layer": dims}))
    sizes = {name: size for name, size in dims.items() if name != "architecture"}
    theirs = hugging_face.random_model(sizes, 0)
    hugging_face.save(theirs, folder / "checkpoint")
    hugging_face.round_to_int4(theirs, GROUP, hugging_face.DENSE)
    hugging_face.save(theirs, folder / "transformers")
    return theirs


def _greedy(model: hugging_face.Qwen3_5MoeForCausalLM, prompt: list[int]) -> list[int]:
    """The text that transformers writes after a prompt, in passes without a cache."""
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(NEW):
            ids.append(int(model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
    return ids[len(prompt) :]


CASES = [*(("baseline", engine) for engine in ENGINES), *(("transformers", engine) for engine in BY_TRANSFORMERS)]


@pytest.mark.slow
@compiler
@pytest.mark.xdist_group("inductor")
@pytest.mark.parametrize(("arm", "engine"), CASES)
def test_every_engine_says_what_the_model_says(arm: str, engine: str, measured: Measured) -> None:
    """Its logits are within the tolerance of the float32 model, before and after the timed passes, its greedy choices
    are the recorded ones, and the report has its row."""
    m = measured.of[arm, engine]
    assert m.status is Status.OK, m.reason
    assert len(m.samples) == 2 and m.correctness is not None and m.correctness.diverges is None
    assert f"argmax agrees in {NEW} of {NEW}" in m.correctness.detail
    assert f"| batch 1, context {PROMPT}, {engine} | `{arm}` |" in measured.report


@pytest.mark.slow
@compiler
@pytest.mark.xdist_group("inductor")
def test_a_server_of_the_model_stands_in_the_same_report(measured: Measured) -> None:
    """It has no logits to compare: the ids that it streamed are what transformers writes after the same prompts."""
    assert {figure for arm, figure in measured.of if arm == "server"} == {"ttft", "tpot", "request", "total"}
    for figure in ("ttft", "tpot", "request", "total"):
        m = measured.of["server", figure]
        assert m.status is Status.OK and len(m.samples) == 2, m.reason
        assert f"| `{figure}`, context {PROMPT}, new tokens {NEW}, concurrency 1, http | `server` |" in measured.report
    assert len(measured.texts) == 4 and all(len(answer) == NEW for _, answer in measured.texts)


@pytest.mark.slow
@compiler
@pytest.mark.xdist_group("inductor")
def test_what_was_compiled_ahead_is_recorded(measured: Measured) -> None:
    """Time by part, size, digest; one package serves both engines that run it, and the program names what it is made
    of."""
    package, calls = (measured.of["baseline", engine].package for engine in ("aot_inductor", "aot_inductor_calls"))
    assert package is not None and calls is not None and package.digest == calls.digest
    assert package.compile_s == calls.compile_s > (package.cpp_s or 0) > 0.1 < package.export_s
    assert package.bytes > 500_000 and package.parts["library"] > 100_000 and package.compiler.startswith("g++ ")
    program = measured.of["baseline", "executorch"].package
    assert program is not None and program.format == "pte" and 100_000 < program.bytes < 10_000_000
    assert any("XnnpackBackend" in note for note in program.notes)
    assert measured.of["baseline", "eager"].package is None and "| Package" in measured.report
