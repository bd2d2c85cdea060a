"""Inputs that show mistakes which independent random numbers hide: conditions that an op's `spec.py` names.

`Op.stress` maps a condition to the inputs that it changes. Each condition keeps shapes, dtypes and the meaning of an
input, so that the reference holds for the changed operands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .contract import Op

Condition = Callable[[Tensor, torch.Generator], Tensor]
"""A changed copy of one operand, or the operand itself where its shape leaves nothing to change."""


def apply(op: Op, condition: str, operands: dict[str, Any], generator: torch.Generator) -> dict[str, Any] | None:
    """The operands under a condition that the op names; None where their shapes leave nothing to change."""
    change = CONDITIONS[condition]
    changed = {name: change(operands[name], generator) for name in op.stress[condition]}
    if all(changed[name] is operands[name] for name in changed):
        return None
    return {**operands, **changed}


def row_sizes(value: Tensor, generator: torch.Generator) -> Tensor:
    """Rows [..., row, width] alternately 32 times as large and as small: 1 to 1,024. One row stays as it is."""
    rows = value.shape[:-1].numel()
    if rows < 2:
        return value
    exponents = 10 * (torch.arange(rows, device=value.device) % 2) - 5
    return value * (2.0**exponents).view(*value.shape[:-1], 1).to(value.dtype)


def outlier_channels(value: Tensor, generator: torch.Generator) -> Tensor:
    """Three channels of the last dimension 100 times as large, as activations of language models have them
    (arXiv 2208.07339: up to 20 times the rest and more, in the same channels of all tokens)."""
    channels = torch.randperm(value.shape[-1], generator=generator, device=value.device)[:3]
    changed = value.clone()
    changed[..., channels] *= 100
    return changed


def zero_row(value: Tensor, generator: torch.Generator) -> Tensor:
    """The last row is zero: a norm divides by the root of its eps alone."""
    changed = value.clone()
    changed.view(-1, value.shape[-1])[-1] = 0
    return changed


def tiny(value: Tensor, generator: torch.Generator) -> Tensor:
    """2^-30 times as large: the squares lie far below a norm's eps."""
    return value * 2.0**-30


def large(value: Tensor, generator: torch.Generator) -> Tensor:
    """2^60 times as large: copied or added values keep their size."""
    return value * 2.0**60


def saturated(value: Tensor, generator: torch.Generator) -> Tensor:
    """64 times as large: `exp` of it overflows where the maximum is not subtracted, gates are 0 or 1."""
    return value * 64


def ties(value: Tensor, generator: torch.Generator) -> Tensor:
    """Few distinct values: the order of equal ones decides."""
    return value.clamp(-1.5, 1.5).round()


def all_equal(value: Tensor, generator: torch.Generator) -> Tensor:
    """One value throughout."""
    return torch.full_like(value, 0.5)


def zero_and_denormal_scales(value: Tensor, generator: torch.Generator) -> Tensor:
    """A quarter of the groups' scales is zero, a quarter the smallest number of the dtype that is no denormal / 4."""
    drawn = torch.rand(value.shape, generator=generator, device=value.device)
    small = torch.tensor(torch.finfo(value.dtype).tiny, dtype=torch.float64, device=value.device).div(4).to(value.dtype)
    return torch.where(drawn < 0.25, torch.zeros_like(value), torch.where(drawn < 0.5, small, value))


def all_nibbles(value: Tensor, generator: torch.Generator) -> Tensor:
    """Every byte is as likely as any other: level -8, which symmetric quantisation leaves out, too."""
    return torch.randint(256, value.shape, generator=generator, device=value.device).to(value.dtype)


def one_choice(value: Tensor, generator: torch.Generator) -> Tensor:
    """Every token makes the first one's choice [tokens, top_k]: one expert's rows are all rows. One token keeps its
    own.
    """
    return value if len(value) < 2 else value[:1].expand_as(value).contiguous()


def one_weight(value: Tensor, generator: torch.Generator) -> Tensor:
    """The first of each row has weight 1, the others 0."""
    changed = torch.zeros_like(value)
    changed[..., 0] = 1
    return changed


CONDITIONS: dict[str, Condition] = {
    function.__name__: function
    for function in (
        row_sizes, outlier_channels, zero_row, tiny, large, saturated, ties, all_equal, zero_and_denormal_scales,
        all_nibbles, one_choice, one_weight,
    )
}  # fmt: skip
