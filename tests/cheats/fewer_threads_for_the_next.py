"""Sets the number of threads of processes to come.

Pays: the base side of a comparison starts with one thread.
"""

import os

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "environment variable"
FOUND = "environment variable OMP_NUM_THREADS"


os.environ["OMP_NUM_THREADS"] = "7"


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
