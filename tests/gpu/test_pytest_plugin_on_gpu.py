"""On a GPU: pytest-benchmark's files hold the times of CUDA graphs, not those of launching kernels from Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.measure.test_pytest_plugin import run_pytest

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

SUITE = """
suite: 1
title: One kernel
model: qwen3_5_35b_a3b
weights: {dtype: int4, group: 128, from: random, seed: 0}
arms: {baseline: {int4_mm: torch_int4pack}}
kernels: {ops: [int4_mm], tokens: [1]}
"""


@pytest.mark.alone
def test_a_short_kernel_is_not_timed_as_its_launch(tmp_path: Path) -> None:
    """The smallest int4 product takes 2.6 us on an H100, a call from Python several times that."""
    (tmp_path / "one.yaml").write_text(SUITE, encoding="utf-8")
    common = ["--suite", "one.yaml", "--benchmark-only", "-k", "shared_down", "--benchmark-json=out.json"]
    run_pytest(tmp_path, *common)
    (found,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["benchmarks"]
    assert found["extra_info"]["timer"] == "cuda_graph" and found["extra_info"]["calls_per_sample"] > 1
    assert found["stats"]["median"] < 8e-6
