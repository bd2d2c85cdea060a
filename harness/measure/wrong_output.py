"""A wrong kernel called once more, with everything kept: what it was given, what it gave, what was wanted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.measure.diagnosis import Wrong, diagnose
from harness.measure.evidence import save
from harness.measure.expected import as_tuple
from harness.measure.operand_sets import arguments, prepare, to_float32, torch_dtype
from harness.measure.poison import PoisonUninitialised
from harness.measure.verify import check_operands, verify_variant
from harness.resolve import LoadedOp, LoadedVariant
from harness.values.attempt import Diagnosis
from harness.values.case import Case
from harness.values.measurement import Correctness, Mismatch


def examine(
    op: LoadedOp, variant: LoadedVariant, case: Case, device: str, routing: Any, result: Correctness, folder: Path
) -> tuple[Diagnosis, str]:
    """The diagnosis of a variant that `verify_variant` found wrong, and where its evidence lies (empty: nothing to
    keep). Makes the same calls again; a kernel that is right this time is said to be so."""
    if result.kind is Mismatch.INPUT_CHANGED:
        return Diagnosis("input changed", result.detail), ""
    if result.kind is Mismatch.OUTPUTS:
        return Diagnosis("shape", result.region), ""
    dtype = torch_dtype(case.activations)
    previous: tuple[Tensor, ...] = ()
    calls: list[int | str] = [0, 1, 0, *([result.condition] if result.condition else [])]
    for inputs in calls:
        raw = check_operands(op, case, dtype, device, 0, inputs, routing)
        assert raw is not None
        wrong = _call(op, variant, case, raw, previous)
        found = diagnose(wrong)
        if found.region or found.words:
            save(folder, variant, case, raw, wrong, found)
            return found, str(folder)
        previous = tuple(wrong.wanted)
    again = verify_variant(op, variant, case, dtype, device, 0, routing)
    words = "right when it was called again" if again.correct else "it differs from call to call"
    return Diagnosis("race", f"{words}: a race, or memory that is read before it is written"), ""


def _call(op: LoadedOp, variant: LoadedVariant, case: Case, raw: dict[str, Any], previous: tuple[Tensor, ...]) -> Wrong:
    states = [i.name for i in op.op.inputs if i.role == "state"]
    given = {name: value.clone() if isinstance(value, Tensor) else value for name, value in raw.items()}

    def reference(operands: Mapping[str, Any]) -> tuple[Tensor, ...]:
        copies = {n: v.clone() if n in states else v for n, v in ((n, to_float32(v)) for n, v in operands.items())}
        with torch.no_grad():
            outputs = as_tuple(op.reference(*arguments(op, copies)))
        return (*outputs, *(copies[name] for name in states))

    wanted = reference(given)
    with torch.no_grad():
        operands = prepare(variant, op, raw)
        with PoisonUninitialised():
            got = as_tuple(variant.run(*arguments(op, operands), **_tunables(variant, case)))
        got = tuple(t.clone() for t in (*got, *(operands[name] for name in states)))
    shapes = {i.name: i.shape for i in op.op.inputs}
    outputs = [*op.op.outputs, *((f"state {name}", shapes[name]) for name in states)]
    before = {name: given[name] for name in states}
    return Wrong(
        op.op, given, case.dims, _tunables(variant, case), outputs, got, wanted, previous, before,
        op.tolerance(case.activations), reference, [op.row_dims(name.removeprefix("state ")) for name, _ in outputs],
    )  # fmt: skip


def _tunables(variant: LoadedVariant, case: Case) -> dict[str, Any]:
    return {**variant.tunables, **(case.answer.tunables if case.answer else {})}
