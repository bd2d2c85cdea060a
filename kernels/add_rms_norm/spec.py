"""The residual connection and the norm after it in one op."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.015, 0.005)}

STRESS = {"row_sizes": ("x", "y"), "outlier_channels": ("x",), "zero_row": ("x", "y"), "tiny": ("x", "y")}

OP = Op(
    summary="Residual and norm: z = x + y, and z * rsqrt(mean z^2 + eps) * (1 + w), computed in float32.",
    inputs=(
        Input("x", ("tokens", "hidden")),
        Input("y", ("tokens", "hidden")),
        Input("weight", ("hidden",), role="weight", fill="norm_weight"),
        Input("eps", role="constant", value=1e-6),
    ),
    outputs=(("z", ("tokens", "hidden")), ("normed", ("tokens", "hidden"))),
    tolerance=TOLERANCE,
    stress=STRESS,
    replaces=("residual_add", "rms_norm"),
)

TEST_SHAPES: tuple[dict[str, int], ...] = ({"tokens": 1, "hidden": 64}, {"tokens": 3, "hidden": 37})


def cost(d: Dims) -> Cost:
    size = d["tokens"] * d["hidden"]
    return Cost(4 * size + 2 * d["hidden"], 4 * size, 5 * size)
