"""flash-linear-attention's RMS norm that adds a residual first and returns the sum too, launched with the configuration
that its own autotuner chooses.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..flash_linear_attention import missing


def supports(case: Any) -> str | None:
    return missing()


def prepare(inputs: dict[str, Any]) -> dict[str, Any]:
    """The weight as 1 + w, in float32: rounding the sum to bfloat16 would lose most of w's bits."""
    return {"weight": 1 + inputs["weight"].float()}


def run(x: Tensor, y: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    from fla.modules.norm.layernorm import rms_norm

    normed, z = rms_norm(y.contiguous(), weight, None, residual=x.contiguous(), eps=eps, prenorm=True)
    return z, normed
