"""Properties of a verified case's outputs besides being right: repeatable, the same in any batch, and a record of
them."""

from __future__ import annotations

import os
from typing import Any

import torch

from harness.device.device import Device
from harness.measure.batch_invariance import batch_invariance
from harness.measure.candidate import Candidate
from harness.measure.determinism import determinism
from harness.measure.expected import Expected
from harness.measure.output_record import record_of
from harness.values.numerics import Numerics


def numerics_of(
    candidate: Candidate, expected: Expected, device: Device, routing: Any, repeat_only: bool = False
) -> Numerics | None:
    """The numerics of a verified case.

    None in Triton's interpreter, which runs one program after the other and takes seconds for a call. `expected`: of
    operands that follow from the question alone. `repeat_only`: for a sweep's finalist, whose other numbers of rows
    would have to be compiled. Raises Rejected as `determinism` does, and any error of the kernel.
    """
    if not device.gpu and os.environ.get("TRITON_INTERPRET") == "1":
        return None
    with torch.no_grad():
        label, calls = determinism(candidate, expected, device)
        if repeat_only:
            return Numerics(label)
        rows = batch_invariance(candidate, expected.raw, device, routing)
        record = record_of(expected.raw, zip(expected.names, calls.first, strict=True))
    return Numerics(label, rows, record)
