"""Float32 definition of the MoE block: the composition of the ops that it replaces."""

from __future__ import annotations

from torch import Tensor

from ..gated_add.reference import run as gated_add
from ..int4_mm.reference import run as int4_mm
from ..linear.reference import run as linear
from ..moe_experts.reference import run as experts
from ..swiglu.reference import run as swiglu


def run(
    x: Tensor, expert_ids: Tensor, expert_weights: Tensor, gate_up_weight: Tensor, gate_up_scale: Tensor,
    down_weight: Tensor, down_scale: Tensor, shared_gate_up_weight: Tensor, shared_gate_up_scale: Tensor,
    shared_down_weight: Tensor, shared_down_scale: Tensor, shared_gate_weight: Tensor, group: int,
) -> Tensor:  # fmt: skip
    """x [tokens, hidden] -> [tokens, hidden]. The routed experts' inputs are as in `moe_experts`, the shared expert's
    as in `int4_mm`, its gate [1, hidden].
    """
    routed = experts(
        x, expert_ids, expert_weights, gate_up_weight, gate_up_scale, down_weight, down_scale, group
    )  # fmt: skip
    inner = swiglu(int4_mm(x, shared_gate_up_weight, shared_gate_up_scale, group))
    shared = int4_mm(inner, shared_down_weight, shared_down_scale, group)
    return gated_add(routed, shared, linear(x, shared_gate_weight))
