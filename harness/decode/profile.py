"""A live profile: decode steps under torch.profiler, exported and read back by the one trace reader."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import msgspec
import torch
from torch.profiler import ProfilerActivity, profile, record_function, schedule

from harness.decode.arm_ops import ArmOps
from harness.decode.check import empty_stream, own_stream
from harness.decode.step import Ahead, Step
from harness.decode.step_binaries import StepBinaries
from harness.decode.suite_model import Model, prefill_in_chunks
from harness.decode.support import calls_of
from harness.decode.work import step_work
from harness.device.device import Device
from harness.engines import EAGER, Engine, TracesItself, engine_facts, make_engine
from harness.errors import CaseFailed
from harness.scratch import Scratch
from harness.trace import Rules, breakdown, captured_step, load_rules
from harness.trace.private import without_host
from harness.trace.replay import STEP
from harness.values.profile import Profile, SiteWork

WARM_UP_STEPS = 3
"""Steps under the profiler before it records: its own first use costs a step twenty times its usual time."""
PROFILED_STEPS = 8


def profile_arm(
    model: Model,
    arm: str,
    batch: int,
    context: int,
    engine: str = EAGER,
    keep: Path | None = None,
    profiled: int | None = None,
) -> Profile:
    """The breakdown of `profiled` decode steps of an arm under an engine. `keep`: where to leave the trace.

    Steps that are not launched op by op are recorded twice: eager steps come first, and the kernels of the others are
    mapped to the ops and layers of those. Raises CaseFailed where the trace lacks kernels: the profiler was not
    permitted, or lost them.
    """
    profiled = profiled or PROFILED_STEPS
    steps = WARM_UP_STEPS + profiled
    device, facts = model.device, engine_facts(engine)
    with torch.no_grad(), Scratch("profile") as folder:
        decoder, ops = model.arm(arm, batch, context + steps + 1, profile=True)
        step, snapshot = _at_the_end_of_the_prompt(model, decoder, ops, batch, context, steps)
        trace, head = Path(folder) / "eager.json", b""
        _record(step, device, profiled if facts.op_by_op else 1, trace)
        binaries = None if facts.fuses else _binaries(model, arm, batch, context, ops, step, snapshot)
        if not facts.op_by_op:
            if device.gpu:
                head = captured_step(trace).head()
            trace = Path(folder) / f"{engine}.json"
            made = _other(engine, step, device, ops, snapshot)
            if facts.traces_itself:
                trace.write_text(cast("TracesItself", made).trace(profiled), encoding="utf-8")
            else:
                _record(made.run, device, profiled, trace)
        if keep is not None:
            _keep(trace, head, keep)
        if head:
            trace = _keep(trace, head, Path(folder) / "with-capture.json")
        result = breakdown(trace, _rules(model), steps=profiled)
    if device.gpu:
        check_complete(result, f"profile of {arm}, {engine}", engine)
    return msgspec.structs.replace(
        result,
        arm=arm,
        engine=engine,
        axes={"batch": batch, "context": context},
        work=_work_shown(result, step_work(model.plan.suite, batch, context)),
        binaries=binaries.rows() if binaries else (),
        not_read=binaries.not_read() if binaries else {},
    )


def _binaries(
    model: Model, arm: str, batch: int, context: int, ops: ArmOps, step: Step, snapshot: dict[str, torch.Tensor]
) -> StepBinaries | None:
    """The binaries that one more eager step launches; None without a GPU. The step is left at the end of the prompt."""
    if not model.device.gpu:
        return None
    from harness.measure.gpu_binaries import GpuBinaries

    calls = calls_of(model.plan, arm, batch, context)
    decode = {case.op_site: (case, variant) for phase, case, variant in calls if phase == "decode"}
    found = StepBinaries(GpuBinaries(model.device.facts()["compute_capability"]), decode)
    ops.observe(found)
    try:
        step.rewind(snapshot)
        step()
        model.device.synchronize()
    finally:
        ops.observe(None)
        step.rewind(snapshot)
    return found


def _work_shown(found: Profile, work: Sequence[SiteWork]) -> tuple[SiteWork, ...]:
    """The work of the scopes in a profile; empty where a kernel of theirs may be among those that were not mapped."""
    shown = {row.name for row in found.scopes} if found.mapped_ns == found.replayed_ns else set()
    return tuple(site for site in work if site.name in shown)


def _rules(model: Model) -> Rules:
    return load_rules()


def _at_the_end_of_the_prompt(
    model: Model, decoder: Any, ops: Any, batch: int, context: int, steps: int
) -> tuple[Step, dict[str, torch.Tensor]]:
    """A step that is fed the arm's own text, and the states that it starts from."""
    first = decoder.sample(prefill_in_chunks(decoder, model.prompt(batch, context)))
    snapshot = decoder.snapshot()
    ahead = Ahead(ops.tensors(), ops if isinstance(ops, ArmOps) else None)
    step = Step(decoder, empty_stream(batch, steps, model.device.tensors), context, ahead)
    own, _ = own_stream(make_engine(EAGER, step, model.device), step, first, steps)
    step.stream.copy_(own)
    step.rewind(snapshot)
    return step, snapshot


