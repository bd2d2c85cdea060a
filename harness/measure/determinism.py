"""Is a kernel repeatable? Repeats the same call beside a neighbour that keeps the rest of the device busy.

Blocks then start in another order and at other times. That exposes sums by atomics, races and unwritten memory, which
an idle device hides.
"""

from __future__ import annotations

import time

from harness.device.device import Device
from harness.measure.agreement import compare, worst_of
from harness.measure.candidate import Candidate
from harness.measure.expected import Expected
from harness.measure.repeated import Repeated, sameness
from harness.values.numerics import Determinism

CALLS = 20
"""Calls of the same kernel; only the first runs without the neighbour."""
SECONDS = 0.25
"""Start no further call after this long: on a GPU 20 calls take some hundredths of a second."""


def determinism(candidate: Candidate, expected: Expected, device: Device) -> tuple[Determinism, Repeated]:
    """The label, and the calls behind it. Raises Rejected where a call beside the neighbour is wrong: further from the
    definition than the op allows."""
    variant, tunables = candidate.variant, candidate.tunables
    found = Repeated(expected.results_unguarded(variant, tunables))
    end = time.perf_counter() + SECONDS
    with device.neighbour() as beside:
        while found.calls < CALLS:
            found.add(beside(lambda: expected.results_unguarded(variant, tunables)))
            if time.perf_counter() > end:
                break
    tolerance = expected.op.tolerance(candidate.case.activations, candidate.case.dims)
    differing, most = found.differing, found.max_difference
    if differing:
        _reject_wrong(candidate, expected, found)
    return Determinism(sameness(differing, most, tolerance.max_error), found.calls, differing, most), found


def _reject_wrong(candidate: Candidate, expected: Expected, found: Repeated) -> None:
    op = expected.op
    tolerance = op.tolerance(candidate.case.activations, candidate.case.dims)
    result = worst_of([
        compare(name, got, right, tolerance, op.row_dims(name))
        for name, got, right in zip(expected.names, found.worst, expected.wanted, strict=True)
    ])  # fmt: skip
    if not result.correct:
        raise candidate.incorrect(result, "right alone, wrong beside a busy neighbour: ")
