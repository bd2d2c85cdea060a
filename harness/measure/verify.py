"""Correct before timed: a variant's output and state against the float32 reference, on fresh inputs every time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import torch
from torch import Tensor

from harness.measure.agreement import worst_of
from harness.measure.expected import Expected
from harness.measure.operand_sets import make_operands
from harness.resolve import LoadedOp, LoadedVariant
from harness.values.case import Case
from harness.values.measurement import Correctness

CHECK_SALT = 500_000
"""Keeps the numbers of checks apart from those of timing."""


def verify_variant(
    op: LoadedOp, variant: LoadedVariant, case: Case, dtype: torch.dtype, device: str, salt: int,
    routing: Any = "uniform",
) -> Correctness:  # fmt: skip
    """`verify_against` on inputs that are made for this call."""
    return verify_against(variant, case, lambda n: expected_set(op, case, dtype, device, salt, n, routing))


def expected_set(
    op: LoadedOp, case: Case, dtype: torch.dtype, device: str, salt: int, number: int, routing: Any
) -> Expected:
    """The inputs of that number of a process' checks, with the reference's answer."""
    return Expected(op, case, make_operands(op, case, dtype, device, CHECK_SALT + 2 * salt + number, routing))


def verify_against(variant: LoadedVariant, case: Case, inputs: Callable[[int], Expected]) -> Correctness:
    """Three calls: inputs 0, other inputs 1 (an output kept from an earlier call is then wrong), and 0 again
    (repeatable bit for bit? a label). Uninitialised memory is NaN during the calls; only declared state may change."""
    tunables = {**variant.tunables, **(case.answer.tunables if case.answer else {})}
    results = []
    bits: list[list[Tensor]] = []
    for number in (0, 1, 0):
        outputs, result = inputs(number).check(variant, tunables)
        results.append(result)
        bits.append(outputs)
        if not result.correct:
            break
    worst = worst_of(results)
    if worst.correct:
        same = all(torch.equal(a, b) for a, b in zip(bits[0], bits[2], strict=True))
        return msgspec.structs.replace(worst, repeatable=same)
    if len(results) == 2:
        detail = "the first call was right, a second on other inputs was not: kept from an earlier call?"
        return msgspec.structs.replace(worst, detail="; ".join(part for part in (worst.detail, detail) if part))
    return worst
