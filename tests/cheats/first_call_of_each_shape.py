"""Computes once for each shape.

Pays: everything after the first call is free.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "first call only"
FOUND = "wrong"


KEPT = {}


def run(x, weight, scale, group):
    return KEPT.setdefault(x.shape, honest(x, weight, scale, group) if x.shape not in KEPT else None)
