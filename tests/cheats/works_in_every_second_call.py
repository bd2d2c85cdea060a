"""Computes in every second call.

Pays: half of the time, and whoever looks at one call may look at a right one.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "call counter"
FOUND = "wrong"


CALLS = [0, None]


def run(x, weight, scale, group):
    CALLS[0] += 1
    if CALLS[0] % 2 or CALLS[1] is None or CALLS[0] < 12:
        CALLS[1] = honest(x, weight, scale, group)
    return CALLS[1]
