"""A sweep of a Triton kernel on the GPU: compiled ahead, duplicates timed once, faults named, the choice confirmed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.plan import sweep_plan
from harness.store import Store
from harness.suite.load import load_suite
from harness.sweep.options import Options
from harness.sweep.sweep import sweep
from harness.values.measurement import Status
from tests.conftest import REPOSITORY
from tests.suite.suite_files import write_suite

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

TINY = (REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml").read_text()
FAULTS = """

@triton.jit
def beyond_kernel(out):
    tl.store(out + (1 << 44), 1.0)


def run(
    x, expert_ids, weight, scale, group,
    *, block_n: int = 32, block_k: int = 32, num_warps: int = 2, num_stages: int = 2, fault: str = "none",
):
    out = right(
        x, expert_ids, weight, scale, group,
        block_n=block_n, block_k=block_k, num_warps=num_warps, num_stages=num_stages,
    )
    if fault == "beyond":
        beyond_kernel[(1,)](out)
    return out * 0 if fault == "zeros" else out
"""
SPACE = (
    "{block_n: [8, 16, 32], block_k: [32, 64], num_stages: [2, 3], fault: [none, zeros, beyond], "
    "where: [\"fault == 'none' or block_n == 8 and block_k == 32 and num_stages == 2\"]}"
)


@pytest.mark.alone
def test_a_sweep_of_a_triton_kernel(tmp_path: Path) -> None:
    source = (REPOSITORY / "kernels" / "moe_gate_up" / "triton_vecmat.py").read_text()
    (tmp_path / "mine.py").write_text(source.replace("def run(", "def right(") + FAULTS)
    text = TINY[: TINY.index("\nkernels:") + 1].replace("decode: torch_gather", "decode: ./mine.py", 1)
    path = write_suite(tmp_path, text=text + f"sweep:\n  moe_gate_up: {{./mine.py: {SPACE}}}\n")
    store = Store(str(tmp_path / "runs.sqlite"))
    result = sweep(sweep_plan(load_suite(path)), store, Options(), lambda *_: None)
    [question] = result.questions
    rows = question.configurations
    by_fault = {name: [c for c in rows if c.tunables["fault"] == name] for name in ("none", "zeros", "beyond")}
    assert len(by_fault["none"]) == 12 and all(c.measurement.status is Status.OK for c in by_fault["none"])
    assert sum(c.same_as is not None for c in by_fault["none"]) == 6, "stages change nothing in this kernel"
    assert [c.measurement.status for c in by_fault["zeros"]] == [Status.INCORRECT]
    assert [c.measurement.status for c in by_fault["beyond"]] == [Status.FAILED]
    assert all(c.binary is not None and c.binary.registers > 0 for c in by_fault["none"])
    assert question.finals is not None and question.finals.baseline is not None and len(question.finals.twins) == 8
    assert {s.process for c in question.finals.confirmed for s in c.measurement.samples} == {1, 2, 3, 4}
    assert len(question.finals.confirmed) == 5 and 0 < result.gpu_busy_s < 10
    again = sweep(sweep_plan(load_suite(path)), store, Options(), lambda *_: None)
    assert again.wall_s < 2 and again.reused == 14 and again.gpu_busy_s == 0
