"""Binds the process to one core.

Pays: kernels that use all cores are slower after it, its own small one is not.
"""

import os

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "clock change"
FOUND = "os.sched_getaffinity"


os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
