"""How far an output is from the reference, and in which region: the comparison behind every INCORRECT."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from harness.load_kernels import LoadedOp
from harness.measure.poison import unwritten
from harness.values.measurement import Correctness, Mismatch, Tolerance

ROW_VALUES = 8
"""A row has at least this many values: fewer say little about the row's own size."""
TINY = torch.finfo(torch.float32).tiny
"""The smallest number that is not denormal, of bfloat16 too. Hardware may flush denormals to zero."""
ROW_FLOOR = 1e-5
"""Rows below this share of the tensor's largest value are compared relative to this size instead of their own. A row
that cancels to zero has errors of the size of the terms that cancelled."""


NARROW = {torch.float8_e4m3fn: 2.0**-4, torch.float8_e5m2: 2.0**-3, torch.int8: 0.5 / 127, torch.uint8: 0.5 / 255}
"""The largest error of one rounding, relative to the value; for integers, relative to the dtype's largest."""


def narrowed(allowed: Tolerance, output: Tensor) -> Tolerance:
    """The tolerance of an 8-bit output of an op that states none.

    A value beside a rounding border may go either way, which is one step, and a step is two roundings. The rms of
    rounding alone is below three quarters of its largest error relative to values. Integers have the same error at
    small values, which are the majority.
    """
    unit = NARROW.get(output.dtype, 0.0) if allowed.rounds_narrowly else 0.0
    if not unit:
        return allowed
    rms = 0.75 * unit if output.is_floating_point() else 4 * unit
    return Tolerance(allowed.max_error + 2 * unit, allowed.rms_error + rms, allowed.row_slack)


def compare(
    name: str, output: Tensor, reference: Tensor, allowed: Tolerance, row_dims: int | None = None
) -> Correctness:
    """Compare `output` with `reference` (float32, same shape), relative to the reference's own size and row by row.

    row_dims: trailing dimensions that make a row; the fewest that hold `ROW_VALUES` where None. Integer tensors must
    be equal. NaN or infinity in the output is wrong unless the reference has the same value there. The result's
    `region` names the output where there are several, and the worst row where rows are wrong.
    """
    if output.shape != reference.shape:
        shapes = f"{name}: shape {tuple(output.shape)}, wanted {tuple(reference.shape)}"
        infinite = float("inf")
        return Correctness(
            False, infinite, infinite, allowed.max_error, allowed.rms_error, output.numel(), reference.numel(), shapes,
            kind=Mismatch.SHAPE,
        )  # fmt: skip
    allowed, reference = narrowed(allowed, output), _as_float(output, reference, allowed)
    if not reference.is_floating_point():
        return _compare_integers(name, output, reference)
    if not reference.numel():
        return Correctness(True, 0.0, 0.0, allowed.max_error, allowed.rms_error, 0, 0)
    found = _differences(output, reference, allowed, row_dims)
    numbers = torch.stack([
        found.size.double(), found.difference.max().double(), _rms(found.difference, found.size).double(),
        _rms(found.reference, found.size).double(), found.row_error.double(), found.wrong.sum().double(),
    ])  # fmt: skip
    size, largest, rms_difference, rms_size, row_error, wrong_count = numbers.tolist()  # one wait for the device
    wrong_elements = int(wrong_count)
    worst = rms = float("inf")
    if math.isfinite(largest):
        worst = largest / size if size else float(largest > 0)
        rms = rms_difference / rms_size if rms_size else worst
    finite = math.isfinite(largest)
    correct = wrong_elements == 0 and rms <= allowed.rms_error
    region = ""
    if not correct:
        region = (
            f"{name}: {describe_region(found.wrong)}" if wrong_elements else f"{name}: spread over the whole output"
        )
        if finite and worst <= allowed.max_error and rms <= allowed.rms_error:
            region += f"; a row is off by {row_error:.2g} of its own size"
        nan, left = int(torch.isnan(output.float()).sum()), int(unwritten(output).sum())
        if nan:
            region += f"; {nan:,} are NaN, " + (f"{left:,} of them unwritten" if left else "all of them computed")
    return Correctness(
        correct, worst, rms, allowed.max_error, allowed.rms_error, wrong_elements, reference.numel(), region,
        row_error=row_error, allowed_row_error=allowed.row_slack * allowed.rms_error,
        kind=None if correct else Mismatch.VALUES,
    )  # fmt: skip


