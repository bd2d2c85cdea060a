"""The definitions themselves, against code that others wrote: Hugging Face's model, torch's functions, NumPy loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional
from transformers import Qwen3_5MoeTextConfig
from transformers.models.qwen3_5_moe import modeling_qwen3_5_moe as hugging_face

from harness.load_kernels import load_op
from harness_kernels.operands import evaluate
from harness_kernels.packing import dequantise
from tests.kernels.catalogue import OPS, operands_of

CONFIG = Qwen3_5MoeTextConfig(
    hidden_size=48, moe_intermediate_size=32, num_experts=7, num_experts_per_tok=3, num_attention_heads=2, head_dim=32,
    rope_parameters={"rope_type": "default", "rope_theta": 10_000_000, "partial_rotary_factor": 0.25},
)  # fmt: skip
CONFIG._experts_implementation = "eager"


def reference(op: str, operands: dict[str, Any]) -> Any:
    """The op's definition on copies, so that states can be compared with what they were."""
    return load_op(op).reference(*(v.clone() if isinstance(v, Tensor) else v for v in operands.values()))


def weighted(module: torch.nn.Module, **parameters: Tensor) -> Any:
    """The module with these parameters."""
    module.load_state_dict(parameters)
    return module.requires_grad_(False)


def close(found: Tensor, wanted: Tensor, tolerance: float = 2e-6) -> None:
    torch.testing.assert_close(found, wanted, rtol=tolerance, atol=tolerance * float(wanted.abs().max()))


@pytest.mark.parametrize("op", OPS)
def test_a_reference_has_the_declared_shapes(op: str) -> None:
    """Outputs are float32 or integers, of the shape that the spec says; it changes no input but state."""
    loaded = load_op(op)
    for dims in loaded.test_shapes:
        operands = operands_of(op, dims)
        before = {name: value.clone() for name, value in operands.items() if isinstance(value, Tensor)}
        outputs = loaded.reference(*operands.values())
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs or ()
        assert len(outputs) == len(loaded.op.outputs)
        for (name, shape), output in zip(loaded.op.outputs, outputs, strict=True):
            assert tuple(output.shape) == tuple(evaluate(size, dims) for size in shape)
            assert (output.dtype != torch.float32) == (name in loaded.op.integer_outputs)
        states = {declared.name for declared in loaded.op.inputs if declared.role == "state"}
        changed = {name for name, value in before.items() if not torch.equal(value, operands[name])}
        assert changed == states


def test_rms_norms_are_those_of_the_model() -> None:
    operands = operands_of("rms_norm", {"tokens": 3, "heads": 2, "width": 48})
    module = weighted(hugging_face.Qwen3_5MoeRMSNorm(48, eps=operands["eps"]), weight=operands["weight"])
    close(reference("rms_norm", operands), module(operands["x"]))
    operands = operands_of("gated_rms_norm", {"tokens": 3, "heads": 2, "width": 48})
    module = weighted(hugging_face.Qwen3_5MoeRMSNormGated(48, eps=operands["eps"]), weight=operands["weight"])
    close(reference("gated_rms_norm", operands), module(operands["x"], operands["gate"]))


def test_eps_is_inside_the_root_and_added_to_the_mean() -> None:
    """For inputs far smaller than eps the norm is x / sqrt(eps)."""
    x = torch.full((1, 16), 1e-6)
    close(load_op("rms_norm").reference(x, torch.zeros(16), 1e-2), x * 10)
    gate = torch.ones(1, 16)
    close(load_op("gated_rms_norm").reference(x, gate, torch.ones(16), 1e-2), x * 10 * functional.silu(gate))


def test_rope_is_that_of_the_model() -> None:
    """At positions where a float32 angle still has three digits, and on a quarter of each head."""
    dims = {"batch": 3, "length": 5, "heads": 4, "kv_heads": 2, "head_dim": 32, "rotary_dim": 8, "theta": 10_000_000}
    for context in (0, 4090):
        operands = operands_of("rope", {**dims, "context": context})
        rotary = hugging_face.Qwen3_5MoeTextRotaryEmbedding(CONFIG)
        cos, sin = rotary(operands["q"], operands["positions"].expand(3, -1))
        wanted = hugging_face.apply_rotary_pos_emb(operands["q"], operands["k"], cos, sin, unsqueeze_dim=2)
        for found, rotated in zip(reference("rope", operands), wanted, strict=True):
            close(found, rotated, 5e-4 if context else 2e-6)


def test_the_router_is_that_of_the_model() -> None:
    logits = operands_of("router", {"tokens": 9, "experts": 7, "top_k": 3})["logits"]
    module = weighted(hugging_face.Qwen3_5MoeTopKRouter(CONFIG), weight=functional.pad(torch.eye(7), (0, 41)))
    _, weights, ids = module(functional.pad(logits, (0, 41)))
    found_weights, found_ids = load_op("router").reference(logits, 3)
    close(found_weights, weights)
    assert torch.equal(found_ids.long(), ids)


def test_the_two_expert_products_are_the_experts_of_the_model() -> None:
    dims = {"tokens": 5, "experts": 7, "top_k": 3, "inter": 32, "hidden": 48, "group": 16}
    first, second = operands_of("moe_gate_up", dims), operands_of("moe_down", dims, seed=1)
    second |= {"gate_up": reference("moe_gate_up", first), "expert_ids": first["expert_ids"]}
    module = weighted(
        hugging_face.Qwen3_5MoeExperts(CONFIG),
        gate_up_proj=dequantise(first["weight"], first["scale"], 16),
        down_proj=dequantise(second["weight"], second["scale"], 16),
    )
    wanted = module(first["x"], first["expert_ids"].long(), second["expert_weights"])
    close(reference("moe_down", second), wanted)


