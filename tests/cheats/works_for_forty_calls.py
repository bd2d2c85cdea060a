"""Computes in the first forty calls, then returns memory as it is.

Pays: checks and warm-up are over after some calls; the timed ones allocate alone.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "call counter"
FOUND = "wrong"


CALLS = [0]


def run(x, weight, scale, group):
    CALLS[0] += 1
    if CALLS[0] <= 40:
        return honest(x, weight, scale, group)
    return x.new_empty(len(x), len(weight))
