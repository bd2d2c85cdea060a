"""Keeps outputs by address and the first values.

Pays: other inputs in the same buffers are told apart, the same inputs are never computed twice.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "address cache"
FOUND = "wrong"
CPU = True


KEPT = {}


def run(x, weight, scale, group):
    key = (x.data_ptr(), weight.data_ptr(), *x.flatten()[:4].tolist())
    if key not in KEPT:
        KEPT[key] = honest(x, weight, scale, group)
    return KEPT[key].clone()
