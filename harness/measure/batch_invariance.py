"""Does a row's result depend on the rows beside it? Compares each row alone with the same row among others."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import torch
from torch import Tensor

from harness.device.device import Device
from harness.load_kernels import load_operands
from harness.measure.candidate import Candidate
from harness.measure.expected import as_tuple
from harness.measure.failure import what_was_raised
from harness.measure.operand_sets import PREPARED, Operands, arguments, make_operands, prepare, torch_dtype
from harness.measure.repeated import bits, relative, sameness
from harness.measure.verify import CHECK_SALT
from harness.values.numerics import BatchInvariance

AXES = ("batch", "tokens")
"""Dims that count the rows of a call; the first that an op's outputs or states have."""
AMONG = 8
"""Rows of the call that has them all; the case's own number where that is larger."""
SECONDS = 0.1
"""Start no further row this long after the first, which may have to be compiled."""


class Rows(NamedTuple):
    """The rows of a tensor: their dimension, and how many of its places one row takes."""

    dim: int
    step: int

    def of(self, tensor: Tensor, row: int) -> Tensor:
        """One row as a separate tensor, aligned like a fresh allocation."""
        return tensor.narrow(self.dim, row * self.step, self.step).clone(memory_format=torch.contiguous_format)


def batch_invariance(candidate: Candidate, raw: Operands, device: Device, routing: Any) -> BatchInvariance | None:
    """Return the batch invariance of a candidate; None where the op has no rows. raw: operands of the case, whose
    weights are used unchanged."""
    case, op = candidate.case, candidate.op
    axis = rows_axis(op.op, case.dims)
    if axis is None:
        return None
    among = max(AMONG, case.dims[axis])
    many, one = (
        msgspec.structs.replace(case, dims={**case.dims, axis: count}, axes={**case.axes, axis: count})
        for count in (among, 1)
    )
    shapes = {i.name: i.shape for i in op.op.inputs if i.shape}
    inputs = {name: rows for name, shape in shapes.items() if (rows := rows_in(shape, one.dims, many.dims)) is not None}
    refused = candidate.variant.supports and (candidate.variant.supports(one) or candidate.variant.supports(many))
    if refused:
        return BatchInvariance(axis, among, not_run=refused)
    if _bytes_of(inputs, op.op, many.dims) > device.set_bytes_limit:
        return BatchInvariance(axis, among, not_run=f"{among} rows of the states do not fit")
    try:
        own = [i.name for i in op.op.inputs if i.name in inputs or i.role == "constant"]
        dtype, tensors = torch_dtype(case.activations), device.tensors
        fresh = make_operands(op, many, dtype, tensors, CHECK_SALT, routing, own)
        return _compared(candidate, {**raw, **fresh}, axis, among, inputs, many.dims, one.dims)
    except torch.AcceleratorError:  # the GPU's context is lost, and everything in this process with it
        raise
    except Exception as error:  # a kernel that its case is right with may raise at another number of rows
        device.release_memory()
        return BatchInvariance(axis, among, not_run=what_was_raised(error)[1])


def rows_axis(op: Any, dims: Mapping[str, int]) -> str | None:
    """The dim that counts an op's rows: the one that every output, or every state where there is no output, has
    once."""
    shapes = [shape for _, shape in op.outputs] or [i.shape for i in op.inputs if i.role == "state"]
    for axis in AXES:
        if axis in dims and shapes:
            one, many = ({**dims, axis: count} for count in (1, AMONG))
            if all(rows_in(shape, one, many) is not None for shape in shapes):
                return axis
    return None


def rows_in(shape: Sequence[str], one: Mapping[str, int], many: Mapping[str, int]) -> Rows | None:
    """The only dimension of a shape (expressions over dims) that is larger in `many`, with its size in `one`."""
    evaluate = load_operands().evaluate
    sizes = [(evaluate(text, one), evaluate(text, many)) for text in shape]
    grown = [(dim, small) for dim, (small, large) in enumerate(sizes) if small != large]
    return Rows(*grown[0]) if len(grown) == 1 else None


def _compared(
    candidate: Candidate, operands: Operands, axis: str, among: int, inputs: Mapping[str, Rows],
    many: Mapping[str, int], one: Mapping[str, int],
) -> BatchInvariance:  # fmt: skip
    op, variant = candidate.op, candidate.variant
    prepared = prepare(variant, op, operands)
    weights_have_rows = any(i.name in inputs for i in op.op.inputs if i.role in PREPARED)
    together = _results(candidate, prepared)
    shapes = [shape for _, shape in op.op.outputs] + [i.shape for i in op.op.inputs if i.role == "state"]
    places = [rows_in(shape, one, many) for shape in shapes]
    end, compared, differing, most = math.inf, 0, 0, 0.0
    for row in _from_both_ends(among)[:AMONG]:
        sliced = {name: rows.of(operands[name], row) for name, rows in inputs.items()}
        alone = {**operands, **sliced}
        alone = prepare(variant, op, alone) if weights_have_rows else {**prepared, **sliced}
        for place, single, every in zip(places, _results(candidate, alone), together, strict=True):
            if place is None:  # the op's other outputs or states are the same for all rows
                continue
            unlike = bits(single) != bits(wanted := place.of(every, row))
            if bool(unlike.any()):
                differing += 1
                distance = torch.where(unlike, (single.double() - wanted.double()).abs(), 0.0)
                most = max(most, relative(distance.nan_to_num(nan=torch.inf).max(), wanted))
        compared += 1
        end = min(end, time.perf_counter() + SECONDS)
        if time.perf_counter() > end:
            break
    allowed = op.tolerance(candidate.case.activations, candidate.case.dims).max_error
    return BatchInvariance(axis, among, compared, sameness(differing, most, allowed), most)


def _results(candidate: Candidate, prepared: Operands) -> tuple[Tensor, ...]:
    """Outputs and states of one call on fresh states."""
    op = candidate.op
    states = [i.name for i in op.op.inputs if i.role == "state"]
    operands = {**prepared, **{name: prepared[name].clone() for name in states}}
    with torch.no_grad():
        outputs = as_tuple(candidate.variant.run(*arguments(op, operands), **candidate.tunables))
    return (*outputs, *(operands[name] for name in states))


def _bytes_of(inputs: Mapping[str, Rows], op: Any, dims: Mapping[str, int]) -> int:
    """Upper bound on the bytes of the inputs that grow with the rows."""
    evaluate = load_operands().evaluate
    shapes = [i.shape for i in op.inputs if i.name in inputs]
    return sum(8 * torch.Size([evaluate(text, dims) for text in shape]).numel() for shape in shapes)


def _from_both_ends(count: int) -> list[int]:
    """0, last, 1, last but one, ...: first the rows where tiles begin and end."""
    order = [place // 2 if place % 2 == 0 else count - 1 - place // 2 for place in range(count)]
    return order
