"""flash-linear-attention's RMS norm with a SiLU gate, launched as its own autotuner chooses."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..flash_linear_attention import missing


def supports(case: Any) -> str | None:
    return missing()


def run(x: Tensor, gate: Tensor, weight: Tensor, eps: float) -> Tensor:
    from fla.modules.norm.fused_norm_gate import rms_norm_gated

    return rms_norm_gated(x.contiguous(), gate.contiguous(), weight, None, activation="swish", eps=eps)
