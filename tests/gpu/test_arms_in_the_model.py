"""On a GPU: every op of every arm agrees with its reference on what the model really hands it, views and all."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor

from harness.decode.arm_ops import ArmOps
from harness.load_kernels import load_model, load_op
from harness.measure.agreement import compare, sentence
from harness.measure.operand_sets import to_float32
from harness.plan import expand
from harness.suite.load import load_suite

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

SUITE = Path(__file__).resolve().parents[2] / "suites" / "qwen3_5_moe.yaml"
LAYERS = 4
PROMPT, MORE, STEPS = 200, 33, 3


class CheckedOps:
    """An arm's ops; each call is repeated by the reference on copies of its inputs, and the two are compared."""

    def __init__(self, ops: ArmOps) -> None:
        self.ops, self.checked = ops, 0

    def bind(self, op: str, site: str, layer: int | None, weights: Mapping[str, Any]) -> Any:
        bound, loaded = self.ops.bind(op, site, layer, weights), load_op(op)
        slots = [weights.get(i.name) for i in loaded.op.inputs]
        tolerance = loaded.tolerance("bfloat16")

        def call(phase: str, *inputs: Any) -> Any:
            given = iter(inputs)
            mine = [next(given) if slot is None else slot for slot in slots]
            copies = [to_float32(value) for value in mine]
            output = bound(phase, *inputs)
            torch.cuda.synchronize()
            wanted = loaded.reference(*copies)
            pairs = [*zip(_as_tuple(output), _as_tuple(wanted), strict=True)]
            names = [name for name, _ in loaded.op.outputs][: len(pairs)]
            states = {i.name: n for n, i in enumerate(loaded.op.inputs) if i.role == "state"}
            pairs += [(mine[n], copies[n]) for n in states.values()]
            for name, (got, right) in zip([*names, *states], pairs, strict=True):
                result = compare(name, got, right, tolerance, loaded.row_dims(name))
                assert result.correct, f"{op}@{site}, layer {layer}, {phase}: {sentence(result)}"
            self.checked += 1
            return output

        return _Checked(bound, call)


class _Checked:
    def __init__(self, bound: Any, call: Any) -> None:
        self.covers, self._call = bound.covers, call

    def __call__(self, phase: str, *inputs: Any) -> Any:
        return self._call(phase, *inputs)


def _as_tuple(output: Any) -> tuple[Tensor, ...]:
    return output if isinstance(output, tuple) else () if output is None else (output,)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("arm", ["baseline", "peers", "fused", "overlapped", "phases"])
def test_every_call_agrees_with_its_reference(arm: str, batch: int) -> None:
    """A prompt, a second piece of it and a few steps, four layers of the 35B model's size."""
    if arm == "peers" and find_spec("fla") is None:
        pytest.skip("flash-linear-attention is not installed")
    suite = load_suite(SUITE)
    suite = msgspec.structs.replace(suite, dims={**suite.dims, "num_hidden_layers": LAYERS, "vocab_size": 4096})
    answers = expand(suite, device_slug="nvidia-none", triton="none").answers[arm]
    modules = load_model(suite.architecture)
    common: dict[str, Any] = {"group": suite.weights.group, "dtype": torch.bfloat16, "device": "cuda"}
    raw = modules.weights.random_weights(suite.dims, dense=suite.weights.dense, seed=0, **common)
    ops = CheckedOps(ArmOps(answers, str(SUITE.parent), {}))
    decoder = modules.model.build(suite.dims, raw, ops, batch=batch, capacity=256, **common)
    tokens = torch.randint(4096, (batch, PROMPT + MORE + STEPS), device="cuda")
    with torch.no_grad():
        decoder.prefill(tokens[:, :PROMPT])
        decoder.prefill(tokens[:, PROMPT : PROMPT + MORE], start=PROMPT, every=True)
        for t in range(PROMPT + MORE, tokens.shape[1]):
            decoder.sample(decoder.decode(tokens[:, t], torch.tensor([t], device="cuda")))
    assert ops.checked > 100
