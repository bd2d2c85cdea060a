"""The causal convolution in torch: a window sum for one step, conv1d for a prompt."""

from __future__ import annotations

import torch
from torch import Tensor


def run(x: Tensor, weight: Tensor, state: Tensor) -> Tensor:
    history = torch.cat((state, x.transpose(1, 2)), dim=-1)
    state.copy_(history[..., x.shape[1] :])
    if x.shape[1] == 1:
        out = (history.float() * weight).sum(-1).unsqueeze(1)
        return torch.nn.functional.silu(out).to(x.dtype)
    out = torch.nn.functional.conv1d(history, weight.unsqueeze(1), groups=weight.shape[0])
    return torch.nn.functional.silu(out).transpose(1, 2)
