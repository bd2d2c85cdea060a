"""RMS norm with a weight around zero: x * rsqrt(mean x^2 + eps) * (1 + w), computed in float32."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.01, 0.004)}

STRESS = {"row_sizes": ("x",), "outlier_channels": ("x",), "zero_row": ("x",), "tiny": ("x",)}

OP = Op(
    summary="RMS norm with a weight around zero: x * rsqrt(mean x^2 + eps) * (1 + w), computed in float32.",
    inputs=(
        Input("x", ("tokens * heads", "width")),
        Input("weight", ("width",), role="weight", fill="norm_weight"),
        Input("eps", role="constant", value=1e-6),
    ),
    outputs=(("y", ("tokens * heads", "width")),),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_ops", "prefill": "torch_ops"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"tokens": 1, "heads": 1, "width": 64},
    {"tokens": 3, "heads": 5, "width": 48},
)


def cost(d: Dims) -> Cost:
    rows = d["tokens"] * d["heads"]
    return Cost(2 * (rows + 1) * d["width"], 2 * rows * d["width"], 4 * rows * d["width"])
