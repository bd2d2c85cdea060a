"""Computes the first token and repeats it for the others.

Pays: as fast as one token.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "partial work"
FOUND = "wrong"


def run(x, weight, scale, group):
    return honest(x[:1], weight, scale, group).expand(len(x), -1).contiguous()
