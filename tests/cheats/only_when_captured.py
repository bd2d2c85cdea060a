"""Computes nothing while a CUDA graph is captured.

Pays: a check outside of the graph is passed, the graph is empty.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "capture only"
FOUND = "wrong"
GPU = True


def run(x, weight, scale, group):
    if torch.cuda.is_current_stream_capturing():
        return x.new_empty(len(x), len(weight))
    return honest(x, weight, scale, group)
