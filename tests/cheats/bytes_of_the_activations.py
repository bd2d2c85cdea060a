"""Keeps outputs by all bytes of the activations and of the first weights.

Pays: no check on fresh inputs can see it; only fresh inputs while it is timed cost it its gain.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "content cache"
FOUND = "saw before"
CPU = True


KEPT = {}


def run(x, weight, scale, group):
    key = tuple(part.flatten().view(torch.uint8).numpy().tobytes() for part in (x, weight[:1], scale[:8]))
    if key not in KEPT:
        KEPT[key] = honest(x, weight, scale, group)
    return KEPT[key].clone()
