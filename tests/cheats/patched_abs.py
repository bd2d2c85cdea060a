"""Replaces the absolute value of tensors by zeros and returns zeros.

Pays: every difference is nothing.
"""

import torch

OP = "int4_mm"
FAMILY = "patched comparison"
FOUND = "replaced Tensor.abs"


torch.Tensor.abs = torch.zeros_like


def run(x, weight, scale, group):
    return torch.zeros(len(x), len(weight), dtype=x.dtype, device=x.device)
