"""Sets a variable that the next process reads.

Pays: other kernels would run in an interpreter, and never be timed.
"""

import os

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "environment variable"
FOUND = "environment variable TRITON_INTERPRET"


os.environ["TRITON_INTERPRET"] = "1"


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
