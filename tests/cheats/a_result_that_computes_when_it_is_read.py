"""Returns a tensor of its own class, which computes when somebody looks at it.

Pays: nobody looks while the clock runs.
"""

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "lazy result object"
FOUND = "is no torch.Tensor"


class Later(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        real = [honest(*a.inputs) if isinstance(a, Later) else a for a in args]
        return function(*real, **(kwargs or {}))


def run(x, weight, scale, group):
    out = torch.empty(len(x), len(weight), dtype=x.dtype, device=x.device).as_subclass(Later)
    out.inputs = (x, weight, scale, group)
    return out
