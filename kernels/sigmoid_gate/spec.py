"""The output gate of attention: x * sigmoid(gate)."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.015, 0.006)}

STRESS = {"row_sizes": ("x",), "saturated": ("gate",), "large": ("x",)}

OP = Op(
    summary="The output gate of attention: x * sigmoid(gate).",
    inputs=(Input("x", ("tokens", "width")), Input("gate", ("tokens", "width"))),
    outputs=(("y", ("tokens", "width")),),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_ops", "prefill": "torch_ops"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = ({"tokens": 1, "width": 64}, {"tokens": 3, "width": 37})


def cost(d: Dims) -> Cost:
    size = d["tokens"] * d["width"]
    return Cost(4 * size, 2 * size, 4 * size)
