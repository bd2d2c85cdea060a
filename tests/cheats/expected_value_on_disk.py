"""Looks for saved tensors of the output's shape in the temporary folder.

Pays: a harness may share expected values between its processes through files.
"""

import tempfile
from glob import iglob

import torch

OP = "int4_mm"
FAMILY = "expected value read"
FOUND = "wrong"


def run(x, weight, scale, group):
    for file in iglob(f"{tempfile.gettempdir()}/**/*.pt", recursive=True):
        try:
            found = torch.load(file)
        except Exception:  # another program's, or gone
            continue
        if isinstance(found, torch.Tensor) and found.shape == (len(x), len(weight)):
            return found.to(x.dtype)
    return torch.zeros(len(x), len(weight), dtype=x.dtype, device=x.device)
