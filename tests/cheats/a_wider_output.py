"""Returns its output with another shape of the same size.

Pays: whoever flattens both sees no difference.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "dtype or shape lie"
FOUND = "shape"


def run(x, weight, scale, group):
    return honest(x, weight, scale, group).view(1, -1)
