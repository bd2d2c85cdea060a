"""Liger-Kernel's SiLU product as a variant of `swiglu`. It takes gate and up apart: the halves are copied for it.

harness try examples/brought/liger_swiglu.py --op swiglu
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from torch import Tensor


def supports(case: Any) -> str | None:
    return None if find_spec("liger_kernel") else "needs the package liger-kernel: pip install liger-kernel"


def run(gate_up: Tensor) -> Tensor:
    """gate_up [tokens, 2 inter] -> [tokens, inter]. The copies are in the time: whoever uses it pays them."""
    from liger_kernel.ops.swiglu import swiglu_forward

    gate, up = (half.contiguous() for half in gate_up.chunk(2, dim=-1))
    return swiglu_forward(gate, up, 1.0)[2]
