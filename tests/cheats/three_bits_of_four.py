"""Drops the lowest bit of every weight.

Pays: a quarter of the bytes, where a tolerance is wide.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "tolerance riding"
FOUND = "wrong"


def run(x, weight, scale, group):
    return honest(x, weight & 0xEE, scale, group)
