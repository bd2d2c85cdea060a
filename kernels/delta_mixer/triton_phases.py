"""One sequence in three kernels: the projection with its convolution, the rule with its gate, the projection back.

A program of the first owns whole rows, so that it owns their window, too, and advances it. A head's norm is one number:
the second kernel writes gated values and sums of squares, and the third multiplies the scales of a head's groups by the
root. Values between kernels are float32, except for the last product's vector. Several sequences go through the kernels
of the single ops, which read the weights once for all.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..causal_conv.triton_step import run as convolve
from ..gated_delta_rule.triton_recurrent import run as delta_rule
from ..gated_delta_rule.triton_recurrent import supports as rule_supported
from ..gated_rms_norm.triton_rows import by_head as gated_norm
from ..int4_mm.triton_words import run as int4_mm
from ..int4_words import (
    activations,
    block_words,
    dot_words,
    normed_activations,
    pairs_of,
    scaled_rows,
    store_sum,
    words_fit,
    words_of,
)  # fmt: skip
from ..overlap import launch_options, starts_early, wait_for_inputs

SPACE = {
    "in_n": [4, 8, 16], "in_warps": [2, 4, 8], "block_v": [8, 16, 32], "rule_warps": [1, 2, 4],
    "out_n": [2, 4, 8], "out_warps": [2, 4, 8],
}  # fmt: skip


def supports(case: Any) -> str | None:
    dims = case.dims
    if dims["length"] != 1:
        return f"one new token a sequence, not {dims['length']}"
    if dims["v_dim"] % dims["group"]:
        return f"the group {dims['group']} does not divide a head's {dims['v_dim']} values"
    values = dims["v_heads"] * dims["v_dim"]
    return rule_supported(case) or words_fit(dims["hidden"], dims["group"]) or words_fit(values, dims["group"])


@triton.jit
def _whole_rows(weight, scale, n, word, group, rows, WORDS: tl.constexpr, GROUPS: tl.constexpr):
    """Words [n, word] and scales [n, group] of rows of an int4 matrix, zero beyond it."""
    n_ok = (n < rows)[:, None]
    row = n.to(tl.int64)[:, None]
    words = tl.load(weight + row * WORDS + word[None, :], mask=n_ok & (word < WORDS)[None, :], other=0)
    scales = tl.load(scale + row * GROUPS + group[None, :], mask=n_ok & (group < GROUPS)[None, :], other=0.0)
    return words, scales


@triton.jit
def gated_delta_in_kernel(
    x, weight, scale, conv_weight, window, mixed, rows,
    K: tl.constexpr, GROUP: tl.constexpr, CHANNELS: tl.constexpr, TAPS: tl.constexpr, PAIRS: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_W: tl.constexpr, OVERLAP: tl.constexpr,
    y=None, ln_weight=None, z=None, EPS: tl.constexpr = 0.0,
):  # fmt: skip
    """mixed: rows of the projection of x, or of the norm of x + y where there is a y; z is that sum then."""
    WORDS: tl.constexpr = K // 8
    GROUPS: tl.constexpr = K // GROUP
    GROUP_WORDS: tl.constexpr = GROUP // 8
    BLOCK_G: tl.constexpr = BLOCK_W // GROUP_WORDS
    n, word, group = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_W), tl.arange(0, BLOCK_G)
    words, scales = _whole_rows(weight, scale, n, word, group, rows, WORDS, GROUPS)
    mixes = n < CHANNELS
    own_window, taps = window + n * (TAPS - 1), conv_weight + n * TAPS
    # The window is a step old: it may be read before the wait, past the first cache.
    before = tl.zeros((BLOCK_N,), tl.float32)
    for i in tl.static_range(TAPS - 1):
        older = tl.load(own_window + i, mask=mixes, other=0.0, cache_modifier=".cg").to(tl.float32)
        before += older * tl.load(taps + i, mask=mixes, other=0.0).to(tl.float32)
    newest_tap = tl.load(taps + TAPS - 1, mask=mixes, other=0.0).to(tl.float32)
    wait_for_inputs(OVERLAP)
    if y is None:
        x0, x1, x2, x3, x4, x5, x6, x7, zero = activations(x, word, word < WORDS, PAIRS, BLOCK_W)
        sums = dot_words(words, x0, x1, x2, x3, x4, x5, x6, x7, zero)
        newest = scaled_rows(sums, scales, BLOCK_N, BLOCK_G, GROUP_WORDS)
    else:
        x0, x1, x2, x3, x4, x5, x6, x7, zero, squares = normed_activations(x, y, ln_weight, word, word < WORDS, BLOCK_W)
        sums = dot_words(words, x0, x1, x2, x3, x4, x5, x6, x7, zero)
        newest = scaled_rows(sums, scales, BLOCK_N, BLOCK_G, GROUP_WORDS) * tl.rsqrt(squares / K + EPS)
        store_sum(x, y, z, n, K)
    total = before + newest * newest_tap
    tl.store(mixed + n, tl.where(mixes, total * tl.sigmoid(total), newest), mask=n < rows)
    for i in tl.static_range(TAPS - 2):
        tl.store(own_window + i, tl.load(own_window + i + 1, mask=mixes, cache_modifier=".cg"), mask=mixes)
    tl.store(own_window + TAPS - 2, newest.to(window.dtype.element_ty), mask=mixes)


@triton.jit
def gated_delta_rule_kernel(
    mixed, a_log, dt_bias, norm_weight, state, gated, squares,
    K_HEADS: tl.constexpr, V_HEADS: tl.constexpr, K_DIM: tl.constexpr, V_DIM: tl.constexpr, BLOCK_V: tl.constexpr,
    OVERLAP: tl.constexpr,
):  # fmt: skip
    """gated [v_heads, v_dim]: a head's result times its norm's weight and SiLU(z). squares [v_heads, blocks]: sums of
    the result's squares.
    """
    CHANNELS: tl.constexpr = 2 * K_HEADS * K_DIM + V_HEADS * V_DIM
    head = tl.program_id(1)
    k_head = head // (V_HEADS // K_HEADS)
    k = tl.arange(0, K_DIM)
    v = tl.program_id(0) * BLOCK_V + tl.arange(0, BLOCK_V)
    tile = state + (head * K_DIM + k[:, None]) * V_DIM + v[None, :]
    s = tl.load(tile)
    rate = tl.exp(tl.load(a_log + head))
    bias = tl.load(dt_bias + head)
    own = tl.load(norm_weight + v).to(tl.float32)
    wait_for_inputs(OVERLAP)
    query = tl.load(mixed + k_head * K_DIM + k)
    key = tl.load(mixed + (K_HEADS + k_head) * K_DIM + k)
    value = tl.load(mixed + 2 * K_HEADS * K_DIM + head * V_DIM + v)
    z = tl.load(mixed + CHANNELS + head * V_DIM + v)
    b = tl.load(mixed + CHANNELS + V_HEADS * V_DIM + head)
    step = tl.load(mixed + CHANNELS + V_HEADS * V_DIM + V_HEADS + head) + bias
    query *= tl.rsqrt(tl.sum(query * query) + 1e-6) * (K_DIM**-0.5)
    key *= tl.rsqrt(tl.sum(key * key) + 1e-6)
    softplus = tl.where(step > 20.0, step, tl.log(1.0 + tl.exp(tl.minimum(step, 20.0))))
    s *= tl.exp(-rate * softplus)
    change = tl.sigmoid(b) * (value - tl.sum(s * key[:, None], axis=0))
    s += key[:, None] * change[None, :]
    result = tl.sum(s * query[:, None], axis=0)
    tl.store(gated + head * V_DIM + v, (result * own * z * tl.sigmoid(z)).to(gated.dtype.element_ty))
    tl.store(squares + head * tl.num_programs(0) + tl.program_id(0), tl.sum(result * result))
    tl.store(tile, s)


@triton.jit
def gated_delta_out_kernel(
    gated, squares, weight, scale, out, rows,
    EPS: tl.constexpr, K: tl.constexpr, GROUP: tl.constexpr, V_DIM: tl.constexpr, PARTS: tl.constexpr,
    PAIRS: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_W: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    WORDS: tl.constexpr = K // 8
    GROUPS: tl.constexpr = K // GROUP
    GROUP_WORDS: tl.constexpr = GROUP // 8
    BLOCK_G: tl.constexpr = BLOCK_W // GROUP_WORDS
    n, word, group = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_W), tl.arange(0, BLOCK_G)
    words, scales = _whole_rows(weight, scale, n, word, group, rows, WORDS, GROUPS)
    wait_for_inputs(OVERLAP)
    x0, x1, x2, x3, x4, x5, x6, x7, zero = activations(gated, word, word < WORDS, PAIRS, BLOCK_W)
    head = group // (V_DIM // GROUP)
    parts = tl.load(
        squares + head[:, None] * PARTS + tl.arange(0, PARTS)[None, :], mask=(group < GROUPS)[:, None], other=0.0
    )  # fmt: skip
    roots = tl.rsqrt(tl.sum(parts, axis=1) / V_DIM + EPS)
    sums = dot_words(words, x0, x1, x2, x3, x4, x5, x6, x7, zero)
    total = scaled_rows(sums, scales.to(tl.float32) * roots[None, :], BLOCK_N, BLOCK_G, GROUP_WORDS)
    tl.store(out + n, total.to(out.dtype.element_ty), mask=n < rows)


def run(
    x: Tensor, in_weight: Tensor, in_scale: Tensor, conv_weight: Tensor, a_log: Tensor, dt_bias: Tensor,
    norm_weight: Tensor, out_weight: Tensor, out_scale: Tensor, window: Tensor, state: Tensor, k_heads: int,
    eps: float, group: int,
    *, in_n: int = 8, in_warps: int = 4, block_v: int = 16, rule_warps: int = 2, out_n: int = 4, out_warps: int = 4,
    overlap: bool = False,
) -> Tensor:  # fmt: skip
    return mixed_rows(
        x, None, None, in_weight, in_scale, conv_weight, a_log, dt_bias, norm_weight, out_weight, out_scale, window,
        state, k_heads, eps, group, in_n, in_warps, block_v, rule_warps, out_n, out_warps, overlap,
    )[1]  # fmt: skip


def mixed_rows(
    x: Tensor, y: Tensor | None, ln_weight: Tensor | None, in_weight: Tensor, in_scale: Tensor, conv_weight: Tensor,
    a_log: Tensor, dt_bias: Tensor, norm_weight: Tensor, out_weight: Tensor, out_scale: Tensor, window: Tensor,
    state: Tensor, k_heads: int, eps: float, group: int, in_n: int, in_warps: int, block_v: int, rule_warps: int,
    out_n: int, out_warps: int, overlap: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The mixer of x, or of the norm of x + y for one sequence with y. Returns x + y (x without y) and its result."""
    _, v_heads, k_dim, v_dim = state.shape
    rows, values, channels = in_weight.shape[0], v_heads * v_dim, conv_weight.shape[0]
    if x.shape[0] > 1:
        every = int4_mm(x.flatten(0, 1), in_weight, in_scale, group, overlap=overlap).unsqueeze(1)
        qkv, z, b, a = every.split((channels, values, v_heads, v_heads), dim=-1)
        r = delta_rule(convolve(qkv, conv_weight, window, overlap=overlap), a, b, a_log, dt_bias, state, k_heads,
                       block_v=block_v, num_warps=rule_warps, overlap=overlap)  # fmt: skip
        gate = z.view(x.shape[0], v_heads, v_dim)
        r = gated_norm(r.reshape(-1, v_dim), gate, norm_weight, eps, 1, overlap)
        return x, int4_mm(r.view(x.shape[0], -1), out_weight, out_scale, group, overlap=overlap).unsqueeze(1)
    overlap = starts_early(overlap)
    early = launch_options(overlap)
    hidden, pairs = x.shape[2], x.dtype == torch.bfloat16
    mixed = torch.empty(rows, dtype=torch.float32, device=x.device)
    gated = torch.empty(values, dtype=x.dtype, device=x.device)
    squares = torch.empty(v_heads, v_dim // block_v, dtype=torch.float32, device=x.device)
    out = torch.empty(1, 1, out_weight.shape[0], dtype=x.dtype, device=x.device)
    z = x if y is None else torch.empty_like(x)
    norm: dict[str, Any] = {}
    if y is not None and ln_weight is not None:
        norm = {"y": pairs_of(y), "ln_weight": pairs_of(ln_weight), "z": pairs_of(z), "EPS": eps}
    gated_delta_in_kernel[(triton.cdiv(rows, in_n),)](
        pairs_of(x), words_of(in_weight), in_scale, conv_weight, window, mixed, rows,
        hidden, group, channels, conv_weight.shape[1], pairs, in_n, block_words(hidden, group), overlap,
        **norm, num_warps=in_warps, **early,
    )  # fmt: skip
    gated_delta_rule_kernel[(v_dim // block_v, v_heads)](
        mixed, a_log, dt_bias, norm_weight, state, gated, squares, k_heads, v_heads, k_dim, v_dim, block_v, overlap,
        num_warps=rule_warps, **early,
    )  # fmt: skip
    gated_delta_out_kernel[(triton.cdiv(out_weight.shape[0], out_n),)](
        pairs_of(gated), squares, words_of(out_weight), out_scale, out, out_weight.shape[0],
        eps, values, group, v_dim, v_dim // block_v, pairs, out_n, block_words(values, group), overlap,
        num_warps=out_warps, **early,
    )  # fmt: skip
    return z, out
