"""Matrix product with int4 weights: y[t, n] = sum_k x[t, k] * (u[n, k] - 8) * scale[n, k // group]."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.01, 0.006)}

STRESS = {
    "row_sizes": ("x",),
    "outlier_channels": ("x",),
    "zero_row": ("x",),
    "all_nibbles": ("weight",),
    "zero_and_denormal_scales": ("scale",),
}

OP = Op(
    summary="Matrix product with int4 weights: y[t, n] = sum_k x[t, k] * (u[n, k] - 8) * scale[n, k // group].",
    inputs=(
        Input("x", ("tokens", "k")),
        Input("weight", ("n", "k // 2"), "uint8", "weight", "int4"),
        Input("scale", ("n", "k // group"), "scale", "weight", "scale"),
        Input("group", role="constant", value="group"),
    ),
    outputs=(("y", ("tokens", "n")),),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_int4pack", "prefill": "torch_int4pack"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"tokens": 1, "n": 64, "k": 128, "group": 32},
    {"tokens": 3, "n": 40, "k": 192, "group": 64},
    {"tokens": 5, "n": 264, "k": 256, "group": 128},
    {"tokens": 7, "n": 1, "k": 64, "group": 32},
    {"tokens": 1, "n": 32, "k": 512, "group": 128},
)


def cost(d: Dims) -> Cost:
    weights = d["n"] * d["k"]
    read = weights // 2 + 2 * weights // d["group"] + 2 * d["tokens"] * d["k"]
    return Cost(read, 2 * d["tokens"] * d["n"], 2 * d["tokens"] * weights)
