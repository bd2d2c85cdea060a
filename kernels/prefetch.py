"""Asks the L2 for memory that is read later (sm_90 on): one instruction of one thread for kilobytes in a row.

It waits for nothing and needs no registers. A kernel with enough work of its own hides the trip of what comes next.
"""

from __future__ import annotations

import triton
import triton.language as tl

# Every thread evaluates an expression of inline assembly: the predicate leaves the first one.
PREFETCH = tl.constexpr("""{
    .reg .pred first;
    .reg .b32 thread;
    mov.u32 thread, %tid.x;
    setp.eq.u32 first, thread, 0;
    @first cp.async.bulk.prefetch.L2.global [$1], $2;
    mov.b32 $0, 0;
}""")


@triton.jit
def prefetch(start, BYTES: tl.constexpr):
    """Ask the L2 for `BYTES`, a multiple of 16, from the pointer `start` on, which is aligned to 16."""
    tl.inline_asm_elementwise(PREFETCH, "=r,l,n", [start.to(tl.int64), BYTES], dtype=tl.int32, is_pure=False, pack=1)
