"""The residual connection: x + y."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.01, 0.004)}

STRESS = {"row_sizes": ("x", "y"), "large": ("x", "y")}

OP = Op(
    summary="The residual connection: x + y.",
    inputs=(Input("x", ("tokens", "hidden")), Input("y", ("tokens", "hidden"))),
    outputs=(("z", ("tokens", "hidden")),),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_ops", "prefill": "torch_ops"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = ({"tokens": 1, "hidden": 64}, {"tokens": 3, "hidden": 37})


def cost(d: Dims) -> Cost:
    size = d["tokens"] * d["hidden"]
    return Cost(4 * size, 2 * size, size)
