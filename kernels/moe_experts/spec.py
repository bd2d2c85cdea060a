"""The routed experts of a token in one op: gate and up, SiLU, down, and the sum by router weight."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance
from ..moe_down.spec import cost as down_cost
from ..moe_gate_up.spec import cost as gate_up_cost

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.02, 0.008)}

STRESS = {
    "row_sizes": ("x",),
    "outlier_channels": ("x",),
    "zero_row": ("x",),
    "one_choice": ("expert_ids",),
    "one_weight": ("expert_weights",),
    "all_nibbles": ("gate_up_weight", "down_weight"),
    "zero_and_denormal_scales": ("gate_up_scale", "down_scale"),
}

OP = Op(
    summary="Routed experts: sum_e w_e * (SiLU(x G_e^T) * (x U_e^T)) D_e^T with int4 weights.",
    inputs=(
        Input("x", ("tokens", "hidden")),
        Input("expert_ids", ("tokens", "top_k"), "int32", "index", "expert_ids"),
        Input("expert_weights", ("tokens", "top_k"), "float32", "activation", "expert_weights"),
        Input("gate_up_weight", ("experts", "2 * inter", "hidden // 2"), "uint8", "pool", "int4"),
        Input("gate_up_scale", ("experts", "2 * inter", "hidden // group"), "scale", "pool", "scale"),
        Input("down_weight", ("experts", "hidden", "inter // 2"), "uint8", "pool", "int4"),
        Input("down_scale", ("experts", "hidden", "inter // group"), "scale", "pool", "scale"),
        Input("group", role="constant", value="group"),
    ),
    outputs=(("y", ("tokens", "hidden")),),
    tolerance=TOLERANCE,
    stress=STRESS,
    replaces=("moe_gate_up", "moe_down"),
)

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"tokens": 1, "experts": 8, "top_k": 2, "inter": 64, "hidden": 64, "group": 32},
    {"tokens": 2, "experts": 5, "top_k": 3, "inter": 24, "hidden": 40, "group": 8},
)


def cost(d: Dims) -> Cost:
    """The cost of the two products, without the [tokens * top_k, 2 * inter] values between them."""
    first, second = gate_up_cost(d), down_cost(d)
    between = 4 * d["tokens"] * d["top_k"] * d["inter"]
    read = first.read_bytes + second.read_bytes - between - 4 * d["tokens"] * d["top_k"]
    return Cost(read, first.write_bytes + second.write_bytes - between, first.flop + second.flop)
