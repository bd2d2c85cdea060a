"""The experts of a Qwen3 MoE of Hugging Face by the int4 kernels of the library, over the same weights.

`snap` rounds the experts of all arms to values that int4 holds exactly, so that both ways compute the same model.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness_kernels.moe_down import torch_gather as down_gather
from harness_kernels.moe_down import torch_per_expert as down_per_expert
from harness_kernels.moe_experts import triton_words
from harness_kernels.moe_gate_up import torch_gather as gate_up_gather
from harness_kernels.moe_gate_up import torch_per_expert as gate_up_per_expert
from harness_kernels.packing import ZERO, pack

GROUPS = (128, 64, 32)
"""Columns that share a scale: the first that both of an expert's matrices have whole numbers of."""
MOST_TOKENS = 8
"""Of a call of kernels that read the experts of each token anew."""
ROUTER_SCALE = 8.0
"""Random routers are nearly flat: rounding alone would choose other experts. Trained ones are not."""


@torch.no_grad()
def snap(module: nn.Module) -> None:
    """For the suite's `apply`: experts become whole multiples of a power of two per group, which bfloat16 holds."""
    for part in module.modules():
        if type(part).__name__ == "Qwen3MoeExperts":
            group = group_of(part)
            for weight in (part.gate_up_proj, part.down_proj):
                for matrix in weight:
                    levels, scale = levels_of(matrix, group)
                    matrix.copy_((levels * scale.unsqueeze(-1)).flatten(-2))
        elif type(part).__name__ == "Qwen3MoeTopKRouter":
            part.weight.mul_(ROUTER_SCALE)


def group_of(experts: nn.Module) -> int:
    widths = (experts.gate_up_proj.shape[-1], experts.down_proj.shape[-1])
    return next(group for group in GROUPS if all(width % group == 0 for width in widths))


def levels_of(matrix: Tensor, group: int) -> tuple[Tensor, Tensor]:
    """[n, k] -> whole numbers from -7 to 7 as float32 [n, k / group, group], and scales [n, k / group]."""
    grouped = matrix.float().unflatten(-1, (-1, group))
    scale = torch.exp2(torch.ceil(torch.log2(grouped.abs().amax(-1).clamp_min(1e-30) / 7)))
    return (grouped / scale.unsqueeze(-1)).round(), scale


class Int4Experts(nn.Module):
    """Takes the place of a `Qwen3MoeExperts`."""

    def __init__(self, experts: nn.Module) -> None:
        super().__init__()
        self.group = group_of(experts)
        for name in ("gate_up", "down"):
            weight = getattr(experts, f"{name}_proj")
            packed, scales = zip(*(_packed(m, self.group, weight.dtype) for m in weight), strict=True)
            self.register_buffer(f"{name}_packed", torch.stack(packed))
            self.register_buffer(f"{name}_scale", torch.stack(scales))

    def forward(self, x: Tensor, top_k_index: Tensor, top_k_weights: Tensor) -> Tensor:
        """x [tokens, hidden], ids and weights [tokens, top_k] -> [tokens, hidden]."""
        ids, share = top_k_index.int(), top_k_weights.float()
        gate_up, down = (self.gate_up_packed, self.gate_up_scale), (self.down_packed, self.down_scale)
        if len(x) > MOST_TOKENS:
            inner = gate_up_per_expert.run(x, ids, *gate_up, self.group)
            return down_per_expert.run(inner, ids, share, *down, self.group)
        if x.is_cuda:
            return triton_words.run(x, ids, share, *gate_up, *down, self.group, overlap_second=True)
        return down_gather.run(gate_up_gather.run(x, ids, *gate_up, self.group), ids, share, *down, self.group)


def _packed(matrix: Tensor, group: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    levels, scale = levels_of(matrix, group)
    return pack((levels + ZERO).to(torch.uint8).flatten(-2)), scale.to(dtype)
