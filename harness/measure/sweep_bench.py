"""The device side of a sweep: verifies each configuration once in this process, then times it as often as the sweep
asks.

Data that all configurations of a question share is made once: the inputs with the reference's answer, and the operand
sets of the timed calls. A ready configuration stays ready until there are too many.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from harness.device.device import Device
from harness.device.timer import Timer
from harness.load_kernels import LoadedOp
from harness.measure.candidate import Candidate, Rejected
from harness.measure.gate import Gate
from harness.measure.kernel_cases import rounds
from harness.measure.numerics import numerics_of
from harness.measure.operand_sets import OperandSets, SharedOperands, timing_sets, torch_dtype
from harness.measure.ready import Ready, capture, timer_for
from harness.measure.verify import ExpectedSets, verify_against
from harness.values.case import Case
from harness.values.measurement import Measurement, Sample
from harness.values.sweep import Entrant
from harness.worker.clock import OuterClock

FIRST_SAMPLES = 5
"""Samples of the first pass. Each already averages 20 to 50 calls within one graph; in practice 3 replays suffice to
rank all configurations."""
HOPELESS = 1.5
"""A configuration whose first two samples exceed the best by this factor gets no further sample in the first pass. The
margin is ten times the noise of one sample."""
HOPELESS_SAMPLES = 2
MOST_READY = 256
"""Captured configurations of a question that are kept; each holds its graph and outputs."""
CHECKS_ALL = 1
"""Number of the process in which every call of a finalist's batch is compared; the sweep's own process is 0."""
STEADY_US = 1000.0
MOST_REPLAYS = 2
"""After the first pass a sample is the mean of as many replays as last 1 ms, two at most. One replay of 32 calls of 8
us is 0.27 ms, and single replays of the same work differed by 1.4 %."""


class SweepBench:
    """timer: its name; None: the device's default. process: number of this fresh process, which salts its inputs. An
    error of a kernel becomes its configuration's reason; a GPU whose context is lost ends the process."""

    def __init__(
        self, device: Device, timer: str | None, process: int, suite_folder: str, routing: Any,
        clock: OuterClock | None = None,
    ) -> None:  # fmt: skip
        self.device, self.timer, self.process = device, timer, process
        self.suite_folder, self.routing = suite_folder, routing
        self.busy_s = 0.0
        self._gate = Gate(device, clock)
        self._turn = 0
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._loaded: set[str] = set()

    def prepare(self, entrants: Sequence[Entrant]) -> None:
        """Verify and capture the entrants, so that a `measure` of the same ones only times."""
        for entrant in entrants:
            self._make_ready(entrant)

    def measure(self, entrants: Sequence[Entrant], count: int, clocked: Collection[str] = ()) -> list[Measurement]:
        """A measurement of each entrant, in order.

        `count`: rounds of one sample each, interleaved; 0 for the first pass, a few samples of each by itself.
        `clocked`: ids of the cases that the outside clock also times.
        """
        found: dict[str, Measurement] = {}
        ready = []
        for entrant in entrants:
            entry = self._make_ready(entrant)
            if isinstance(entry, Measurement):
                found[entrant.name] = entry
            else:
                ready.append((entrant, entry))
        samples: dict[str, list[Sample]] = {entrant.name: [] for entrant, _ in ready}
        with torch.no_grad(), self._busy():
            if count == 0:
                for entrant, entry in ready:
                    samples[entrant.name] = self._first_pass(entrant.case, entry)
            elif ready:
                for number, order in rounds(ready, count):
                    for entrant, entry in order:
                        value = entry.steady_us()
                        samples[entrant.name].append(Sample(value, self.process, number))
            for entrant, entry in ready:
                if count and not self.process:
                    found[entrant.name] = self._of_rounds(entry, samples[entrant.name])
                else:
                    found[entrant.name] = self._measured(entry, samples[entrant.name], entrant.case.id in clocked)
        return [found[entrant.name] for entrant in entrants]

    def _of_rounds(self, entry: _Configuration, samples: Sequence[Sample]) -> Measurement:
        """The measurement from rounds of the searching process, which choose the finalists. Its calls were compared
        after the first pass; the fresh process that confirms the choice compares all of them again."""
        try:
            self._gate.untouched(entry.ready)
        except Rejected as rejected:
            return self._gate.refused(rejected)
        return entry.ready.measurement(samples)

    def _measured(self, entry: _Configuration, samples: Sequence[Sample], clocked: bool) -> Measurement:
        quick, candidate = self._is_quick(entry), entry.ready.candidate
        if not quick:
            try:
                with candidate.rejecting_errors(self.device, "called again: "):
                    expected = self._inputs(self._of_question(candidate.case), candidate.op, candidate.case)(0)
                    assert expected is not None
                    entry.ready.numerics = numerics_of(candidate, expected, self.device, self.routing, repeat_only=True)
            except Rejected as rejected:
                return self._gate.refused(rejected)
        return self._gate.measured(entry.ready, samples, quick, clocked)

    def _is_quick(self, entry: _Configuration) -> bool:
        """Whether comparing one call is enough: all are compared once, in the first fresh process that confirms the
        choice."""
        whole = self.process == CHECKS_ALL and not entry.checked
        entry.checked |= whole
        return not whole

    def _first_pass(self, case: Case, entry: _Configuration) -> list[Sample]:
        held = self._of_question(case)
        values: list[float] = []
        while len(values) < FIRST_SAMPLES:
            values.append(entry.ready.batch.timed.sample_us(entry.ready.batch.refresh))
            if held.best_us and len(values) == HOPELESS_SAMPLES and min(values) > HOPELESS * held.best_us:
                break
        held.best_us = min(held.best_us or values[0], sorted(values)[len(values) // 2])
        return [Sample(value, self.process, number) for number, value in enumerate(values)]

    def _make_ready(self, entrant: Entrant) -> _Configuration | Measurement:
        """The configuration verified and captured, or the measurement with the reason why it will not be timed."""
        held = self._of_question(entrant.case)
        if entrant.name in held.ready:
            held.ready.move_to_end(entrant.name)
            return held.ready[entrant.name]
        try:
            ready = self._captured(held, Candidate(entrant.case, self.suite_folder))
            entry = _Configuration(self._gate.untouched(ready))
        except Rejected as rejected:
            return self._gate.refused(rejected)
        while len(held.ready) >= MOST_READY:
            held.ready.popitem(last=False)
        held.ready[entrant.name] = entry
        return entry

    def _of_question(self, case: Case) -> _Held:
        """The data held for the case's question. It replaces the least recently used question where there are too
        many."""
        question = f"{case.question} {sorted(case.dims.items())}"
        if question not in self._held:
            while len(self._held) >= self.device.questions_held:
                self._held.popitem(last=False)
                self.device.release_memory()
            self._held[question] = _Held()
        self._held.move_to_end(question)
        return self._held[question]

    def _captured(self, held: _Held, candidate: Candidate) -> Ready:
        timer = timer_for(candidate.case, self.device, self.timer)
        with candidate.rejecting_errors(self.device):
            sets = self._sets(held, candidate, timer)
            verified = self._verified(held, candidate, sets)
        with self._busy():
            return capture(verified, sets, timer, self.device, self.routing, warm=1, limit_us=timer.batch_limit_us)

    def _verified(self, held: _Held, candidate: Candidate, sets: OperandSets) -> Ready:
        """Verify on random inputs and under one condition of the op, which differs between configurations. `compile_s`
        covers the first call, which compiles or takes the binary from an earlier compilation's cache."""
        op, variant, case = candidate.op, candidate.variant, candidate.case

        inputs = self._inputs(held, op, case)
        first = op.name not in self._loaded
        self._loaded.add(op.name)
        times = 2 if first else 1
        if first:  # torch loads each of its kernels with its first use: seconds in which the device does nothing
            inputs(0)
        with self._busy(times):
            inputs(1)
        start = time.perf_counter()
        with torch.no_grad():
            candidate.bind(sets.sets[0])()
        self.device.synchronize()
        compile_s = time.perf_counter() - start
        self._turn += 1
        condition = [op.conditions[self._turn % len(op.conditions)]] if op.conditions else []
        if first:
            verify_against(variant, case, inputs, condition)
        with self._busy(times):
            correctness = verify_against(variant, case, inputs, condition)
        if not correctness.correct:
            raise candidate.incorrect(correctness)
        return Ready(candidate, correctness, compile_s)

    def _sets(self, held: _Held, candidate: Candidate, timer: Timer) -> OperandSets:
        variant = candidate.variant
        key = (variant.path, variant.source_hash)
        if key not in held.sets:
            with self._busy():
                held.sets[key] = timing_sets(
                    candidate.op, variant, candidate.case, self.device, 1000 * self.process, self.routing, timer,
                    held.shared,
                )  # fmt: skip
            self.device.release_memory()  # what making them took beside: other processes want to make theirs
        return held.sets[key]

    def _inputs(self, held: _Held, op: LoadedOp, case: Case) -> ExpectedSets:
        if held.expected is None:
            dtype, tensors = torch_dtype(case.activations), self.device.tensors
            held.expected = ExpectedSets(op, case, dtype, tensors, self.process, self.routing)
        return held.expected

    @contextmanager
    def _busy(self, times: int = 1) -> Iterator[None]:
        """Count the time between the first and the last work that the device receives inside. times: 2 where the same
        work ran before, uncounted, while torch loaded its kernels."""
        with self.device.stopwatch() as watch:
            yield
        self.busy_s += times * watch.us / 1e6


class _Held:
    """Data that the configurations of one question share, and the ready ones among them."""

    def __init__(self) -> None:
        self.expected: ExpectedSets | None = None
        self.sets: dict[Any, OperandSets] = {}
        self.shared = SharedOperands()
        self.ready: OrderedDict[str, _Configuration] = OrderedDict()
        self.best_us: float | None = None


class _Configuration:
    """A ready configuration, and how many samples of it last `STEADY_US`."""

    def __init__(self, ready: Ready) -> None:
        self.ready = ready
        self.checked = False
        self._replays = 0

    def steady_us(self) -> float:
        """The mean, in us per call, of that many samples."""
        timed, refresh = self.ready.batch.timed, self.ready.batch.refresh
        if not self._replays:
            sample_us = timed.sample_us(refresh) * timed.calls
            self._replays = max(1, min(MOST_REPLAYS, math.ceil(STEADY_US / sample_us)))
        return statistics.fmean(timed.sample_us(refresh) for _ in range(self._replays))
