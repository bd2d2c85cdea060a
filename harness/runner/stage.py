"""The stages of a run: each in a fresh process, and in another one without the case that killed the first."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from tempfile import TemporaryDirectory

import msgspec

from harness.engines import EAGER, engine_facts
from harness.errors import HarnessError, allowed
from harness.runner.case_worker import CaseWorker
from harness.runner.record import RunRecord
from harness.values.environment import Environment
from harness.values.stage import TIMED, Stage
from harness.values.suite import Plan, Suite
from harness.worker.messages import Hello, StageEvent, StageJob, Started, cases_of
from harness.worker.process import WorkerDied

STAGES: tuple[Stage, ...] = (*TIMED, "profile")
CLOCKED_PROCESSES = 2
SILENCE_LIMIT_S = 600.0
"""A worker that says nothing for this long hangs. Compiling or a float32 reference may take minutes, not ten."""
Report = Callable[[str, str, int, int], None]
"""Called with stage, what is being done, how many cases are done, of how many."""


class Options(msgspec.Struct, frozen=True):
    """processes: fresh processes that repeat every case. stages: what to do. rounds: in place of the timer's own.
    energy: measured where the suite does not ask, too. engines, steps: of the profile; no engine: the one that is
    timed."""

    processes: int = 1
    stages: tuple[Stage, ...] = STAGES
    verify_only: bool = False
    rounds: int | None = None
    energy: bool = False
    note: str = ""
    keep_traces: str | None = None
    engines: tuple[str, ...] = ()
    steps: int | None = None
    silence_limit_s: float = SILENCE_LIMIT_S


class Watch:
    """Looks on while a stage runs; this one sees nothing."""

    tree = ""
    """Folder of the code that is measured; empty: wherever it comes from."""
    observes = False
    """Whether the worker follows what each case reads."""

    def around(self) -> AbstractContextManager[object]:
        """Entered for as long as a worker is at a job."""
        return nullcontext()

    def hear(self, event: StageEvent) -> None:
        """Called with each event but `Started`."""


class Stages:
    """How the stages of one run are executed. worker: a fresh process, started now or waiting already. plan_at: the
    plan for where a worker runs; called before anything is recorded. beside: another one of the same run, whose
    processes on another device leave their references to these."""

    def __init__(
        self, suite: Suite, record: RunRecord, options: Options, report: Report, worker: Callable[[], CaseWorker],
        plan_at: Callable[[Environment], Plan], beside: Stages | None = None,
    ) -> None:  # fmt: skip
        self._beside = beside
        self.suite, self.record, self.options, self.report = suite, record, options, report
        self._worker, self._plan_at = worker, plan_at
        self._references: TemporaryDirectory[str] | None = None

    def run(
        self, stage: Stage, process: int, plan: Plan | None, *, dropped: Collection[str] = (),
        verify_only: bool = False, watch: Watch | None = None, measured: Callable[[], object] | None = None,
    ) -> None:  # fmt: skip
        """One stage, with all its events in the record. plan: None before the first worker said where it runs.
        dropped: ids of cases that are not run. measured: called when nothing more is measured, before the worker ends.
        """
        watch, done = watch or Watch(), set(dropped)
        while plan is None or _is_left(stage, plan, done, verify_only):
            with self._worker() as worker:
                self.report(stage, "start a fresh process", 0, 0)
                hello = greeting(worker, self.suite, sniff=plan is None and not verify_only)
                self.record.sniff = self.record.sniff or hello.sniff
                environment = hello.environment
                plan = self._plan_at(environment)
                if not _is_left(stage, plan, done, verify_only):
                    return
                job = StageJob(
                    stage,
                    msgspec.structs.replace(plan, cases=tuple(case for case in plan.cases if case.id not in done)),
                    process,
                    verify_only,
                    self.record.streams,
                    self.options.rounds,
                    self.options.keep_traces,
                    self.options.engines or (profiled_engine(plan, environment),),
                    self.options.steps,
                    self._reference_folder(),
                    watch.tree,
                    watch.observes,
                    self.options.energy or self.suite.energy,
                    clocked_cases(stage, plan, process),
                )
                if self._ask(worker, job, plan, done, watch):
                    if measured is not None:
                        measured()
                    worker.finish()
                    return

    def close(self) -> None:
        if self._references is not None:
            self._references.cleanup()
            self._references = None

    def _ask(self, worker: CaseWorker, job: StageJob, plan: Plan, done: set[str], watch: Watch) -> bool:
        """Whether the stage is through; else the worker died with some of its cases. Adds to `done`."""
        started = Started("start")
        try:
            with watch.around():
                for event in worker.ask(job, StageEvent, self.options.silence_limit_s):
                    if isinstance(event, Started):
                        started = event
                        self.report(job.stage, event.what, event.done, event.of)
                        continue
                    watch.hear(event)
                    finished = self.record.keep(event, job.process)
                    done |= {finished} if finished else set()
        except WorkerDied as death:
            self.record.log.append(worker.stderr())
            if job.stage == "profile":
                self.record.not_profiled[f"profile ({started.what})"] = death.reason
                self.report(job.stage, f"{started.what}: {death.reason}", 0, 0)
                return True
            left = [case for case in cases_of(job.stage, plan) if case.id not in done]
            done.update(self.record.lose(death, started, left, job.process))
            return False
        return True

    def _reference_folder(self) -> str:
        """Where the processes of this run leave the float32 model's logits to each other."""
        if self._beside is not None:
            return self._beside._reference_folder()
        if self._references is None:
            self._references = TemporaryDirectory(prefix="harness-reference-")
        return self._references.name


def clocked_cases(stage: Stage, plan: Plan, process: int) -> tuple[str, ...]:
    """Ids of the cases whose calls this process times, too. Every pass of a decode that does not time itself; kernel
    cases all in the first two processes, later one that is drawn here, so that nobody can count on being past it."""
    cases = cases_of(stage, plan)
    if stage == "decode":
        return tuple(case.id for case in cases if not engine_facts(str(case.engine or EAGER)).yields_samples)
    times = stage == "kernels" and plan.suite.timer.reads_clock
    ids = [case.id for case in cases] if times else []
    return tuple(ids if process < CLOCKED_PROCESSES else random.SystemRandom().sample(ids, min(1, len(ids))))


def _is_left(stage: Stage, plan: Plan, done: Collection[str], verify_only: bool) -> bool:
    if stage == "profile":
        return plan.suite.decode is not None and not verify_only
    return any(case.id not in done for case in cases_of(stage, plan))


def greeting(worker: CaseWorker, suite: Suite, sniff: bool = False) -> Hello:
    """Where a worker runs; sniff: and how fast that is today. Raises HarnessError where it could not start."""
    try:
        return worker.hello(suite.folder, SILENCE_LIMIT_S, sniff)
    except (WorkerDied, HarnessError) as death:
        raise HarnessError(f"{suite.path}: a worker could not start: {death}") from death


def profiled_engine(plan: Plan, environment: Environment) -> str:
    """The engine that a run profiles: one of the suite's that replays the arm's own kernels, so that the profile is of
    the step that was timed; else eager steps, which need no compilation."""
    engines = plan.suite.decode.engines if plan.suite.decode and environment.has_gpu else ()
    return next((name for name in engines if engine_facts(name).replays_ops), EAGER)


def stages_named(names: Collection[str]) -> tuple[Stage, ...]:
    """The stages of those names, in their order; all where none is named."""
    for name in names:
        if name not in STAGES:
            raise HarnessError(f"--only: unknown stage {name}; {allowed(name, STAGES)}")
    return tuple(stage for stage in STAGES if not names or stage in names)
