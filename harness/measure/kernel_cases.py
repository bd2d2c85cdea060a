"""Kernel cases in one process: verify each, then time all right ones in interleaved rounds."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import msgspec
import torch

from harness.device.device import Device
from harness.device.timer import WorkLeftRunning
from harness.load_kernels import LoadedOp, load_op
from harness.measure.candidate import Candidate, Rejected
from harness.measure.energy import NOT_ASKED, Energy, EnergyMeter, known
from harness.measure.gate import Gate
from harness.measure.numerics import numerics_of
from harness.measure.operand_sets import SharedOperands, timing_sets, torch_dtype
from harness.measure.ready import Ready, capture, timer_for
from harness.measure.verify import ExpectedSets, verify_against
from harness.values.case import Case
from harness.values.measurement import Measurement, Sample
from harness.values.numerics import Numerics
from harness.values.suite import Timing
from harness.worker.clock import OuterClock
from harness.worker.messages import BenchEvent, Measured, Sampled, Started


class KernelBench:
    """Verifies and times kernel cases. timing: settings; None only verifies. energy: also measure the joules of a call,
    one case after the other. clock: a clock outside of this process, for the cases with the ids `clocked`."""

    def __init__(
        self, device: Device, timing: Timing | None, process: int, suite_folder: str, routing: Any,
        energy: bool = False, clock: OuterClock | None = None, clocked: Collection[str] = (),
    ) -> None:  # fmt: skip
        self.device, self.timing, self.process = device, timing, process
        self.suite_folder, self.routing = suite_folder, routing
        self.shared = SharedOperands()
        self._expected: dict[str, ExpectedSets] = {}
        self.gate, self.clocked = Gate(device, clock), clocked
        self._meter = EnergyMeter(device, process) if energy else None

    def run(self, cases: Sequence[Case]) -> Iterator[BenchEvent]:
        """Run all cases, in groups of one op: compared cases are interleaved, and a finished group is stored. Yields
        the next activity, each finished measurement, and the conditions of each round."""
        return counted(self._events(cases), len(cases))

    def _events(self, cases: Sequence[Case]) -> Iterator[BenchEvent]:
        for _, group in groupby(cases, key=lambda case: case.op):
            ready: list[Ready] = []
            for case in group:
                yield from self._ready(case, ready)
            yield from self._time(ready)
            del ready
            self.shared.clear()
            self._expected.clear()
            self.device.release_memory()

    def _ready(self, case: Case, ready: list[Ready]) -> Iterator[BenchEvent]:
        """Verify and capture the case and add it to the ready ones, or yield its measurement instead."""
        yield started("verify", [case])
        try:
            entry = self.gate.untouched(self._verify(case))
            if self.timing is None:
                yield finished(entry, ())
                return
            yield started("capture", [case])
            ready.append(self.gate.untouched(self._capture(entry, self.timing)))
        except Rejected as rejected:
            yield Measured(self.gate.refused(rejected), rejected.source_text)

    def _verify(self, case: Case) -> Ready:
        load_op(str(case.op))
        self.gate.watch_more()
        candidate = Candidate(case, self.suite_folder)
        start = time.perf_counter()
        dtype, tensors = torch_dtype(case.activations), self.device.tensors
        with candidate.rejecting_errors(self.device):
            inputs = self._inputs(candidate, dtype, tensors)
            found = verify_against(candidate.variant, case, inputs, self._conditions(candidate.op))
        compile_s = time.perf_counter() - start
        numerics = self._numerics(candidate, inputs) if found.correct else None
        inputs.forget_prepared()
        if not found.correct:
            raise candidate.incorrect(found)
        return Ready(candidate, found, compile_s, numerics=numerics)

    def _inputs(self, candidate: Candidate, dtype: torch.dtype, tensors: str) -> ExpectedSets:
        """The inputs that the arms of one question share."""
        op, case = candidate.op, candidate.case
        question = f"{case.question} {sorted(case.dims.items())}"
        if question not in self._expected:
            self._expected[question] = ExpectedSets(op, case, dtype, tensors, self.process, self.routing)
        return self._expected[question]

    def _conditions(self, op: LoadedOp) -> list[str]:
        """All conditions of the op in the first process; one in each later process, in turn."""
        if not self.process or not op.conditions:
            return list(op.conditions)
        return [op.conditions[self.process % len(op.conditions)]]

    def _numerics(self, candidate: Candidate, inputs: ExpectedSets) -> Numerics | None:
        """The numerics, in the first process alone: they do not depend on time."""
        if self.process:
            return None
        with candidate.rejecting_errors(self.device, "called again: "):
            expected = inputs(0)
            assert expected is not None
            return numerics_of(candidate, expected, self.device, self.routing)

    def _capture(self, entry: Ready, timing: Timing) -> Ready:
        candidate, timer = entry.candidate, timer_for(entry.case, self.device, timing.kind)
        with candidate.rejecting_errors(self.device, "not ready for timing: "):
            sets = timing_sets(
                candidate.op, candidate.variant, entry.case, self.device, 1000 * self.process, self.routing, timer,
                self.shared,
            )  # fmt: skip
        return capture(entry, sets, timer, self.device, self.routing)

    @torch.no_grad()
    def _time(self, ready: Sequence[Ready]) -> Iterator[BenchEvent]:
        if not ready or self.timing is None:
            return
        timer = self.device.timer(self.timing.kind)
        yield started("time", [entry.case for entry in ready])
        count = self.timing.rounds or timer.rounds
        samples: dict[str, list[Sample]] = {entry.case.id: [] for entry in ready}
        moments = {entry.case.id: self.gate.moments(count, timer.samples_per_round) for entry in ready}
        for number, order in rounds(ready, count):
            for entry in order:
                if entry.case.id not in samples:
                    continue
                try:
                    for sample in range(timer.samples_per_round):
                        with entry.candidate.rejecting_errors(self.device, "while it was timed: "):
                            value_us = entry.batch.timed.sample_us(entry.batch.refresh)
                            if (number, sample) in moments[entry.case.id]:
                                entry.batch.look()
                        samples[entry.case.id].append(Sample(value_us, self.process, number))
                except (Rejected, WorkLeftRunning) as error:
                    del samples[entry.case.id]
                    yield Measured(self.gate.stopped(entry, error), entry.candidate.variant.source_text)
            yield Sampled((self.device.conditions(self.process, number),))
        for entry in ready:
            if entry.case.id in samples:
                if self._meter is not None:
                    yield started("energy", [entry.case])
                yield Measured(self._judged(entry, samples[entry.case.id]), entry.candidate.variant.source_text)

    def _judged(self, entry: Ready, samples: Sequence[Sample]) -> Measurement:
        """The measurement, after the case's energy, so that its calls are checked together with the timed ones."""
        try:
            energy = self._energy(entry)
        except Rejected as rejected:
            return self.gate.stopped(entry, rejected)
        return energy.of(self.gate.measured(entry, samples, self.process > 1, entry.case.id in self.clocked))

    def _energy(self, entry: Ready) -> Energy:
        if self._meter is None:
            return NOT_ASKED
        with entry.candidate.rejecting_errors(self.device, "while its energy was measured: "):
            return known(partial(self._meter.of_batch, entry.batch.timed))


def finished(entry: Ready, samples: Sequence[Sample]) -> Measured:
    """The event of a case that is OK."""
    return Measured(entry.measurement(samples), entry.candidate.variant.source_text)


def started(what: str, cases: Sequence[Case]) -> Started:
    """The event that names the next activity for these cases."""
    return Started(what, tuple(case.id for case in cases))


def counted(events: Iterable[BenchEvent], of: int) -> Iterator[BenchEvent]:
    """The events; each `Started` carries the number of finished cases, out of `of`."""
    done = 0
    for event in events:
        done += isinstance(event, Measured)
        yield msgspec.structs.replace(event, done=done, of=of) if isinstance(event, Started) else event


def rounds(entries: Sequence[Any], count: int) -> Iterator[tuple[int, list[Any]]]:
    """Yield `count` passes over all entries, each starting one further on, so that no entry is always first."""
    for number in range(count):
        shift = number % len(entries)
        yield number, [*entries[shift:], *entries[:shift]]
