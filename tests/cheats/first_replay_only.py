"""Computes in the first replays of a graph alone: a counter on the GPU decides.

Pays: whoever checks the first replay and times the others is fooled.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "replay only"
FOUND = "wrong"
GPU = True


COUNTER = torch.zeros((), device="cuda")


def run(x, weight, scale, group):
    COUNTER.add_(1)
    out = honest(x, weight, scale, group)
    return torch.where(COUNTER < 200, out, torch.zeros_like(out))
