"""Looks through the locals of its callers for the expected value.

Pays: the frame that compares may hold it already.
"""

import sys

import torch

OP = "int4_mm"
FAMILY = "expected value read"
FOUND = "wrong"


def run(x, weight, scale, group):
    shape = (len(x), len(weight))
    frame = sys._getframe(1)
    while frame is not None:
        for value in [*frame.f_locals.values(), *vars(frame.f_locals.get("self", object)).values()]:
            for found in value if isinstance(value, tuple) else (value,):
                if type(found) is torch.Tensor and found.shape == shape:
                    return found.to(x.dtype).clone()
        frame = frame.f_back
    return torch.zeros(shape, dtype=x.dtype, device=x.device)
