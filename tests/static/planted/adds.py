"""x + y in Triton, with a tunable for each thing that a static stage may meet."""

from __future__ import annotations

import os
import signal
import time

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def add_kernel(x, y, z, size, BLOCK: tl.constexpr, UNUSED: tl.constexpr, TIMES: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    while tl.max(at) < size:
        total = tl.load(x + at, mask=at < size).to(tl.float32) + tl.load(y + at, mask=at < size)
        for _ in tl.static_range(TIMES):
            total = total * 1.0
        tl.store(z + at, total, mask=at < size)
        at += tl.num_programs(0) * BLOCK


@triton.autotune(configs=[triton.Config({"BLOCK": 64}), triton.Config({"BLOCK": 128})], key=[])
@triton.jit
def tuned_kernel(x, y, z, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(z + at, tl.load(x + at) + tl.load(y + at))


@triton.jit
def wrong_kernel(x):
    tl.store(x, nothing_of_this_name)  # noqa: F821  planted


def run(
    x: Tensor, y: Tensor, *, programs: int = 2, block: int = 64, unused: int = 0, mistake: str = "",
    swapped: bool = False, halves: int = 1, num_warps: int = 1, num_stages: int = 2,
) -> Tensor:  # fmt: skip
    z = torch.empty_like(x)
    if mistake == "killed":
        os.kill(os.getpid(), signal.SIGSEGV)
    if mistake == "raises":
        raise ValueError("planted: this call\nraises")
    if mistake == "sleeps":
        time.sleep(10_000)
    if mistake == "wrong":
        wrong_kernel[(1,)](x)
    if mistake == "autotune":
        tuned_kernel[(1,)](x, y, z)
    if swapped:
        x, y = y, x
    times = 10**9 if mistake == "hangs" else 0
    add_kernel[lambda known: (programs * (known["BLOCK"] // block),)](
        x, y, z, x.numel(), block, UNUSED=unused, TIMES=times, num_warps=num_warps, num_stages=num_stages
    )
    return z if halves == 1 else torch.cat(z.chunk(halves))
