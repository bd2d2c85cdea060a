"""Computes in one of 32 captured calls, the last.

Pays: a check of the last call sees a right one.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "capture only"
FOUND = "wrong"
GPU = True


CALLS = [0]


def run(x, weight, scale, group):
    if torch.cuda.is_current_stream_capturing():
        CALLS[0] += 1
        if CALLS[0] % 32:
            return x.new_empty(len(x), len(weight))
    return honest(x, weight, scale, group)
