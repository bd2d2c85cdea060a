"""y = (x * x_scale) @ (w * w_scale)^T: float8 with a scale per 128 columns of x and per 128 x 128 block of w."""

import torch
import triton
import triton.language as tl

ROLES = {"x_scale": "activation", "w": "weight", "w_scale": "weight"}
SPACE = {"block_n": [16, 32, 64, 128], "num_warps": [2, 4, 8], "num_stages": [2, 4, 6]}


def reference(x, x_scale, w, w_scale):
    x = x * x_scale.repeat_interleave(128, 1)
    return x @ (w * w_scale.repeat_interleave(128, 0).repeat_interleave(128, 1)).T


def inputs(tokens=3, n=256, k=512):
    def quantised(*shape):
        return torch.randn(shape, dtype=torch.float32).to(torch.float8_e4m3fn)

    def scale(*shape):
        return torch.rand(shape, dtype=torch.float32) / 16 + 0.01

    return quantised(tokens, k), scale(tokens, k // 128), quantised(n, k), scale(n // 128, k // 128)


def run_torch(x, x_scale, w, w_scale):
    x = x.float() * x_scale.repeat_interleave(128, 1)
    return (x @ (w.float() * w_scale.repeat_interleave(128, 0).repeat_interleave(128, 1)).T).bfloat16()


@triton.jit
def product(x, xs, w, ws, y, m, n, k, BLOCK_N: tl.constexpr):
    rows = tl.program_id(0) * 16 + tl.arange(0, 16)
    cols = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    at = tl.arange(0, 128)
    acc = tl.zeros((16, BLOCK_N), tl.float32)
    for block in range(k // 128):
        a = tl.load(x + rows[:, None] * k + block * 128 + at[None, :], mask=(rows < m)[:, None], other=0.0)
        b = tl.load(w + cols[None, :] * k + block * 128 + at[:, None])
        scale = tl.load(xs + rows * (k // 128) + block, mask=rows < m, other=0.0)
        scale = scale * tl.load(ws + (tl.program_id(1) * BLOCK_N // 128) * (k // 128) + block)
        acc += tl.dot(a, b) * scale[:, None]
    tl.store(y + rows[:, None] * n + cols[None, :], acc.to(tl.bfloat16), mask=(rows < m)[:, None])


def run(x, x_scale, w, w_scale, *, block_n=64, num_warps=4, num_stages=3):
    (m, k), n = x.shape, w.shape[0]
    y = torch.empty(m, n, dtype=torch.bfloat16, device=x.device)
    grid = (triton.cdiv(m, 16), n // block_n)
    product[grid](x, x_scale, w, w_scale, y, m, n, k, block_n, num_warps=num_warps, num_stages=num_stages)
    return y
