"""The first half of an attention layer in one op: residual, norm, and gated attention with its projections."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance
from ..int4_mm.spec import cost as product_cost
from ..qk_norm_rope.spec import cost as heads_cost
from ..sdpa.spec import cost as attention_cost

TOLERANCE = {"float32": Tolerance(1e-04, 3e-05), "bfloat16": Tolerance(0.02, 0.01)}

STRESS = {"zero_row": ("x", "y"), "outlier_channels": ("x",), "all_nibbles": ("out_weight",)}

ROW = ("batch", "length", "hidden")
ROWS = "2 * (heads + kv_heads) * head_dim"
"""Rows of the projection: queries and gates of all heads, keys and values of all kv heads."""
CACHE = ("batch", "kv_heads", "capacity", "head_dim")

OP = Op(
    summary="Residual z = x + y, its norm, and gated attention of it: both projections, rope, the cache's update.",
    inputs=(
        Input("x", ROW),
        Input("y", ROW),
        Input("ln_weight", ("hidden",), role="weight", fill="norm_weight"),
        Input("in_weight", (ROWS, "hidden // 2"), "uint8", "weight", "int4"),
        Input("in_scale", (ROWS, "hidden // group"), "scale", "weight", "scale"),
        Input("q_weight", ("head_dim",), role="weight", fill="norm_weight"),
        Input("k_weight", ("head_dim",), role="weight", fill="norm_weight"),
        Input("out_weight", ("hidden", "heads * head_dim // 2"), "uint8", "weight", "int4"),
        Input("out_scale", ("hidden", "heads * head_dim // group"), "scale", "weight", "scale"),
        Input("positions", ("length",), "int64", "index", "positions"),
        Input("k_cache", CACHE, role="state"),
        Input("v_cache", CACHE, role="state"),
        Input("heads", role="constant", value="heads"),
        Input("rotary_dim", role="constant", value="rotary_dim"),
        Input("theta", role="constant", value="theta"),
        Input("eps", role="constant", value=1e-6),
        Input("group", role="constant", value="group"),
    ),
    outputs=(("z", ROW), ("mixed", ROW)),
    tolerance=TOLERANCE,
    stress=STRESS,
    replaces=("residual_add", "rms_norm", "int4_mm", "rope", "kv_append", "sdpa", "sigmoid_gate"),
)

STEP = {"heads": 4, "kv_heads": 2, "head_dim": 32, "rotary_dim": 8, "theta": 10_000_000}
TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"batch": 1, "length": 1, "context": 17, "capacity": 64, "hidden": 64, "group": 32, **STEP},
    {"batch": 2, "length": 3, "context": 2, "capacity": 64, "hidden": 40, "group": 8, **STEP},
    {"batch": 1, "length": 1, "context": 70, "capacity": 128, "hidden": 512, "group": 128, "heads": 16, "kv_heads": 2,
     "head_dim": 128, "rotary_dim": 32, "theta": 10_000_000},
)  # fmt: skip


def cost(d: Dims) -> Cost:
    """Weights, older slots of the cache, x, y and both results once each; the new slots are written."""
    tokens, values = d["batch"] * d["length"], d["heads"] * d["head_dim"]
    keys, row = d["kv_heads"] * d["head_dim"], 2 * tokens * d["hidden"]
    first = product_cost({"tokens": tokens, "n": 2 * (values + keys), "k": d["hidden"], "group": d["group"]})
    last = product_cost({"tokens": tokens, "n": d["hidden"], "k": values, "group": d["group"]})
    heads, attention = heads_cost(d), attention_cost(d)
    new, older = 4 * tokens * keys, 4 * d["batch"] * keys * d["context"]
    read = first.read_bytes + last.read_bytes - 2 * tokens * values + older
    read += row + 2 * d["hidden"] + 4 * d["head_dim"] + 8 * d["length"]
    write = 2 * row + new
    flop = first.flop + last.flop + heads.flop + attention.flop + 4 * tokens * values + 5 * tokens * d["hidden"]
    return Cost(read, write, flop)
