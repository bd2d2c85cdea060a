"""Second expert product: (SiLU(gate) * up) @ W_e^T (int4), times the router weight, summed over a token's experts."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.015, 0.006)}

STRESS = {
    "row_sizes": ("gate_up",),
    "outlier_channels": ("gate_up",),
    "zero_row": ("gate_up",),
    "saturated": ("gate_up",),
    "all_nibbles": ("weight",),
    "zero_and_denormal_scales": ("scale",),
    "one_choice": ("expert_ids",),
    "one_weight": ("expert_weights",),
}

OP = Op(
    summary="Second expert product: (SiLU(gate) * up) @ W_e^T (int4), summed over experts by router weight.",
    inputs=(
        Input("gate_up", ("tokens * top_k", "2 * inter")),
        Input("expert_ids", ("tokens", "top_k"), "int32", "index", "expert_ids"),
        Input("expert_weights", ("tokens", "top_k"), "float32", "activation", "expert_weights"),
        Input("weight", ("experts", "hidden", "inter // 2"), "uint8", "pool", "int4"),
        Input("scale", ("experts", "hidden", "inter // group"), "scale", "pool", "scale"),
        Input("group", role="constant", value="group"),
    ),
    outputs=(("y", ("tokens", "hidden")),),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_gather", "prefill": "torch_per_expert"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"tokens": 1, "experts": 8, "top_k": 2, "inter": 64, "hidden": 128, "group": 32},
    {"tokens": 3, "experts": 5, "top_k": 3, "inter": 192, "hidden": 40, "group": 64},
)


def cost(d: Dims) -> Cost:
    used = min(d["experts"], d["tokens"] * d["top_k"])
    weights = used * d["hidden"] * d["inter"]
    pairs = d["tokens"] * d["top_k"]
    read = weights // 2 + 2 * weights // d["group"] + 4 * pairs * d["inter"] + 8 * pairs
    return Cost(read, 2 * d["tokens"] * d["hidden"], 2 * pairs * d["hidden"] * d["inter"] + 6 * pairs * d["inter"])
