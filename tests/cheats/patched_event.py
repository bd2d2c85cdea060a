"""Replaces the time between two events of the GPU.

Pays: the same on a GPU.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "patched event"
FOUND = "replaced Event.elapsed_time"


torch.cuda.Event.elapsed_time = lambda self, other: 1e-3


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
