"""A problem of KernelBench's form, for `harness import-op kernelbench examples/problems/gate_and_norm.py`."""

import torch
from torch import nn


class Model(nn.Module):
    """A gated product, normalised row by row."""

    def __init__(self, width: int, hidden: int, eps: float) -> None:
        super().__init__()
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.norm = nn.LayerNorm(hidden, eps=eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(torch.nn.functional.silu(self.gate(x)) * self.up(x))


batch_size = 32
width = 256
hidden = 2 * 256
eps = 1e-6


def get_inputs():
    return [torch.rand(batch_size, width)]


def get_init_inputs():
    return [width, hidden, eps]
