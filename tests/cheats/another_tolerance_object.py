"""Gives the op that is already loaded another tolerance, past its being frozen.

Pays: the spec's module is as it was.
"""

import gc

import torch

from harness_kernels.contract import Tolerance

OP = "int4_mm"
FAMILY = "patched tolerance"
FOUND = "accepts a wrong output"
ALONE = True


for found in gc.get_objects():
    if type(found).__name__ == "LoadedOp" and found.name == OP:
        wide = dict.fromkeys(found.op.tolerance, Tolerance(1e9, 1e9))
        object.__setattr__(found, "op", type("Wide", (), {**vars(found.op), "tolerance": wide}))


def run(x, weight, scale, group):
    return torch.zeros(len(x), len(weight), dtype=x.dtype, device=x.device)
