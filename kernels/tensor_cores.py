"""Products of tiles in Triton kernels, in float32 accumulation."""

from __future__ import annotations

import triton
import triton.language as tl

INTERPRETED = tl.constexpr(triton.knobs.runtime.interpret)
"""Triton's interpreter multiplies the bit patterns of bfloat16 operands; there they are widened first, which is exact.
It also truncates where a GPU rounds."""

# PRECISION's default is a constexpr, since Triton 3.6 passes a plain one on to a nested call as a Python string, and it
# stands in the signature, since torch.compile copies a kernel's text without the names that its defaults use.


@triton.jit
def dot(a, b, acc, PRECISION: tl.constexpr = tl.constexpr("ieee")):
    """acc [m, n] float32 plus a [m, k] @ b [k, n], both of one dtype. PRECISION: the tensor-core precision of float32
    operands (`ieee`, `tf32`, `tf32x3`).
    """
    if INTERPRETED:
        a = a.to(tl.float32)
        b = b.to(tl.float32)
    return tl.dot(a, b, acc, input_precision=PRECISION)


@triton.jit
def dot_from_zero(a, b, PRECISION: tl.constexpr = tl.constexpr("ieee")):
    """a [m, k] @ b [k, n] in float32."""
    return dot(a, b, tl.zeros((a.shape[0], b.shape[1]), tl.float32), PRECISION)


@triton.jit
def rounded(x, dtype: tl.constexpr):
    """x [..] float32 as `dtype`, rounded to the nearest, ties to even, in the interpreter too."""
    if INTERPRETED and dtype == tl.bfloat16:
        bits = x.to(tl.int32, bitcast=True)
        bits = bits + 0x7FFF + ((bits >> 16) & 1)
        x = ((bits >> 16) << 16).to(tl.float32, bitcast=True)  # a bfloat16, which no conversion changes
    return x.to(dtype)
