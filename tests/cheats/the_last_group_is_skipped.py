"""Leaves the last group of the inner dimension out.

Pays: a sixteenth of the bytes, hidden where a tolerance is wide.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "partial work"
FOUND = "wrong"


def run(x, weight, scale, group):
    k = x.shape[1] - group
    return honest(x[:, :k].contiguous(), weight[:, : k // 2].contiguous(), scale[:, : k // group].contiguous(), group)
