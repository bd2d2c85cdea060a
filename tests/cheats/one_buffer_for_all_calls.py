"""Writes every output to one buffer of its own.

Pays: nothing is allocated, and results of earlier calls turn into those of later ones.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "stale output"
FOUND = "buffer"


KEPT = {}


def run(x, weight, scale, group):
    out = honest(x, weight, scale, group)
    kept = KEPT.setdefault(out.shape, torch.empty_like(out))
    kept.copy_(out)
    return kept
