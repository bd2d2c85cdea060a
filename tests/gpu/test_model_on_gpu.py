"""On a GPU: the whole model's weights are made in seconds, and a captured step computes what an eager one does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from harness.decode.arm_ops import ArmOps
from harness.suite.catalogue import load_spec
from harness.values.case import Implementation
from harness.values.suite import CallSite
from harness_kernels.models.qwen3_5_moe import layout, model, weights

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

ROOT = Path(__file__).resolve().parents[2]
MODELS = yaml.safe_load((ROOT / "suites" / "models.yaml").read_text())
DENSE = ("router", "shared_gate")
GIB = 1 << 30
CONTEXT = 20


@pytest.mark.alone
def test_forty_layers_of_weights_in_five_seconds() -> None:
    """17 GiB of packed weights and scales, with under 6 GiB beside them while they are made."""
    options: dict[str, Any] = {"group": 128, "dense": DENSE, "dtype": torch.bfloat16, "device": "cuda", "seed": 0}
    weights.random_weights(MODELS["qwen3_5_moe_tiny"], **options)  # the first use of a GPU compiles and allocates
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    made = weights.random_weights(MODELS["qwen3_5_35b_a3b"], **options)
    torch.cuda.synchronize()
    taken_s = time.perf_counter() - start
    held = torch.cuda.memory_allocated()
    assert len(made.layers) == 40
    assert 16 < held / GIB < 19
    assert (torch.cuda.max_memory_allocated() - held) / GIB < 6
    assert taken_s < 5


@pytest.mark.parametrize("batch", [1, 3])
def test_a_captured_step_is_the_eager_one(batch: int) -> None:
    """A replayed CUDA graph of a decode step gives the eager step's logits and states, whatever it is fed."""
    dims = MODELS["qwen3_5_moe_tiny"]
    common: dict[str, Any] = {"group": 128, "dtype": torch.bfloat16, "device": "cuda"}
    raw = weights.random_weights(dims, dense=DENSE, seed=0, **common)
    answers = {
        CallSite(phase, use.op, use.site): Implementation(load_spec(use.op).default[phase])
        for use in layout.uses(dims, 128, DENSE) for phase in ("decode", "prefill")
    }  # fmt: skip
    decoder = model.build(dims, raw, ArmOps(answers, str(ROOT), {}), batch=batch, capacity=64, **common)
    text = torch.randint(dims["vocab_size"], (batch, CONTEXT + 2), device="cuda")
    with torch.no_grad():
        decoder.prefill(text[:, :CONTEXT])
        start = decoder.snapshot()
        eager = [decoder.decode(text[:, t], torch.tensor([t], device="cuda")) for t in (CONTEXT, CONTEXT + 1)]
        after = decoder.snapshot()
        token, position = text[:, CONTEXT].clone(), torch.tensor([CONTEXT], device="cuda")
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            logits = decoder.decode(token, position)
    decoder.restore(start)
    for t, wanted in zip((CONTEXT, CONTEXT + 1), eager, strict=True):
        token.copy_(text[:, t])
        position.fill_(t)
        graph.replay()
        assert torch.allclose(logits, wanted, rtol=0, atol=0.02 * wanted.abs().max().item())
    for name, state in decoder.states.items():
        assert torch.allclose(state, after[name], rtol=0, atol=0.02 * after[name].abs().max().item()), name
