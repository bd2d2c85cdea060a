"""Allows TF32 in the products of the whole process.

Pays: its own product and the definition's round alike.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "global state between cases"
FOUND = "allow_tf32"


torch.backends.cuda.matmul.allow_tf32 = True


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
