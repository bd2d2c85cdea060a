"""flash-linear-attention's chunked kernels, for a prompt."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..flash_linear_attention import missing
from .fla_recurrent import arguments


def supports(case: Any) -> str | None:
    """Its chunked kernels take 16-bit activations only."""
    if not case.dtype.endswith("bfloat16"):
        return "flash-linear-attention's chunked kernels take bfloat16"
    return missing()


def run(qkv: Tensor, a: Tensor, b: Tensor, a_log: Tensor, dt_bias: Tensor, state: Tensor, k_heads: int) -> Tensor:
    from fla.ops.gated_delta_rule import chunk_gated_delta_rule

    out, last = chunk_gated_delta_rule(**arguments(qkv, a, b, a_log, dt_bias, state, k_heads))
    state.copy_(last)
    return out
