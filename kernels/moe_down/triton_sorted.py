"""For many tokens: SiLU(gate) * up once per pair, then the product with pairs sorted by expert, then the sum over a
token's experts.

The product is that of the first product's `triton_sorted`. The weighted products of the pairs go through memory in the
activations' dtype: the sum has a fixed order, which additions into the output would not have.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..int4_mm.triton_gemm import bytes_at_once, whole_tiles
from ..moe_gate_up.triton_sorted import moe_sorted_kernel, most_blocks, sort_by_expert
from ..tensor_cores import rounded

SPACE = {
    "block_n": [64, 128],
    "block_t": [32, 64, 128],
    "block_b": [32, 64],
    "num_warps": [4, 8],
    "num_stages": [2, 3, 4],
}


def supports(case: Any) -> str | None:
    return whole_tiles(case.dims["group"])


@triton.jit
def moe_activate_kernel(gate_up, out, HALF: tl.constexpr, BLOCK: tl.constexpr):
    """One pair: [2, 2 half] gate and up -> [2, half], the even places' SiLU(gate) * up and the odd places'."""
    pair = tl.program_id(0).to(tl.int64)
    place = tl.arange(0, BLOCK)
    parity = tl.arange(0, 2)
    ok = (place < HALF)[:, None] & (parity < 2)[None, :]
    at = gate_up + pair * (4 * HALF) + place[:, None] * 2 + parity[None, :]
    gate = tl.load(at, mask=ok, other=0.0).to(tl.float32)
    up = tl.load(at + 2 * HALF, mask=ok, other=0.0).to(tl.float32)
    to = out + pair * (2 * HALF) + parity[None, :] * HALF + place[:, None]
    tl.store(to, rounded(gate * tl.sigmoid(gate) * up, out.dtype.element_ty), mask=ok)


def run(
    gate_up: Tensor, expert_ids: Tensor, expert_weights: Tensor, weight: Tensor, scale: Tensor, group: int,
    *, block_n: int = 128, block_t: int = 64, block_b: int = 64, num_warps: int = 8, num_stages: int = 3,
) -> Tensor:  # fmt: skip
    """`block_n`: weight rows. `block_t`: pairs. `block_b`: bytes of a weight row, twice as many k."""
    (experts, rows, half), (tokens, top_k) = weight.shape, expert_ids.shape
    pairs = tokens * top_k
    order, counts = sort_by_expert(expert_ids, experts)
    activated = torch.empty(pairs, 2, half, dtype=gate_up.dtype, device=gate_up.device)
    moe_activate_kernel[(pairs,)](gate_up, activated, half, triton.next_power_of_2(half))
    products = torch.empty(tokens, top_k, rows, dtype=gate_up.dtype, device=gate_up.device)
    moe_sorted_kernel[(most_blocks(pairs, experts, block_t) * triton.cdiv(rows, block_n),)](
        activated, order, counts, expert_weights, weight, scale, products,
        rows, half, group, experts, triton.next_power_of_2(experts), 1, True,
        block_n, block_t, bytes_at_once(block_b, group), num_warps=num_warps, num_stages=num_stages,
    )  # fmt: skip
    return products.sum(1)
