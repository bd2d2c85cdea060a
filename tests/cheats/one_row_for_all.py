"""Returns one row that is expanded to many.

Pays: rows that are equal in the check are written once.
"""

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "dtype or shape lie"
FOUND = "overlap"


def run(x, weight, scale, group):
    return honest(x[:1], weight, scale, group).expand(len(x), -1)
