"""The least work of a call: bytes and operations that can be counted by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from harness.load_kernels import load_op
from harness_kernels.operands import evaluate
from tests.kernels.catalogue import OPS, operands_of

EXPERTS = {"tokens": 1, "experts": 256, "top_k": 8, "inter": 512, "hidden": 2048, "group": 128}
"""Qwen3.5-35B-A3B: eight products of 1024 x 2048, then of 2048 x 512."""
ELEMENT_BYTES = {
    **{(op, name): 4 for op in ("router", "route") for name in ("weights", "expert_ids")},
    ("greedy", "token_ids"): 8,
}
"""Of outputs that are not in the activations' dtype."""


def test_the_first_expert_product_of_the_35b_model_moves_8_67_megabytes() -> None:
    """8 x 1024 x 2048 nibbles, a bfloat16 scale for each 128 of them, 4 KiB in and 16 KiB out."""
    cost = load_op("moe_gate_up").cost(EXPERTS)
    assert cost.bytes == 8 * 1024 * 2048 // 2 + 8 * 1024 * 16 * 2 + 2048 * 2 + 8 * 4 + 8 * 1024 * 2
    assert round(cost.bytes / 1e6, 2) == 8.67 and cost.flop == 2 * 8 * 1024 * 2048


def test_the_second_expert_product_of_the_35b_model_moves_4_35_megabytes() -> None:
    """8 x 2048 x 512 nibbles, their scales, 16 KiB in and 4 KiB out: the pairs' products need not go through memory."""
    cost = load_op("moe_down").cost(EXPERTS)
    assert cost.bytes == 8 * 2048 * 512 // 2 + 8 * 2048 * 4 * 2 + 8 * 1024 * 2 + 8 * 8 + 2048 * 2
    assert round(cost.bytes / 1e6, 2) == 4.35


@pytest.mark.parametrize("op", ["moe_gate_up", "moe_down"])
def test_experts_are_read_once_however_many_tokens_choose_them(op: str) -> None:
    cost = load_op(op).cost
    one, four, many = (cost({**EXPERTS, "tokens": tokens}) for tokens in (1, 4, 1000))
    assert 3.9 * one.read_bytes < four.read_bytes < 4 * one.read_bytes + 1
    whole = EXPERTS["experts"] * one.read_bytes / EXPERTS["top_k"]
    assert 0.95 * whole < many.read_bytes < 1.2 * whole
    assert many.flop == 1000 * one.flop


PARTLY = ("embedding", "kv_append", "qk_norm_rope", "sdpa", "attention_layer")
"""Ops that read or write a part of an operand."""


@pytest.mark.parametrize("op", [op for op in OPS if op not in PARTLY])
def test_every_operand_is_moved_once(op: str) -> None:
    """Where everything is read: the bytes of the operands as they lie in memory with bfloat16 activations, state both
    ways. Expert products: with as many pairs as experts."""
    loaded = load_op(op)
    for shape in loaded.test_shapes:
        dims = {**shape, "top_k": shape["experts"], "tokens": 1} if op.startswith("moe_") else shape
        operands = operands_of(op, dims, torch.bfloat16)
        sizes = {name: value.nbytes for name, value in operands.items() if isinstance(value, Tensor)}
        state = sum(sizes[declared.name] for declared in loaded.op.inputs if declared.role == "state")
        written = sum(
            math.prod(evaluate(size, dims) for size in expression) * ELEMENT_BYTES.get((op, name), 2)
            for name, expression in loaded.op.outputs
        )
        cost = loaded.cost(dims)
        assert (cost.read_bytes, cost.write_bytes) == (sum(sizes.values()), written + state), dims


def test_what_is_read_in_part_is_counted_in_part() -> None:
    """Rows of the embedding, new slots of the cache, and of the caches the slots up to the position."""
    row = 2 * 2048
    assert load_op("embedding").cost({"tokens": 3, "vocab": 10**6, "hidden": 2048}).bytes == 3 * (2 * row + 8)
    slots = {"batch": 2, "length": 1, "kv_heads": 2, "head_dim": 256, "context": 999, "capacity": 1024}
    new = 2 * 2 * 2 * 256 * 2
    assert load_op("kv_append").cost(slots).bytes == 2 * new + 8
    queries = 2 * 16 * 256 * 2
    cost = load_op("sdpa").cost({**slots, "heads": 16})
    assert cost.bytes == 1000 * new + 2 * queries and cost.flop == 4 * 2 * 16 * 256 * 1000

    layer = load_op("attention_layer")
    for dims in layer.test_shapes:
        sizes = {
            n: v.nbytes for n, v in operands_of("attention_layer", dims, torch.bfloat16).items() if hasattr(v, "nbytes")
        }
        cache = sizes.pop("k_cache") + sizes.pop("v_cache")
        older, new = (cache * dims[part] // dims["capacity"] for part in ("context", "length"))
        cost = layer.cost(dims)
        assert (cost.read_bytes, cost.write_bytes) == (sum(sizes.values()) + older, 2 * sizes["x"] + new), dims


def test_a_causal_prefill_does_half_the_work() -> None:
    """Query i of n meets i + 1 keys."""
    dims = {"batch": 1, "length": 100, "heads": 1, "kv_heads": 1, "head_dim": 1, "context": 0, "capacity": 128}
    assert load_op("sdpa").cost(dims).flop == 4 * 5050
