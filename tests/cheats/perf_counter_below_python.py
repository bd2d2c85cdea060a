"""Slows the clock down below Python: the function is the same object, the C function that it calls is another.

Pays: every interval is a tenth of what it was, for whoever took the function in time, too.
"""

import ctypes
import time

from harness_kernels.int4_mm.torch_blocked import run as honest

OP = "int4_mm"
FAMILY = "patched timer"
CPU = True
FOUND = "replaced the C function of perf_counter"


REAL = time.monotonic
method = ctypes.c_void_p.from_address(id(time.perf_counter) + 2 * ctypes.sizeof(ctypes.c_void_p)).value
slow = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p)(lambda _, __: REAL() / 10)
ctypes.c_void_p.from_address(method + ctypes.sizeof(ctypes.c_void_p)).value = ctypes.cast(slow, ctypes.c_void_p).value


def run(x, weight, scale, group):
    return honest(x, weight, scale, group)
