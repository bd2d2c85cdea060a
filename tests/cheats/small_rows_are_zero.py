"""Leaves rows out that are small beside the largest.

Pays: they are below a tolerance that is relative to the whole tensor.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "tolerance riding"
FOUND = "row"


def run(x, weight, scale, group):
    out = honest(x, weight, scale, group)
    size = out.float().abs().amax(-1)
    out[size < 0.005 * size.max()] = 0
    return out