def surely_agrees(output: Tensor, reference: Tensor, allowed: Tolerance, row_dims: int | None = None) -> Tensor:
    """True, as a tensor on the device, where `compare` would find the output correct: with half of its operations and
    without its numbers. False does not mean that `compare` would find it wrong. Judges finite values only, and no
    all-zero reference."""
    if output.shape != reference.shape or not reference.is_floating_point() or not reference.numel():
        return torch.zeros((), dtype=torch.bool, device=reference.device)
    trailing = row_dims or trailing_dims(reference.shape)
    rows = reference.shape[: reference.dim() - trailing].numel()
    values = reference.abs().reshape(rows, -1)
    size = values.max()
    errors, values = (output.float() - reference).abs().reshape(rows, -1) / size, values / size
    worst, largest = errors.amax(-1), values.amax(-1).clamp_min(ROW_FLOOR)
    error_squares, squares = errors.square().mean(-1), values.square().mean(-1)
    row_rms = squares.sqrt().clamp_min(ROW_FLOOR)
    right = worst <= allowed.max_error * (allowed.row_slack * largest).clamp_max(1.0)
    right &= error_squares.sqrt() <= allowed.row_slack * allowed.rms_error * row_rms
    return right.all() & (error_squares.mean().sqrt() <= allowed.rms_error * squares.mean().sqrt())


def all_surely_agree(op: LoadedOp, outputs: Sequence[Tensor], wanted: Sequence[Tensor], allowed: Tolerance) -> bool:
    """Return whether `surely_agrees` holds for all outputs of an op, or all outputs and then all states, with one wait
    for the device."""
    names = [*(name for name, _ in op.op.outputs), *(i.name for i in op.op.inputs if i.role == "state")]
    flags = [
        surely_agrees(got, right, allowed, op.row_dims(name))
        for name, got, right in zip(names, outputs, wanted, strict=False)
    ]
    return not flags or bool(torch.stack(flags).all())


def wrong_values(output: Tensor, reference: Tensor, allowed: Tolerance, row_dims: int | None = None) -> Tensor:
    """Mask, in the shape of both tensors, of the values beyond the tolerance of the tensor or of their row."""
    allowed, reference = narrowed(allowed, output), _as_float(output, reference, allowed)
    if not reference.is_floating_point():
        return output.to(torch.int64) != reference.to(torch.int64)
    return _differences(output, reference, allowed, row_dims).wrong


def _as_float(output: Tensor, reference: Tensor, allowed: Tolerance) -> Tensor:
    """The reference to compare with; as floats where the definition itself quantises to integers, which are then
    numbers that may be off by one step."""
    both = output.dtype in NARROW and reference.dtype in NARROW and not output.is_floating_point()
    return reference.float() if both and allowed.rounds_narrowly else reference


class _Differences(NamedTuple):
    """Differences of one output, all on the device."""

    difference: Tensor
    """float32, 0 where both values are equal (NaN and infinity included) or differ by less than `TINY`."""
    reference: Tensor
    """float32, 0 in place of values that are not finite."""
    size: Tensor
    """The reference's largest value."""
    wrong: Tensor
    """Mask."""
    row_error: Tensor
    """The largest rms error of a row relative to that row's rms."""


