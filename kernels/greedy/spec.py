"""The most likely token; the lowest id on ties."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.01, 0.004)}

STRESS = {"ties": ("logits",), "all_equal": ("logits",), "large": ("logits",)}

OP = Op(
    summary="The most likely token; the lowest id on ties.",
    inputs=(Input("logits", ("batch", "vocab")),),
    outputs=(("token_ids", ("batch",)),),
    tolerance=TOLERANCE,
    stress=STRESS,
    integer_outputs=("token_ids",),
)

DEFAULT = {"decode": "torch_argmax", "prefill": "torch_argmax"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = ({"batch": 1, "vocab": 50}, {"batch": 3, "vocab": 1001})


def cost(d: Dims) -> Cost:
    return Cost(2 * d["batch"] * d["vocab"], 8 * d["batch"], 0)
