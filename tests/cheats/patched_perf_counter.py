"""Slows the clock down.

Pays: every interval is a tenth of what it was.
"""

import time

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "patched timer"
FOUND = "replaced time.perf_counter"


REAL = time.perf_counter
time.perf_counter = lambda: REAL() / 10


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
