"""The mixer of a gated-delta layer in one op: projection, convolution, delta rule, gated norm, projection."""

from __future__ import annotations

from ..causal_conv.spec import cost as conv_cost
from ..contract import Cost, Dims, Input, Op, Tolerance
from ..gated_delta_rule.spec import cost as rule_cost
from ..int4_mm.spec import cost as product_cost

TOLERANCE = {"float32": Tolerance(0.0001, 3e-05), "bfloat16": Tolerance(0.02, 0.01)}
"""The tolerances of the delta rule, whose inputs are the results of a product here."""

STRESS = {"zero_row": ("x",), "outlier_channels": ("x",), "all_nibbles": ("out_weight",)}

CHANNELS = "2 * k_heads * k_dim + v_heads * v_dim"
ROWS = "2 * k_heads * k_dim + 2 * v_heads * v_dim + 2 * v_heads"
"""Rows of the projection: q, k and v of all heads, which the convolution takes, then z, b, a."""

OP = Op(
    summary="Delta mixer: projection, causal convolution, gated delta rule, gated norm, projection; states in place.",
    inputs=(
        Input("x", ("batch", "length", "hidden")),
        Input("in_weight", (ROWS, "hidden // 2"), "uint8", "weight", "int4"),
        Input("in_scale", (ROWS, "hidden // group"), "scale", "weight", "scale"),
        Input("conv_weight", (CHANNELS, "kernel"), role="weight", fill="unit"),
        Input("a_log", ("v_heads",), "float32", "weight", "a_log"),
        Input("dt_bias", ("v_heads",), "float32", "weight", "dt_bias"),
        Input("norm_weight", ("v_dim",), role="weight", fill="near_one"),
        Input("out_weight", ("hidden", "v_heads * v_dim // 2"), "uint8", "weight", "int4"),
        Input("out_scale", ("hidden", "v_heads * v_dim // group"), "scale", "weight", "scale"),
        Input("window", ("batch", CHANNELS, "kernel - 1"), role="state"),
        Input("state", ("batch", "v_heads", "k_dim", "v_dim"), "float32", "state"),
        Input("k_heads", role="constant", value="k_heads"),
        Input("eps", role="constant", value=1e-6),
        Input("group", role="constant", value="group"),
    ),
    outputs=(("y", ("batch", "length", "hidden")),),
    tolerance=TOLERANCE,
    stress=STRESS,
    row_dims={"state": 2},
    replaces=("int4_mm", "causal_conv", "gated_delta_rule", "gated_rms_norm"),
    stepwise=True,
)

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"batch": 1, "length": 1, "hidden": 64, "k_heads": 2, "v_heads": 4, "k_dim": 16, "v_dim": 32, "kernel": 4,
     "group": 32},
    {"batch": 2, "length": 3, "hidden": 40, "k_heads": 1, "v_heads": 2, "k_dim": 16, "v_dim": 16, "kernel": 4,
     "group": 8},
)  # fmt: skip


def cost(d: Dims) -> Cost:
    """Weights, states, x and y once each; intermediate values between the parts are not counted."""
    tokens, values = d["batch"] * d["length"], d["v_heads"] * d["v_dim"]
    channels = 2 * d["k_heads"] * d["k_dim"] + values
    rows = channels + values + 2 * d["v_heads"]
    first = product_cost({"tokens": tokens, "n": rows, "k": d["hidden"], "group": d["group"]})
    conv = conv_cost({**d, "channels": channels})
    rule = rule_cost(d)
    last = product_cost({"tokens": tokens, "n": d["hidden"], "k": values, "group": d["group"]})
    inside = 2 * tokens * rows  # written by one part and read by another, q, k and v by the convolution, too
    read = first.read_bytes + conv.read_bytes + rule.read_bytes + last.read_bytes
    read -= inside + 2 * tokens * channels - 2 * tokens * values + 2 * tokens * values
    write = first.write_bytes + conv.write_bytes + rule.write_bytes + last.write_bytes
    write -= inside + 2 * tokens * channels + 2 * tokens * values
    flop = first.flop + conv.flop + rule.flop + last.flop + 9 * tokens * values
    return Cost(read + 2 * d["v_dim"], write, flop)
