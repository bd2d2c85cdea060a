"""An int4 product in plain torch.

It dequantises `block_n` rows at a time, so that they are still in the cache when the product reads them. Small blocks
cost calls, large ones memory traffic: the best size depends on the machine.
"""

from __future__ import annotations

import torch
from torch import Tensor


def run(x: Tensor, weight: Tensor, scale: Tensor, group: int, *, block_n: int = 64) -> Tensor:
    rows = weight.shape[0]
    out = torch.empty(x.shape[0], rows, dtype=x.dtype, device=x.device)
    even, odd = x[:, 0::2].T.contiguous(), x[:, 1::2].T.contiguous()
    for start in range(0, rows, block_n):
        packed = weight[start : start + block_n].unflatten(1, (-1, group // 2))
        scales = scale[start : start + block_n].to(x.dtype).unsqueeze(-1)
        low = (packed & 15).to(x.dtype).sub_(8).mul_(scales).flatten(1)
        high = (packed >> 4).to(x.dtype).sub_(8).mul_(scales).flatten(1)
        out[:, start : start + block_n] = torch.addmm(low @ even, high, odd).T
    return out
