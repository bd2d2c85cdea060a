"""flash-linear-attention's causal convolution with SiLU.

Its state has one input more than ours, which it never reads: the copies into it and back count toward this variant.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..flash_linear_attention import missing


def supports(case: Any) -> str | None:
    return missing()


def run(x: Tensor, weight: Tensor, state: Tensor) -> Tensor:
    """A single step uses its update kernel, a prompt its sequence kernel."""
    from fla.modules.causal_conv1d import causal_conv1d, causal_conv1d_update

    window = torch.nn.functional.pad(state, (1, 0))
    if x.shape[1] == 1:
        out, last = causal_conv1d_update(x, window, weight=weight, activation="silu")
    else:
        out, last = causal_conv1d(
            x, weight, initial_state=window, output_final_state=True, activation="silu", backend="triton"
        )
    state.copy_(last[..., 1:])
    return out
