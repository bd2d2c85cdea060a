"""The shared expert joins the routed ones: routed + sigmoid(gate) * shared, one gate a token."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.01, 0.004)}

STRESS = {"row_sizes": ("routed", "shared"), "saturated": ("gate",), "outlier_channels": ("routed",)}

OP = Op(
    summary="The shared expert joins the routed ones: routed + sigmoid(gate) * shared, one gate a token.",
    inputs=(
        Input("routed", ("tokens", "hidden")),
        Input("shared", ("tokens", "hidden")),
        Input("gate", ("tokens", "1")),
    ),
    outputs=(("y", ("tokens", "hidden")),),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_ops", "prefill": "torch_ops"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = ({"tokens": 1, "hidden": 64}, {"tokens": 3, "hidden": 37})


def cost(d: Dims) -> Cost:
    size = d["tokens"] * d["hidden"]
    return Cost(4 * size + 2 * d["tokens"], 2 * size, 2 * size)
