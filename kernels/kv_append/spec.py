"""New keys and values into the cache at their positions, in place."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.01, 0.004)}

STRESS = {"large": ("k", "v"), "row_sizes": ("k", "v")}

OP = Op(
    summary="New keys and values into the cache at their positions, in place.",
    inputs=(
        Input("k", ("batch", "length", "kv_heads", "head_dim")),
        Input("v", ("batch", "length", "kv_heads", "head_dim")),
        Input("positions", ("length",), "int64", "index", "positions"),
        Input("k_cache", ("batch", "kv_heads", "capacity", "head_dim"), role="state"),
        Input("v_cache", ("batch", "kv_heads", "capacity", "head_dim"), role="state"),
    ),
    outputs=(),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_index_copy", "prefill": "torch_index_copy"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"batch": 1, "length": 1, "kv_heads": 2, "head_dim": 16, "context": 3, "capacity": 8},
    {"batch": 3, "length": 5, "kv_heads": 1, "head_dim": 24, "context": 2, "capacity": 9},
)


def cost(d: Dims) -> Cost:
    size = d["batch"] * d["length"] * d["kv_heads"] * d["head_dim"]
    return Cost(4 * size + 8 * d["length"], 4 * size, 0)
