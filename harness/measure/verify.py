"""Correct before timed: a variant's output and state against the float32 reference, on fresh inputs every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor

from harness.measure.agreement import compare, worst_of
from harness.measure.operand_sets import Operands, arguments, make_operands, prepare, to_float32
from harness.measure.poison import PoisonUninitialised
from harness.resolve import LoadedOp, LoadedVariant
from harness.values.case import Case
from harness.values.measurement import Correctness

CHECK_SALT = 500_000
"""Keeps the numbers of checks apart from those of timing."""


def verify_variant(
    op: LoadedOp, variant: LoadedVariant, case: Case, dtype: torch.dtype, device: str, salt: int,
    routing: Any = "uniform",
) -> Correctness:  # fmt: skip
    """Three calls: inputs A, other inputs B (an output kept from an earlier call is then wrong), and A again
    (repeatable bit for bit? a label). Uninitialised memory is NaN during the calls; only declared state may change."""
    tunables = {**variant.tunables, **(case.answer.tunables if case.answer else {})}
    results = []
    bits: list[list[Tensor]] = []
    for number in (0, 1, 0):
        raw = make_operands(op, case, dtype, device, CHECK_SALT + 2 * salt + number, routing)
        outputs, result = _check_call(op, variant, case, raw, tunables)
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


def _check_call(
    op: LoadedOp, variant: LoadedVariant, case: Case, raw: Operands, tunables: Mapping[str, Any]
) -> tuple[list[Tensor], Correctness]:
    reference_operands = {name: to_float32(value) for name, value in raw.items()}
    with torch.no_grad():
        wanted = as_tuple(op.reference(*arguments(op, reference_operands)))
        operands = prepare(variant, op, raw)
        before = {name: value.clone() for name, value in operands.items() if isinstance(value, Tensor)}
        with PoisonUninitialised():
            got = as_tuple(variant.run(*arguments(op, operands), **tunables))
    states = [i.name for i in op.op.inputs if i.role == "state"]
    tolerance = op.op.tolerance[case.activations]
    names = [name for name, _ in op.op.outputs]
    if len(got) != len(names):
        wrong = f"{len(got)} outputs, the op has {len(names)} ({', '.join(names) or 'none'})"
        return [], Correctness(False, float("inf"), float("inf"), tolerance.max_error, tolerance.rms_error, 0, 0, wrong)
    pairs = [(name, got[i], wanted[i]) for i, name in enumerate(names)]
    pairs += [(f"state {name}", operands[name], reference_operands[name]) for name in states]
    results = [compare(name, a, b, tolerance.max_error, tolerance.rms_error) for name, a, b in pairs]
    changed = [n for n, old in before.items() if n not in states and not _same_bits(old, operands[n])]
    if changed:
        detail = f"changed inputs that are not state: {', '.join(changed)}"
        results.append(Correctness(False, 0.0, 0.0, 0.0, 0.0, 0, 0, "", detail))
    return [a.clone() for _, a, _ in pairs], worst_of(results)


def _same_bits(a: Tensor, b: Tensor) -> bool:
    """Equality in which NaN equals NaN."""
    if a.is_floating_point():
        return bool(torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)))
    return bool(torch.equal(a, b))


def as_tuple(value: Any) -> tuple[Tensor, ...]:
    """An op's result as a tuple of tensors: None and () are no output."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, Sequence) else (value,)
