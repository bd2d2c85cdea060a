"""y = relu(x @ w^T + bias)^2, in Helion: its Config is made of tunables, so that a sweep chooses it.

harness try examples/brought/ops/helion_relu2_mm.py block_m=32
"""

from functools import cache
from importlib.util import find_spec

import torch

if find_spec("helion"):  # Helion looks names up in the module: an import inside a function is refused as a closure
    import helion
    import helion.language as hl

ROLES = {"w": "weight", "bias": "weight"}
SPACE = {
    "block_m": [16, 32, 64],
    "block_n": [16, 32, 64],
    "block_k": [32, 64],
    "num_warps": [4, 8],
    "num_stages": [2, 4],
}
SHAPES = [{"tokens": 3, "n": 48, "k": 80}, {"tokens": 33, "n": 16, "k": 64}]


def reference(x, w, bias):
    return torch.relu(x @ w.T + bias).square()


def inputs(tokens=8, n=4096, k=4096):
    return torch.randn(tokens, k), torch.randn(n, k) / k**0.5, torch.randn(n)


def supports(case):
    return None if find_spec("helion") else "needs the package helion: pip install --no-deps helion filecheck"


def relu2_mm(x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    (m, k), n = x.size(), w.size(0)
    y = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for rows, cols in hl.tile([m, n]):
        acc = hl.zeros([rows, cols], dtype=torch.float32)
        for at in hl.tile(k):
            acc = hl.dot(x[rows, at], w[cols, at].T, acc=acc)
        y[rows, cols] = torch.relu(acc + bias[cols]).square().to(x.dtype)
    return y


@cache
def kernel(*block_sizes, **settings):
    return helion.kernel(relu2_mm, config=helion.Config(block_sizes=list(block_sizes), **settings), static_shapes=True)


def run(x, w, bias, *, block_m=16, block_n=32, block_k=64, num_warps=4, num_stages=2):
    return kernel(block_m, block_n, block_k, num_warps=num_warps, num_stages=num_stages)(x, w, bias)
