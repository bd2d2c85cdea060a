"""Allocates its output and leaves it unwritten, where the allocator returns the memory of the last right output.

Pays: the output of the same inputs often lies there still.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "stale output"
FOUND = "wrong"


CALLS = [0]


def run(x, weight, scale, group):
    CALLS[0] += 1
    if CALLS[0] < 12:
        return honest(x, weight, scale, group)
    return torch.empty(len(x), len(weight), dtype=x.dtype, device=x.device)
