"""The ops that a model receives: those of an arm, or the float32 references."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.decode.replayed import Replayed
from harness.device.device import Device
from harness.load_kernels import LoadedOp, LoadedVariant, load_op, load_variant
from harness.measure.operand_sets import to_float32
from harness.values.case import Implementation
from harness.values.suite import CallSite

PHASES = ("decode", "prefill")
Observer = Callable[[str, str, list[Any]], None]
"""Called before each call of an op with its place (`int4_mm@lm_head`), phase and inputs."""


def scope_name(op: str, site: str, layer: int | None) -> str:
    """The scope that gives the trace reader the op, site and layer of a kernel: `harness:int4_mm@gdn_in#12`."""
    return f"harness:{op}@{site}#{'-' if layer is None else layer}"


class ArmOps:
    """Binds ops to the variants that an arm chose, per site and phase.

    Weights are prepared once per distinct variant and raw tensor; `prepared` may be shared by several arms so that none
    holds a second copy of the same packing. `answers`: from the plan. With `profile`, every call runs in a
    `record_function` scope.
    """

    def __init__(
        self,
        answers: Mapping[CallSite, Implementation],
        suite_folder: str,
        prepared: dict[Any, dict[str, Any]],
        profile: bool = False,
    ) -> None:
        self._answers = answers
        self.folder = suite_folder
        self._prepared = prepared
        self._profile = profile
        self.bound: list[BoundOp] = []

    def bind(self, op: str, site: str, layer: int | None, weights: Mapping[str, Any]) -> BoundOp:
        loaded = load_op(op)
        by_phase = {}
        for phase in PHASES:
            answer = self._answers.get(CallSite(phase, op, site))
            if answer is None:
                continue
            variant = load_variant(op, answer.variant, self.folder)
            prepared = self._prepare(loaded, variant, weights)
            by_phase[phase] = (variant, prepared, variant.tunables_of(answer))
        name = scope_name(op, site, layer) if self._profile else None
        bound = BoundOp(loaded, by_phase, name, f"{op}@{site}")
        self.bound.append(bound)
        return bound

    def _prepare(self, op: LoadedOp, variant: LoadedVariant, weights: Mapping[str, Any]) -> dict[str, Any]:
        if variant.prepare is None:
            return dict(weights)
        pointers = tuple(value.data_ptr() for value in weights.values() if isinstance(value, Tensor))
        key = (variant.source_hash, op.name, pointers)
        if key not in self._prepared:
            self._prepared[key] = {**weights, **variant.prepare(dict(weights))}
        return self._prepared[key]

    def record_nothing(self) -> None:
        """Make later calls without a scope."""
        for bound in self.bound:
            bound.scope = None

    def observe(self, observer: Observer | None) -> None:
        for bound in self.bound:
            bound.observer = observer

    def calls(self, phase: str) -> list[BoundCall]:
        """Each bound op of a phase with its variant, in the order in which the model bound them."""
        return [bound.by_phase[phase] for bound in self.bound if bound.covers(phase)]

    def tensors(self, phase: str = "decode") -> dict[str, Tensor]:
        """Each tensor that a phase of this arm is bound to, under a distinct name.

        A tensor that several ops share appears once for each.
        """
        return {
            f"{at}_{bound.op_site}_{name}": value
            for at, bound in enumerate(self.bound)
            for name, value in bound.weights(phase).items()
            if isinstance(value, Tensor)
        }

    def weight_bytes(self, phase: str = "decode") -> int:
        """Bytes of the distinct tensors that a phase of this arm is bound to."""
        storages: dict[int, int] = {}
        for bound in self.bound:
            for value in bound.weights(phase).values():
                if isinstance(value, Tensor):
                    storages[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
        return sum(storages.values())


@dataclass(eq=False)
class BoundCall:
    """How a place calls its op in a phase.

    `slots`: the bound inputs, and marks for those that come with the call. `run` and `tunables` may be replaced by
    equivalent ones (`export.operators`).
    """

    place: str
    variant: LoadedVariant
    run: Callable[..., Any]
    slots: list[Any]
    tunables: dict[str, Any]


class BoundOp:
    """An op at its site with its weights; called with the remaining inputs in the order of `Op.inputs`."""

    def __init__(
        self,
        op: LoadedOp,
        by_phase: Mapping[str, tuple[LoadedVariant, dict[str, Any], dict[str, Any]]],
        scope: str | None,
        op_site: str,
    ) -> None:
        self.scope, self.op_site, self._op = scope, op_site, op
        self.observer: Observer | None = None
        self.by_phase = {
            phase: BoundCall(
                op_site, variant, variant.run, [weights.get(i.name, _FROM_CALL) for i in op.op.inputs], tunables
            )
            for phase, (variant, weights, tunables) in by_phase.items()
        }
        self._weights = {phase: weights for phase, (_, weights, _) in by_phase.items()}

    def weights(self, phase: str) -> dict[str, Any]:
        return self._weights.get(phase, {})

    def covers(self, phase: str) -> bool:
        """Whether the arm has a variant for it in this phase."""
        return phase in self.by_phase

    def __call__(self, phase: str, *inputs: Any) -> Any:
        call = self.by_phase[phase]
        slots = call.slots
        if len(inputs) != sum(slot is _FROM_CALL for slot in slots):
            raise _wrong_inputs(self._op, slots, inputs)
        rest = iter(inputs)
        arguments = [next(rest) if slot is _FROM_CALL else slot for slot in slots]
        if self.observer is not None:
            self.observer(self.op_site, phase, arguments)
        with torch.profiler.record_function(self.scope) if self.scope else nullcontext():
            return call.run(*arguments, **call.tunables)


class _FromCall:
    """Marks the inputs that come with the call, not with the weights."""


_FROM_CALL = _FromCall()


def _wrong_inputs(op: LoadedOp, slots: Sequence[Any], given: Sequence[Any]) -> TypeError:
    left = [i.name for i, slot in zip(op.op.inputs, slots, strict=True) if slot is _FROM_CALL]
    bound = [i.name for i in op.op.inputs if i.name not in left]
    return TypeError(
        f"{op.name}: called with {len(given)} inputs, wanted {len(left)}: {', '.join(left)} (bound as weights: "
        f"{', '.join(bound) or 'none'})"
    )


class ReferenceOps:
    """Binds every op to its float32 definition on the same weights: the reference for an arm's logits.

    Floating-point weights are converted at each call, so that the packed experts are never held twice. `device`:
    replays as graphs, where it captures, the definitions that step through a prompt; None: never.
    """

    def __init__(self, device: Device | None = None) -> None:
        self._device = device
        self._replayed: dict[str, Replayed] = {}

    def bind(self, op: str, site: str, layer: int | None, weights: Mapping[str, Any]) -> _BoundReference:
        loaded = load_op(op)
        stepwise = getattr(loaded.op, "stepwise", False)  # kernels of an older revision do not say so
        if stepwise and self._device and self._device.captures and op not in self._replayed:
            states = [i.role == "state" for i in loaded.op.inputs]
            self._replayed[op] = Replayed(loaded.reference, states, self._device)
        return _BoundReference(loaded, weights, self._replayed.get(op))


class _BoundReference:
    """Calls no composites: their parts are the reference for them. `replayed`: how a prompt runs where the device
    captures graphs.
    """

    def __init__(self, op: LoadedOp, weights: Mapping[str, Any], replayed: Replayed | None) -> None:
        self._op, self._replayed = op, replayed
        self._slots = [weights.get(i.name, _FROM_CALL) for i in op.op.inputs]
        self._states = [i.role == "state" for i in op.op.inputs]

    def covers(self, phase: str) -> bool:
        return not self._op.op.replaces

    def __call__(self, phase: str, *inputs: Any) -> Any:
        if len(inputs) != sum(slot is _FROM_CALL for slot in self._slots):
            raise _wrong_inputs(self._op, self._slots, inputs)
        rest = iter(inputs)
        values = [
            next(rest) if slot is _FROM_CALL else slot if state else to_float32(slot)
            for slot, state in zip(self._slots, self._states, strict=True)
        ]
        if self._replayed is not None and phase == "prefill":
            return self._replayed(*values)
        return self._op.reference(*values)
