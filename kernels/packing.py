"""Symmetric group-wise int4: two values a byte, one scale per group of consecutive k.

A value is `(u - 8) * scale[row, k // group]` with the unsigned nibble `u` in 0..15. Even k is the low nibble, so the
same bytes read as uint8 [.., K/2] or, in little-endian order, as int32 [.., K/8] whose nibble j is k = 8 * word + j.
"""

from __future__ import annotations

import torch
from torch import Tensor

ZERO = 8
LARGEST = 7
"""Scales map the largest magnitude of a group to 7, so that both signs reach equally far; -8 is never produced."""


def quantise(weight: Tensor, group: int, scale_dtype: torch.dtype | None = None) -> tuple[Tensor, Tensor]:
    """weight [..., K] float -> packed [..., K/2] uint8, scale [..., K/group] of `scale_dtype` (default: the weight's).

    Values are rounded against the stored scale, so that dequantising the rounded values is exact arithmetic. Raises
    ValueError where K is no multiple of the group or the group is odd.
    """
    size = weight.shape[-1]
    if size % group or group % 2:
        raise ValueError(f"K = {size} is no multiple of an even group ({group})")
    grouped = weight.unflatten(-1, (size // group, group))
    scale = (grouped.abs().amax(-1) / LARGEST).to(scale_dtype or weight.dtype)
    divisor = torch.where(scale == 0, torch.ones_like(scale), scale).to(weight.dtype)
    levels = grouped.div(divisor.unsqueeze(-1)).round_().clamp_(-ZERO, LARGEST).add_(ZERO)
    return pack(levels.to(torch.uint8).flatten(-2)), scale


def dequantise(packed: Tensor, scale: Tensor, group: int) -> Tensor:
    """packed [..., K/2] uint8, scale [..., K/group] -> float32 [..., K]."""
    values = unpack(packed).float() - ZERO
    return (values.unflatten(-1, (-1, group)) * scale.float().unsqueeze(-1)).flatten(-2)


def pack(nibbles: Tensor) -> Tensor:
    """uint8 [..., K] in 0..15 -> uint8 [..., K/2], even k low."""
    return nibbles[..., 0::2] | (nibbles[..., 1::2] << 4)


def unpack(packed: Tensor) -> Tensor:
    """uint8 [..., K/2] -> uint8 [..., K] in 0..15."""
    return torch.stack((packed & 15, packed >> 4), dim=-1).flatten(-2)
