"""How far an output is from the reference, and where: the comparison behind every INCORRECT."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from harness.values.measurement import Correctness


def compare(name: str, output: Tensor, reference: Tensor, max_error: float, rms_error: float) -> Correctness:
    """`output` against `reference` (float32, same shape), relative to the reference's own size.

    Integer tensors must be equal. NaN or infinity in the output is wrong, and said to be unwritten or overflown. The
    result's `region` names the output where there are several.
    """
    if output.shape != reference.shape:
        shapes = f"{name}: shape {tuple(output.shape)}, wanted {tuple(reference.shape)}"
        return Correctness(
            False, float("inf"), float("inf"), max_error, rms_error, output.numel(), reference.numel(), shapes
        )
    if not reference.is_floating_point():
        return _compare_integers(name, output, reference)
    reference = reference.float()
    difference = (output.float() - reference).abs()
    finite = torch.isfinite(difference)
    size = reference.abs().max().item()
    rms_size = reference.square().mean().sqrt().item()
    wrong = (difference > max_error * size) | ~finite
    if bool(finite.all()):
        worst = difference.max().item() / size if size else float(difference.max().item() > 0)
        rms = difference.square().mean().sqrt().item() / rms_size if rms_size else worst
    else:
        worst = rms = float("inf")
    wrong_elements = int(wrong.sum())
    correct = wrong_elements == 0 and rms <= rms_error
    region = ""
    if not correct:
        region = f"{name}: {describe_region(wrong)}" if wrong_elements else f"{name}: spread over the whole output"
        unwritten = int(torch.isnan(output.float()).sum())
        if unwritten:
            region += f"; {unwritten:,} are NaN (unwritten, or computed from what is unwritten)"
    return Correctness(correct, worst, rms, max_error, rms_error, wrong_elements, reference.numel(), region)


def _compare_integers(name: str, output: Tensor, reference: Tensor) -> Correctness:
    wrong = output.to(torch.int64) != reference.to(torch.int64)
    wrong_elements = int(wrong.sum())
    region = f"{name}: {describe_region(wrong)}" if wrong_elements else ""
    share = wrong_elements / max(1, reference.numel())
    return Correctness(wrong_elements == 0, share, share, 0.0, 0.0, wrong_elements, reference.numel(), region)


def describe_region(wrong: Tensor) -> str:
    """Where a mask is set: `dim 0: 3 of 8 (2..5), dim 1: 2044..2047 (the tail)`; dimensions set throughout are left
    out."""
    parts = []
    for dim, size in enumerate(wrong.shape):
        others = [d for d in range(wrong.dim()) if d != dim]
        hit = (wrong.any(dim=others) if others else wrong).nonzero().flatten()
        if len(hit) == size:
            continue
        first, last = int(hit[0]), int(hit[-1])
        span = f"{first}" if first == last else f"{first}..{last}"
        where = f"dim {dim}: {span} of {size}"
        if len(hit) != last - first + 1:
            where += f" ({len(hit)} of these)"
        elif last == size - 1 and first > 0:
            where += " (the tail)"
        parts.append(where)
    return ", ".join(parts) or "everywhere"


def worst_of(results: Sequence[Correctness]) -> Correctness:
    """One result for several outputs: the first wrong one, else the one with the largest share of its allowance; the
    element counts are summed."""
    wrong = [r for r in results if not r.correct]
    chosen = wrong[0] if wrong else max(results, key=lambda r: r.rms_error / (r.allowed_rms_error or 1))
    return Correctness(
        correct=not wrong,
        max_error=chosen.max_error,
        rms_error=chosen.rms_error,
        allowed_max_error=chosen.allowed_max_error,
        allowed_rms_error=chosen.allowed_rms_error,
        wrong_elements=sum(r.wrong_elements for r in results),
        elements=sum(r.elements for r in results),
        region="; ".join(r.region for r in wrong if r.region),
        detail="; ".join(r.detail for r in results if r.detail),
    )


def sentence(result: Correctness) -> str:
    """Why a case is INCORRECT, in one line."""
    count = f"{result.wrong_elements:,} of {result.elements:,} values wrong"
    size = (
        f"worst {result.max_error:.2g} of the output's size (allowed {result.allowed_max_error:.2g}), "
        f"rms {result.rms_error:.2g} (allowed {result.allowed_rms_error:.2g})"
    )
    return "; ".join(part for part in (count, result.region, size, result.detail) if part)
