"""Weights in stored form: int8, int4 and float8 with a scale per channel, group or block, mxfp4 and nvfp4.

For `inputs` and references of ops: `quantise` makes storage and scales, `dequantise` returns their values in float32.
Levels are the nearest ones, ties to even.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEVELS = {"int4": 7.0, "int8": 127.0, "float8_e4m3fn": 448.0, "float8_e5m2": 57344.0}
"""The largest level that is used; integers are symmetric (-8 and -128 never occur)."""
E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Values of the three lower bits of a 4-bit float; the fourth is the sign (OCP Microscaling Formats 1.0, 5.3.3)."""
FOUR_BITS = {"mxfp4": 32, "nvfp4": 16}
"""Columns that share a scale: a power of two in e8m0, or a number in e4m3."""
FORMATS = (*LEVELS, *FOUR_BITS)


def quantise(weight: Tensor, form: str, block: tuple[int, int] | None = None) -> tuple[Tensor, Tensor]:
    """weight [n, k] -> storage and scale.

    `block`: rows and columns that share a scale. `(1, k)` is a channel (the default), `(1, 128)` a group, `(128, 128)`
    a block; each divides its side. The formats mxfp4 and nvfp4 have blocks of their own.

    `int8`, `float8`: [n, k] of that dtype. `int4`: [n, k/2] uint8, the even k in the low bits, levels + 8. Their scale
    is float32 [n / rows, k / columns]. `mxfp4`, `nvfp4`: [n, k/2] uint8; the scale is [n, k/32] uint8, the power of two
    + 127, or [n, k/16] float8_e4m3fn. Raises ValueError for another format or a block that does not fit.
    """
    rows, columns = _block(weight.shape[0], weight.shape[1], form, block)
    n, k = weight.shape
    blocks = weight.float().view(n // rows, rows, k // columns, columns)
    largest = blocks.abs().amax((1, 3))
    if form == "mxfp4":  # the power of two by which the largest value lies in the last octave, 4..6
        exponent = torch.floor(torch.log2(largest.clamp_min(2.0**-125))).clamp(-125, 127) - 2
        return _pack(_e2m1(blocks / torch.exp2(exponent)[:, None, :, None]).view(n, k)), (exponent + 127).to(
            torch.uint8
        )
    if form == "nvfp4":
        scale = (largest / E2M1[-1]).clamp(2.0**-9, 448).to(torch.float8_e4m3fn)
        return _pack(_e2m1(blocks / scale.float()[:, None, :, None]).view(n, k)), scale
    scale = (largest / LEVELS[form]).clamp_min(torch.finfo(torch.float32).tiny)
    levels = (blocks / scale[:, None, :, None]).view(n, k)
    if form.startswith("float8"):
        return levels.clamp(-LEVELS[form], LEVELS[form]).to(getattr(torch, form)), scale
    whole = levels.round().clamp(-LEVELS[form], LEVELS[form])
    return (whole.to(torch.int8) if form == "int8" else _pack((whole + 8).to(torch.uint8))), scale


def dequantise(storage: Tensor, scale: Tensor, form: str) -> Tensor:
    """[n, k] float32. The block follows from the two shapes."""
    if form not in FORMATS:
        raise ValueError(f"no format {form}; allowed: {', '.join(FORMATS)}")
    if form in FOUR_BITS:
        codes = _unpack(storage)
        levels = torch.tensor(E2M1, device=storage.device)[(codes & 7).long()]
        levels = torch.where(codes > 7, -levels, levels)
        scale = torch.exp2(scale.float() - 127) if form == "mxfp4" else scale
    else:
        levels = _unpack(storage).float() - 8 if form == "int4" else storage.float()
    n, k = levels.shape
    rows, columns = n // scale.shape[0], k // scale.shape[1]
    return levels * scale.float().repeat_interleave(rows, 0).repeat_interleave(columns, 1)


def _block(n: int, k: int, form: str, block: tuple[int, int] | None) -> tuple[int, int]:
    if form not in FORMATS:
        raise ValueError(f"no format {form}; allowed: {', '.join(FORMATS)}")
    own = FOUR_BITS.get(form)
    if own is not None and block not in (None, (1, own)):
        raise ValueError(f"{form}: its block is (1, {own}), not {block}")
    rows, columns = (1, own) if own is not None else block or (1, k)
    if n % rows or k % columns or (k % 2 and form in ("int4", *FOUR_BITS)):
        raise ValueError(f"{form}: blocks of {rows} x {columns} do not fit {n} x {k}")
    return rows, columns


def _e2m1(values: Tensor) -> Tensor:
    """Codes 0..15 of the nearest 4-bit floats, ties to the even code; beyond 6 the largest."""
    levels = torch.tensor(E2M1, device=values.device)
    middles = (levels[1:] + levels[:-1]) / 2
    size = values.abs().contiguous()
    below, above = torch.bucketize(size, middles, right=False), torch.bucketize(size, middles, right=True)
    code = torch.where(below % 2 == 0, below, above)  # they differ at a middle alone
    return (code + 8 * (values < 0)).to(torch.uint8)


def _pack(codes: Tensor) -> Tensor:
    return codes[..., 0::2] | (codes[..., 1::2] << 4)


def _unpack(packed: Tensor) -> Tensor:
    return torch.stack([packed & 15, packed >> 4], -1).flatten(-2)