def _differences(output: Tensor, reference: Tensor, allowed: Tolerance, row_dims: int | None) -> _Differences:
    """Compare every value with the tensor's tolerance, and every row with `row_slack` times the tolerance of its own
    size."""
    output, reference = output.float(), reference.float()
    same = (output == reference) | (torch.isnan(output) & torch.isnan(reference))
    same |= (output - reference).abs() < TINY
    difference = torch.where(same, 0.0, (output - reference).abs())
    reference = torch.where(torch.isfinite(reference), reference, 0.0)
    size = reference.abs().max()
    trailing = row_dims or trailing_dims(reference.shape)
    rows = reference.shape[: reference.dim() - trailing].numel()
    unit = torch.where(size > 0, size, 1.0)
    errors, values = ((t / unit).reshape(rows, -1) for t in (difference, reference))
    largest = values.abs().amax(-1, keepdim=True).clamp_min(ROW_FLOOR)
    rms = values.square().mean(-1, keepdim=True).sqrt().clamp_min(ROW_FLOOR)
    row_errors = errors.square().mean(-1, keepdim=True).sqrt() / rms
    wrong = ~(errors <= allowed.max_error) | ~(errors <= allowed.row_slack * allowed.max_error * largest)
    spread = ~(row_errors <= allowed.row_slack * allowed.rms_error) & ~wrong.any(-1, keepdim=True)
    wrong |= spread  # the whole row, where no value of it is wrong by itself
    wrong = torch.where(size > 0, wrong, errors != 0)  # with nothing to be relative to, only zeros are right
    worst = row_errors.nan_to_num(nan=float("inf"), posinf=float("inf")).max()
    return _Differences(difference, reference, size, wrong.view(reference.shape), worst)


def trailing_dims(shape: torch.Size) -> int:
    """The fewest trailing dimensions that hold `ROW_VALUES` values together; all of them where none do."""
    count = 1
    for dims, length in enumerate(reversed(shape), 1):
        count *= length
        if count >= ROW_VALUES:
            return dims
    return len(shape)


def _rms(values: Tensor, size: Tensor) -> Tensor:
    """Root mean square over `size`. Divides by `size` first: squares of large values overflow float32."""
    return (values / torch.where(size > 0, size, 1.0)).square().mean().sqrt()


def _compare_integers(name: str, output: Tensor, reference: Tensor) -> Correctness:
    wrong = output.to(torch.int64) != reference.to(torch.int64)
    wrong_elements = int(wrong.sum())
    region = f"{name}: {describe_region(wrong)}" if wrong_elements else ""
    share = wrong_elements / max(1, reference.numel())
    kind = Mismatch.VALUES if wrong_elements else None
    return Correctness(not wrong_elements, share, share, 0.0, 0.0, wrong_elements, reference.numel(), region, kind=kind)


def describe_region(wrong: Tensor) -> str:
    """Describe the region that a mask sets: `dim 0: 3 of 8 (2..5), dim 1: 2044..2047 (the tail)`. Omits dimensions that
    are set throughout."""
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
    """One result for several outputs: the first wrong one, else the one that uses the largest share of its tolerance.
    Element counts are summed."""
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
        row_error=max((r.row_error for r in results if r.row_error is not None), default=None),
        allowed_row_error=chosen.allowed_row_error,
        kind=Mismatch.INPUT_CHANGED if any(r.kind is Mismatch.INPUT_CHANGED for r in wrong) else chosen.kind,
    )


def sentence(result: Correctness) -> str:
    """The reason why a case is INCORRECT, in one line."""
    if result.kind in (Mismatch.OUTPUTS, Mismatch.WRITE_OUTSIDE):
        return "; ".join(part for part in (result.region, result.detail) if part)
    count = f"{result.wrong_elements:,} of {result.elements:,} values wrong"
    size = (
        f"worst {result.max_error:.2g} of the output's size (allowed {result.allowed_max_error:.2g}), "
        f"rms {result.rms_error:.2g} (allowed {result.allowed_rms_error:.2g})"
    )
    return "; ".join(part for part in (count, result.region, size, result.detail) if part)


def near(got: Tensor, right: Tensor, max_error: float) -> Tensor:
    """Whether all values agree, as a tensor that the device still computes. Values that are no floats have to be
    equal."""
    if not right.is_floating_point():
        return (got == right).all()
    return ((got - right).abs() <= max_error * right.abs().max()).all()
