"""Call a wrong kernel once more and keep everything: its operands, its output and the wanted output."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from torch import Tensor

from harness.load_kernels import LoadedOp, LoadedVariant
from harness.measure.diagnosis import Returned, Wrong, diagnose
from harness.measure.evidence import save
from harness.measure.expected import Expected, reference_of
from harness.measure.interpreter_watch import INPUT_WRITE, OUTSIDE_READ, OUTSIDE_WRITE
from harness.measure.operand_sets import torch_dtype
from harness.measure.verify import check_operands, verify_variant
from harness.measure.watched_call import access_errors
from harness.values.attempt import Diagnosis
from harness.values.case import Case
from harness.values.measurement import Correctness, Mismatch

MEMORY = {
    Mismatch.INPUT_CHANGED: INPUT_WRITE,
    Mismatch.WRITE_OUTSIDE: OUTSIDE_WRITE,
    Mismatch.READ_OUTSIDE: OUTSIDE_READ,
}
"""The interpreter watch's names of the same mistakes."""


def examine(
    op: LoadedOp, variant: LoadedVariant, case: Case, device: str, routing: Any, result: Correctness, folder: Path
) -> tuple[Diagnosis, str]:
    """The diagnosis of a variant that `verify_variant` found wrong, and the folder of its evidence (empty: nothing to
    keep). Makes the same calls again, and says so where the kernel is right this time."""
    if result.kind is Mismatch.OUTPUTS:
        return Diagnosis("shape", result.region), ""
    found = None
    if result.kind in MEMORY:
        words = result.region if result.kind is Mismatch.WRITE_OUTSIDE else result.detail
        found = Diagnosis(str(result.kind), f"{words}{_line_words(op, variant, case, device, result.kind)}")
    if found is not None and result.kind is not Mismatch.READ_OUTSIDE:
        return found, ""
    dtype = torch_dtype(case.activations)
    previous: tuple[Tensor, ...] = ()
    calls: list[int | str] = [0, 1, 0, *([result.condition] if result.condition else [])]
    for inputs in calls:
        raw = check_operands(op, case, dtype, device, 0, inputs, routing)
        assert raw is not None
        wrong = _call(op, variant, case, raw, previous)
        seen = diagnose(wrong)
        if seen.region or seen.words:
            shown = msgspec.structs.replace(found, region=seen.region) if found is not None else seen
            try:
                save(folder, variant, case, raw, wrong, shown)
            except OSError as error:  # the verdict stands without it
                lost = f"its evidence could not be kept: {folder}: {error.strerror or error}"
                return msgspec.structs.replace(shown, words="; ".join(filter(None, (shown.words, lost)))), ""
            return shown, str(folder)
        previous = tuple(wrong.wanted)
    again = verify_variant(op, variant, case, dtype, device, 0, routing)
    words = "right when it was called again" if again.correct else "it differs from call to call"
    return Diagnosis("race", f"{words}: a race, unwritten memory, or a result kept from an earlier call"), ""


def _line_words(op: LoadedOp, variant: LoadedVariant, case: Case, device: str, kind: Mismatch) -> str:
    """The line of the kernel that makes the mistake, where Triton is interpreted; on a GPU, the option that names
    it."""
    if os.environ.get("TRITON_INTERPRET") != "1":
        return " (--sanitize names the line)" if device == "cuda" else ""
    errors = access_errors(op, variant, case)
    lines = {f"{Path(error.file).name}:{error.line}" for error in errors if error.kind == MEMORY[kind]}
    return f", by {', '.join(sorted(lines))}" if lines else ""


def _dim_names(value: Tensor, dims: Mapping[str, int]) -> tuple[str, ...]:
    """Names for the dims of an output whose shape the op does not declare: the dim of the same size, else its
    number."""
    names = {size: name for name, size in reversed(list(dims.items()))}
    return tuple(names.get(size, f"dim {number}") for number, size in enumerate(value.shape))


def _call(op: LoadedOp, variant: LoadedVariant, case: Case, raw: dict[str, Any], previous: tuple[Tensor, ...]) -> Wrong:
    states = [i.name for i in op.op.inputs if i.role == "state"]
    given = {name: value.clone() if isinstance(value, Tensor) else value for name, value in raw.items()}
    expected, tunables = Expected(op, case, raw), variant.tunables_of(case.answer)
    made = expected.call(variant, tunables)
    got = tuple(t.clone() for t in (*made.outputs, *(made.operands[name] for name in states)))
    shapes = {i.name: i.shape for i in op.op.inputs}
    declared = [*((*output, False) for output in op.op.outputs), *((name, shapes[name], True) for name in states)]
    outputs = [
        Returned(name, shape or _dim_names(wanted, case.dims), is_state)
        for (name, shape, is_state), wanted in zip(declared, expected.wanted, strict=True)
    ]
    before = {name: given[name] for name in states}
    return Wrong(
        op.op, given, case.dims, tunables, outputs, got, expected.wanted, previous, before,
        op.tolerance(case.activations, case.dims), partial(reference_of, op),
        [op.row_dims(output.name) for output in outputs],
    )  # fmt: skip
