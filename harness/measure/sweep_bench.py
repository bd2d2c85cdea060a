"""The device side of a sweep: each configuration is verified once in this process, then timed as often as it is asked
for.

What all configurations of a question share is made once: the inputs with the reference's answer, the operand sets
of the timed calls. A configuration that was made ready stays so, until there are too many.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from harness.measure.agreement import compare, sentence, worst_of
from harness.measure.cuda_timer import CALLS_PER_GRAPH
from harness.measure.expected import Expected, as_tuple
from harness.measure.kernel_cases import CPU_CALLS, failed, first_line, raised, rounds
from harness.measure.operand_sets import OperandSets, SharedOperands, arguments, timing_sets, torch_dtype
from harness.measure.timer import Timed, Timer
from harness.measure.verify import expected_set, verify_against
from harness.resolve import LoadedOp, LoadedVariant, load_op, load_variant
from harness.values.case import Case
from harness.values.measurement import Correctness, Measurement, Sample, Status, Work
from harness.values.sweep import Entrant

FIRST_SAMPLES = 5
"""Of the first pass. Within one graph 20 to 50 calls are averaged already; facts of practice: 3 replays rank all."""
HOPELESS = 1.5
"""A configuration whose first two samples are this far above the best is not sampled again in the first pass: ten
times more than the noise of one sample."""
HOPELESS_SAMPLES = 2
GRAPH_LIMIT_US = 4000.0
"""A graph of slow calls holds fewer of them: 4 ms is 2,000 ticks of the event clock."""
LEAST_CALLS = 4
MOST_READY = 256
"""Captured configurations of a question that are kept: each holds its graph and outputs."""
STEADY_US = 1000.0
MOST_REPLAYS = 4
"""After the first pass a sample is the mean of as many replays as last 1 ms: one of 32 calls of 8 us is 0.27 ms, and by
single ones the same work differed by 1.4 % from itself."""
MOST_QUESTIONS = {"cuda": 4, "cpu": 1}
"""Whose inputs are kept at once: configurations of several come as they are compiled."""


class SweepBench:
    """process: number of this fresh process, which salts its inputs. first_line of whatever a kernel raises is that
    configuration's reason; a GPU whose context is lost ends the process."""

    def __init__(self, device: str, timer: Timer, process: int, suite_folder: str, routing: Any, l2_bytes: int) -> None:
        self.device, self.timer, self.process = device, timer, process
        self.suite_folder, self.routing, self.l2_bytes = suite_folder, routing, l2_bytes
        self.busy_s = 0.0
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._loaded: set[str] = set()

    def prepare(self, entrants: Sequence[Entrant]) -> None:
        """Verifies and captures them, so that a `measure` of the same only times."""
        for entrant in entrants:
            self._make_ready(entrant)

    def measure(self, entrants: Sequence[Entrant], count: int) -> list[Measurement]:
        """A measurement of each, in order. count 0: the first pass, a few samples of each by itself; else as many
        interleaved rounds of one sample."""
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
                        value = entry.steady_us() if self.device == "cuda" else entry.timed.sample_us()
                        samples[entrant.name].append(Sample(value, self.process, number))
        for entrant, entry in ready:
            found[entrant.name] = entry.measurement(entrant.case, self.timer.name, tuple(samples[entrant.name]))
        return [found[entrant.name] for entrant in entrants]

    def _first_pass(self, case: Case, entry: _Ready) -> list[Sample]:
        held = self._of_question(case)
        values: list[float] = []
        while len(values) < FIRST_SAMPLES:
            values.append(entry.timed.sample_us())
            if held.best_us and len(values) == HOPELESS_SAMPLES and min(values) > HOPELESS * held.best_us:
                break
        held.best_us = min(held.best_us or values[0], sorted(values)[len(values) // 2])
        return [Sample(value, self.process, number) for number, value in enumerate(values)]

    def _make_ready(self, entrant: Entrant) -> _Ready | Measurement:
        """The configuration verified and captured, or the measurement that says why it will not be timed."""
        case = entrant.case
        assert case.op is not None and case.answer is not None
        held = self._of_question(case)
        if entrant.name in held.ready:
            held.ready.move_to_end(entrant.name)
            return held.ready[entrant.name]
        op = load_op(case.op)
        try:
            variant = load_variant(case.op, case.answer.variant, self.suite_folder)
        except ImportError as error:
            return failed(case, first_line(error), Status.UNSUPPORTED)
        reason = variant.supports(case) if variant.supports else None
        if reason:
            return failed(case, reason, Status.UNSUPPORTED)
        try:
            entry = self._capture(held, op, variant, case)
        except torch.AcceleratorError:  # the GPU's context is lost: nothing in this process can run any more
            raise
        except Exception as error:  # whatever else a user's kernel raises is its result, kept with its reason
            if isinstance(error, torch.OutOfMemoryError):
                torch.cuda.empty_cache()
            return raised(case, error)
        if isinstance(entry, Measurement):
            return entry
        while len(held.ready) >= MOST_READY:
            held.ready.popitem(last=False)
        held.ready[entrant.name] = entry
        return entry

    def _of_question(self, case: Case) -> _Held:
        """What the case's question holds; the question that was not asked for longest makes room."""
        question = f"{case.question} {sorted(case.dims.items())}"
        if question not in self._held:
            while len(self._held) >= MOST_QUESTIONS[self.device]:
                self._held.popitem(last=False)
                if self.device == "cuda":
                    torch.cuda.empty_cache()
            self._held[question] = _Held()
        self._held.move_to_end(question)
        return self._held[question]

    def _capture(self, held: _Held, op: LoadedOp, variant: LoadedVariant, case: Case) -> _Ready | Measurement:
        tunables = {**variant.tunables, **(case.answer.tunables if case.answer else {})}
        first = op.name not in self._loaded
        self._loaded.add(op.name)
        times = 2 if first else 1
        if first:  # torch loads each of its kernels with its first use: seconds in which the device does nothing
            self._inputs(held, op, case, 0)
        with self._busy(times):
            self._inputs(held, op, case, 1)
        rotation = self._rotation(held, op, variant, case)
        start = time.perf_counter()
        with torch.no_grad():  # compiles, or takes the binary from the cache of an earlier compilation
            variant.run(*arguments(op, rotation.sets[0]), **tunables)
        self._synchronize()
        compile_s = time.perf_counter() - start
        if first:
            verify_against(variant, case, lambda inputs: self._inputs(held, op, case, inputs))
        with self._busy(times):
            correctness = verify_against(variant, case, lambda inputs: self._inputs(held, op, case, inputs))
        if not correctness.correct:
            return Measurement(case, Status.INCORRECT, sentence(correctness), correctness, source=variant.source_hash)

        def bind(operands: dict[str, Any]) -> Callable[[], Any]:
            positional = arguments(op, operands)
            return lambda: variant.run(*positional, **tunables)

        with torch.no_grad(), self._busy():
            calls = [bind(operands) for operands in rotation.sets]
            calls = calls[: self._worthwhile(calls[1 % len(calls)], len(calls))]
            stateful = any(i.role == "state" for i in op.op.inputs)
            wanted = None if stateful else [t.clone() for t in as_tuple(calls[-1]())]
            timed = self.timer.prepare(calls)
        captured = self._captured_check(op, case, timed, wanted)
        if captured is not None and not captured.correct:
            reason = f"right alone, wrong when captured: {sentence(captured)}"
            return Measurement(case, Status.INCORRECT, reason, captured, source=variant.source_hash)
        cost = op.cost(case.dims)
        work = Work(cost.read_bytes, cost.write_bytes, cost.flop)
        return _Ready(timed, correctness, work, variant.source_hash, rotation, compile_s)

    def _worthwhile(self, call: Callable[[], Any], most: int) -> int:
        """How many calls a graph is to hold."""
        if self.device != "cuda":
            return most
        self._synchronize()
        start = time.perf_counter()
        call()
        self._synchronize()
        return max(LEAST_CALLS, min(most, int(GRAPH_LIMIT_US / ((time.perf_counter() - start) * 1e6))))

    def _captured_check(
        self, op: LoadedOp, case: Case, timed: Timed, wanted: list[torch.Tensor] | None
    ) -> Correctness | None:
        """The last call of the timed batch against the same call made alone; state cannot be replayed."""
        if not wanted:
            return None
        tolerance = op.tolerance(case.activations)
        pairs = zip(op.op.outputs, as_tuple(timed.outputs), wanted, strict=True)
        return worst_of([compare(name, g, w, tolerance) for (name, _), g, w in pairs])

    def _rotation(self, held: _Held, op: LoadedOp, variant: LoadedVariant, case: Case) -> OperandSets:
        key = (variant.path, variant.source_hash)
        if key not in held.sets:
            calls = CALLS_PER_GRAPH if self.device == "cuda" else CPU_CALLS
            flush = getattr(self.timer, "flush_bytes", 0)
            with self._busy():
                held.sets[key] = timing_sets(
                    op, variant, case, torch_dtype(case.activations), self.device, 1000 * self.process, self.routing,
                    calls, self.l2_bytes, flush, held.shared,
                )  # fmt: skip
            if self.device == "cuda":
                torch.cuda.empty_cache()  # what making them took beside: other processes want to make theirs
        return held.sets[key]

    def _inputs(self, held: _Held, op: LoadedOp, case: Case, inputs: int | str) -> Expected | None:
        if inputs not in held.expected:
            dtype = torch_dtype(case.activations)
            held.expected[inputs] = expected_set(op, case, dtype, self.device, self.process, inputs, self.routing)
        return held.expected[inputs]

    def _synchronize(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()

    @contextmanager
    def _busy(self, times: int = 1) -> Iterator[None]:
        """Counts the time between the first and the last work that is given to the device inside. times: 2 where the
        same was done before, not counted, as torch loaded its kernels."""
        if self.device != "cuda":
            start = time.perf_counter()
            yield
            self.busy_s += times * (time.perf_counter() - start)
            return
        first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        first.record()
        yield
        last.record()
        last.synchronize()
        self.busy_s += times * first.elapsed_time(last) / 1e3


class _Held:
    """What the configurations of one question share, and those that are ready."""

    def __init__(self) -> None:
        self.expected: dict[int | str, Expected | None] = {}
        self.sets: dict[Any, OperandSets] = {}
        self.shared = SharedOperands()
        self.ready: OrderedDict[str, _Ready] = OrderedDict()
        self.best_us: float | None = None


class _Ready:
    """A verified and captured configuration."""

    def __init__(
        self, timed: Timed, correctness: Correctness, work: Work, source: str, sets: OperandSets, compile_s: float
    ) -> None:
        self.timed, self.correctness, self.work = timed, correctness, work
        self.source, self.sets, self.compile_s = source, sets, compile_s
        self._replays = 0

    def steady_us(self) -> float:
        """The mean of enough replays."""
        if not self._replays:
            replay_us = self.timed.sample_us() * self.timed.calls
            self._replays = max(1, min(MOST_REPLAYS, math.ceil(STEADY_US / replay_us)))
        return statistics.fmean(self.timed.sample_us() for _ in range(self._replays))

    def measurement(self, case: Case, timer: str, samples: tuple[Sample, ...]) -> Measurement:
        return Measurement(
            case, Status.OK, "", self.correctness, samples, self.work, self.source, timer, self.timed.calls,
            self.sets.cold_bytes, None, self.compile_s, prepared_bytes=self.sets.prepared_bytes,
        )  # fmt: skip
