"""Float32 definition of the first half of a gated-delta layer: the composition of the ops that it replaces."""

from __future__ import annotations

from torch import Tensor

from ..add_rms_norm.reference import run as add_rms_norm
from ..delta_mixer.reference import run as mixer


def run(
    x: Tensor, y: Tensor, ln_weight: Tensor, in_weight: Tensor, in_scale: Tensor, conv_weight: Tensor, a_log: Tensor,
    dt_bias: Tensor, norm_weight: Tensor, out_weight: Tensor, out_scale: Tensor, window: Tensor, state: Tensor,
    k_heads: int, eps: float, group: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """x, y [batch, length, hidden] -> the sum of x and y, and the mixer's addition to it, both of that shape. The rest
    is as in `delta_mixer`.
    """
    z, normed = add_rms_norm(x.flatten(0, 1), y.flatten(0, 1), ln_weight, eps)
    mixed = mixer(
        normed.view(x.shape), in_weight, in_scale, conv_weight, a_log, dt_bias, norm_weight, out_weight, out_scale,
        window, state, k_heads, eps, group,
    )  # fmt: skip
    return z.view(x.shape), mixed
