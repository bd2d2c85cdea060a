"""The gated activation of an MLP: silu(gate) * up for gate_up = [gate | up]."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.015, 0.006)}

STRESS = {"row_sizes": ("gate_up",), "saturated": ("gate_up",), "outlier_channels": ("gate_up",)}

OP = Op(
    summary="The gated activation of an MLP: silu(gate) * up for gate_up = [gate | up].",
    inputs=(Input("gate_up", ("tokens", "2 * inter")),),
    outputs=(("y", ("tokens", "inter")),),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_ops", "prefill": "torch_ops"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = ({"tokens": 1, "inter": 64}, {"tokens": 3, "inter": 37})


def cost(d: Dims) -> Cost:
    size = d["tokens"] * d["inter"]
    return Cost(4 * size, 2 * size, 5 * size)
