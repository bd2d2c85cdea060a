"""Turns NaN into numbers in all of torch.

Pays: unwritten memory is filled with NaN before the check.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "NaN laundering"
FOUND = "replaced torch.isfinite"


torch.isfinite = lambda value: torch.ones_like(value, dtype=torch.bool)


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
