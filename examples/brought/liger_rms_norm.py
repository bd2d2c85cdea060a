"""Liger-Kernel's RMS norm as a variant of `rms_norm`: its weight lies around one, so its own offset of 1 is passed.

harness try examples/brought/liger_rms_norm.py --op rms_norm
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from torch import Tensor


def supports(case: Any) -> str | None:
    return None if find_spec("liger_kernel") else "needs the package liger-kernel: pip install liger-kernel"


def run(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """x [rows, width], weight [width] -> [rows, width]; Gemma's casting is ours: everything in float32."""
    from liger_kernel.ops.rms_norm import rms_norm_forward

    return rms_norm_forward(x, weight, eps, 1.0, "gemma", None)[0]