@pytest.mark.parametrize("length", [1, 5, 70])
@pytest.mark.parametrize("name", ["torch_recurrent_gated_delta_rule", "torch_chunk_gated_delta_rule"])
def test_the_delta_rule_is_that_of_the_model(name: str, length: int) -> None:
    """Output and state, with fewer k heads than v heads."""
    heads, k_dim, v_dim, repeats = 2, 16, 24, 3
    dims = {"batch": 3, "length": length, "k_heads": heads, "v_heads": heads * repeats, "k_dim": k_dim, "v_dim": v_dim}
    operands = operands_of("gated_delta_rule", dims)
    q, k, v = operands["qkv"].split((heads * k_dim, heads * k_dim, heads * repeats * v_dim), dim=-1)
    decay = -operands["a_log"].exp() * functional.softplus(operands["a"] + operands["dt_bias"])
    wanted, state = getattr(hugging_face, name)(
        q.unflatten(-1, (heads, k_dim)).repeat_interleave(repeats, 2),
        k.unflatten(-1, (heads, k_dim)).repeat_interleave(repeats, 2),
        v.unflatten(-1, (heads * repeats, v_dim)),
        g=decay, beta=operands["b"].sigmoid(), initial_state=operands["state"].clone(), output_final_state=True,
        use_qk_l2norm_in_kernel=True,
    )  # fmt: skip
    close(load_op("gated_delta_rule").reference(*operands.values()), wanted, 1e-5)
    close(operands["state"], state, 1e-5)


@pytest.mark.parametrize("length", [1, 2, 7])
def test_the_convolution_is_conv1d_over_the_whole_history(length: int) -> None:
    """The state is what a longer input would have had before it, and holds the newest inputs afterwards."""
    operands = operands_of("causal_conv", {"batch": 2, "length": length, "channels": 12, "kernel": 4})
    history = torch.cat((operands["state"], operands["x"].transpose(1, 2)), dim=-1)
    wanted = functional.silu(functional.conv1d(history, operands["weight"].unsqueeze(1), groups=12)).transpose(1, 2)
    close(load_op("causal_conv").reference(*operands.values()), wanted)
    assert torch.equal(operands["state"], history[..., -3:])


def test_attention_is_that_of_torch_with_repeated_heads() -> None:
    """Each query sees the slots up to its own position; what lies behind, NaN included, does not matter."""
    dims = {"batch": 3, "length": 4, "heads": 6, "kv_heads": 2, "head_dim": 16, "context": 5, "capacity": 12}
    operands = operands_of("sdpa", dims)
    for cache in ("k_cache", "v_cache"):
        operands[cache][:, :, 9:] = float("nan")
    found = reference("sdpa", operands)
    for i in range(4):
        keys, values = (operands[cache][:, :, : 6 + i].repeat_interleave(3, 1) for cache in ("k_cache", "v_cache"))
        query = operands["q"][:, i].unsqueeze(2)
        close(found[:, i], functional.scaled_dot_product_attention(query, keys, values).squeeze(2))


def test_keys_and_values_go_to_their_positions_and_nowhere_else() -> None:
    dims = {"batch": 2, "length": 3, "kv_heads": 2, "head_dim": 4, "context": 2, "capacity": 7}
    operands = operands_of("kv_append", dims)
    before = operands["k_cache"].clone(), operands["v_cache"].clone()
    load_op("kv_append").reference(*operands.values())
    for new, old, cache in zip(("k", "v"), before, ("k_cache", "v_cache"), strict=True):
        wanted = torch.cat((old[:, :, :2], operands[new].transpose(1, 2), old[:, :, 5:]), dim=2)
        assert torch.equal(operands[cache], wanted)


def test_the_int4_product_is_the_sum_that_the_spec_writes() -> None:
    """y[t, n] = sum_k x[t, k] (u[n, k] - 8) scale[n, k // group], in float64 and nibble by nibble."""
    operands = operands_of("int4_mm", {"tokens": 2, "n": 3, "k": 32, "group": 8})
    x, weight, scale = (operands[name].numpy() for name in ("x", "weight", "scale"))
    wanted = np.zeros((2, 3))
    for n in range(3):
        for k in range(32):
            nibble = weight[n, k // 2] >> 4 if k % 2 else weight[n, k // 2] & 15
            wanted[:, n] += x[:, k].astype(float) * (int(nibble) - 8) * float(scale[n, k // 8])
    close(reference("int4_mm", operands).double(), torch.from_numpy(wanted))


def test_the_small_ops_are_their_formulas() -> None:
    """In float64, as the model writes them."""
    shapes = {op: load_op(op).test_shapes[-1] for op in OPS}
    made = {
        op: {name: v.double() if v.is_floating_point() else v for name, v in operands_of(op, shapes[op]).items()}
        for op in ("linear", "swiglu", "gated_add", "sigmoid_gate", "residual_add", "embedding", "greedy")
    }
    wanted = {
        "linear": torch.einsum("tk,nk->tn", *made["linear"].values()),
        "swiglu": functional.silu(made["swiglu"]["gate_up"][:, :37]) * made["swiglu"]["gate_up"][:, 37:],
        "gated_add": made["gated_add"]["routed"] + made["gated_add"]["gate"].sigmoid() * made["gated_add"]["shared"],
        "sigmoid_gate": made["sigmoid_gate"]["x"] / (1 + (-made["sigmoid_gate"]["gate"]).exp()),
        "residual_add": made["residual_add"]["x"] + made["residual_add"]["y"],
        "embedding": functional.embedding(*made["embedding"].values()),
        "greedy": torch.tensor(made["greedy"]["logits"].numpy().argmax(-1)),
    }
    for op, value in wanted.items():
        close(reference(op, operands_of(op, shapes[op])).to(value.dtype), value)
