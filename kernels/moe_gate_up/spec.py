"""First expert product: for each token and each of its experts, gate and up rows of x @ W_e^T (int4 weights)."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.01, 0.006)}

STRESS = {
    "row_sizes": ("x",),
    "outlier_channels": ("x",),
    "zero_row": ("x",),
    "all_nibbles": ("weight",),
    "zero_and_denormal_scales": ("scale",),
    "one_choice": ("expert_ids",),
}

OP = Op(
    summary="First expert product: per token and chosen expert, gate and up rows of x @ W_e^T (int4).",
    inputs=(
        Input("x", ("tokens", "hidden")),
        Input("expert_ids", ("tokens", "top_k"), "int32", "index", "expert_ids"),
        Input("weight", ("experts", "2 * inter", "hidden // 2"), "uint8", "pool", "int4"),
        Input("scale", ("experts", "2 * inter", "hidden // group"), "scale", "pool", "scale"),
        Input("group", role="constant", value="group"),
    ),
    outputs=(("gate_up", ("tokens * top_k", "2 * inter")),),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_gather", "prefill": "torch_per_expert"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"tokens": 1, "experts": 8, "top_k": 2, "inter": 32, "hidden": 128, "group": 32},
    {"tokens": 3, "experts": 5, "top_k": 3, "inter": 20, "hidden": 192, "group": 64},
    {"tokens": 1, "experts": 3, "top_k": 2, "inter": 8, "hidden": 2048, "group": 128},
)
"""The last shape has sums long enough to show an accumulator in bfloat16."""


def cost(d: Dims) -> Cost:
    used = min(d["experts"], d["tokens"] * d["top_k"])
    weights = used * 2 * d["inter"] * d["hidden"]
    pairs = d["tokens"] * d["top_k"]
    read = weights // 2 + 2 * weights // d["group"] + 2 * d["tokens"] * d["hidden"] + 4 * pairs
    return Cost(read, 4 * pairs * d["inter"], 2 * pairs * 2 * d["inter"] * d["hidden"])
