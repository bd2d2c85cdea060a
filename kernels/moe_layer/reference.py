"""Float32 definition of the second half of a layer: the composition of the ops that it replaces."""

from __future__ import annotations

from torch import Tensor

from ..add_rms_norm.reference import run as add_rms_norm
from ..moe_block.reference import run as block
from ..route.reference import run as route


def run(
    x: Tensor, y: Tensor, norm_weight: Tensor, router_weight: Tensor,
    gate_up_weight: Tensor, gate_up_scale: Tensor, down_weight: Tensor, down_scale: Tensor,
    shared_gate_up_weight: Tensor, shared_gate_up_scale: Tensor, shared_down_weight: Tensor, shared_down_scale: Tensor,
    shared_gate_weight: Tensor, eps: float, top_k: int, group: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """x, y [tokens, hidden] -> the sum of x and y, and the block's addition to it, both [tokens, hidden]. The weights
    are norm_weight [hidden], router_weight [experts, hidden], and the rest as in `moe_block`.
    """
    z, normed = add_rms_norm(x, y, norm_weight, eps)
    weights, expert_ids = route(normed, router_weight, top_k)
    change = block(
        normed, expert_ids, weights, gate_up_weight, gate_up_scale, down_weight, down_scale, shared_gate_up_weight,
        shared_gate_up_scale, shared_down_weight, shared_down_scale, shared_gate_weight, group,
    )  # fmt: skip
    return z, change
