"""One attempt after the other in a warm process: checked, timed with what it is tried against, diagnosed when wrong."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch

from harness.attempt.messages import Answered, TryJob
from harness.errors import HarnessError
from harness.measure.conditions import ConditionsReader
from harness.measure.kernel_cases import KernelBench, failed, first_line
from harness.measure.launches import InterpretedLaunches
from harness.measure.operand_sets import arguments, make_operands, prepare, torch_dtype
from harness.measure.verify import CHECK_SALT
from harness.measure.wrong_output import examine
from harness.resolve import load_op, load_variant
from harness.values.case import Case
from harness.values.environment import Environment
from harness.values.measurement import Measurement, Status

Results = dict[str, tuple[Measurement, str | None]]


class OneCase:
    """working: called with what is done next."""

    def __init__(self, environment: Environment, working: Callable[[str], None]) -> None:
        self.environment, self.working = environment, working
        self.device = environment.device_kind
        self.reader = ConditionsReader(environment.device_uuid)
        self._timer: Any = None
        self._binaries: Any = None

    def answer(self, job: TryJob) -> Answered:
        """Whatever the kernel does, an answer; `lost` where this process should not go on."""
        try:
            answered = self._answer(job)
        except torch.AcceleratorError as error:
            reason = f"the GPU's context is lost: {first_line(error)}; --sanitize names the access"
            return Answered(failed(job.case, reason), lost=True)
        except HarnessError as error:
            return Answered(failed(job.case, str(error)))
        if self._in_doubt(answered.measurement):
            return msgspec.structs.replace(answered, lost=True)
        gc.collect()
        if self.device == "cuda":
            torch.cuda.empty_cache()
        return answered

    def _answer(self, job: TryJob) -> Answered:
        assert job.case.op is not None
        if self.device != "cuda":
            small = self._interpreted(job)
            if small is not None:
                return small
        results = self._bench(job, [case for case in (job.case, job.against) if case is not None], self._clock(job))
        measurement, source = results[job.case.id]
        against = results[job.against.id][0] if job.against is not None else None
        answered = self._with_binaries(job, Answered(measurement, against, source))
        return self._diagnosed(job, job.case, answered)

    def _bench(self, job: TryJob, cases: Sequence[Case], timer: Any) -> Results:
        results: Results = {}

        def emit(measurement: Measurement, source: str | None) -> None:
            results[measurement.case.id] = measurement, source

        bench = KernelBench(
            self.device, timer, 0, job.folder, str(job.case.axes.get("routing", "uniform")),
            self.environment.l2_bytes or 0, self.reader, emit,
            lambda what, started: self.working(f"{what} {started[0].arm}" if what != "time" else what),
            lambda conditions: None,
        )  # fmt: skip
        bench.run(cases)
        return results

    def _clock(self, job: TryJob) -> Any:
        """The timer of `run`, made once: its figures are the same figures."""
        if self._timer is None:
            if self.device == "cuda":
                from harness.measure.cuda_timer import CudaGraphTimer

                self._timer = CudaGraphTimer(self.environment.l2_bytes or 0)
            else:
                from harness.measure.cpu_timer import CpuTimer

                self._timer = CpuTimer()
        if job.rounds is not None:
            self._timer.rounds = job.rounds
        return self._timer

    def _with_binaries(self, job: TryJob, answered: Answered) -> Answered:
        """With what was compiled for this GPU; a reason in its place where that cannot be read."""
        target, case = self.environment.compute_capability, job.case
        if answered.measurement.status is not Status.OK or target is None or case.answer is None:
            return answered
        from harness.measure.gpu_binaries import GpuBinaries

        self.working("read its binary")
        self._binaries = self._binaries or GpuBinaries(target)
        op = load_op(str(case.op))
        variant = load_variant(op.name, case.answer.variant, job.folder)
        routing = str(case.axes.get("routing", "uniform"))
        raw = make_operands(op, case, torch_dtype(case.activations), self.device, CHECK_SALT, routing)
        found = self._binaries.of_call(op, variant, case, arguments(op, prepare(variant, op, raw)))
        if isinstance(found, str):
            return msgspec.structs.replace(answered, remarks=(*answered.remarks, found))
        return msgspec.structs.replace(answered, launches=found.launches, binaries=found.binaries)

    def _interpreted(self, job: TryJob) -> Answered | None:
        """The whole answer where the kernel runs in the interpreter: it is checked and not timed. None for one that is
        torch alone."""
        op = load_op(str(job.case.op))
        launches = InterpretedLaunches()
        shapes = [job.case.dims] if job.explicit else [dict(dims) for dims in op.test_shapes]
        checked: list[Measurement] = []
        source: str | None = None
        for dims in shapes:
            case = msgspec.structs.replace(job.case, dims=dims)
            with launches.watched():
                found = self._bench(job, [case], None)[case.id]
            if not launches.count and found[0].status is not Status.INCORRECT:
                if found[0].status is Status.UNSUPPORTED:
                    continue
                return None
            source = found[1] or source
            checked.append(found[0])
            if found[0].status is not Status.OK:
                break
        if not checked:
            return None
        last = checked[-1]
        where = "this shape" if job.explicit else f"{len(checked)} small shape{'s' * (len(checked) != 1)}"
        if launches.count:
            remark = f"checked at {where} in Triton's interpreter; not timed, this machine has no GPU"
        else:
            remark = f"checked at {where}"
        dims = last.case.dims
        worst = max(checked, key=lambda m: m.correctness.rms_error if m.correctness else 0.0)
        measurement = msgspec.structs.replace(worst if last.status is Status.OK else last, case=job.case)
        answered = Answered(measurement, None, source, remarks=(remark,))
        return self._diagnosed(job, msgspec.structs.replace(job.case, dims=dims), answered)

    def _diagnosed(self, job: TryJob, case: Case, answered: Answered) -> Answered:
        """With what is wrong and where, for an incorrect output."""
        measurement = answered.measurement
        if measurement.status is not Status.INCORRECT or measurement.correctness is None or case.answer is None:
            return answered
        self.working("find out how it is wrong")
        op = load_op(str(case.op))
        variant = load_variant(op.name, case.answer.variant, job.folder)
        found, evidence = examine(
            op, variant, case, self.device, str(case.axes.get("routing", "uniform")), measurement.correctness,
            Path(job.evidence),
        )  # fmt: skip
        return msgspec.structs.replace(answered, diagnosis=found, evidence=evidence)

    def _in_doubt(self, measurement: Measurement) -> bool:
        """After no memory was left, and where the GPU no longer answers: some errors lose its context silently."""
        if measurement.status is Status.OK:
            return False
        if measurement.out_of_memory:
            return True
        if self.device != "cuda":
            return False
        try:
            torch.cuda.synchronize()
        except RuntimeError:
            return True
        return False
