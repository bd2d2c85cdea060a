"""Changes the numbers of the op's tolerance where its spec keeps them.

Pays: any output is near enough.
"""

import torch

from harness_kernels.contract import Tolerance
from harness_kernels.int4_mm import spec

OP = "int4_mm"
FAMILY = "patched tolerance"
FOUND = "changed harness_kernels.int4_mm.spec"


for dtype in spec.OP.tolerance:
    spec.OP.tolerance[dtype] = Tolerance(1e9, 1e9)


def run(x, weight, scale, group):
    return torch.zeros(len(x), len(weight), dtype=x.dtype, device=x.device)
