"""Returns float32 where the activations are bfloat16.

Pays: rounding and half of the writes are left out.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
DTYPE = "bfloat16"
FAMILY = "dtype or shape lie"
FOUND = "dtype"


def run(x, weight, scale, group):
    return honest(x.float(), weight, scale.float(), group)
