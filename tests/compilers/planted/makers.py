"""x + y with code that not every maker's compiler takes (an option of the launch, assembly, libdevice, products in
tf32), and code that no compiler takes."""

from __future__ import annotations

import os

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra.cuda import libdevice


@triton.jit
def plain_kernel(x, y, z, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(z + at, tl.load(x + at) + tl.load(y + at))


@triton.jit
def ptx_kernel(x, y, z, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = (tl.load(x + at) + tl.load(y + at)).to(tl.float32)
    same = tl.inline_asm_elementwise("mov.b32 $0, $1;", "=f,f", [value], dtype=tl.float32, is_pure=True, pack=1)
    tl.store(z + at, same)


@triton.jit
def libdevice_kernel(x, y, z, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(z + at, libdevice.exp((tl.load(x + at) + tl.load(y + at)).to(tl.float32)))


@triton.jit
def product(left, right):
    return tl.dot(left.to(tl.float32), right.to(tl.float32), input_precision="tf32")


@triton.jit
def tf32_kernel(x, y, z, BLOCK: tl.constexpr):
    at = tl.arange(0, 16)[:, None] * 16 + tl.arange(0, 16)[None, :]
    tl.store(z + at, product(tl.load(x + at), tl.load(y + at)))


@triton.jit
def assembly_kernel(x, y, z, CODE: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = (tl.load(x + at) + tl.load(y + at)).to(tl.float32)
    tl.store(z + at, tl.inline_asm_elementwise(CODE, "=r,r", [value], dtype=tl.float32, is_pure=False, pack=1))


CODE = {"membar": "membar.gl;", "waitcnt": "s_waitcnt vmcnt(0)", "garbage": "hello world"}
OPTIONS = {
    "pdl": {"launch_pdl": True},
    "wide": {"num_warps": 32},
    "waves": {"waves_per_eu": 2},
    "cluster": {"num_ctas": 2},
}


def run(x: Tensor, y: Tensor, *, what: str = "plain", num_warps: int = 1) -> Tensor:
    z = torch.empty_like(x)
    if what == "aborts":
        os.write(2, b"error in the next line\nLLVM ERROR: Cannot select: planted\nthe program follows\n")
        os.abort()
    if what == "exits":
        raise SystemExit("planted end")
    if what in CODE:
        assembly_kernel[(x.numel() // 64,)](x, y, z, CODE[what], 64)
        return z
    kernel = {"ptx": ptx_kernel, "libdevice": libdevice_kernel, "tf32": tf32_kernel}.get(what, plain_kernel)
    kernel[(x.numel() // 64,)](x, y, z, BLOCK=64, **{"num_warps": num_warps, **OPTIONS.get(what, {})})
    return z
