"""Computes the first half of the outputs once it has been called often.

Pays: half of the bytes are half of the time.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "partial work"
FOUND = "wrong"


CALLS = [0]


def run(x, weight, scale, group):
    CALLS[0] += 1
    if CALLS[0] < 12:
        return honest(x, weight, scale, group)
    half = len(weight) // 2
    out = x.new_empty(len(x), len(weight))
    out[:, :half] = honest(x, weight[:half], scale[:half], group)
    return out
