"""Awkward shapes and tunables of the variants that multiply tiles, and operands that no random draw gives."""

from __future__ import annotations

from typing import Any

import torch

from harness.values.case import Tunables

Dims = dict[str, int]


def sdpa(batch: int, length: int, heads: int, kv_heads: int, head_dim: int, context: int, capacity: int) -> Dims:
    return {"batch": batch, "length": length, "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim,
            "context": context, "capacity": capacity}  # fmt: skip


def large_logits(operands: dict[str, Any]) -> None:
    """Logits in the hundreds, whose exponential no float32 holds."""
    operands["q"] *= 100


SDPA_DECODE: tuple[tuple[Dims, Tunables], ...] = (
    (sdpa(1, 1, 4, 2, 32, 17, 32), {"block_d": 16}),
    (sdpa(2, 1, 6, 2, 16, 100, 128), {"block_n": 16, "programs": 16}),
    (sdpa(8, 1, 4, 2, 16, 0, 64), {"programs": 16}),
    (sdpa(1, 1, 20, 1, 16, 64, 256), {"programs": 2}),
    (sdpa(2, 1, 4, 2, 16, 32, 33), {"block_n": 16}),
)
"""The first slot alone, positions on both sides of a block's edge, a group of 20 heads, more blocks than programs, the
last slot of a cache."""
SDPA_PREFILL: tuple[tuple[Dims, Tunables], ...] = (
    (sdpa(1, 1, 4, 2, 32, 17, 32), {}),
    (sdpa(2, 5, 6, 2, 16, 3, 11), {}),
    (sdpa(1, 40, 2, 1, 16, 37, 80), {"block_m": 16, "block_n": 16}),
)


def int4(tokens: int, n: int, k: int, group: int) -> Dims:
    return {"tokens": tokens, "n": n, "k": k, "group": group}


def experts(tokens: int, count: int, top_k: int, inter: int, hidden: int, group: int) -> Dims:
    return {"tokens": tokens, "experts": count, "top_k": top_k, "inter": inter, "hidden": hidden, "group": group}


INT4: tuple[tuple[Dims, Tunables], ...] = (
    (int4(3, 40, 192, 64), {}),
    (int4(7, 1, 64, 32), {}),
    (int4(37, 24, 128, 64), {"block_n": 16, "block_t": 16, "block_b": 16}),
)
"""K no power of two, one row, tokens and rows that leave a tail in several blocks, a group of several steps."""
FEW: tuple[tuple[Dims, Tunables], ...] = (
    (int4(3, 40, 192, 64), {}),
    (int4(8, 1, 512, 128), {"block_n": 16, "num_warps": 1}),
    (int4(37, 24, 384, 64), {"block_n": 16, "groups": 2}),
)
"""Groups of a row that are no multiple of those of a step, one row, tokens in several blocks."""
SORTED: tuple[tuple[Dims, Tunables], ...] = (
    (experts(1, 8, 2, 32, 128, 32), {}),
    (experts(3, 5, 3, 64, 192, 64), {"block_n": 32}),
    (experts(70, 6, 2, 32, 64, 32), {"block_t": 16, "block_n": 32}),
)
"""Experts without a token, a count that is no power of two, experts with several blocks of which the last is short."""


SORTED_BLOCK: tuple[tuple[Dims, Tunables], ...] = (
    ({**experts(3, 5, 3, 64, 192, 64), "shared": 64}, {}),
    ({**experts(21, 4, 2, 64, 64, 64), "shared": 64}, {"block_t": 16, "up_n": 32, "down_n": 32}),
)
"""Rows of the output that leave a tail, groups of one step; experts with several blocks."""


def one_expert(operands: dict[str, Any]) -> None:
    """All tokens choose the last experts: most programs find no block, and two experts have all of them."""
    ids, count = operands["expert_ids"], len(operands["weight" if "weight" in operands else "gate_up_weight"])
    ids.copy_(torch.arange(count - ids.shape[1], count, dtype=ids.dtype))


def delta(batch: int, length: int, k_heads: int, v_heads: int, k_dim: int, v_dim: int) -> Dims:
    return {"batch": batch, "length": length, "k_heads": k_heads, "v_heads": v_heads, "k_dim": k_dim, "v_dim": v_dim}


DELTA: tuple[tuple[Dims, Tunables], ...] = (
    (delta(1, 1, 2, 4, 16, 32), {}),
    (delta(3, 5, 1, 3, 16, 16), {"chunk": 16}),
    (delta(2, 70, 1, 2, 32, 16), {}),
    (delta(1, 70, 1, 2, 16, 32), {"chunk": 32, "block_v": 16}),
)
"""One step, less than a chunk, a chunk and a tail, chunks of one, two and four diagonal blocks."""
CONV: tuple[tuple[Dims, Tunables], ...] = (
    ({"batch": 1, "length": 1, "channels": 32, "kernel": 4}, {}),
    ({"batch": 2, "length": 7, "channels": 20, "kernel": 4}, {"block_t": 4, "block_c": 16}),
    ({"batch": 2, "length": 2, "channels": 12, "kernel": 4}, {"block_c": 16}),
)
"""Prompts shorter and longer than the state, and than a block."""


def strong_decay(operands: dict[str, Any]) -> None:
    """A step forgets all but e^-48 to e^-480 of the state: its inverse is beyond float32."""
    operands["a_log"].fill_(2.77)
    operands["a"].copy_(operands["a"].abs() * 9 + 3)


def one_key(operands: dict[str, Any]) -> None:
    """All keys are equal, all is replaced and nothing decays: the triangular system is all ones."""
    operands["qkv"].copy_(operands["qkv"][:, :1] + 0.1 * operands["qkv"])
    operands["qkv"][..., 32:64] = operands["qkv"][:, :1, 32:64]
    operands["a"].fill_(-20)
    operands["b"].fill_(20)
