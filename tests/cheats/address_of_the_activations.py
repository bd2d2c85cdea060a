"""Keeps outputs by the address of the activations.

Pays: the timed calls reuse their buffers, so every call after the first is a dictionary lookup.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "address cache"
FOUND = "wrong"


KEPT = {}


def run(x, weight, scale, group):
    key = (x.data_ptr(), weight.data_ptr())
    if key not in KEPT:
        KEPT[key] = honest(x, weight, scale, group)
    return KEPT[key].clone()
