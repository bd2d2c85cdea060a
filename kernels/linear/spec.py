"""Matrix product with weights in the activations' dtype: y = x @ weight^T."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.01, 0.006)}

STRESS = {"row_sizes": ("x",), "outlier_channels": ("x",), "zero_row": ("x",)}

OP = Op(
    summary="Matrix product with weights in the activations' dtype: y = x @ weight^T.",
    inputs=(Input("x", ("tokens", "k")), Input("weight", ("n", "k"), role="weight", fill="unit")),
    outputs=(("y", ("tokens", "n")),),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_linear", "prefill": "torch_linear"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = ({"tokens": 1, "n": 16, "k": 64}, {"tokens": 3, "n": 1, "k": 96})


def cost(d: Dims) -> Cost:
    weights = d["n"] * d["k"]
    return Cost(2 * (weights + d["tokens"] * d["k"]), 2 * d["tokens"] * d["n"], 2 * d["tokens"] * weights)
