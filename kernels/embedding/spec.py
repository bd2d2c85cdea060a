"""Row lookup of the token embedding."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.01, 0.004)}

STRESS = {"large": ("table",), "row_sizes": ("table",)}

OP = Op(
    summary="Row lookup of the token embedding.",
    inputs=(
        Input("token_ids", ("tokens",), "int64", "index", "token_ids"),
        Input("table", ("vocab", "hidden"), role="pool"),
    ),
    outputs=(("rows", ("tokens", "hidden")),),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_embedding", "prefill": "torch_embedding"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"tokens": 1, "vocab": 64, "hidden": 32},
    {"tokens": 5, "vocab": 33, "hidden": 24},
)


def cost(d: Dims) -> Cost:
    row = 2 * d["hidden"]
    return Cost(d["tokens"] * (row + 8), d["tokens"] * row, 0)
