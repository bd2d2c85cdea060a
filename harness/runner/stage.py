"""The stages of a run, each in a fresh process. If a case kills the process, another one runs the rest without it."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext

import msgspec

from harness.engines import EAGER, engine_facts
from harness.errors import HarnessError, allowed
from harness.runner.case_worker import CaseWorker
from harness.runner.record import RunRecord
from harness.scratch import Scratch
from harness.values.environment import Environment
from harness.values.stage import TIMED, Stage
from harness.values.suite import Plan, Suite
from harness.worker.messages import Hello, StageEvent, StageJob, Started, cases_of
from harness.worker.process import WorkerDied

STAGES: tuple[Stage, ...] = (*TIMED, "profile")
CLOCKED_PROCESSES = 2
SILENCE_LIMIT_S = 600.0
"""Silence after which a worker counts as hung. Compiling or a float32 reference may take minutes, not ten."""
Report = Callable[[str, str, int, int], None]
"""Called with the stage, the present activity, and how many cases are done of how many."""


class Options(msgspec.Struct, frozen=True):
    """Options of a run."""

    processes: int = 1
    """Fresh processes that repeat every case."""
    stages: tuple[Stage, ...] = STAGES
    verify_only: bool = False
    rounds: int | None = None
    """Replaces the timer's own number."""
    energy: bool = False
    """Measure energy even where the suite does not ask for it."""
    note: str = ""
    keep_traces: str | None = None
    engines: tuple[str, ...] = ()
    """Engines of the profile; none: the engine that is timed."""
    steps: int | None = None
    """Steps of the profile."""
    silence_limit_s: float = SILENCE_LIMIT_S


class Watch:
    """Observes a stage while it runs; this base class sees nothing."""

    tree = ""
    """Folder of the measured code; empty: it may come from anywhere."""
    observes = False
    """Whether the worker follows the reads of each case."""

    def around(self) -> AbstractContextManager[object]:
        """Entered for as long as a worker runs a job."""
        return nullcontext()

    def hear(self, event: StageEvent) -> None:
        """Called with each event but `Started`."""


class Stages:
    """Runs the stages of one run.

    worker: returns a fresh process, started now or waiting already. plan_at: returns the plan for a worker's
    environment. It is called before anything is recorded. beside: the stages of the same run on another device, which
    share their references.
    """

    def __init__(
        self, suite: Suite, record: RunRecord, options: Options, report: Report, worker: Callable[[], CaseWorker],
        plan_at: Callable[[Environment], Plan], beside: Stages | None = None,
    ) -> None:  # fmt: skip
        self._beside = beside
        self.suite, self.record, self.options, self.report = suite, record, options, report
        self._worker, self._plan_at = worker, plan_at
        self._references: Scratch | None = None

    def run(
        self, stage: Stage, process: int, plan: Plan | None, *, dropped: Collection[str] = (),
        verify_only: bool = False, watch: Watch | None = None, measured: Callable[[], object] | None = None,
    ) -> None:  # fmt: skip
        """Run one stage and record all its events.

        plan: None before the first worker reported its environment. dropped: ids of cases to leave out. measured:
        called once nothing more is measured, before the worker ends.
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
        """Whether the stage is complete; False where the worker died with some of its cases. Adds to `done`."""
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
        """Folder in which the processes of this run share the float32 model's logits."""
        if self._beside is not None:
            return self._beside._reference_folder()
        if self._references is None:
            self._references = Scratch("reference")
        return self._references.name


def clocked_cases(stage: Stage, plan: Plan, process: int) -> tuple[str, ...]:
    """Ids of the cases whose calls the parent times too.

    For decode, every case whose engine takes no samples itself. For kernels, all cases in the first two processes.
    Later processes have one case, drawn here, so that no kernel can rely on the check being over.
    """
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
    """Return a worker's environment. Raises HarnessError where it could not start. sniff: also check how fast the
    machine is today."""
    try:
        return worker.hello(suite.folder, SILENCE_LIMIT_S, sniff)
    except (WorkerDied, HarnessError) as death:
        raise HarnessError(f"{suite.path}: a worker could not start: {death}") from death


def profiled_engine(plan: Plan, environment: Environment) -> str:
    """The engine that a run profiles: one of the suite's that replays the arm's own kernels, so that the profile shows
    the timed step. Else eager, which needs no compilation."""
    engines = plan.suite.decode.engines if plan.suite.decode and environment.has_gpu else ()
    return next((name for name in engines if engine_facts(name).replays_ops), EAGER)


def stages_named(names: Collection[str]) -> tuple[Stage, ...]:
    """The stages of those names, in their order; all where none is named. Raises HarnessError for an unknown name."""
    for name in names:
        if name not in STAGES:
            raise HarnessError(f"--only: unknown stage {name}; {allowed(name, STAGES)}")
    return tuple(stage for stage in STAGES if not names or stage in names)
