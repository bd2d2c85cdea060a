"""Float32 definition of the routed experts: the composition of the two products."""

from __future__ import annotations

from torch import Tensor

from ..moe_down.reference import run as down
from ..moe_gate_up.reference import run as gate_up


def run(
    x: Tensor, expert_ids: Tensor, expert_weights: Tensor, gate_up_weight: Tensor, gate_up_scale: Tensor,
    down_weight: Tensor, down_scale: Tensor, group: int,
) -> Tensor:  # fmt: skip
    """x [tokens, hidden], expert_ids and expert_weights [tokens, top_k], weights and scales as in both products ->
    [tokens, hidden].
    """
    pairs = gate_up(x, expert_ids, gate_up_weight, gate_up_scale, group)
    return down(pairs, expert_ids, expert_weights, down_weight, down_scale, group)
