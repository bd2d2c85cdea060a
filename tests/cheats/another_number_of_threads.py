"""Takes the threads of the kernels that come after it.

Pays: the others are slower from then on.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "global state between cases"
FOUND = "torch.get_num_threads"


torch.set_num_threads(torch.get_num_threads() + 1)


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