def _other(name: str, step: Step, device: Device, ops: ArmOps, snapshot: dict[str, torch.Tensor]) -> Engine:
    """The same step by an engine, from the end of the prompt again, without scopes inside."""
    ops.record_nothing()
    step.rewind(snapshot)
    engine = make_engine(name, step, device)
    step.rewind(snapshot)
    return engine


def _record(run: Callable[[], Any], device: Device, profiled: int, path: Path) -> None:
    """Record a trace of `profiled` calls in separate scopes, after a warm-up under the profiler, without stacks."""
    os.environ.setdefault("TEARDOWN_CUPTI", "0")  # replaying a graph after CUPTI was torn down has crashed
    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device.gpu else [])
    plan = schedule(wait=0, warmup=WARM_UP_STEPS, active=profiled, repeat=1)
    recorded = profile(activities=activities, schedule=plan, with_stack=False, record_shapes=False)
    with without_compiler():
        recorded.start()
    try:
        for number in range(WARM_UP_STEPS + profiled):
            with record_function(STEP):
                run()
            if number + 1 in (WARM_UP_STEPS, WARM_UP_STEPS + profiled):
                device.synchronize()  # no kernel of a warm-up step runs into the window, none out of it
            recorded.step()
    finally:
        recorded.stop()
    recorded.export_chrome_trace(str(path))


@contextmanager
def without_compiler() -> Iterator[None]:
    """Inside, a query for torch's compiler imports none.

    A starting profile asks whether the compiler replays graphs of its own. The import takes seconds, and a compiler
    that was never imported replays nothing.
    """
    lazy: set[str] = getattr(torch, "_lazy_modules", set())
    hidden = {"_inductor"} & lazy if "torch._inductor" not in sys.modules else set()
    lazy -= hidden
    try:
        yield
    finally:
        lazy |= hidden


def _keep(trace: Path, head: bytes, path: Path) -> Path:
    """Copy a trace without the host's name, compressed where its suffix says so, with `head` in place of its first
    brace.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = without_host(trace.read_bytes())
    if head:
        text = head + text.lstrip().removeprefix(b"{")
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
    return path


def check_complete(found: Profile, what: str, engine: str) -> None:
    """Raises CaseFailed, beginning with `what`, where a profile of decode steps on a GPU lacks kernels."""
    remedy = "`harness doctor` lists the requirements of the profiler"
    if found.kernel_count == 0:
        raise CaseFailed(f"{what}: the trace has no GPU kernels; {remedy}")
    lost = found.data_quality.get("launches_without_gpu_rows", 0)
    if lost:
        launches = sum(row.launches for row in found.launches)
        raise CaseFailed(f"{what}: the profiler lost the GPU rows of {lost} of {launches} launches; {remedy}")
    if engine_facts(engine).captures and found.kernel_count % found.steps:
        counted = f"{found.kernel_count} kernels in {found.steps} replays of one graph"
        raise CaseFailed(f"{what}: the profiler lost kernels: {counted} is no whole number each; {remedy}")
