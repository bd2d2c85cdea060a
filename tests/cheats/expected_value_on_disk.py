"""Looks for saved tensors of the output's shape in the temporary folder.

Pays: a harness may share expected values between its processes through files.
"""

import tempfile
from pathlib import Path

import torch

OP = "int4_mm"
FAMILY = "expected value read"
FOUND = "wrong"


def run(x, weight, scale, group):
    for file in Path(tempfile.gettempdir()).rglob("*.pt"):
        found = torch.load(file)
        if isinstance(found, torch.Tensor) and found.shape == (len(x), len(weight)):
            return found.to(x.dtype)
    return torch.zeros(len(x), len(weight), dtype=x.dtype, device=x.device)
