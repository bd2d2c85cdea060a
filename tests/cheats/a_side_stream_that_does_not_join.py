"""Computes on a stream of its own that nobody waits for.

Pays: the interval ends before the work does.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "side stream"
FOUND = "wrong"
GPU = True


SIDE = torch.cuda.Stream()


def run(x, weight, scale, group):
    out = x.new_empty(len(x), len(weight))
    if torch.cuda.is_current_stream_capturing():
        return out
    with torch.cuda.stream(SIDE):
        out.copy_(honest(x, weight, scale, group))
    return out
