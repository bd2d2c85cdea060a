"""Rotary positions on the first rotary_dim dims of each head, halves rotated against each other."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.01, 0.004)}

STRESS = {"row_sizes": ("q", "k"), "large": ("q", "k")}

OP = Op(
    summary="Rotary positions on the first rotary_dim dims of each head, halves rotated against each other.",
    inputs=(
        Input("q", ("batch", "length", "heads", "head_dim")),
        Input("k", ("batch", "length", "kv_heads", "head_dim")),
        Input("positions", ("length",), "int64", "index", "positions"),
        Input("rotary_dim", role="constant", value="rotary_dim"),
        Input("theta", role="constant", value="theta"),
    ),
    outputs=(
        ("q_rotated", ("batch", "length", "heads", "head_dim")),
        ("k_rotated", ("batch", "length", "kv_heads", "head_dim")),
    ),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_ops", "prefill": "torch_ops"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {
        "batch": 1,
        "length": 1,
        "heads": 4,
        "kv_heads": 2,
        "head_dim": 32,
        "rotary_dim": 8,
        "theta": 10_000_000,
        "context": 17,
    },
    {
        "batch": 3,
        "length": 5,
        "heads": 3,
        "kv_heads": 1,
        "head_dim": 16,
        "rotary_dim": 16,
        "theta": 10_000,
        "context": 0,
    },
)


def cost(d: Dims) -> Cost:
    size = d["batch"] * d["length"] * (d["heads"] + d["kv_heads"]) * d["head_dim"]
    return Cost(2 * size + 8 * d["length"], 2 * size, 3 * size)
