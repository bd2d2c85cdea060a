"""Depthwise causal convolution over time, then SiLU; the state is the last kernel - 1 inputs, in place."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.015, 0.006)}

STRESS = {"row_sizes": ("x",), "outlier_channels": ("x",), "saturated": ("x", "state")}

OP = Op(
    summary="Depthwise causal convolution over time, then SiLU; the state is the last kernel - 1 inputs, in place.",
    inputs=(
        Input("x", ("batch", "length", "channels")),
        Input("weight", ("channels", "kernel"), role="weight", fill="unit"),
        Input("state", ("batch", "channels", "kernel - 1"), role="state"),
    ),
    outputs=(("y", ("batch", "length", "channels")),),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_ops", "prefill": "torch_ops"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"batch": 1, "length": 1, "channels": 32, "kernel": 4},
    {"batch": 3, "length": 7, "channels": 20, "kernel": 4},
    {"batch": 2, "length": 2, "channels": 12, "kernel": 4},
)


def cost(d: Dims) -> Cost:
    inputs = d["batch"] * d["length"] * d["channels"]
    state = 2 * d["batch"] * d["channels"] * (d["kernel"] - 1)
    weight = 2 * d["channels"] * d["kernel"]
    return Cost(2 * inputs + state + weight, 2 * inputs + state, inputs * (2 * d["kernel"] + 4))
