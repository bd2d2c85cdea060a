"""Kernel cases in one process: each is verified, then all that are right are timed in interleaved rounds."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec
import torch

from harness.measure.agreement import compare, sentence, worst_of
from harness.measure.conditions import ConditionsReader
from harness.measure.cuda_timer import CALLS_PER_GRAPH
from harness.measure.expected import as_tuple
from harness.measure.operand_sets import SharedOperands, arguments, timing_sets, torch_dtype
from harness.measure.timer import Timed, Timer
from harness.measure.verify import verify_variant
from harness.resolve import LoadedOp, LoadedVariant, load_op, load_variant
from harness.values.case import Case
from harness.values.measurement import Correctness, Measurement, Sample, Status, Work
from harness.worker.messages import BenchEvent, Measured, Sampled, Started

CPU_CALLS = 16
NEEDS_GPU = (
    "its Triton kernels need a GPU; `harness try` checks one without, TRITON_INTERPRET=1 `harness check` a suite"
)


class KernelBench:
    """Verifies and times kernel cases. timer None: verifies only."""

    def __init__(
        self, device: str, timer: Timer | None, process: int, suite_folder: str, routing: Any, l2_bytes: int,
        reader: ConditionsReader,
    ) -> None:  # fmt: skip
        self.device, self.timer, self.process = device, timer, process
        self.suite_folder, self.routing, self.l2_bytes, self.reader = suite_folder, routing, l2_bytes, reader
        self.shared = SharedOperands()

    def run(self, cases: Sequence[Case]) -> Iterator[BenchEvent]:
        """All cases, in groups of one op: what is compared is interleaved, and a group that is done is stored. Yields
        what happens next, each finished measurement, the conditions of each round."""
        return counted(self._events(cases), len(cases))

    def _events(self, cases: Sequence[Case]) -> Iterator[BenchEvent]:
        for _, group in groupby(cases, key=lambda case: case.op):
            ready: list[_Ready] = []
            for case in group:
                yield from self._ready(case, ready)
            yield from self._time(ready)
            del ready
            self.shared.clear()
            if self.device == "cuda":
                torch.cuda.empty_cache()

    def _ready(self, case: Case, ready: list[_Ready]) -> Iterator[BenchEvent]:
        """Verifies and captures the case and adds it to those that are ready, or yields its measurement instead."""
        yield started("verify", [case])
        try:
            entry = self._verify(case)
        except _Rejected as rejected:
            yield Measured(rejected.measurement, rejected.source_text)
            return
        if self.timer is None:
            yield Measured(entry.measurement(self, ()), entry.variant.source_text)
            return
        yield started("capture", [case])
        try:
            self._capture(entry)
        except (RuntimeError, ValueError, TypeError, AssertionError) as error:
            yield Measured(failed(case, f"not ready for timing: {first_line(error)}"), entry.variant.source_text)
            return
        if not entry.captured.correct:
            reason = f"right alone, wrong when captured: {sentence(entry.captured)}"
            wrong = Measurement(case, Status.INCORRECT, reason, entry.captured, source=entry.variant.source_hash)
            yield Measured(wrong, entry.variant.source_text)
            return
        ready.append(entry)

    def _verify(self, case: Case) -> _Ready:
        assert case.op is not None and case.answer is not None
        op = load_op(case.op)
        try:
            variant = load_variant(case.op, case.answer.variant, self.suite_folder)
        except ImportError as error:
            raise _Rejected(failed(case, first_line(error), Status.UNSUPPORTED), None) from error
        reason = variant.supports(case) if variant.supports else None
        if reason:
            raise _Rejected(failed(case, reason, Status.UNSUPPORTED), variant.source_text)
        start = time.perf_counter()
        dtype = torch_dtype(case.activations)
        try:
            result = verify_variant(op, variant, case, dtype, self.device, self.process, self.routing)
        except torch.AcceleratorError:  # the GPU's context is lost: nothing in this process can run any more
            raise
        except Exception as error:  # whatever else a user's kernel raises is that case's result, stored with its reason
            raise _Rejected(raised(case, error), variant.source_text) from error
        if not result.correct:
            wrong = Measurement(case, Status.INCORRECT, sentence(result), result, source=variant.source_hash)
            raise _Rejected(wrong, variant.source_text)
        return _Ready(case, op, variant, result, time.perf_counter() - start)

    def _capture(self, entry: _Ready) -> None:
        assert self.timer is not None
        cuda = self.device == "cuda"
        calls = CALLS_PER_GRAPH if cuda else CPU_CALLS
        dtype = torch_dtype(entry.case.activations)
        flush = getattr(self.timer, "flush_bytes", 0)
        rotation = timing_sets(
            entry.op, entry.variant, entry.case, dtype, self.device, 1000 * self.process, self.routing, calls,
            self.l2_bytes, flush, self.shared,
        )  # fmt: skip
        run, tunables = entry.variant.run, entry.tunables

        def bind(operands: dict[str, Any]) -> Callable[[], Any]:
            positional = arguments(entry.op, operands)
            return lambda: run(*positional, **tunables)

        last = rotation.sets[-1]
        stateful = any(i.role == "state" for i in entry.op.op.inputs)
        with torch.no_grad():
            wanted = None if stateful else [t.clone() for t in as_tuple(bind(last)())]
            entry.timed = self.timer.prepare([bind(operands) for operands in rotation.sets])
        entry.cold_bytes, entry.prepared_bytes = rotation.cold_bytes, rotation.prepared_bytes
        entry.captured = self._captured_check(entry, wanted)

    def _captured_check(self, entry: _Ready, wanted: list[torch.Tensor] | None) -> Correctness:
        """The last call of the timed batch against the same call made alone, which was verified; state cannot be
        replayed."""
        tolerance = entry.op.tolerance(entry.case.activations)
        if not wanted or entry.timed is None:
            return entry.correctness
        got = as_tuple(entry.timed.outputs)
        pairs = zip(entry.op.op.outputs, got, wanted, strict=True)
        return worst_of([compare(name, g, w, tolerance) for (name, _), g, w in pairs])

    @torch.no_grad()
    def _time(self, ready: Sequence[_Ready]) -> Iterator[BenchEvent]:
        if not ready or self.timer is None:
            return
        yield started("time", [entry.case for entry in ready])
        samples: dict[str, list[Sample]] = {entry.case.id: [] for entry in ready}
        for number, order in rounds(ready, self.timer.rounds):
            for entry in order:
                assert entry.timed is not None
                for _ in range(self.timer.samples_per_round):
                    samples[entry.case.id].append(Sample(entry.timed.sample_us(), self.process, number))
            yield Sampled((self.reader.read(self.process, number),))
        for entry in ready:
            yield Measured(entry.measurement(self, tuple(samples[entry.case.id])), entry.variant.source_text)


class _Ready:
    """A verified case on its way to its samples."""

    def __init__(
        self, case: Case, op: LoadedOp, variant: LoadedVariant, correctness: Correctness, compile_s: float
    ) -> None:
        self.case, self.op, self.variant, self.correctness, self.compile_s = case, op, variant, correctness, compile_s
        self.tunables = {**variant.tunables, **(case.answer.tunables if case.answer else {})}
        self.timed: Timed | None = None
        self.captured = correctness
        self.cold_bytes: int | None = None
        self.prepared_bytes: int | None = None

    def measurement(self, bench: KernelBench, samples: tuple[Sample, ...]) -> Measurement:
        cost = self.op.cost(self.case.dims)
        return Measurement(
            case=self.case,
            status=Status.OK,
            correctness=self.correctness,
            samples=samples,
            work=Work(cost.read_bytes, cost.write_bytes, cost.flop),
            source=self.variant.source_hash,
            timer=bench.timer.name if bench.timer else "",
            calls_per_sample=self.timed.calls if self.timed else 1,
            cold_bytes=self.cold_bytes,
            prepared_bytes=self.prepared_bytes,
            compile_s=self.compile_s,
        )


class _Rejected(Exception):
    """A case that will not be timed, with the measurement that says why."""

    def __init__(self, measurement: Measurement, source_text: str | None) -> None:
        super().__init__(measurement.reason)
        self.measurement, self.source_text = measurement, source_text


def started(what: str, cases: Sequence[Case]) -> Started:
    return Started(what, tuple(case.id for case in cases))


def counted(events: Iterable[BenchEvent], of: int) -> Iterator[BenchEvent]:
    """The events, each start with the number of cases that are done, of so many."""
    done = 0
    for event in events:
        done += isinstance(event, Measured)
        yield msgspec.structs.replace(event, done=done, of=of) if isinstance(event, Started) else event


def rounds(entries: Sequence[Any], count: int) -> Iterator[tuple[int, list[Any]]]:
    """`count` passes over all entries, each starting one further on, so that none is always first."""
    for number in range(count):
        shift = number % len(entries)
        yield number, [*entries[shift:], *entries[:shift]]


def failed(case: Case, reason: str, status: Status = Status.FAILED) -> Measurement:
    return Measurement(case, status, reason or "failed without a message")


def what_was_raised(error: BaseException) -> tuple[Status, str]:
    """What an error that a kernel raised makes of its case: UNSUPPORTED where Triton found no GPU, else FAILED."""
    if isinstance(error, RuntimeError) and str(error).startswith("0 active drivers"):
        return Status.UNSUPPORTED, NEEDS_GPU
    return Status.FAILED, f"{type(error).__name__}: {first_line(error)}"


def raised(case: Case, error: BaseException) -> Measurement:
    status, reason = what_was_raised(error)
    return Measurement(case, status, reason, out_of_memory=lacked_memory(error))


def lacked_memory(error: BaseException) -> bool:
    """Whether an allocation failed. Only torch's own for a GPU has a type; CUDA's, Triton's and the one for a CPU are
    known by their text."""
    text = str(error).lower()
    unnamed = isinstance(error, RuntimeError) and ("out of memory" in text or "allocate memory" in text)
    return unnamed or isinstance(error, MemoryError | torch.OutOfMemoryError)


def first_line(error: BaseException) -> str:
    """The first line of an error that says something. Where it only announces what follows (a place in a kernel's
    source, another process' traceback): with the last line that names an error, else the last one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("Set TORCH")] or lines  # torch's hint, at the end
    if len(lines) > 1 and lines[0].endswith(":"):
        named = [line for line in lines[1:] if re.match(r"[\w.]+(Error|Exception)\b", line)][-1:]
        last = [] if named and not named[0].endswith(":") else lines[-1:]
        return " ".join([lines[0], *named, *last])
    return lines[0] if lines else type(error).__name__
