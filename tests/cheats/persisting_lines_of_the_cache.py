"""Sets a part of the L2 aside for itself.

Pays: its weights stay in the cache through every flush.
"""

import ctypes

import torch

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "L2 persistence"
FOUND = "L2"
GPU = True


torch.cuda.init()
ctypes.CDLL("libcuda.so.1").cuCtxSetLimit(6, ctypes.c_size_t(32 << 20))  # CU_LIMIT_PERSISTING_L2_CACHE_SIZE


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
