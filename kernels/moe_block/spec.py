"""A whole MoE block after its router: the routed experts and the gated shared expert, in one op."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance
from ..moe_experts.spec import OP as EXPERTS
from ..moe_experts.spec import cost as experts_cost

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.02, 0.008)}

*ROUTED, GROUP = EXPERTS.inputs
"""x, the choice and both pools as the routed experts alone have them; the group comes last here, too."""

STRESS = {
    "row_sizes": ("x",),
    "outlier_channels": ("x",),
    "zero_row": ("x",),
    "one_choice": ("expert_ids",),
    "one_weight": ("expert_weights",),
    "all_nibbles": ("gate_up_weight", "down_weight", "shared_gate_up_weight", "shared_down_weight"),
    "zero_and_denormal_scales": ("gate_up_scale", "down_scale", "shared_gate_up_scale", "shared_down_scale"),
}

OP = Op(
    summary="MoE block: routed experts + sigmoid(x g^T) * shared expert, int4 weights, a dense gate of one row.",
    inputs=(
        *ROUTED,
        Input("shared_gate_up_weight", ("2 * shared", "hidden // 2"), "uint8", "weight", "int4"),
        Input("shared_gate_up_scale", ("2 * shared", "hidden // group"), "scale", "weight", "scale"),
        Input("shared_down_weight", ("hidden", "shared // 2"), "uint8", "weight", "int4"),
        Input("shared_down_scale", ("hidden", "shared // group"), "scale", "weight", "scale"),
        Input("shared_gate_weight", ("1", "hidden"), role="weight", fill="unit"),
        GROUP,
    ),
    outputs=(("y", ("tokens", "hidden")),),
    tolerance=TOLERANCE,
    stress=STRESS,
    replaces=("moe_gate_up", "moe_down", "int4_mm", "swiglu", "linear", "gated_add"),
)

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"tokens": 1, "experts": 8, "top_k": 2, "inter": 64, "shared": 64, "hidden": 64, "group": 32},
    {"tokens": 2, "experts": 5, "top_k": 3, "inter": 24, "shared": 24, "hidden": 40, "group": 8},
    {"tokens": 3, "experts": 4, "top_k": 2, "inter": 64, "shared": 64, "hidden": 128, "group": 64},
)


def cost(d: Dims) -> Cost:
    """The cost of the routed experts, and each byte of the shared one; x and the sum are moved once for both."""
    routed = experts_cost(d)
    weights = 3 * d["shared"] * d["hidden"]
    read = weights // 2 + 2 * weights // d["group"] + 2 * d["hidden"]
    flop = d["tokens"] * (2 * weights + 6 * d["shared"] + 4 * d["hidden"])
    return Cost(routed.read_bytes + read, routed.write_bytes, routed.flop + flop)
