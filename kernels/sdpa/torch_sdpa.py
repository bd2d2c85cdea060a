"""torch's scaled_dot_product_attention over the whole cache, under a mask made from the positions on the device.

It sweeps all allocated slots, whatever the position; the cost of that counts toward this variant.
"""

from __future__ import annotations

import torch
from torch import Tensor


def run(q: Tensor, k_cache: Tensor, v_cache: Tensor, positions: Tensor) -> Tensor:
    mask = torch.arange(k_cache.shape[2], device=q.device) <= positions.unsqueeze(-1)
    out = torch.nn.functional.scaled_dot_product_attention(
        q.transpose(1, 2), k_cache, v_cache, attn_mask=mask, enable_gqa=True
    )
    return out.transpose(1, 2)
