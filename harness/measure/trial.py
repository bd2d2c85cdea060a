"""Does the comparison still tell a wrong value from a right one? A comparison that was tampered with finds everything
right."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from harness.load_kernels import LoadedOp
from harness.measure.agreement import compare, surely_agrees
from harness.values.measurement import Tolerance


def takes_wrong_for_right(op: LoadedOp, outputs: Sequence[Tensor], wanted: Sequence[Tensor], allowed: Tolerance) -> str:
    """Say so where right outputs pass after their largest value was negated; empty where each is refused. A refusal is
    due: an error of twice the output's size is within no op's tolerance."""
    for (name, _), got, right in zip(op.op.outputs, outputs, wanted, strict=True):
        if not got.numel():
            continue
        spoiled, rows = _with_a_mistake(got, right), op.row_dims(name)
        if surely_agrees(spoiled, right, allowed, rows) or compare(name, spoiled, right, allowed, rows).correct:
            return f"the comparison accepts a wrong output: {name} with the sign of its largest value flipped"
    return ""


def _with_a_mistake(got: Tensor, right: Tensor) -> Tensor:
    """A copy of `got` with another value where `right` is largest: its negative, or one where it is zero; an integer
    plus one; a bool inverted."""
    spoiled = got.clone(memory_format=torch.contiguous_format)
    values = spoiled.view(-1)
    place = right.reshape(-1).double().nan_to_num().abs().argmax()
    if got.dtype == torch.bool:
        values[place] = ~values[place]
    elif got.is_floating_point():
        values[place] = torch.where(values[place] == 0, 1.0, -values[place])
    else:
        values[place] = values[place] + 1
    return spoiled
