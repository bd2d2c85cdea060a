"""The second half of a layer in one op: residual, norm, routing, and the MoE block with its shared expert."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance
from ..moe_block.spec import OP as BLOCK
from ..moe_block.spec import cost as block_cost

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.02, 0.008)}

WEIGHTS = tuple(declared for declared in BLOCK.inputs if declared.role in ("pool", "weight"))
"""Weights of the block: both pools, the shared expert and its gate."""

STRESS = {
    "row_sizes": ("x", "y"),
    "outlier_channels": ("x",),
    "zero_row": ("x", "y"),
    "all_nibbles": BLOCK.stress["all_nibbles"],
    "zero_and_denormal_scales": BLOCK.stress["zero_and_denormal_scales"],
}

OP = Op(
    summary="Residual z = x + y, its norm, the choice of experts by it, and the MoE block of it.",
    inputs=(
        Input("x", ("tokens", "hidden")),
        Input("y", ("tokens", "hidden")),
        Input("norm_weight", ("hidden",), role="weight", fill="norm_weight"),
        Input("router_weight", ("experts", "hidden"), role="weight", fill="unit"),
        *WEIGHTS,
        Input("eps", role="constant", value=1e-6),
        Input("top_k", role="constant", value="top_k"),
        Input("group", role="constant", value="group"),
    ),
    outputs=(("z", ("tokens", "hidden")), ("change", ("tokens", "hidden"))),
    tolerance=TOLERANCE,
    stress=STRESS,
    replaces=("residual_add", "rms_norm", "linear", "router", *BLOCK.replaces),
)

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"tokens": 1, "experts": 8, "top_k": 2, "inter": 64, "shared": 64, "hidden": 64, "group": 32},
    {"tokens": 2, "experts": 5, "top_k": 3, "inter": 24, "shared": 24, "hidden": 40, "group": 8},
)


def cost(d: Dims) -> Cost:
    """The cost of the block, the router's matrix, and the residual's two inputs and its sum; the normed vector is not
    counted.
    """
    block = block_cost(d)
    row, router = 2 * d["tokens"] * d["hidden"], d["experts"] * d["hidden"]
    read = block.read_bytes - 8 * d["tokens"] * d["top_k"] + 2 * router + 2 * d["hidden"] + row
    return Cost(read, block.write_bytes + row, block.flop + d["tokens"] * (2 * router + 5 * d["hidden"]))
