"""Makes waiting for the device do nothing.

Pays: work that has not ended is not in the interval.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "patched torch function"
FOUND = "replaced torch.cuda.synchronize"


torch.cuda.synchronize = lambda device=None: None


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
