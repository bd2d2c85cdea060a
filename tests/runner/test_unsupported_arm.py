"""An arm whose library is missing is a row with the reason, no failure; the other arms go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.plan import expand
from harness.runner.execute import Execution
from harness.runner.stage import Options, profiled_engine
from harness.store import Store
from harness.suite.load import load_suite
from harness.values.environment import Environment
from harness.values.measurement import Status
from harness.values.suite import Plan
from tests.conftest import REPOSITORY
from tests.suite.suite_files import SUITE, write_suite

LACKS = '''"""Its package is not installed."""


def supports(case):
    assert case.dims["tokens"] in (1, 16) and case.answer is not None
    return "needs the package nowhere" if case.op == "residual_add" else None


def run(x, y):
    raise AssertionError("it was called")
'''


ADDS = '''"""A sum in Triton."""

import torch
import triton
import triton.language as tl


@triton.jit
def add_kernel(x, y, out, n, block: tl.constexpr):
    at = tl.program_id(0) * block + tl.arange(0, block)
    tl.store(out + at, tl.load(x + at, at < n) + tl.load(y + at, at < n), at < n)


def run(x, y):
    out = torch.empty_like(x)
    add_kernel[(triton.cdiv(x.numel(), 64),)](x, y, out, x.numel(), 64)
    return out
'''


def plan_at(path: Path, environment: Environment) -> Plan:
    return expand(load_suite(path), device_slug=environment.slug, triton=environment.triton)


@pytest.mark.slow
def test_it_is_unsupported_everywhere_and_fails_nothing(tmp_path: Path) -> None:
    """Neither decode nor prefill nor profile calls any of its kernels."""
    (tmp_path / "lacks.py").write_text(LACKS)
    text = SUITE.replace("    sdpa: torch_sdpa\n", "    residual_add: ./lacks.py\n", 1)
    path, store = write_suite(tmp_path, text=text), Store(str(tmp_path / "runs.sqlite"))
    options = Options(stages=("decode", "profile"), rounds=1, processes=2, steps=1)
    execution = Execution(load_suite(path), lambda where: plan_at(path, where), store, options, lambda *_: None)
    run = store.load(execution.run())
    assert execution.record.failed == {} and run.state == "complete"
    found = {(m.case.arm, m.case.kind): m for m in run.measurements}
    for kind in ("decode", "prefill"):
        assert found["baseline", kind].status is Status.OK and found["baseline", kind].samples
        assert found["other", kind].status is Status.UNSUPPORTED
        assert "residual_add@mixer, decode: needs the package nowhere" in found["other", kind].reason
    assert [profile.arm for profile in run.profiles] == ["baseline"]
    assert any("profile other, eager: UNSUPPORTED" in line for line in execution.record.log)


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU runs Triton kernels")
def test_triton_without_a_gpu_is_checked_by_its_interpreter_and_never_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the variable of the interpreter says: it may slow a kernel down by a thousand times."""
    (tmp_path / "adds.py").write_text(ADDS)
    text = SUITE.replace("    sdpa: torch_sdpa\n", "    residual_add: ./adds.py\n", 1)
    text = text.replace("ops: [int4_mm, sdpa]", "ops: [residual_add]")
    path, store = write_suite(tmp_path, text=text), Store(str(tmp_path / "runs.sqlite"))

    def statuses(interpret: str, **options: Any) -> dict[tuple[str, str], Status]:
        monkeypatch.setenv("TRITON_INTERPRET", interpret)
        execution = Execution(
            load_suite(path), lambda where: plan_at(path, where), store, Options(**options), lambda *_: None
        )
        run = store.load(execution.run())
        for measurement in run.measurements:
            assert (measurement.status is Status.UNSUPPORTED) == ("need a GPU" in measurement.reason)
        assert [profile.arm for profile in run.profiles] == (["baseline"] if "profile" in options["stages"] else [])
        assert execution.record.failed == {}
        return {(m.case.arm, m.case.kind): m.status for m in run.measurements}

    kinds = ("kernel", "prefill", "decode")
    timed = statuses("1", stages=("kernels", "decode", "profile"), rounds=1, steps=1)
    assert {timed["other", kind] for kind in kinds} == {Status.UNSUPPORTED}
    assert {timed["baseline", kind] for kind in kinds} == {Status.OK}
    checked = statuses("1", stages=("kernels",), verify_only=True)
    assert checked["other", "kernel"] is Status.OK
    unchecked = statuses("0", stages=("kernels",), verify_only=True)
    assert unchecked["other", "kernel"] is Status.UNSUPPORTED


def test_a_graph_is_profiled_where_one_is_timed() -> None:
    environment = Environment("cuda", "NVIDIA H100 80GB HBM3", "3.12", "2.11", "cpu", 16, "Linux")
    large = expand(load_suite(REPOSITORY / "suites" / "qwen3_5_moe.yaml"), arms=["fused"])
    tiny = expand(load_suite(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml"), arms=["baseline"])
    on_cpu = Environment("cpu", "cpu", "3.12", "2.11", "cpu", 16, "Linux")
    assert profiled_engine(large, environment) == "cuda_graph"
    assert {profiled_engine(tiny, environment), profiled_engine(large, on_cpu)} == {"eager"}
