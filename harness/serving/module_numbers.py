"""The accuracy of a module's own result, and the inputs and parameters whose values hide mistakes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from harness.importers.outcome import Degenerate
from harness.serving.imported_module import called

NOISE = 1e-3
"""A result whose rms error in float32, relative to float64, is larger than this consists of rounding errors."""


SLOW_S = 1.0
"""A call in float32 that takes longer takes minutes in bfloat16, which most CPUs emulate."""


FLOAT16 = 2.0**-3
"""Roundings of float16 relative to those of bfloat16."""


def errors_of(
    module: nn.Module, inputs: Sequence[Any], first: Sequence[Tensor], slow: bool
) -> dict[str, tuple[float, float]]:
    """Largest and rms error by dtype, relative to the same in float64. Raises NotImported where float32 makes noise."""
    found: dict[str, tuple[float, float]] = {}
    exact = _in_dtype(module, inputs, torch.float64)
    if exact is None:
        return found
    found["float32"] = worst(first, exact)
    if not found["float32"][1] <= NOISE:
        raise Degenerate(
            f"its output is rounding noise: in float32 it is off by {found['float32'][1]:.1g} of its size from float64"
        )
    if slow:
        return found
    rounded = copy.deepcopy(module).to(torch.bfloat16)
    values = [v.to(torch.bfloat16) if isinstance(v, Tensor) and v.is_floating_point() else v for v in inputs]
    exact, got = _in_dtype(rounded, values, torch.float64), _in_dtype(rounded, values, torch.bfloat16)
    if exact is not None and got is not None:
        found["bfloat16"] = worst(got, exact)
        found["float16"] = (FLOAT16 * found["bfloat16"][0], FLOAT16 * found["bfloat16"][1])
    return found


def _in_dtype(module: nn.Module, inputs: Sequence[Any], dtype: torch.dtype) -> list[Tensor] | None:
    """The outputs with everything in a dtype; None where the module does not run so."""
    values = [v.to(dtype) if isinstance(v, Tensor) and v.is_floating_point() else v for v in inputs]
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return called(copy.deepcopy(module).to(dtype), values)
    except (Exception, SystemExit):  # a dtype that it does not take
        return None
    finally:
        torch.set_default_dtype(usual)


def worst(got: Sequence[Tensor], exact: Sequence[Tensor]) -> tuple[float, float]:
    """Largest error relative to the largest value, and rms error relative to the rms, of the worst output."""
    found = [(0.0, 0.0)]
    for a, b in zip(got, exact, strict=True):
        if not b.is_floating_point() or not b.numel():
            continue
        a, b = a.double().nan_to_num(), b.double().nan_to_num()
        size, rms = b.abs().max().clamp_min(1e-300), b.square().mean().sqrt().clamp_min(1e-300)
        found.append((float((a - b).abs().max() / size), float((a - b).square().mean().sqrt() / rms)))
    return max(pair[0] for pair in found), max(pair[1] for pair in found)


def other_numbers(
    module: nn.Module, inputs: Sequence[Any], tensors: Sequence[str]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Inputs without negative values, which no ReLU changes, and parameters of one value, whose missing product or sum
    would go unnoticed. None where the result is not finite with other numbers in them."""
    mirrored = tuple(
        n
        for n, v in enumerate(inputs)
        if isinstance(v, Tensor) and v.is_floating_point() and v.numel() and v.min() >= 0
    )
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    drawn = [
        n for n in tensors if state[n].is_floating_point() and (n in dict(module.named_parameters()) or "running" in n)
    ]
    flat = tuple(name for name in drawn if bool((state[name] == state[name].flatten()[0]).all()))
    for some, others in ((mirrored, flat), ((), flat), (mirrored, ())):
        changed = copy.deepcopy(module)
        values = {**dict(changed.named_parameters()), **dict(changed.named_buffers())}
        with torch.no_grad():
            for name in others:
                values[name].add_(0.1 * torch.randn_like(values[name]))
        given = [2 * v - 1 if n in some else v for n, v in enumerate(inputs)]
        if all(value.float().isfinite().all() for value in called(changed, given)):
            return some, others
    return (), ()
