"""The inputs of a kernel case: one set to check, many to time, so that every timed call reads its weights from
memory."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.device.device import Device
from harness.device.timer import Timer
from harness.load_kernels import LoadedOp, LoadedVariant
from harness.measure.guards import Guards
from harness.measure.inputs import make_inputs, redraw_indices
from harness.values.case import Case

Operands = dict[str, Any]
ROTATED = ("weight", "cache", "state")
"""Roles whose tensors differ from call to call of a batch, as far as memory allows, so that they are read from
memory."""
PREPARED = ("weight", "pool", "constant")
"""Roles that a variant's `prepare` receives: they are the same for every token, so repacking them is not part of a
call."""


@dataclass(frozen=True)
class OperandSets:
    """The operands of the calls of one sample."""

    sets: list[Operands]
    """One set for each call, as the variant wants them."""
    raw: list[Operands]
    """The sets before `prepare`. All calls share the tensors of activations and pools."""
    copies: int
    """Number of different sets of weights and states: call i has the set i % copies."""
    distinct_bytes: int
    """Bytes of all different tensors, pools included."""
    cold_bytes: int
    """Bytes touched between two uses of a set's weights."""
    prepared_bytes: int | None
    """Bytes that the variant's `prepare` made from one set; None where the variant has no `prepare`."""
    guards: Guards
    """Guards of all these tensors."""


def generator_for(case: Case, device: str, salt: int) -> torch.Generator:
    """A generator seeded by the case's question and a salt: all arms see the same numbers, every process and check
    fresh ones."""
    seed = zlib.crc32(case.question.encode()) * 1000 + salt
    return torch.Generator(device=device).manual_seed(seed)


def make_operands(
    op: LoadedOp, case: Case, dtype: torch.dtype, device: str, salt: int, routing: Any,
    only: Sequence[str] | None = None,
) -> Operands:  # fmt: skip
    """One set of raw (unprepared) operands by input name. only: the inputs to make; None makes all."""
    generator = generator_for(case, device, salt)
    return make_inputs(op, case.dims, dtype, device, generator, routing, only)


class SharedOperands:
    """Raw operands, between guards, of the cases that are timed together. All arms and configurations of one question
    use the same numbers, so these are made and held once."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, int, tuple[str, ...]], tuple[Operands, Guards]] = {}

    def make(
        self, op: LoadedOp, case: Case, dtype: torch.dtype, device: str, salt: int, routing: Any,
        only: Sequence[str] | None = None,
    ) -> tuple[Operands, Guards]:  # fmt: skip
        key = (case.question, salt, tuple(only or ()))
        if key not in self._made:
            guards = Guards()
            self._made[key] = guards.around_all(make_operands(op, case, dtype, device, salt, routing, only)), guards
        return self._made[key]

    def clear(self) -> None:
        self._made.clear()


def prepare(variant: LoadedVariant, op: LoadedOp, operands: Mapping[str, Any]) -> Operands:
    """Operands as the variant wants them: repacked where it has a `prepare`."""
    if variant.prepare is None:
        return dict(operands)
    weights = {i.name: operands[i.name] for i in op.op.inputs if i.role in PREPARED}
    try:
        made = variant.prepare(dict(weights))
    except KeyError as error:
        if error.args and error.args[0] in set(operands) - set(weights):
            raise _not_prepared(op, error.args[0]) from error
        raise
    for name in made:
        if name not in weights:
            raise _not_prepared(op, name)
    return {**operands, **made}


def _not_prepared(op: LoadedOp, name: str) -> ValueError:
    roles = {i.name: i.role for i in op.op.inputs}
    if name not in roles:
        return ValueError(f"prepare returns {name}, which is no input of {op.name}")
    return ValueError(
        f"prepare is for weights, and {name} has the role {roles[name]}: it is other data in every call, so to repack "
        "it is part of the call"
    )


def _prepared(variant: LoadedVariant, op: LoadedOp, raw: Operands, guards: Guards) -> Operands:
    """Put the tensors that `prepare` made between guards; a view of a raw operand lies there already."""
    held = {value.untyped_storage().data_ptr() for value in raw.values() if isinstance(value, Tensor)}

    def is_new(value: Any) -> bool:
        return isinstance(value, Tensor) and value.untyped_storage().data_ptr() not in held

    return {n: guards.around(n, v) if is_new(v) else v for n, v in prepare(variant, op, raw).items()}


def timing_sets(
    op: LoadedOp, variant: LoadedVariant, case: Case, device: Device, salt: int, routing: Any, timer: Timer,
    shared: SharedOperands,
) -> OperandSets:  # fmt: skip
    """A set for each call of one sample. Copies weights and states as often as the memory limit and the L2 require,
    draws indices anew for each call, and shares pools and activations."""
    dtype, tensors, calls = torch_dtype(case.activations), device.tensors, timer.calls
    first, first_guards = shared.make(op, case, dtype, tensors, salt, routing)
    guards = Guards(first_guards.held)
    roles = {i.name: i.role for i in op.op.inputs}
    rotated = [n for n, role in roles.items() if role in ROTATED and isinstance(first[n], Tensor)]
    bytes_per_set = sum(first[n].nbytes for n in rotated)
    copies = max(1, min(calls, device.set_bytes_limit // max(bytes_per_set, 1))) if rotated else 1
    if bytes_per_set and device.l2_bytes:
        copies = min(copies, max(2, math.ceil(5 * device.l2_bytes / bytes_per_set) + 1))
    raw, prepared = [first], [_prepared(variant, op, first, guards)]
    for copy in range(1, copies):
        fresh, of_fresh = shared.make(op, case, dtype, tensors, salt + copy, routing, rotated)  # pools once only
        guards.held += of_fresh.held
        raw.append({**first, **fresh})
        prepared.append(_prepared(variant, op, raw[copy], guards))
    indices = [n for n, role in roles.items() if role == "index"]
    redrawn = redraw_indices(op, case.dims, dtype, tensors, generator_for(case, tensors, salt), routing, calls)
    own = [guards.around_all({name: values[name] for name in indices if name in values}) for values in redrawn]
    pools = sum(first[name].nbytes for name, role in roles.items() if role == "pool")
    touched = bytes_per_set * (copies - 1) if copies > 1 else 0
    made = [v.nbytes for name, v in prepared[0].items() if isinstance(v, Tensor) and v is not first.get(name)]
    return OperandSets(
        [{**prepared[call % copies], **own[call]} for call in range(calls)],
        [{**raw[call % copies], **own[call]} for call in range(calls)],
        copies, copies * bytes_per_set + pools, touched + timer.flush_bytes, sum(made) if variant.prepare else None,
        guards,
    )  # fmt: skip


def arguments(op: LoadedOp, operands: Mapping[str, Any]) -> list[Any]:
    """Positional arguments of `run`, in the order of the op's inputs."""
    return [operands[i.name] for i in op.op.inputs]


def to_float32(value: Any) -> Any:
    """A copy for the reference: floats in float32, integers unchanged. Shares no memory with the original."""
    if not isinstance(value, Tensor):
        return value
    if not value.is_floating_point():
        return value
    return value.clone() if value.dtype == torch.float32 else value.float()


def torch_dtype(name: str) -> torch.dtype:
    """`bfloat16` -> torch.bfloat16."""
    found: torch.dtype = getattr(torch, name)
    return found
