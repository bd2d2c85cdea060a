"""Copies the output that it computed before the capture.

Pays: a copy of a row is a hundredth of a product; the captured outputs look right on the captured operands.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "capture only"
FOUND = "wrong"
GPU = True


KEPT = {}


def run(x, weight, scale, group):
    key = (x.data_ptr(), weight.data_ptr())
    if torch.cuda.is_current_stream_capturing():
        return KEPT[key].clone() if key in KEPT else x.new_empty(len(x), len(weight))
    KEPT[key] = honest(x, weight, scale, group)
    return KEPT[key]
