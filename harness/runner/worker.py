"""A fresh process that touches the device: imports and waits, says where it is, receives one job, does it, says what it
saw.

Started as `python -m harness.runner.worker SUITE_FOLDER KERNELS_ROOT`; on standard input comes a line to go on, after
its first message, and the job, after its second.
"""

from __future__ import annotations

import atexit
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.lines import Outbox, from_line
from harness.parent import end_with_parent
from harness.runner.messages import (
    Awake,
    Done,
    Hello,
    Job,
    Measured,
    NotProfiled,
    Profiled,
    Ran,
    Sampled,
    Stage,
    Started,
    Streamed,
)
from harness.values.case import Case
from harness.values.environment import Environment
from harness.values.suite import Plan

KINDS: dict[Stage, tuple[str, ...]] = {"kernels": ("kernel",), "decode": ("decode", "prefill"), "profile": ()}
"""The kinds of cases that a stage runs."""
DECODE_PASSES = {"cuda": 6, "cpu": 6}
"""Passes over all new tokens per process: six samples are the fewest whose range is a 95 % interval of the median."""
NEEDED = (
    "harness.measure.conditions", "harness.measure.cuda_timer", "harness.measure.environment",
    "harness.measure.kernel_cases", "harness.measure.routing", "harness.decode.decode_cases",
)  # fmt: skip
"""Imported before a worker waits, and torch with them, which takes longest. Kernels and models come later: what they do
when they are imported is theirs."""


def main(suite_folder: str, kernels_root: str, tree: str = "") -> None:
    """Serves one job and ends. tree: where packages beside the suite are looked up before anywhere else."""
    end_with_parent()
    outbox = Outbox()
    if tree:
        sys.path.insert(0, tree)  # the harness itself is imported already, whatever the tree has under that name
    from harness import kernels_root as root

    root.bind(Path(kernels_root))
    _import_all()
    outbox.send(Awake())
    if not sys.stdin.buffer.readline():  # never used
        return
    from harness.measure.environment import capture, settle_threads

    settle_threads()
    environment = capture(Path(suite_folder))
    outbox.send(Hello(environment))
    line = sys.stdin.buffer.readline()
    if line:
        job: Job = from_line(line, Job)
        {"kernels": _kernels, "decode": _decode, "profile": _profile}[job.stage](job, environment, outbox)
        from harness.resolve import loaded_files

        outbox.send(Ran(loaded_files()))
        outbox.send(Done())
        _end()


def _import_all() -> None:
    """Touches no device."""
    for name in NEEDED:
        importlib.import_module(name)
    if importlib.import_module("torch").version.cuda:
        with suppress(ImportError):  # then the case that needs it says so
            importlib.import_module("triton")


def _end() -> None:
    """Ends at once, after what was registered for it: taking apart torch's modules costs a third of importing them, and
    the next process waits for it."""
    atexit._run_exitfuncs()
    sys.stderr.flush()
    os._exit(0)


class _Progress:
    """Counts the cases of a job as they are announced."""

    def __init__(self, outbox: Outbox, total: int) -> None:
        self._outbox, self._total, self.done = outbox, total, 0

    def started(self, what: str, cases: Sequence[Case]) -> None:
        self._outbox.send(Started(what, tuple(case.id for case in cases), self.done, self._total))

    def measured(self, measurement: Any, source_text: str | None) -> None:
        self.done += 1
        self._outbox.send(Measured(measurement, source_text))


def cases_of(stage: Stage, plan: Plan) -> list[Case]:
    """The plan's cases that a job of this stage is to run: with an answer of their own, and possible at all."""
    return [c for c in plan.cases if c.kind in KINDS[stage] and c.same_as is None and c.problem is None]


def _kernels(job: Job, environment: Environment, outbox: Outbox) -> None:
    from harness.measure.conditions import ConditionsReader
    from harness.measure.kernel_cases import KernelBench
    from harness.measure.routing import load_routing

    suite, device = job.plan.suite, environment.device_kind
    cases = cases_of(job.stage, job.plan)
    progress = _Progress(outbox, len(cases))
    bench = KernelBench(
        device,
        None if job.verify_only else _timer(environment, job.rounds),
        job.process,
        str(Path(suite.path).parent),
        load_routing(suite),
        environment.l2_bytes or 0,
        ConditionsReader(environment.device_uuid),
        progress.measured,
        progress.started,
        lambda conditions: outbox.send(Sampled(tuple(conditions))),
    )
    bench.run(cases)


def _timer(environment: Environment, rounds: int | None) -> Any:
    timer: Any
    if environment.device_kind == "cuda":
        from harness.measure.cuda_timer import CudaGraphTimer

        timer = CudaGraphTimer(environment.l2_bytes or 0)
    else:
        from harness.measure.cpu_timer import CpuTimer

        timer = CpuTimer()
    if rounds is not None:
        timer.rounds = rounds
    return timer


def _decode(job: Job, environment: Environment, outbox: Outbox) -> None:
    from harness.decode.decode_cases import DecodeBench
    from harness.decode.suite_model import SuiteModel
    from harness.measure.conditions import ConditionsReader

    cases = cases_of(job.stage, job.plan)
    progress = _Progress(outbox, len(cases))
    progress.started("load the weights", cases)
    model = SuiteModel(job.plan, environment.device_kind)
    passes = 0 if job.verify_only else (job.rounds or DECODE_PASSES[environment.device_kind])
    bench = DecodeBench(
        model,
        job.process,
        passes,
        dict(job.streams),
        ConditionsReader(environment.device_uuid),
        progress.measured,
        progress.started,
        lambda conditions: outbox.send(Sampled(tuple(conditions))),
        lambda name, tokens: outbox.send(Streamed(name, tokens)),
        Path(job.references) if job.references else None,
    )
    bench.run(cases)


def _profile(job: Job, environment: Environment, outbox: Outbox) -> None:
    import torch

    from harness.decode.profile import profile_arm
    from harness.decode.suite_model import SuiteModel
    from harness.decode.support import unsupported
    from harness.measure.kernel_cases import what_was_raised
    from harness.values.measurement import Status

    questions = job.plan.suite.decode
    assert questions is not None
    model: Any = None
    wanted = [(arm, engine) for arm in job.plan.arms if arm in job.plan.answers for engine in job.engines]
    for done, (arm, engine) in enumerate(wanted):
        what = f"profile {arm}, {engine}"
        outbox.send(Started(what, (), done, len(wanted)))
        file = f"{job.plan.suite.name}-{arm}{'' if engine == 'eager' else f'-{engine}'}.json.gz"
        keep = Path(job.keep_traces) / file if job.keep_traces else None
        try:
            reason = unsupported(job.plan, arm, *questions.shapes[0])
            if reason:
                outbox.send(NotProfiled(what, reason, unsupported=True))
                continue
            model = model or SuiteModel(job.plan, environment.device_kind)
            found = profile_arm(model, arm, *questions.shapes[0], engine, keep, job.steps)
        except torch.AcceleratorError:  # the GPU's context is lost, and everything in this process with it
            raise
        except Exception as error:  # whatever a kernel or a compiler raises is that profile's result
            status, reason = what_was_raised(error)
            if isinstance(error, HarnessError):
                reason = str(error)
            outbox.send(NotProfiled(what, reason, unsupported=status is Status.UNSUPPORTED))
        else:
            outbox.send(Profiled(found))


if __name__ == "__main__":
    main(*sys.argv[1:4])
