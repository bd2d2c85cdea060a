"""Expert choice: softmax over all experts, the top_k largest (ties: lower index), renormalised to sum 1."""

from __future__ import annotations

from ..contract import Cost, Dims, Input, Op, Tolerance

TOLERANCE = {"float32": Tolerance(1e-05, 5e-06), "bfloat16": Tolerance(0.0001, 0.0001)}

STRESS = {"ties": ("logits",), "all_equal": ("logits",)}

OP = Op(
    summary="Expert choice: softmax over all experts, the top_k largest (ties: lower index), renormalised to sum 1.",
    inputs=(Input("logits", ("tokens", "experts")), Input("top_k", role="constant", value="top_k")),
    outputs=(("weights", ("tokens", "top_k")), ("expert_ids", ("tokens", "top_k"))),
    tolerance=TOLERANCE,
    stress=STRESS,
    output_dtypes={"weights": "float32"},
    integer_outputs=("expert_ids",),
)

DEFAULT = {"decode": "torch_topk", "prefill": "torch_topk"}
"""The variants used where an arm chooses none."""

TEST_SHAPES: tuple[dict[str, int], ...] = (
    {"tokens": 1, "experts": 16, "top_k": 4},
    {"tokens": 5, "experts": 256, "top_k": 8},
)


def cost(d: Dims) -> Cost:
    return Cost(2 * d["tokens"] * d["experts"], 8 * d["tokens"] * d["top_k"], 4 * d["tokens"] * d["experts"])
