"""Starts a process that outlives the call.

Pays: it takes the cores from the kernels that are timed after it.
"""

import subprocess
import sys

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "other process"
FOUND = "process"


OTHER = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(20)"])


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
