"""Leaves a mode behind that sees every function of torch.

Pays: the comparison's functions pass through the kernel's hands, and none is replaced.
"""

from torch.overrides import TorchFunctionMode

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "patched torch function"
FOUND = "torch.overrides"


class Mode(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


Mode().__enter__()


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
