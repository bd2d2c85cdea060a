"""On a GPU: every variant agrees with its reference, and the timer measures what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.device.choice import open_device
from harness.load_kernels import load_op, load_variant
from harness.measure.agreement import sentence
from harness.measure.verify import verify_variant
from harness.values.case import Case, Implementation

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

ROOT = Path(__file__).resolve().parents[2] / "kernels"
VARIANTS = sorted((spec.parent.name, file.stem) for spec in ROOT.glob("*/spec.py") for file in spec.parent.glob("*.py")
                  if file.stem not in ("spec", "reference"))  # fmt: skip


def case_of(op: str, variant: str, dims: dict[str, int], dtype: str) -> Case:
    return Case("kernel", "test", dtype, {}, op=op, site="test", dims=dict(dims), answer=Implementation(variant))


@pytest.mark.parametrize(("op", "name"), VARIANTS, ids=[f"{op}-{name}" for op, name in VARIANTS])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_variant_agrees_with_its_reference_on_the_gpu(op: str, name: str, dtype: str) -> None:
    loaded, variant = load_op(op), load_variant(op, name, str(ROOT))
    checked = 0
    for dims in loaded.test_shapes:
        case = case_of(op, name, dict(dims), dtype)
        if variant.supports is not None and variant.supports(case):
            continue
        result = verify_variant(loaded, variant, case, getattr(torch, dtype), "cuda", 0)
        assert result.correct, f"{dims}: {sentence(result)}"
        checked += 1
    if checked == 0:
        pytest.skip("supports none of the test shapes in this dtype")


@pytest.mark.parametrize("block_k", [32, 128, 256])
@pytest.mark.parametrize("tokens", [1, 4])
def test_vecmat_is_right_at_the_shapes_of_the_35b_model(tokens: int, block_k: int) -> None:
    dims = {"tokens": tokens, "experts": 256, "top_k": 8, "inter": 512, "hidden": 2048, "group": 128}
    for op in ("moe_gate_up", "moe_down"):
        loaded, variant = load_op(op), load_variant(op, "triton_vecmat", str(ROOT))
        case = Case("kernel", "test", "bfloat16", {}, op=op, site="experts", dims=dims,
                    answer=Implementation("triton_vecmat", {"block_n": 8, "block_k": block_k}))  # fmt: skip
        result = verify_variant(loaded, variant, case, torch.bfloat16, "cuda", 0)
        assert result.correct, sentence(result)


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["cuda_graph", "events"])
def test_reads_take_as_long_as_the_bandwidth_says(kind: str) -> None:
    """16 reads of 512 MiB each, all different: within 35 % of the time that the measured read bandwidth predicts. One
    by one they are no slower: a read is longer than its launch. Shorter reads do not reach the bandwidth: 64 MiB take
    23 us on an H200, where 16 are predicted."""
    buffers = [torch.ones(128 << 20, device="cuda") for _ in range(16)]
    timer = open_device().timer(kind)
    timed = timer.prepare([buffer.sum for buffer in buffers])
    measured_us = sorted(timed.sample_us() for _ in range(9))[4]
    predicted_us = (512 << 20) / open_device().read_gb_s() / 1e3
    assert predicted_us * 0.9 < measured_us < predicted_us * 1.35


@pytest.mark.alone
def test_cold_weights_are_slower_than_warm_ones() -> None:
    """A read that fits in the L2 is faster when nothing else went between: the rotation does what it is for."""
    timer = open_device().timer("cuda_graph")
    buffers = [torch.ones(4 << 20, device="cuda") for _ in range(32)]
    cold = timer.prepare([buffer.sum for buffer in buffers])
    warm = timer.prepare([buffers[0].sum for _ in buffers])
    cold_us = sorted(cold.sample_us() for _ in range(9))[4]
    warm_us = sorted(warm.sample_us() for _ in range(9))[4]
    assert cold_us > 1.1 * warm_us
