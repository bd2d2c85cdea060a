"""The key of a configuration: equal for two that must take the same time, so that none is timed twice."""

from __future__ import annotations

import hashlib

import msgspec

from harness.device.probe import Machine
from harness.values.case import Case


def configuration_key(case: Case, source: str, machine: Machine, routing: str, timer: str | None = None) -> str:
    """source: hash of the variant's text and of what it imports from the kernels. timer: that the suite names."""
    assert case.answer is not None
    parts = [
        case.op, sorted(case.dims.items()), case.dtype, sorted(case.axes.items()), routing, case.answer.variant,
        sorted((name, repr(value)) for name, value in case.answer.tunables.items()), source, machine,
        *([timer] if timer else []),
    ]  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def finals_key(keys: list[str], baseline: str | None, processes: int) -> str:
    """Of the last step: which configurations were timed again, in how many processes."""
    return hashlib.sha256(msgspec.json.encode([sorted(keys), baseline, processes])).hexdigest()
