"""Gated delta rule: per head and step S = decay S, d = beta (v - S^T k), S += k d^T, o = S^T q; the state in place."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(0.0001, 2e-05), "bfloat16": Tolerance(0.015, 0.006)}

STRESS = {"saturated": ("b",), "zero_row": ("qkv",), "outlier_channels": ("qkv",)}

OP = Op(
    summary="Gated delta rule: S = decay S, d = beta (v - S^T k), S += k d^T, o = S^T q; the state in place.",
    inputs=(
        Input("qkv", ("batch", "length", "2 * k_heads * k_dim + v_heads * v_dim")),
        Input("a", ("batch", "length", "v_heads")),
        Input("b", ("batch", "length", "v_heads")),
        Input("a_log", ("v_heads",), "float32", "weight", "a_log"),
        Input("dt_bias", ("v_heads",), "float32", "weight", "dt_bias"),
        Input("state", ("batch", "v_heads", "k_dim", "v_dim"), "float32", "state"),
        Input("k_heads", role="constant", value="k_heads"),
    ),
    outputs=(("y", ("batch", "length", "v_heads", "v_dim")),),
    tolerance=TOLERANCE,
    stress=STRESS,
    row_dims={"y": 2, "state": 2},  # a head's y is (q . k) v where gates are strong, and q . k may be near zero
    stepwise=True,
)

DEFAULT = {"decode": "torch_recurrent", "prefill": "torch_chunked"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"batch": 1, "length": 1, "k_heads": 2, "v_heads": 4, "k_dim": 16, "v_dim": 32},
    {"batch": 3, "length": 5, "k_heads": 1, "v_heads": 3, "k_dim": 16, "v_dim": 16},
    {"batch": 2, "length": 70, "k_heads": 2, "v_heads": 2, "k_dim": 32, "v_dim": 16},
)


def cost(d: Dims) -> Cost:
    steps = d["batch"] * d["length"]
    state = 4 * d["batch"] * d["v_heads"] * d["k_dim"] * d["v_dim"]
    values = d["v_heads"] * d["v_dim"]
    read = 2 * steps * (2 * d["k_heads"] * d["k_dim"] + values + 2 * d["v_heads"]) + 8 * d["v_heads"] + state
    return Cost(read, state + 2 * steps * values, 7 * steps * values * d["k_dim"])
