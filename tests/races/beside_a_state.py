"""The last sequence's values go to the slot behind their own, which is behind the cache."""

import triton
import triton.language as tl

OP = "kv_append"
DIMS = {"batch": 1, "length": 1, "kv_heads": 2, "head_dim": 16, "context": 7, "capacity": 8}
KIND = "write outside"
GUARD = "writes outside of v_cache: 16 elements after its end (+1 to +16)"
TOOL = "memcheck"


@triton.jit
def append_kernel(k, v, positions, k_cache, v_cache, HEADS, CAPACITY, DIM: tl.constexpr):
    head, d = tl.program_id(0), tl.arange(0, DIM)
    slot = (head * CAPACITY + tl.load(positions)) * DIM
    tl.store(k_cache + slot + d, tl.load(k + head * DIM + d))
    values = tl.load(v + head * DIM + d)
    tl.store(v_cache + slot + d, values)
    if head == HEADS - 1:
        tl.store(v_cache + slot + DIM + d, values)  # here


def run(k, v, positions, k_cache, v_cache):
    heads, capacity, dim = k_cache.shape[1:]
    append_kernel[(heads,)](k, v, positions, k_cache, v_cache, heads, capacity, dim)
