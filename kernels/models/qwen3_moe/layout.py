"""Qwen3 MoE (Qwen3-30B-A3B): attention with normalised queries and keys, routed experts everywhere. Without torch."""

from __future__ import annotations

from functools import partial

from ..standard import parts
from ..standard.parts import Kind

KIND = Kind(
    "qwen3_moe", qk_norm=True, experts=True,
    fixed={"norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": [], "attention_bias": False},
)  # fmt: skip
DIMS = KIND.sizes
"""The required keys and their types; an integer is a float too."""
linears, experts = partial(parts.linears, KIND), partial(parts.experts, KIND)
problem, uses = partial(parts.problem, KIND), partial(parts.uses, KIND)
