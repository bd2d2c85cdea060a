"""A new token's queries, keys and values before attention: norms, rotation, and the write into the cache."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.015, 0.006)}

STRESS = {
    "row_sizes": ("q", "k"),
    "outlier_channels": ("q", "k"),
    "zero_row": ("q", "k"),
    "tiny": ("q", "k"),
    "large": ("v",),
}

OP = Op(
    summary="QK norm, rope and cache update: q is normed and rotated; k likewise and v go to their cache positions.",
    inputs=(
        Input("q", ("batch", "length", "heads", "head_dim")),
        Input("k", ("batch", "length", "kv_heads", "head_dim")),
        Input("v", ("batch", "length", "kv_heads", "head_dim")),
        Input("q_weight", ("head_dim",), role="weight", fill="norm_weight"),
        Input("k_weight", ("head_dim",), role="weight", fill="norm_weight"),
        Input("eps", role="constant", value=1e-6),
        Input("positions", ("length",), "int64", "index", "positions"),
        Input("rotary_dim", role="constant", value="rotary_dim"),
        Input("theta", role="constant", value="theta"),
        Input("k_cache", ("batch", "kv_heads", "capacity", "head_dim"), role="state"),
        Input("v_cache", ("batch", "kv_heads", "capacity", "head_dim"), role="state"),
    ),
    outputs=(("q_rotated", ("batch", "length", "heads", "head_dim")),),
    tolerance=TOLERANCE,
    stress=STRESS,
    replaces=("rms_norm", "rope", "kv_append"),
)

STEP = {"heads": 4, "kv_heads": 2, "head_dim": 32, "rotary_dim": 8, "theta": 10_000_000}
TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"batch": 1, "length": 1, "context": 17, "capacity": 64, **STEP},
    {"batch": 3, "length": 5, "context": 0, "capacity": 64, **STEP, "heads": 3, "kv_heads": 1, "rotary_dim": 32},
)


def cost(d: Dims) -> Cost:
    """Rows in and out once, the weights once; older cache entries are not touched."""
    rows = d["batch"] * d["length"] * d["head_dim"]
    q, kv = rows * d["heads"], rows * d["kv_heads"]
    return Cost(2 * (q + 2 * kv) + 4 * d["head_dim"] + 8 * d["length"], 2 * (q + 2 * kv), 7 * (q + kv))
