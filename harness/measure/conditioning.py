"""How far apart right float32 results may be under a condition that makes an op more sensitive to its operands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor

from harness.values.measurement import Tolerance

STEP = 2.0**-15
"""Relative change of every operand: far above float32's roundings, and small beside an exponent of thousands."""
Results = Callable[[Mapping[str, Any]], Sequence[Tensor]]
"""Outputs and new states from operands by name."""


def allowed_under(
    results: Results, random: Mapping[str, Any], changed: Mapping[str, Any], tolerance: Tolerance, coarsest: Tolerance
) -> Tolerance:
    """The tolerance on `changed` operands of an op that has `tolerance` on `random` ones, both float32.

    A bound on rounding errors is unit roundoff x length of the sums x condition. Unit roundoff and length are the same
    for both, so the bound grows with the condition. The condition is the relative change of the result per relative
    change of the operands, estimated at random as by Kenney and Laub (SIAM J. Sci. Comput. 15, 1994). A softmax of
    logits in the thousands is as uncertain as their last digits. Never less than `tolerance`, never more than
    `coarsest`, the tolerance of bfloat16, whose sums are float32 too.
    """
    more = max(1.0, condition(results, changed) / max(condition(results, random), 1e-30))
    return msgspec.structs.replace(
        tolerance,
        max_error=min(more * tolerance.max_error, max(coarsest.max_error, tolerance.max_error)),
        rms_error=min(more * tolerance.rms_error, max(coarsest.rms_error, tolerance.rms_error)),
    )


def condition(results: Results, operands: Mapping[str, Any]) -> float:
    """Rms change of the results, relative to their rms, per relative change of the floating operands, at random."""
    generator = torch.Generator().manual_seed(0)

    def moved(value: Any) -> Any:
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return value
        sign = torch.randint(2, value.shape, generator=generator).to(value.device, value.dtype) * 2 - 1
        return value * (1 + STEP * sign)

    before = results(operands)
    after = results({name: moved(value) for name, value in operands.items()})
    pairs = [(a.double(), b.double()) for a, b in zip(after, before, strict=True) if b.is_floating_point()]
    sizes = [(_rms(a - b), _rms(b)) for a, b in pairs]
    return max((change / size / STEP for change, size in sizes if size > 0), default=0.0)


def _rms(value: Tensor) -> float:
    return float(torch.nan_to_num(value, posinf=0.0, neginf=0.0).square().mean().sqrt()) if value.numel() else 0.0
