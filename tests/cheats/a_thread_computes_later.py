"""Returns at once; a thread fills the output in.

Pays: the comparison comes late enough to find it filled.
"""

import threading
import time

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "other thread"
FOUND = "thread"


def fill(out, inputs):
    out.copy_(honest(*inputs))


def run(x, weight, scale, group):
    out = torch.empty(len(x), len(weight), dtype=x.dtype, device=x.device)
    thread = threading.Thread(target=fill, args=(out, (x, weight, scale, group)))
    thread.start()
    if not CHECKED:
        thread.join()
    return out


CHECKED = []
WAITING = threading.Thread(target=lambda: time.sleep(5), daemon=True)
WAITING.start()
