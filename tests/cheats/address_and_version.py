"""Keeps outputs by address and version counter, so that operands written in place look new.

Pays: a check that copies other numbers into the same buffers is passed, the timed calls are lookups.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "address cache"
FOUND = "wrong"


KEPT = {}


def run(x, weight, scale, group):
    key = (x.data_ptr(), weight.data_ptr(), x._version, weight._version)
    if key not in KEPT:
        KEPT[key] = honest(x, weight, scale, group)
    return KEPT[key].clone()
