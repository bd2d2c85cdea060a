"""The stages of a run in a fresh process: kernel cases, decode cases, profiles. Each yields its events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import torch

from harness.decode.support import unsupported
from harness.device.device import Device
from harness.engines import EAGER
from harness.load_kernels import loaded_files, loaded_variants
from harness.measure.failure import what_was_raised
from harness.measure.kernel_cases import KernelBench
from harness.measure.operand_sets import torch_dtype
from harness.measure.routing import load_routing
from harness.observe.audit import Observer
from harness.observe.cases import closures, touched
from harness.observe.origin import Origins, module_files
from harness.values.measurement import Status
from harness.worker.clock import OuterClock
from harness.worker.messages import NotProfiled, Profiled, Ran, StageEvent, StageJob, Started, cases_of

DECODE_PASSES = 6
"""Passes over all new tokens per process: six samples are the fewest whose range is a 95 % interval of the median."""


def stage_events(job: StageJob, device: Device, clock: OuterClock | None = None) -> Iterator[StageEvent]:
    """The events of one stage of a plan, and at its end the files that this process has loaded. clock: of the
    parent."""
    observer = Observer(Path(job.tree)) if job.observe else None
    if observer is not None:
        observer.start()  # before anything of the tree is imported
    stages = {"kernels": _kernels, "decode": _decode, "figures": _forward}
    yield from stages[job.stage](job, device, clock) if job.stage in stages else _profile(job, device)
    yield _ran(job, observer)


def _ran(job: StageJob, observer: Observer | None) -> Ran:
    modules = tuple(sorted(set(module_files(Origins(Path(job.tree))).values()))) if job.tree else ()
    if observer is None:
        return Ran(loaded_files(), modules)
    observer.stop()
    found = closures(observer, job.plan, cases_of(job.stage, job.plan), loaded_variants())
    return Ran(loaded_files(), modules, found, touched(observer))


def _kernels(job: StageJob, device: Device, clock: OuterClock | None) -> Iterator[StageEvent]:
    suite = job.plan.suite
    timing = msgspec.structs.replace(suite.timer, rounds=job.rounds or suite.timer.rounds)
    bench = KernelBench(
        device, None if job.verify_only else timing, job.process, str(suite.folder), load_routing(suite), job.energy,
        clock, job.clocked,
    )  # fmt: skip
    yield from bench.run(cases_of(job.stage, job.plan))


def _decode(job: StageJob, device: Device, clock: OuterClock | None) -> Iterator[StageEvent]:
    from harness.decode.decode_cases import DecodeBench
    from harness.decode.suite_model import open_model

    cases = cases_of(job.stage, job.plan)
    yield Started("load the weights", tuple(case.id for case in cases), 0, len(cases))
    model = open_model(job.plan, device)
    passes = 0 if job.verify_only else (job.rounds or DECODE_PASSES)
    references = Path(job.references) if job.references else None
    bench = DecodeBench(model, job.process, passes, dict(job.streams), references, job.energy, clock, job.clocked)
    yield from bench.run(cases)


def _forward(job: StageJob, device: Device, clock: OuterClock | None) -> Iterator[StageEvent]:
    """The figures of a module without states; other modules are measured outside."""
    from harness.module_models.forward import ForwardBench

    cases = cases_of(job.stage, job.plan)
    yield Started("build the module", tuple(case.id for case in cases), 0, len(cases))
    passes = 0 if job.verify_only else (job.rounds or DECODE_PASSES)
    yield from ForwardBench(job.plan, device, torch_dtype(job.plan.suite.dtype), job.process, passes).run(cases)


def _profile(job: StageJob, device: Device) -> Iterator[StageEvent]:
    from harness.decode.profile import profile_arm
    from harness.decode.suite_model import open_model

    questions = job.plan.suite.decode
    assert questions is not None
    model: Any = None
    wanted = [(arm, engine) for arm in job.plan.arms if arm in job.plan.answers for engine in job.engines]
    for done, (arm, engine) in enumerate(wanted):
        what = f"profile {arm}, {engine}"
        yield Started(what, (), done, len(wanted))
        file = f"{job.plan.suite.name}-{arm}{'' if engine == EAGER else f'-{engine}'}.json.gz"
        keep = Path(job.keep_traces) / file if job.keep_traces else None
        try:
            reason = unsupported(job.plan, arm, *questions.shapes[0])
            if reason:
                yield NotProfiled(what, reason, unsupported=True)
                continue
            model = model or open_model(job.plan, device)
            found = profile_arm(model, arm, *questions.shapes[0], engine, keep, job.steps)
        except torch.AcceleratorError:  # the GPU's context is lost, and everything in this process with it
            raise
        except Exception as error:  # whatever a kernel or a compiler raises is that profile's result
            status, reason = what_was_raised(error)
            yield NotProfiled(what, reason, unsupported=status is Status.UNSUPPORTED)
        else:
            yield Profiled(found)
