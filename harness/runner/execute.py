"""The parent of a run: starts the workers one after the other, stores what they say as they say it. Without torch."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from harness.engines import EAGER, engine_facts
from harness.errors import HarnessError, allowed
from harness.store import Store
from harness.values.case import Case
from harness.values.environment import Environment
from harness.values.measurement import Measurement, Status
from harness.values.run import Run
from harness.values.suite import Plan, Suite
from harness.values.suite_facts import facts_of
from harness.worker.device_worker import DeviceWorker
from harness.worker.messages import (
    KINDS,
    Measured,
    NotProfiled,
    Profiled,
    Ran,
    Sampled,
    Stage,
    StageEvent,
    StageJob,
    Started,
    Streamed,
    cases_of,
)  # fmt: skip
from harness.worker.process import WorkerDied

SILENCE_LIMIT_S = 600.0
"""A worker that says nothing for this long hangs. Compiling or a float32 reference may take minutes, not ten."""
MakePlan = Callable[[Environment], Plan]
Report = Callable[[str, str, int, int], None]
"""Called with stage, what is being done, how many cases are done, of how many."""


class Options(msgspec.Struct, frozen=True):
    """processes: fresh processes that repeat every case. stages: what to do. rounds: in place of the timer's own.
    engines, steps: of the profile; no engine: the one that is timed."""

    processes: int = 1
    stages: tuple[Stage, ...] = ("kernels", "decode", "profile")
    verify_only: bool = False
    rounds: int | None = None
    note: str = ""
    keep_traces: str | None = None
    engines: tuple[str, ...] = ()
    steps: int | None = None
    silence_limit_s: float = SILENCE_LIMIT_S


class Execution:
    """One run of one suite. `plan` is asked for once the first worker has said where it runs."""

    def __init__(self, suite: Suite, make_plan: MakePlan, store: Store, options: Options, report: Report) -> None:
        self.suite, self.make_plan, self.store, self.options, self.report = suite, make_plan, store, options, report
        self.streams: dict[str, list[list[int]]] = {}
        self.sources: set[str] = set()
        self.failed: dict[str, str] = {}
        """Why, by case id."""
        self.not_profiled: dict[str, str] = {}
        """Why, by what was being profiled."""
        self.log: list[str] = []
        self.files: tuple[str, ...] = ()
        self.dropped: set[str] = set()
        self.verify_only = options.verify_only
        self.tree, self.observes = "", False
        self.run_id = ""
        self.plan: Plan | None = None
        self._references: TemporaryDirectory[str] | None = None

    def run(self) -> str:
        """Executes everything and returns the run's id. Whatever stops it, what was measured is stored."""
        try:
            for process in range(self.options.processes):
                for stage in self.options.stages:
                    if stage == "profile" and process > 0:
                        continue
                    self._stage(stage, process)
            self.store.finish(self.run_id, "complete")
        except BaseException:
            if self.run_id:
                self.store.finish(self.run_id, "partial")
            raise
        finally:
            self.forget_references()
        return self.run_id

    @property
    def failures(self) -> dict[str, str]:
        """Why, by case id and by profile."""
        return {**self.failed, **self.not_profiled}

    def _stage(self, stage: Stage, process: int) -> None:
        """One stage in a fresh process; where a case kills it, in another one without that case."""
        excluded = set(self.dropped)
        while True:
            if self.plan is not None and not self._left(stage, excluded):
                return
            with self._worker() as worker:
                self.report(stage, "start a fresh process", 0, 0)
                environment = self._hello(worker)
                plan = self._begin(environment)
                if not self._left(stage, excluded):
                    return
                plan = msgspec.structs.replace(plan, cases=tuple(c for c in plan.cases if c.id not in excluded))
                job = StageJob(
                    stage,
                    plan,
                    process,
                    self.verify_only,
                    self.streams,
                    self.options.rounds,
                    self.options.keep_traces,
                    self.options.engines or (profiled_engine(plan, environment),),
                    self.options.steps,
                    self._reference_folder(),
                    self.tree,
                    self.observes,
                )
                started = Started("start")
                try:
                    with self._watching():
                        for event in worker.ask(job, StageEvent, self.options.silence_limit_s):
                            if isinstance(event, Started):
                                started = event
                                self.report(stage, event.what, event.done, event.of)
                            else:
                                excluded.update(self._keep(event, process))
                    worker.finish()
                    return
                except WorkerDied as death:
                    self.log.append(worker.stderr())
                    if stage == "profile":
                        self.not_profiled[f"profile ({started.what})"] = death.reason
                        self.report(stage, f"{started.what}: {death.reason}", 0, 0)
                        return
                    excluded.update(self._record_lost(death, started, stage, process, excluded))

    def _watching(self) -> AbstractContextManager[object]:
        """Around what a worker does for a job."""
        return nullcontext()

    def _reference_folder(self) -> str:
        """Where the processes of this run leave the float32 model's logits to each other."""
        if self._references is None:
            self._references = TemporaryDirectory(prefix="harness-reference-")
        return self._references.name

    def forget_references(self) -> None:
        if self._references is not None:
            self._references.cleanup()
            self._references = None

    def _worker(self) -> DeviceWorker:
        interpret = "as_told" if self.options.verify_only else "never"
        return DeviceWorker(kernels_root=self.suite.kernels_root, interpret=interpret)

    def _header(self, run: Run) -> Run:
        """The first facts of the run, as they will be stored."""
        assert run.environment is not None
        from harness.compare.calibrations import noise_on, process_noise

        return msgspec.structs.replace(run, process_noise=process_noise(noise_on(run.environment, self.store)))

    def _hello(self, worker: DeviceWorker) -> Environment:
        try:
            return worker.hello(Path(self.suite.path).parent, SILENCE_LIMIT_S).environment
        except (WorkerDied, HarnessError) as death:
            raise HarnessError(f"{self.suite.path}: a worker could not start: {death}") from death

    def _left(self, stage: Stage, excluded: set[str]) -> bool:
        assert self.plan is not None
        if stage == "profile":
            return self.suite.decode is not None and not self.verify_only
        return any(case.id not in excluded for case in cases_of(stage, self.plan))

    def _begin(self, environment: Environment) -> Plan:
        if self.plan is None:
            self.plan = self.make_plan(environment)
            run = Run(
                id="",
                started=datetime.now(UTC).isoformat(timespec="seconds"),
                suite=self.suite.name,
                suite_hash=hashlib.sha256(self.suite.text.encode()).hexdigest(),
                title=self.suite.title,
                state="running",
                command=" ".join(["harness", *sys.argv[1:]]),
                note=self.options.note,
                analysis=self.suite.analysis,
                processes=self.options.processes,
                environment=environment,
                planned=self._planned(self.plan),
                suite_facts=facts_of(self.suite),
            )
            self.run_id = self.store.begin(self._header(run))
            self._keep_source(self.suite.text)
            for case in self._planned(self.plan):
                if case.problem is not None:
                    self.store.add_measurement(self.run_id, 0, Measurement(case, Status.UNSUPPORTED, case.problem))
        return self.plan

    def _planned(self, plan: Plan) -> tuple[Case, ...]:
        """The cases of the stages that were asked for: no other is missed in the run."""
        kinds = {kind for stage in self.options.stages for kind in KINDS[stage]}
        return tuple(case for case in plan.cases if case.kind in kinds)

    def _keep(self, message: Any, process: int) -> list[str]:
        """Stores one message; returns the ids of the cases that it finishes."""
        if isinstance(message, Measured):
            self.store.add_measurement(self.run_id, process, message.measurement)
            if message.source_text is not None:
                self._keep_source(message.source_text)
            if message.measurement.status not in (Status.OK, Status.UNSUPPORTED):
                self.failed[message.measurement.case.id] = message.measurement.reason
            return [message.measurement.case.id]
        if isinstance(message, Sampled):
            self.store.add_conditions(self.run_id, message.conditions)
        elif isinstance(message, Profiled):
            self.store.add_profile(self.run_id, message.profile)
        elif isinstance(message, Ran):
            self.files = message.files
        elif isinstance(message, NotProfiled) and message.unsupported:
            self.log.append(f"{message.what}: UNSUPPORTED: {message.reason}")
        elif isinstance(message, NotProfiled):
            self.not_profiled[message.what] = message.reason
        elif isinstance(message, Streamed):
            self.streams[message.name] = message.tokens
            for row, tokens in enumerate(message.tokens):
                self.store.add_stream(self.run_id, f"{message.name},row={row}", tokens)
        return []

    def _keep_source(self, text: str) -> None:
        key = hashlib.sha256(text.encode()).hexdigest()
        if key not in self.sources:
            self.sources.add(key)
            self.store.add_source(self.run_id, key, text)

    def _record_lost(
        self, death: WorkerDied, started: Started, stage: Stage, process: int, done: set[str]
    ) -> list[str]:  # fmt: skip
        """Records a failure for the announced cases, or for all remaining ones where none of those is left. Returns
        their ids."""
        assert self.plan is not None
        left = [case for case in cases_of(stage, self.plan) if case.id not in done]
        lost = [case for case in left if case.id in started.cases] or left
        for case in lost:
            measurement = death.measurement(case, f"while it was in: {started.what}; ")
            self.failed[case.id] = measurement.reason
            self.store.add_measurement(self.run_id, process, measurement)
        return [case.id for case in lost]


def profiled_engine(plan: Plan, environment: Environment) -> str:
    """The engine that a run profiles: one of the suite's that replays the arm's own kernels, so that the profile is of
    the step that was timed; else eager steps, which need no compilation."""
    engines = plan.suite.decode.engines if plan.suite.decode and environment.has_gpu else ()
    return next((name for name in engines if engine_facts(name).replays_ops), EAGER)


STAGES: tuple[Stage, ...] = ("kernels", "decode", "profile")


def stages_named(names: Sequence[str]) -> tuple[Stage, ...]:
    """The stages of those names, in their order; all where none is named."""
    for name in names:
        if name not in STAGES:
            raise HarnessError(f"--only: unknown stage {name}; {allowed(name, STAGES)}")
    return tuple(stage for stage in STAGES if not names or stage in names)
