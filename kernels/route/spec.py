"""Scores of all experts and the choice among them: the router's matrix and its top_k in one op."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.0001, 0.0001)}

STRESS = {"outlier_channels": ("x",), "zero_row": ("x",)}

OP = Op(
    summary="Routing: logits = x @ weight^T, then the top_k experts and their renormalised weights.",
    inputs=(
        Input("x", ("tokens", "hidden")),
        Input("weight", ("experts", "hidden"), role="weight", fill="unit"),
        Input("top_k", role="constant", value="top_k"),
    ),
    outputs=(("weights", ("tokens", "top_k")), ("expert_ids", ("tokens", "top_k"))),
    tolerance=TOLERANCE,
    stress=STRESS,
    output_dtypes={"weights": "float32"},
    integer_outputs=("expert_ids",),
    replaces=("linear", "router"),
)

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"tokens": 1, "experts": 16, "top_k": 4, "hidden": 64},
    {"tokens": 3, "experts": 60, "top_k": 8, "hidden": 72},
)


def cost(d: Dims) -> Cost:
    """The matrix once, activations in, weights and ids out; a multiply-add per weight and token."""
    weights = d["experts"] * d["hidden"]
    return Cost(2 * (weights + d["tokens"] * d["hidden"]), 8 * d["tokens"] * d["top_k"], 2 * d["tokens"] * weights)
