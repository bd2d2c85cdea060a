"""A kernel case on its way to its samples: verified, captured, timed, checked again. Every bench uses this path."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import torch

from harness.device.device import Device
from harness.device.timer import Call, Timer, TimerUnavailable
from harness.measure.candidate import Candidate, Rejected
from harness.measure.failure import failed
from harness.measure.operand_sets import OperandSets
from harness.measure.physics import Traffic, impossible
from harness.measure.recheck import Batch
from harness.measure.work import work_of
from harness.values.case import Case
from harness.values.measurement import Correctness, Measurement, Sample, Status, Work
from harness.values.numerics import Numerics

REMEMBERED = 0.6
"""Results count as remembered below this ratio: the slowest of three samples on the previous sample's operands, over
the fastest on new ones. Noise does not bring equal work this far apart in this order of extremes; a lookup saves far
more."""
LEAST_CALLS = 4
"""The fewest calls of a batch that is cut short."""


class Ready:
    """A verified candidate, captured too unless the run only verifies."""

    def __init__(
        self, candidate: Candidate, correctness: Correctness, compile_s: float,
        timer: Timer | None = None, batch: Batch | None = None, sets: OperandSets | None = None,
        numerics: Numerics | None = None,
    ) -> None:  # fmt: skip
        self.candidate, self.correctness, self.compile_s = candidate, correctness, compile_s
        self.numerics = numerics
        self._timer, self._batch, self._sets = timer, batch, sets

    @property
    def case(self) -> Case:
        return self.candidate.case

    @property
    def batch(self) -> Batch:
        assert self._batch is not None, "only verified"
        return self._batch

    def checked(self, found: Correctness) -> Ready:
        """Return this case after its samples, with the result of the batch's check. Raises Rejected where a call was
        wrong."""
        if not found.correct:
            raise self.candidate.incorrect(found, "right alone, wrong in the batch that was timed, on new operands: ")
        self.correctness = msgspec.structs.replace(self.correctness, rechecked_calls=found.rechecked_calls)
        return self

    def invalid(self, reason: str) -> Rejected:
        """The rejection of an impossible speed."""
        source = self.candidate.variant.source_hash
        found = Measurement(self.case, Status.INVALID, reason, self.correctness, source=source)
        return self.candidate.rejected(found)

    def remembered(self, samples: Sequence[Sample], count: int) -> str:
        """Say that results are remembered, where operands seen before take far less time; else empty. count: samples on
        such operands. These are also faster where a load on the machine has just ended, so a gap counts only if it
        persists when new and seen operands are timed in turns."""
        new_us, again_us = min(sample.value_us for sample in samples), self.batch.seen_before_us(count)
        if again_us < REMEMBERED * new_us:
            new_us, again_us = self.batch.in_turns_us()
        if again_us >= REMEMBERED * new_us:
            return ""
        return (
            f"faster on operands that it saw before, {again_us:.3g} us, than on new ones, {new_us:.3g} us or more: "
            f"results are remembered"
        )

    def possible(self, samples: Sequence[Sample], remembered: str, device: Device) -> None:
        """Raises Rejected where results are remembered, or where the median of the samples is faster than memory can be
        read."""
        if remembered:
            raise self.invalid(remembered)
        operands = self.batch.sets.raw[0]
        near = [operands[i.name] for i in self.candidate.op.op.inputs if i.role in ("activation", "index")]
        near_bytes = sum(value.nbytes for value in near if isinstance(value, torch.Tensor))
        memory_bytes = work_of(self.candidate.op, self.case, operands).read_bytes - near_bytes
        traffic = Traffic(max(0, memory_bytes), self.batch.sets.distinct_bytes, self.batch.calls)
        median_us = statistics.median(sample.value_us for sample in samples)
        reason = impossible(median_us, traffic, device.cache_bytes, device.read_gb_s(), device.gpu)
        if reason:
            raise self.invalid(reason)

    def _work(self) -> Work | None:
        """Work of one call; None for a case that is only verified if its work is counted from operands, which are
        missing then."""
        if self._sets is None and self.candidate.op.cost is None:
            return None
        return work_of(self.candidate.op, self.case, self._sets.raw[0] if self._sets else {})

    def measurement(self, samples: Sequence[Sample]) -> Measurement:
        """The measurement of a case that is OK."""
        return Measurement(
            case=self.case,
            status=Status.OK,
            correctness=self.correctness,
            samples=tuple(samples),
            work=self._work(),
            source=self.candidate.variant.source_hash,
            timer=self._timer.name if self._timer else "",
            calls_per_sample=self._batch.timed.calls if self._batch else 1,
            cold_bytes=self._sets.cold_bytes if self._sets else None,
            prepared_bytes=self._sets.prepared_bytes if self._sets else None,
            compile_s=self.compile_s,
            numerics=self.numerics,
        )


def timer_for(case: Case, device: Device, kind: str | None) -> Timer:
    """The device's timer of that name. Raises Rejected, UNSUPPORTED, where the device has none."""
    try:
        return device.timer(kind)
    except TimerUnavailable as error:
        raise Rejected(failed(case, str(error), Status.UNSUPPORTED)) from error


def capture(
    verified: Ready,
    sets: OperandSets,
    timer: Timer,
    device: Device,
    routing: Any,
    warm: int = 2,
    limit_us: float = math.inf,
) -> Ready:
    """Capture one timed call per operand set. limit_us: capture fewer calls where all would take longer. Raises
    Rejected."""
    candidate = verified.candidate
    with torch.no_grad(), candidate.rejecting_errors(device, "not ready for timing: "):
        calls = [candidate.bind(operands) for operands in sets.sets]
        if limit_us < math.inf:
            calls = calls[: _worthwhile(calls[1 % len(calls)], len(calls), limit_us, device)]
        batch = Batch(candidate, sets, timer.prepare(calls, warm), device, routing)
    return Ready(candidate, verified.correctness, verified.compile_s, timer, batch, sets, verified.numerics)


def _worthwhile(call: Call, most: int, limit_us: float, device: Device) -> int:
    """The number of calls that a batch should hold."""
    device.synchronize()
    start = time.perf_counter()
    call()
    device.synchronize()
    return max(LEAST_CALLS, min(most, int(limit_us / ((time.perf_counter() - start) * 1e6))))
