"""One set of inputs with the results that the op must compute from them, for comparison with any number of calls."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import torch
from torch import Tensor

from harness.load_kernels import LoadedOp, LoadedVariant
from harness.measure.agreement import all_surely_agree, compare, describe_region, worst_of
from harness.measure.conditioning import allowed_under
from harness.measure.contract import DefinitionCalled, broken_contract, definition_forbidden, refused
from harness.measure.guards import Guards, sentence
from harness.measure.interpreter_watch import InterpreterWatch
from harness.measure.operand_sets import PREPARED, Operands, arguments, prepare, to_float32
from harness.measure.poison import PoisonUninitialised
from harness.values.case import Case
from harness.values.measurement import Correctness, Mismatch, Tolerance
from harness.values.sanitizer import AccessError

REPEATS = 3
INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Integer dtypes by bytes of an element."""


class Call(NamedTuple):
    """One finished call. operands: as the call left them. guards: of all operands, states and allocations of the
    call."""

    operands: Operands
    outputs: tuple[Tensor, ...]
    guards: Guards


class _Prepared(NamedTuple):
    """operands: prepared for a variant, between guards, without states. before: the same values, in memory that no call
    may change."""

    operands: Operands
    before: dict[str, Tensor]
    guards: Guards


class Expected:
    """raw: unprepared operands by input name, kept. random: the set from which a condition made them, if one did;
    operands that the condition left alone are shared with it."""

    def __init__(self, op: LoadedOp, case: Case, raw: Operands, random: Expected | None = None) -> None:
        self.op, self.raw, self._dims = op, raw, case.dims
        self._random = random
        self._declared, self._activations = op.tolerance(case.activations, case.dims), case.activations
        self.last_outputs: tuple[Tensor, ...] = ()
        self._states = [i.name for i in op.op.inputs if i.role == "state"]
        self._prepared: dict[Any, _Prepared] = {}

    @property
    def names(self) -> list[str]:
        """Names of the outputs, then of the states."""
        return [*(name for name, _ in self.op.op.outputs), *self._states]

    @cached_property
    def wanted(self) -> tuple[Tensor, ...]:
        """The reference's outputs and states in float32, computed once, and only after the first call that is compared
        with them: until then no right answer exists that a kernel could find."""
        return reference_of(self.op, self.raw)

    @cached_property
    def _tolerance(self) -> Tolerance:
        """The op's tolerance; under a condition in float32, widened by the ill-conditioning of the changed operands."""
        if self._random is None or self._activations != "float32":
            return self._declared
        coarsest = self.op.tolerance("bfloat16", self._dims)
        return allowed_under(
            lambda given: reference_of(self.op, given), self._random.raw, self.raw, self._declared, coarsest
        )

    def check(
        self, variant: LoadedVariant, tunables: Mapping[str, Any], with_errors: bool = True
    ) -> tuple[list[Tensor], Correctness]:
        """Outputs and states of one call, and how they agree with the reference.

        State starts afresh each time. Operands that a call changed without permission are restored, so that the next
        variant does not inherit the damage. with_errors: also measure the error of right outputs.
        """
        try:
            with definition_forbidden(self.op):
                made = self.call(variant, tunables)
        except DefinitionCalled as found:
            return [], refused(str(found), self._declared)
        self.last_outputs = made.outputs
        broken = broken_contract(self.op, made.outputs, list(made.operands.values()), self._activations)
        if broken:
            return [], refused(broken, self._declared)
        strays = made.guards.strays()
        changed = self._put_back(variant, made.operands)
        if strays:
            return [], refused(sentence(strays), self._declared, Mismatch.WRITE_OUTSIDE)
        returned = self._returned(made)
        if undeclared := self._undeclared(made.outputs):
            return [], refused(undeclared, self._declared)
        results = self._compared(returned, with_errors)
        if changed:
            detail = f"changed inputs that are not state: {', '.join(changed)}"
            results.append(Correctness(False, 0.0, 0.0, 0.0, 0.0, 0, 0, "", detail, kind=Mismatch.INPUT_CHANGED))
        worst = worst_of(results)
        if worst.kind is Mismatch.VALUES:
            worst = self._with_reads(variant, tunables, returned, worst)
        return [output.clone() for output in returned], worst

    def accesses(self, variant: LoadedVariant, tunables: Mapping[str, Any]) -> tuple[AccessError, ...]:
        """The memory errors of one call in Triton's interpreter, line by line."""
        watch = InterpreterWatch()
        made = self.call(variant, tunables, watch=watch)
        return watch.errors({guarded.tensor.data_ptr(): guarded.name for guarded in made.guards.held})

    def call(
        self, variant: LoadedVariant, tunables: Mapping[str, Any], neutral: Collection[str] = (),
        watch: InterpreterWatch | None = None,
    ) -> Call:  # fmt: skip
        """One call on the inputs as the variant wants them and on fresh state.

        neutral: operands whose guards hold zeros instead of NaN during the call. watch: observes accesses where Triton
        is interpreted.
        """
        prepared, own = self._operands_for(variant), Guards()
        operands = {**prepared.operands, **own.around_all({name: self.raw[name] for name in self._states})}
        before = Guards([*prepared.guards.held, *own.held])
        watched = watch.over(prepared.guards, own) if watch is not None else nullcontext()
        with torch.no_grad(), before.neutral(neutral), PoisonUninitialised(own), watched:
            outputs = as_tuple(variant.run(*arguments(self.op, operands), **tunables))
        names = {name: output for (name, _), output in zip(self.op.op.outputs, outputs, strict=False)}
        return Call(operands, outputs, Guards([*prepared.guards.held, *own.naming(names).held]))

    def results(
        self, variant: LoadedVariant, tunables: Mapping[str, Any], neutral: Collection[str] = ()
    ) -> tuple[Tensor, ...]:
        """Outputs and states of one call, on fresh state. neutral: see `call`."""
        return self._returned(self.call(variant, tunables, neutral))

    def results_unguarded(self, variant: LoadedVariant, tunables: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Outputs and states of one call as in `results`, but without guards around states and outputs, in a fifth of
        the time. For back-to-back calls of a kernel that was right between guards."""
        states = {name: self.raw[name].clone() for name in self._states}
        operands = {**self._operands_for(variant).operands, **states}
        with torch.no_grad(), PoisonUninitialised():
            outputs = as_tuple(variant.run(*arguments(self.op, operands), **tunables))
        return (*outputs, *states.values())

    def _returned(self, made: Call) -> tuple[Tensor, ...]:
        """Outputs, then states."""
        return (*made.outputs, *(made.operands[name] for name in self._states))

    def _undeclared(self, outputs: Sequence[Tensor]) -> str:
        """Describe an output of integers where the definition has floats and the op declares no dtype for it; empty
        where there is none."""
        declared = getattr(self.op.op, "output_dtypes", {})
        for (name, _), output, right in zip(self.op.op.outputs, outputs, self.wanted, strict=False):
            if right.is_floating_point() and not output.is_floating_point() and name not in declared:
                return f"{name} has dtype {output.dtype}, wanted torch.{self.op.output_dtype(name, self._activations)}"
        return ""

    def _compared(self, returned: Sequence[Tensor], with_errors: bool) -> list[Correctness]:
        if not with_errors and all_surely_agree(self.op, returned, self.wanted, self._tolerance):
            allowed = self._tolerance
            return [Correctness(True, 0.0, 0.0, allowed.max_error, allowed.rms_error, 0, 0)]
        labels = [*(name for name, _ in self.op.op.outputs), *(f"state {name}" for name in self._states)]
        return [
            compare(label, got, right, self._tolerance, self.op.row_dims(name))
            for name, label, got, right in zip(self.names, labels, returned, self.wanted, strict=True)
        ]

    def _put_back(self, variant: LoadedVariant, operands: Operands) -> list[str]:
        """Restore the operands that the call changed without permission, and say which and where."""
        changed = []
        for name, old in self._operands_for(variant).before.items():
            was, now = _bits(old), _bits(operands[name])
            if not torch.equal(was, now):
                changed.append(f"{name} ({describe_region(was != now)})")
                operands[name].copy_(old)
        return changed

    def _with_reads(
        self, variant: LoadedVariant, tunables: Mapping[str, Any], returned: Sequence[Tensor], wrong: Correctness
    ) -> Correctness:
        """Return a wrong result with the names of the operands outside of which the kernel reads values that it
        computes with. Other values there change the outputs, and repeated calls with the same values do not."""

        def results(neutral: Collection[str]) -> tuple[Tensor, ...]:
            return self.results(variant, tunables, neutral)

        names = [*(guarded.name for guarded in self._operands_for(variant).guards.held), *self._states]
        zeroed = results(names)
        if _equal(zeroed, returned) or not _repeats(returned, lambda: results(())):
            return wrong
        if not _repeats(zeroed, lambda: results(names)):
            return wrong
        read = [name for name in names if not _equal(results({name}), returned)]
        detail = f"reads outside of {', '.join(read or names)}"
        detail = "; ".join(part for part in (wrong.detail, detail) if part)
        return msgspec.structs.replace(wrong, detail=detail, kind=Mismatch.READ_OUTSIDE)

    def _operands_for(self, variant: LoadedVariant) -> _Prepared:
        key = (variant.path, variant.source_hash)
        if key not in self._prepared:
            self._prepared[key] = self._shared(variant) or self._own(variant)
        return self._prepared[key]

    def _own(self, variant: LoadedVariant) -> _Prepared:
        with torch.no_grad():
            wanted = prepare(variant, self.op, self.raw)
        return _guarded({name: value for name, value in wanted.items() if name not in self._states})

    def _shared(self, variant: LoadedVariant) -> _Prepared | None:
        """The prepared operands of the random set, with those that the condition changed replaced. None where the
        condition changed a prepared operand."""
        if self._random is None:
            return None
        changed = {name: value for name, value in self.raw.items() if value is not self._random.raw[name]}
        if variant.prepare is not None and any(i.name in changed for i in self.op.op.inputs if i.role in PREPARED):
            return None
        random = self._random._operands_for(variant)
        own = _guarded({name: value for name, value in changed.items() if name not in self._states})
        kept = [guarded for guarded in random.guards.held if guarded.name not in changed]
        return _Prepared(
            {**random.operands, **own.operands}, {**random.before, **own.before}, Guards([*kept, *own.guards.held])
        )

    def forget_prepared(self) -> None:
        """Release the operands that were prepared for variants."""
        self._prepared.clear()


def _guarded(wanted: Operands) -> _Prepared:
    guards = Guards()
    operands = guards.around_all(wanted)
    before = {n: v.clone() if v is operands[n] else v for n, v in wanted.items() if isinstance(v, Tensor)}
    return _Prepared(operands, before, guards)


def reference_of(op: LoadedOp, operands: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """The definition's outputs, then its states, in float32; leaves the operands unchanged."""
    states = [i.name for i in op.op.inputs if i.role == "state"]
    exact = {name: to_float32(value) for name, value in operands.items()}
    exact.update({name: exact[name].clone() for name in states if exact[name] is operands[name]})
    with torch.no_grad():
        outputs = as_tuple(op.reference(*arguments(op, exact)))
    return (*outputs, *(exact[name] for name in states))


def _repeats(first: Sequence[Tensor], again: Callable[[], Sequence[Tensor]]) -> bool:
    """Whether more calls give the same results: a race differs sooner or later."""
    return all(_equal(first, again()) for _ in range(REPEATS))


def _equal(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return all(torch.equal(_bits(a), _bits(b)) for a, b in zip(some, others, strict=True))


def _bits(value: Tensor) -> Tensor:
    """The same memory as integers: NaN equals itself."""
    return value.view(INTEGERS[value.element_size()])


def as_tuple(value: Any) -> tuple[Tensor, ...]:
    """An op's result as a tuple of tensors: None and () are no output."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, Sequence) else (value,)
