"""One set of inputs with what the op must make of them, which any number of calls can be held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from harness.load_kernels import LoadedOp, LoadedVariant
from harness.measure.agreement import compare, worst_of
from harness.measure.conditioning import allowed_under
from harness.measure.contract import DefinitionCalled, broken_contract, definition_forbidden, refused
from harness.measure.operand_sets import PREPARED, Operands, arguments, prepare, to_float32
from harness.measure.poison import PoisonUninitialised
from harness.values.case import Case
from harness.values.measurement import Correctness, Mismatch, Tolerance


class Expected:
    """raw: unprepared operands by input name, kept. random: the set from which a condition made them, where one did;
    what it left alone is shared with that."""

    def __init__(self, op: LoadedOp, case: Case, raw: Operands, random: Expected | None = None) -> None:
        self.op, self.raw, self._dims = op, raw, case.dims
        self._random = random
        self._declared, self._activations = op.tolerance(case.activations, case.dims), case.activations
        self.last_outputs: tuple[Tensor, ...] = ()
        self._states = [i.name for i in op.op.inputs if i.role == "state"]
        self._prepared: dict[Any, tuple[Operands, dict[str, Tensor]]] = {}

    @property
    def names(self) -> list[str]:
        """Of the outputs, then of the states."""
        return [*(name for name, _ in self.op.op.outputs), *self._states]

    @cached_property
    def wanted(self) -> tuple[Tensor, ...]:
        """The reference's outputs and states in float32, computed once, and only after the first call that is compared
        with them: until then no right answer exists that a kernel could find."""
        return reference_of(self.op, self.raw)

    @cached_property
    def _tolerance(self) -> Tolerance:
        """The op's; under a condition in float32, as ill-conditioned as the changed operands are."""
        if self._random is None or self._activations != "float32":
            return self._declared
        coarsest = self.op.tolerance("bfloat16", self._dims)
        return allowed_under(
            lambda given: reference_of(self.op, given), self._random.raw, self.raw, self._declared, coarsest
        )

    def check(self, variant: LoadedVariant, tunables: Mapping[str, Any]) -> tuple[list[Tensor], Correctness]:
        """One call: its outputs and states, and how they agree. State begins anew each time; what a call changed
        without being allowed to is put back, so that the next variant does not inherit the damage."""
        try:
            with definition_forbidden(self.op):
                operands, got = self.call(variant, tunables)
        except DefinitionCalled as found:
            return [], refused(str(found), self._declared)
        before = self._operands_for(variant)[1]
        broken = broken_contract(self.op, got, list(operands.values()), self._activations)
        if broken:
            return [], refused(broken, self._declared)
        self.last_outputs = got
        labels = [*(name for name, _ in self.op.op.outputs), *(f"state {name}" for name in self._states)]
        outputs = (*got, *(operands[name] for name in self._states))
        results = [
            compare(label, a, b, self._tolerance, self.op.row_dims(name))
            for name, label, a, b in zip(self.names, labels, outputs, self.wanted, strict=True)
        ]
        changed = [name for name, old in before.items() if not _same_bits(old, operands[name])]
        if changed:
            detail = f"changed inputs that are not state: {', '.join(changed)}"
            results.append(Correctness(False, 0.0, 0.0, 0.0, 0.0, 0, 0, "", detail, kind=Mismatch.INPUT_CHANGED))
            for name in changed:
                operands[name].copy_(before[name])
        return [output.clone() for output in outputs], worst_of(results)

    def call(self, variant: LoadedVariant, tunables: Mapping[str, Any]) -> tuple[Operands, tuple[Tensor, ...]]:
        """One call on the inputs as the variant wants them and on fresh state: its operands after it, its outputs."""
        operands = {**self._operands_for(variant)[0], **{name: self.raw[name].clone() for name in self._states}}
        with torch.no_grad(), PoisonUninitialised():
            return operands, as_tuple(variant.run(*arguments(self.op, operands), **tunables))

    def results(self, variant: LoadedVariant, tunables: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Outputs and states of one call, on fresh state."""
        operands, outputs = self.call(variant, tunables)
        return (*outputs, *(operands[name] for name in self._states))

    def _operands_for(self, variant: LoadedVariant) -> tuple[Operands, dict[str, Tensor]]:
        """The operands as the variant wants them, and copies of those that no call may change."""
        key = (variant.path, variant.source_hash)
        if key not in self._prepared:
            self._prepared[key] = self._shared(variant) or self._own(variant)
        return self._prepared[key]

    def _own(self, variant: LoadedVariant) -> tuple[Operands, dict[str, Tensor]]:
        with torch.no_grad():
            operands = prepare(variant, self.op, self.raw)
        fixed = {n: v for n, v in operands.items() if isinstance(v, Tensor) and n not in self._states}
        return operands, {name: value.clone() for name, value in fixed.items()}

    def _shared(self, variant: LoadedVariant) -> tuple[Operands, dict[str, Tensor]] | None:
        """Those of the random set but for what the condition changed; None where that is something prepared."""
        if self._random is None:
            return None
        changed = {name: value for name, value in self.raw.items() if value is not self._random.raw[name]}
        if variant.prepare is not None and any(i.name in changed for i in self.op.op.inputs if i.role in PREPARED):
            return None
        operands, before = self._random._operands_for(variant)
        fixed = {name: value.clone() for name, value in changed.items() if name not in self._states}
        return {**operands, **changed}, {**before, **fixed}

    def forget_prepared(self) -> None:
        """Gives back what was made for variants."""
        self._prepared.clear()


def reference_of(op: LoadedOp, operands: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """The definition's outputs, then its states, in float32; the operands stay as they are."""
    states = [i.name for i in op.op.inputs if i.role == "state"]
    exact = {name: to_float32(value) for name, value in operands.items()}
    exact.update({name: exact[name].clone() for name in states if exact[name] is operands[name]})
    with torch.no_grad():
        outputs = as_tuple(op.reference(*arguments(op, exact)))
    return (*outputs, *(exact[name] for name in states))


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
