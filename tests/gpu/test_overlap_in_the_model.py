"""On a GPU: kernels that overlap in a graph compute what they compute one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor

from harness.decode.arm_ops import ArmOps
from harness.decode.step import Step
from harness.device.choice import open_device
from harness.engines import make_engine
from harness.load_kernels import load_model
from harness.plan import expand
from harness.suite.load import load_suite

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

SUITE = Path(__file__).resolve().parents[2] / "suites" / "qwen3_5_moe.yaml"
LAYERS, VOCAB = 8, 4096
PROMPT, STEPS = 200, 50


class OneByOne:
    """An arm's ops; the GPU is idle before each of them."""

    def __init__(self, ops: ArmOps) -> None:
        self.ops = ops

    def bind(self, op: str, site: str, layer: int | None, weights: Mapping[str, Any]) -> Any:
        return _Awaited(self.ops.bind(op, site, layer, weights))


class _Awaited:
    def __init__(self, bound: Any) -> None:
        self._bound, self.covers = bound, bound.covers

    def __call__(self, phase: str, *inputs: Any) -> Any:
        torch.cuda.synchronize()
        return self._bound(phase, *inputs)


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("arm", ["fused", "overlapped", "phases"])
def test_a_graph_of_overlapping_kernels_is_its_kernels_one_by_one(arm: str, batch: int) -> None:
    """Bit for bit, logits of every step and states, eight layers of the 35B model's size: the binaries are the same."""
    suite = load_suite(SUITE)
    suite = msgspec.structs.replace(suite, dims={**suite.dims, "num_hidden_layers": LAYERS, "vocab_size": VOCAB})
    answers = expand(suite, device_slug="nvidia-none", triton="none").answers[arm]
    modules = load_model(suite.architecture)
    device = open_device()
    common: dict[str, Any] = {"group": suite.weights.group, "dtype": torch.bfloat16, "device": "cuda"}
    raw = modules.weights.random_weights(suite.dims, dense=suite.weights.dense, seed=0, **common)
    stream = torch.randint(VOCAB, (batch, STEPS + 1), device="cuda")

    def decoder(ops: Any) -> Any:
        return modules.model.build(suite.dims, raw, ops, batch=batch, capacity=PROMPT + STEPS + 2, **common)

    overlapping = decoder(ArmOps(answers, str(SUITE.parent), {}))
    waiting = decoder(OneByOne(ArmOps(answers, str(SUITE.parent), {})))
    with torch.no_grad():
        overlapping.prefill(torch.randint(VOCAB, (batch, PROMPT), device="cuda"))
        start = overlapping.snapshot()
        steps = Step(overlapping, stream, PROMPT), Step(waiting, stream, PROMPT)
        engines = [make_engine(name, step, device) for name, step in zip(("cuda_graph", "eager"), steps, strict=True)]
        logits: list[list[Tensor]] = []
        for step, engine in zip(steps, engines, strict=True):
            step.rewind(start)
            logits.append([engine.run().clone() for _ in range(STEPS)])
    assert [t for t in range(STEPS) if not torch.equal(logits[0][t], logits[1][t])] == []
    for name, state in overlapping.states.items():
        assert torch.equal(state, waiting.states[name]), name
