"""Replaces the method that takes samples.

Pays: samples are what the kernel says.
"""

import sys

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "patched timer"
FOUND = "replaced harness"


for name, module in list(sys.modules.items()):
    for value in list(vars(module).values()) if name.startswith("harness.") else ():
        if isinstance(value, type) and "sample_us" in vars(value):
            value.sample_us = lambda self: 1.0


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
