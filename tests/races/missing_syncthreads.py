"""Threads read from shared memory what others store there, and do not wait for them."""

import inspect

import torch

OP = "residual_add"
DIMS = {"tokens": 1, "hidden": 256}
KIND = "race"
TOOL = "racecheck"
GPU_ONLY = True
"""CUDA C++: Triton puts the barriers of shared memory itself."""

LINE = inspect.currentframe().f_lineno + 3  # of the line after `#line`
SOURCE = r"""
#line {line} "{file}"
extern "C" __global__ void add_kernel(const float* x, const float* y, float* z) {
    __shared__ float turned[256];
    int i = threadIdx.x;
    turned[255 - i] = y[255 - i];
    z[i] = x[i] + turned[i];  // here
}
"""


def run(x, y):
    z = torch.empty_like(x)
    source = SOURCE.replace("{line}", str(LINE)).replace("{file}", __file__)
    kernel = torch.cuda._compile_kernel(source, "add_kernel", nvcc_options=["-lineinfo"])
    kernel(grid=(1, 1, 1), block=(256, 1, 1), args=[x, y, z])
    return z
