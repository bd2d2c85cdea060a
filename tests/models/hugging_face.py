"""Hugging Face's own Qwen3.5 MoE in small sizes, every parameter randomised: the truth that the decoder is held to."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, Qwen3_5MoeForCausalLM, Qwen3_5MoeTextConfig
from transformers.models.qwen3_5_moe import modeling_qwen3_5_moe as modeling

from harness_kernels.models.qwen3_5_moe import layout
from harness_kernels.packing import dequantise, quantise

# The definitions in torch, also where flash-linear-attention is installed, whose kernels would stand in for them.
for name in (
    "torch_chunk_gated_delta_rule",
    "torch_recurrent_gated_delta_rule",
    "causal_conv1d_fn",
    "causal_conv1d_update",
):
    setattr(modeling, name, inspect.unwrap(getattr(modeling, name)))

GROUP = 16
DENSE = ("router", "shared_gate")

TINY: dict[str, Any] = {
    "vocab_size": 96, "hidden_size": 64, "num_hidden_layers": 4, "full_attention_interval": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32,
    "partial_rotary_factor": 0.25, "rope_theta": 10000000,
    "linear_conv_kernel_dim": 4, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "linear_key_head_dim": 16, "linear_value_head_dim": 24,
    "num_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 48,
    "rms_norm_eps": 1e-6,
}  # fmt: skip
"""All sizes differ where they may, so that one taken for another shows."""

NOT_IN_CONFIG = ("full_attention_interval", "partial_rotary_factor", "rope_theta")
SITES = {
    "linear_attn.in_proj_": "gdn_in", "linear_attn.out_proj.": "gdn_out",
    "self_attn.q_proj.": "attn_qkv", "self_attn.k_proj.": "attn_qkv", "self_attn.v_proj.": "attn_qkv",
    "self_attn.o_proj.": "attn_out", "mlp.gate.": "router", "mlp.shared_expert_gate.": "shared_gate",
    "mlp.shared_expert.gate_proj.": "shared_gate_up", "mlp.shared_expert.up_proj.": "shared_gate_up",
    "mlp.shared_expert.down_proj.": "shared_down", "lm_head.": "lm_head",
    "mlp.experts.gate_up_proj": "moe_gate_up", "mlp.experts.down_proj": "moe_down",
}  # fmt: skip
"""Which site a parameter belongs to, by a part of its name."""


def config(dims: dict[str, Any], **more: Any) -> Qwen3_5MoeTextConfig:
    """The configuration that says what `dims` say."""
    rope = {key: dims[key] for key in ("rope_theta", "partial_rotary_factor")} | {"rope_type": "default"}
    sizes = {key: value for key, value in dims.items() if key not in NOT_IN_CONFIG}
    made = Qwen3_5MoeTextConfig(**sizes, layer_types=list(layout.layer_kinds(dims)), rope_parameters=rope, **more)
    made._attn_implementation = made._experts_implementation = "eager"
    return made


def random_model(dims: dict[str, Any], seed: int, **more: Any) -> Qwen3_5MoeForCausalLM:
    """float32, nothing left at its default: norms, dt_bias and A_log start as constants that would hide mistakes."""
    model = Qwen3_5MoeForCausalLM(config(dims, **more)).float().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            if "conv1d" in name:
                values *= 0.5
            elif parameter.dim() == 1:
                values *= 0.4
            elif "embed_tokens" not in name:
                values *= (2.0 if "mlp.gate." in name else 1.0) * parameter.shape[-1] ** -0.5
            parameter.copy_(values)
    return model


def round_to_int4(model: Qwen3_5MoeForCausalLM, group: int, dense: Collection[str]) -> None:
    """Each matrix becomes what its int4 packing stands for, rounded under its own name and never through the loader."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            site = next((site for part, site in SITES.items() if part in name), None)
            if site is not None and site not in dense:
                parameter.copy_(dequantise(*quantise(parameter, group), group))


def logits(model: Qwen3_5MoeForCausalLM, tokens: Tensor, prompt: int) -> tuple[Tensor, Tensor]:
    """tokens [batch, length] -> logits of the prompt's positions [batch, prompt, vocab], and of each single step after
    it [batch, length - prompt, vocab], the tokens given.

    transformers' cache asks an attention layer for its length; for a model without one, all comes from one pass.
    """
    cache = DynamicCache(config=model.config)
    steps = []
    with torch.no_grad():
        if layout.ATTENTION not in model.config.layer_types:
            whole = model(tokens, use_cache=False).logits
            return whole[:, :prompt], whole[:, prompt:]
        first = model(tokens[:, :prompt], past_key_values=cache, use_cache=True).logits
        for t in range(prompt, tokens.shape[1]):
            steps.append(model(tokens[:, t : t + 1], past_key_values=cache, use_cache=True).logits[:, 0])
    return first, torch.stack(steps, dim=1)


def save(model: Qwen3_5MoeForCausalLM, folder: Path, **options: Any) -> Path:
    model.save_pretrained(folder, **options)
    return folder
