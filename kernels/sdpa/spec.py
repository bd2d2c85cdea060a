"""Attention over the cache: a query at position p sees slots 0..p; grouped heads, scale head_dim ** -0.5."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.015, 0.008)}

STRESS = {
    "saturated": ("q",),
    "row_sizes": ("v_cache",),
    "outlier_channels": ("q", "k_cache"),
    "all_equal": ("k_cache",),
}

OP = Op(
    summary="Attention over the cache: a query at position p sees slots 0..p; grouped heads, scale head_dim ** -0.5.",
    inputs=(
        Input("q", ("batch", "length", "heads", "head_dim")),
        Input("k_cache", ("batch", "kv_heads", "capacity", "head_dim"), role="cache"),
        Input("v_cache", ("batch", "kv_heads", "capacity", "head_dim"), role="cache"),
        Input("positions", ("length",), "int64", "activation", "positions"),
    ),
    outputs=(("y", ("batch", "length", "heads", "head_dim")),),
    tolerance=TOLERANCE,
    stress=STRESS,
)

DEFAULT = {"decode": "torch_sdpa", "prefill": "torch_sdpa"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"batch": 1, "length": 1, "heads": 4, "kv_heads": 2, "head_dim": 32, "context": 17, "capacity": 32},
    {"batch": 3, "length": 5, "heads": 6, "kv_heads": 2, "head_dim": 16, "context": 3, "capacity": 11},
)


def cost(d: Dims) -> Cost:
    seen = d["context"] + d["length"]
    cache = 2 * 2 * d["batch"] * d["kv_heads"] * seen * d["head_dim"]
    queries = d["batch"] * d["length"] * d["heads"] * d["head_dim"]
    pairs = d["length"] * d["context"] + d["length"] * (d["length"] + 1) // 2
    return Cost(cache + 2 * queries, 2 * queries, 4 * d["batch"] * d["heads"] * d["head_dim"] * pairs)
