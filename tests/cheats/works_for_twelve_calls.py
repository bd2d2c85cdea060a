"""Computes in the first twelve calls, then returns what it returned last.

Pays: checks come first, timing later.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "call counter"
FOUND = "wrong"


CALLS = [0, None]


def run(x, weight, scale, group):
    CALLS[0] += 1
    if CALLS[0] <= 12:
        CALLS[1] = honest(x, weight, scale, group)
    return CALLS[1]
