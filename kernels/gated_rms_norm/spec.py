"""RMS norm with a plain weight, then a SiLU gate: w * x * rsqrt(mean x^2 + eps) * silu(gate)."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.015, 0.006)}

STRESS = {"row_sizes": ("x",), "outlier_channels": ("x",), "zero_row": ("x",), "tiny": ("x",), "saturated": ("gate",)}

OP = Op(
    summary="RMS norm with a plain weight, then a SiLU gate: w * x * rsqrt(mean x^2 + eps) * silu(gate).",
    inputs=(
        Input("x", ("tokens * heads", "width")),
        Input("gate", ("tokens * heads", "width")),
        Input("weight", ("width",), role="weight", fill="near_one"),
        Input("eps", role="constant", value=1e-6),
    ),
    outputs=(("y", ("tokens * heads", "width")),),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_ops", "prefill": "torch_ops"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"tokens": 1, "heads": 4, "width": 32},
    {"tokens": 3, "heads": 5, "width": 48},
)


def cost(d: Dims) -> Cost:
    size = d["tokens"] * d["heads"] * d["width"]
    return Cost(4 * size + 2 * d["width"], 2 * size, 9 * size)
