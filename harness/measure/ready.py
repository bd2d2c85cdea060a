"""A kernel case on its way to its samples: loaded, verified, captured, checked again. Every bench goes this way."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from harness.device.device import Device
from harness.device.timer import Call, Timed, Timer, TimerUnavailable
from harness.measure.agreement import compare, sentence, worst_of
from harness.measure.expected import as_tuple
from harness.measure.failure import failed, first_line, raised
from harness.measure.operand_sets import OperandSets, arguments
from harness.resolve import LoadedOp, load_op, load_variant
from harness.values.case import Case
from harness.values.measurement import Correctness, Measurement, Sample, Status, Work

LEAST_CALLS = 4
"""Of a batch that is cut short."""


class Rejected(Exception):
    """A case that will not be timed, with the measurement that says why. source_text: of its variant, where it has
    been loaded."""

    def __init__(self, measurement: Measurement, source_text: str | None = None) -> None:
        super().__init__(measurement.reason)
        self.measurement, self.source_text = measurement, source_text


class Candidate:
    """A case with its op and variant loaded. Raises Rejected, UNSUPPORTED, where the variant cannot run it."""

    def __init__(self, case: Case, suite_folder: str) -> None:
        assert case.op is not None and case.answer is not None
        self.case, self.op = case, load_op(case.op)
        try:
            self.variant = load_variant(case.op, case.answer.variant, suite_folder)
        except ImportError as error:
            raise Rejected(failed(case, first_line(error), Status.UNSUPPORTED)) from error
        reason = self.variant.supports(case) if self.variant.supports else None
        if reason:
            raise self.rejected(failed(case, reason, Status.UNSUPPORTED))
        self.tunables = self.variant.tunables_of(case.answer)

    def rejected(self, measurement: Measurement) -> Rejected:
        return Rejected(measurement, self.variant.source_text)

    def incorrect(self, found: Correctness, where: str = "") -> Rejected:
        """The rejection of a wrong output."""
        reason = f"{where}{sentence(found)}"
        source = self.variant.source_hash
        return self.rejected(Measurement(self.case, Status.INCORRECT, reason, found, source=source))

    def bind(self, operands: Mapping[str, Any]) -> Call:
        """One call of the variant on these operands."""
        positional, run, tunables = arguments(self.op, operands), self.variant.run, self.tunables
        return lambda: run(*positional, **tunables)

    @contextmanager
    def rejecting_errors(self, device: Device, doing: str = "") -> Iterator[None]:
        """Whatever a user's kernel raises inside is its case's result. An error that takes the device from this process
        is raised on: nothing else can run here. doing: put before the error's text."""
        try:
            yield
        except Rejected:
            raise
        except Exception as error:
            if isinstance(error, torch.AcceleratorError) and not device.answers():
                raise
            if isinstance(error, torch.OutOfMemoryError):
                device.release_memory()
            raise self.rejected(raised(self.case, error, doing)) from error


class Ready:
    """A candidate that is verified, and captured unless it is only verified."""

    def __init__(
        self, candidate: Candidate, correctness: Correctness, compile_s: float,
        timer: Timer | None = None, timed: Timed | None = None, sets: OperandSets | None = None,
    ) -> None:  # fmt: skip
        self.candidate, self.correctness, self.compile_s = candidate, correctness, compile_s
        self._timer, self._timed, self._sets = timer, timed, sets

    @property
    def case(self) -> Case:
        return self.candidate.case

    @property
    def timed(self) -> Timed:
        assert self._timed is not None, "only verified"
        return self._timed

    def measurement(self, samples: Sequence[Sample]) -> Measurement:
        """Of a case that is OK."""
        cost = self.candidate.op.cost(self.case.dims)
        return Measurement(
            case=self.case,
            status=Status.OK,
            correctness=self.correctness,
            samples=tuple(samples),
            work=Work(cost.read_bytes, cost.write_bytes, cost.flop),
            source=self.candidate.variant.source_hash,
            timer=self._timer.name if self._timer else "",
            calls_per_sample=self._timed.calls if self._timed else 1,
            cold_bytes=self._sets.cold_bytes if self._sets else None,
            prepared_bytes=self._sets.prepared_bytes if self._sets else None,
            compile_s=self.compile_s,
        )


def timer_for(case: Case, device: Device, kind: str | None) -> Timer:
    """The device's timer of that name. Raises Rejected, UNSUPPORTED, where it has none."""
    try:
        return device.timer(kind)
    except TimerUnavailable as error:
        raise Rejected(failed(case, str(error), Status.UNSUPPORTED)) from error


def capture(
    verified: Ready, sets: OperandSets, timer: Timer, device: Device, warm: int = 2, limit_us: float = math.inf
) -> Ready:
    """One timed call per operand set, made ready and checked: the last call of the batch must give what the same call
    gives alone, which was verified. limit_us: fewer calls where all would take longer. Raises Rejected."""
    candidate = verified.candidate
    with torch.no_grad(), candidate.rejecting_errors(device, "not ready for timing: "):
        calls = [candidate.bind(operands) for operands in sets.sets]
        if limit_us < math.inf:
            calls = calls[: _worthwhile(calls[1 % len(calls)], len(calls), limit_us, device)]
        wanted = _alone(candidate.op, calls[-1])
        timed = timer.prepare(calls, warm)
        found = _agreement(candidate, as_tuple(timed.outputs), wanted) if wanted else None
    if found is not None and not found.correct:
        raise candidate.incorrect(found, "right alone, wrong when captured: ")
    return Ready(candidate, verified.correctness, verified.compile_s, timer, timed, sets)


def _alone(op: LoadedOp, call: Call) -> list[Tensor]:
    """Outputs of one call; none where it has state, which cannot be replayed."""
    if any(i.role == "state" for i in op.op.inputs):
        return []
    return [output.clone() for output in as_tuple(call())]


def _agreement(candidate: Candidate, got: Sequence[Tensor], wanted: Sequence[Tensor]) -> Correctness:
    tolerance = candidate.op.tolerance(candidate.case.activations)
    pairs = zip(candidate.op.op.outputs, got, wanted, strict=True)
    return worst_of([compare(name, g, w, tolerance) for (name, _), g, w in pairs])


def _worthwhile(call: Call, most: int, limit_us: float, device: Device) -> int:
    """How many calls a batch is to hold."""
    device.synchronize()
    start = time.perf_counter()
    call()
    device.synchronize()
    return max(LEAST_CALLS, min(most, int(limit_us / ((time.perf_counter() - start) * 1e6))))
