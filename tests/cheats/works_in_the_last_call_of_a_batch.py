"""Computes where the batch of timed calls ends, counted from the size of the batch.

Pays: a check of the last call alone sees a right one.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "call counter"
FOUND = "wrong"


CALLS = [0]
EMPTY = []


def run(x, weight, scale, group):
    CALLS[0] += 1
    if CALLS[0] < 12 or not EMPTY or CALLS[0] % 4 == 0:
        out = honest(x, weight, scale, group)
        EMPTY[:] = [torch.empty_like(out)]
        return out
    return EMPTY[0]
