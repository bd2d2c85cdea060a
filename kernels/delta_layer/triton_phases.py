"""`delta_mixer/triton_phases` with the residual and the norm in the first kernel, which needs them in every program."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..add_rms_norm.triton_rows import run as add_norm
from ..delta_mixer.triton_phases import SPACE, mixed_rows
from ..delta_mixer.triton_phases import supports as mixer_supported

__all__ = ["SPACE", "run", "supports"]


def supports(case: Any) -> str | None:
    if case.activations != "bfloat16":
        return f"activations are bfloat16, not {case.activations}"
    return mixer_supported(case)


def run(
    x: Tensor, y: Tensor, ln_weight: Tensor, in_weight: Tensor, in_scale: Tensor, conv_weight: Tensor, a_log: Tensor,
    dt_bias: Tensor, norm_weight: Tensor, out_weight: Tensor, out_scale: Tensor, window: Tensor, state: Tensor,
    k_heads: int, eps: float, group: int,
    *, in_n: int = 8, in_warps: int = 4, block_v: int = 16, rule_warps: int = 2, out_n: int = 4, out_warps: int = 4,
    overlap: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    if x.shape[0] == 1:
        return mixed_rows(
            x, y, ln_weight, in_weight, in_scale, conv_weight, a_log, dt_bias, norm_weight, out_weight, out_scale,
            window, state, k_heads, eps, group, in_n, in_warps, block_v, rule_warps, out_n, out_warps, overlap,
        )  # fmt: skip
    z, normed = add_norm(x.flatten(0, 1), y.flatten(0, 1), ln_weight, eps, overlap=overlap)
    _, out = mixed_rows(
        normed.view(x.shape), None, None, in_weight, in_scale, conv_weight, a_log, dt_bias, norm_weight, out_weight,
        out_scale, window, state, k_heads, eps, group, in_n, in_warps, block_v, rule_warps, out_n, out_warps, overlap,
    )  # fmt: skip
    return z.view(x.shape), out
