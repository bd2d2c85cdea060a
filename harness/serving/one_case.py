"""One attempt after the other in a warm process: checked, timed beside its opponent, diagnosed when wrong."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import torch

from harness.device.device import Device
from harness.errors import HarnessError
from harness.load_kernels import load_op, load_variant
from harness.measure.failure import failed, first_line
from harness.measure.interpreter import autotuned
from harness.measure.kernel_cases import KernelBench
from harness.measure.launches import InterpretedLaunches
from harness.measure.operand_sets import arguments, make_operands, prepare, torch_dtype
from harness.measure.verify import CHECK_SALT
from harness.measure.watched_call import access_errors
from harness.measure.wrong_output import examine
from harness.values.case import Case
from harness.values.environment import Environment
from harness.values.measurement import Measurement, Status
from harness.values.suite import Timing
from harness.worker.clock import OuterClock
from harness.worker.messages import Measured, Started, TryJob, TryReply

T = TypeVar("T")

Results = dict[str, Measured]
Events = Generator[Started, None, T]
"""A generator that yields the next step and returns the result."""


class OneCase:
    def __init__(self, device: Device, environment: Environment, clock: OuterClock) -> None:
        self.device, self.environment, self._clock = device, environment, clock
        self._binaries: Any = None

    def events(self, job: TryJob) -> Iterator[Started | TryReply]:
        """Yield each next step and at the end, whatever the kernel does, an answer; `lost` where this process should
        not go on."""
        try:
            answered = yield from self._answer(job)
        except torch.AcceleratorError as error:
            reason = f"the GPU's context is lost: {first_line(error)}; --sanitize names the access"
            yield TryReply(failed(job.case, reason), lost=True)
            return
        except HarnessError as error:
            yield TryReply(failed(job.case, str(error)))
            return
        in_doubt = self._in_doubt(answered.measurement)
        if not in_doubt:
            gc.collect()
            self.device.release_memory()
        yield msgspec.structs.replace(answered, lost=in_doubt)

    def _answer(self, job: TryJob) -> Events[TryReply]:
        assert job.case.op is not None
        if not self.device.gpu:
            small = yield from self._interpreted(job)
            if small is not None:
                return small
        cases = [case for case in (job.case, job.against) if case is not None]
        results = yield from self._bench(job, cases, Timing(rounds=job.rounds))
        found = results[job.case.id]
        against = results[job.against.id].measurement if job.against is not None else None
        answered = yield from self._with_binaries(job, TryReply(found.measurement, against, found.source_text))
        return (yield from self._diagnosed(job, job.case, answered))

    def _bench(self, job: TryJob, cases: Sequence[Case], timing: Timing | None) -> Events[Results]:
        results: Results = {}
        arms = {case.id: case.arm for case in cases}
        bench = KernelBench(
            self.device, timing, 0, job.folder, job.case.routing, clock=self._clock, clocked=job.clocked
        )
        for event in bench.run(cases):
            if isinstance(event, Measured):
                results[event.measurement.case.id] = event
            elif isinstance(event, Started):
                yield Started(event.what if event.what == "time" else f"{event.what} {arms[event.cases[0]]}")
        return results

    def _with_binaries(self, job: TryJob, answered: TryReply) -> Events[TryReply]:
        """The answer with the binaries compiled for this GPU, or with a remark why they cannot be read."""
        target, case = self.environment.compute_capability, job.case
        if answered.measurement.status is not Status.OK or target is None or case.answer is None:
            return answered
        from harness.measure.gpu_binaries import GpuBinaries

        yield Started("read its binary")
        self._binaries = self._binaries or GpuBinaries(target)
        op = load_op(str(case.op), case.weights)
        variant = load_variant(op.name, case.answer.variant, job.folder)
        raw = make_operands(op, case, torch_dtype(case.activations), self.device.tensors, CHECK_SALT, case.routing)
        found = self._binaries.of_call(op, variant, case, arguments(op, prepare(variant, op, raw)))
        if isinstance(found, str):
            return msgspec.structs.replace(answered, remarks=(*answered.remarks, found))
        remarks = (*answered.remarks, *(f"triton.autotune chose for {choice}" for choice in found.chosen))
        return msgspec.structs.replace(answered, launches=found.launches, binaries=found.binaries, remarks=remarks)

    def _interpreted(self, job: TryJob) -> Events[TryReply | None]:
        """The whole answer where the kernel runs in the interpreter: it is checked and not timed. None for a variant of
        torch alone."""
        op = load_op(str(job.case.op), job.case.weights)
        launches = InterpretedLaunches()
        shapes = [job.case.dims] if job.explicit else [dict(dims) for dims in op.test_shapes]
        checked: list[Measurement] = []
        source: str | None = None
        for dims in shapes:
            case = msgspec.structs.replace(job.case, dims=dims)
            with launches.watched():
                found = (yield from self._bench(job, [case], None))[case.id]
            status = found.measurement.status
            if not launches.count and status is Status.UNSUPPORTED:
                continue
            if not launches.count and status is Status.OK:
                return None
            source = found.source_text or source
            checked.append(found.measurement)
            if status is not Status.OK:
                break
        if not checked:
            return None
        last = checked[-1]
        where = "this shape" if job.explicit else f"{len(checked)} small shape{'s' * (len(checked) != 1)}"
        if launches.count:
            remark = f"checked at {where} in Triton's interpreter; not timed, this machine has no GPU"
            remark += "".join(f"; {name} with the first of its {n} configurations" for name, n in autotuned.items())
        else:
            remark = f"checked at {where}"
        if last.status is Status.UNSUPPORTED:
            remark = ""
        dims = last.case.dims
        worst = max(checked, key=lambda m: m.correctness.rms_error if m.correctness else 0.0)
        measurement = msgspec.structs.replace(worst if last.status is Status.OK else last, case=job.case)
        remarks = (remark, *self._accesses(job, checked)) if launches.count else (remark,)
        told = tuple(filter(None, remarks))
        answered = TryReply(measurement, None, source, remarks=told, interpreted=launches.count > 0)
        return (yield from self._diagnosed(job, msgspec.structs.replace(job.case, dims=dims), answered))

    def _accesses(self, job: TryJob, checked: Sequence[Measurement]) -> list[str]:
        """Memory errors of a kernel that is right at the smallest shape: a race, for example."""
        if any(found.status is not Status.OK for found in checked):
            return []
        op = load_op(str(job.case.op), job.case.weights)
        variant = load_variant(op.name, job.case.variant, job.folder)
        try:
            errors = access_errors(op, variant, msgspec.structs.replace(job.case, dims=checked[0].case.dims))
        except Exception as error:  # it was right without being watched
            return [f"its accesses to memory could not be watched: {first_line(error)}"]
        return [f"WARNING     {error.words} (--sanitize)" for error in errors]

    def _diagnosed(self, job: TryJob, case: Case, answered: TryReply) -> Events[TryReply]:
        """The answer with a diagnosis of an incorrect output."""
        measurement = answered.measurement
        if measurement.status is not Status.INCORRECT or measurement.correctness is None or case.answer is None:
            return answered
        yield Started("find out how it is wrong")
        op = load_op(str(case.op), case.weights)
        variant = load_variant(op.name, case.variant, job.folder)
        found, evidence = examine(
            op, variant, case, self.device.tensors, case.routing, measurement.correctness, Path(job.evidence)
        )
        return msgspec.structs.replace(answered, diagnosis=found, evidence=evidence)

    def _in_doubt(self, measurement: Measurement) -> bool:
        """Whether this process is in doubt: after memory ran out, and where the GPU no longer answers (some errors lose
        its context silently)."""
        if measurement.status is Status.OK:
            return False
        return measurement.out_of_memory or not self.device.answers()
