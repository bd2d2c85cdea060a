"""Correct before timed: compares a variant's output and state with the float32 reference, on fresh inputs every
time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor

from harness.load_kernels import LoadedOp, LoadedVariant, load_stress
from harness.measure.agreement import worst_of
from harness.measure.contract import refused, shared_buffer
from harness.measure.expected import Expected
from harness.measure.operand_sets import Operands, generator_for, make_operands
from harness.values.case import Case
from harness.values.measurement import Correctness

CHECK_SALT = 500_000
"""Separates the random numbers of checks from those of timing."""
STRESS_S = 1.0
"""Seconds for the conditions of one case. On a GPU all conditions of an op take some hundredths of a second. The
interpreter needs seconds for a call, and so does a float32 reference of 256 experts on a CPU."""


def verify_variant(
    op: LoadedOp, variant: LoadedVariant, case: Case, dtype: torch.dtype, device: str, salt: int,
    routing: Any = "uniform", stress_s: float = STRESS_S,
) -> Correctness:  # fmt: skip
    """`verify_against` on inputs that are made for this call, under every condition that the op names."""
    return verify_against(variant, case, ExpectedSets(op, case, dtype, device, salt, routing), op.conditions, stress_s)


def check_operands(
    op: LoadedOp, case: Case, dtype: torch.dtype, device: str, salt: int, inputs: int | str, routing: Any
) -> Operands | None:
    """Operands of a process' check. inputs: their number, or a condition of `kernels/stress.py` that changes those of
    number 0; None where the case's shapes leave the condition nothing to change."""
    seed = CHECK_SALT + 2 * salt + (inputs if isinstance(inputs, int) else 0)
    raw = make_operands(op, case, dtype, device, seed, routing)
    if isinstance(inputs, int):
        return raw
    return condition_operands(op, case, device, salt, inputs, raw)


def condition_operands(
    op: LoadedOp, case: Case, device: str, salt: int, condition: str, random: Operands
) -> Operands | None:
    """The operands of number 0 under a condition; operands that it leaves alone are the same tensors."""
    generator = generator_for(case, device, CHECK_SALT + 2 * salt)
    changed: Operands | None = load_stress().apply(op.op, condition, random, generator)
    return changed


class ExpectedSets:
    """The inputs of one question's checks in one process, each made once, with the definition's answers. All arms and
    configurations are compared with the same answers."""

    def __init__(self, op: LoadedOp, case: Case, dtype: torch.dtype, device: str, salt: int, routing: Any) -> None:
        self._op, self._case = op, case
        self._made_by = (dtype, device, salt)
        self._routing = routing
        self._sets: dict[int | str, Expected | None] = {}

    def __call__(self, inputs: int | str) -> Expected | None:
        """The inputs that `check_operands` makes, with their answers."""
        if inputs not in self._sets:
            self._sets[inputs] = self._make(inputs)
        return self._sets[inputs]

    def _make(self, inputs: int | str) -> Expected | None:
        op, case, (dtype, device, salt) = self._op, self._case, self._made_by
        if isinstance(inputs, int):
            raw = check_operands(op, case, dtype, device, salt, inputs, self._routing)
            return None if raw is None else Expected(op, case, raw)
        random = self(0)
        assert random is not None
        changed = condition_operands(op, case, device, salt, inputs, random.raw)
        return None if changed is None else Expected(op, case, changed, random)

    def forget_prepared(self) -> None:
        """Release the operands that were prepared for variants."""
        for expected in self._sets.values():
            if expected is not None:
                expected.forget_prepared()


def verify_against(
    variant: LoadedVariant, case: Case, inputs: Callable[[int | str], Expected | None],
    conditions: Sequence[str] = (), stress_s: float = STRESS_S,
) -> Correctness:  # fmt: skip
    """Check a variant by three calls, then by one under each condition until `stress_s` seconds are spent.

    The calls: inputs 0, other inputs 1 (an output kept from an earlier call is then wrong), and 0 again (repeatable bit
    for bit? a label). Uninitialised memory is NaN during the calls; only declared state may change. The errors are
    those on random inputs.
    """
    tunables = variant.tunables_of(case.answer)
    results = []
    bits: list[list[Tensor]] = []
    held = []
    for number in (0, 1, 0):
        expected = inputs(number)
        assert expected is not None
        outputs, result = expected.check(variant, tunables)
        results.append(result)
        bits.append(outputs)
        held.append(expected.last_outputs)
        op = expected.op
        if not result.correct:
            break
    worst = worst_of(results)
    shared = shared_buffer(op, held) if worst.correct else ""
    if shared:
        return refused(shared, op.tolerance(case.activations, case.dims))
    if worst.correct:
        same = all(torch.equal(a, b) for a, b in zip(bits[0], bits[2], strict=True))
        return _under_conditions(
            msgspec.structs.replace(worst, repeatable=same), variant, tunables, inputs, conditions, stress_s
        )
    if len(results) == 2:
        detail = "the first call was right, a second on other inputs was not: kept from an earlier call?"
        return msgspec.structs.replace(worst, detail="; ".join(part for part in (worst.detail, detail) if part))
    return worst


def _under_conditions(
    correct: Correctness, variant: LoadedVariant, tunables: Mapping[str, Any],
    inputs: Callable[[int | str], Expected | None], conditions: Sequence[str], stress_s: float,
) -> Correctness:  # fmt: skip
    """`correct` with the conditions that were checked, or the first wrong result with its condition."""
    end, checked = time.perf_counter() + stress_s, []
    for condition in conditions:
        if time.perf_counter() >= end:
            break
        expected = inputs(condition)
        if expected is None:
            continue
        _, result = expected.check(variant, tunables, with_errors=False)
        if not result.correct:
            detail = f"right on random inputs, wrong under the condition {condition}"
            return msgspec.structs.replace(
                result, condition=condition, detail="; ".join(part for part in (result.detail, detail) if part)
            )
        checked.append(condition)
    return msgspec.structs.replace(correct, conditions=tuple(checked))
