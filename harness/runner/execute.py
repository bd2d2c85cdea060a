"""The parent of a run: starts the workers one after the other and stores each result as it arrives. Does not import
torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from harness.machines.today import slow_today
from harness.observe.origin import tree_around
from harness.revisions.git import position_of
from harness.runner.case_worker import CaseWorker, worker_for
from harness.runner.code_watch import CodeWatch, unchanged_since
from harness.runner.record import RunRecord
from harness.runner.stage import Options, Report, Stages
from harness.scratch import Scratch
from harness.store import Store
from harness.store.writer import new_run
from harness.suite.fingerprint import fingerprints
from harness.values.closure import Closure, observed
from harness.values.environment import DIRTY, Environment
from harness.values.run import Run
from harness.values.stage import KINDS, TIMED, Stage
from harness.values.suite import Plan, Suite
from harness.worker.launch import Ahead

MakePlan = Callable[[Environment], Plan]


class Execution:
    """One run of one suite. make_plan: called once, with the environment that the first worker reports."""

    def __init__(
        self, suite: Suite, make_plan: MakePlan, store: Store, options: Options, report: Report,
        ahead: Ahead | None = None,
    ) -> None:  # fmt: skip
        """ahead: the first worker, if it was launched already."""
        self.suite, self.make_plan, self.store, self.options = suite, make_plan, store, options
        self._ahead = ahead or Ahead(launched=False)
        self.record = RunRecord(store)
        self.plan: Plan | None = None
        self._tree = tree_around(Path(suite.path))
        self._closures: dict[str, Closure] = {}
        self._stage: Stage = TIMED[0]
        self._stages = Stages(suite, self.record, options, report, self._worker, self._begin)

    def run(self) -> str:
        """Execute everything and return the run's id. Whatever stops the run, its measurements are stored."""
        state = "partial"
        try:
            asked = [
                (stage, process)
                for process in range(self.options.processes)
                for stage in self.options.stages
                if (stage != "profile" or process == 0) and (stage == "figures" or not self._is_outside)
            ]
            for number, (stage, process) in enumerate(asked, 1):
                self._run(stage, process, is_last=number == len(asked) or self._is_outside)
            state = "complete"
        finally:
            self._ahead.close()
            self._stages.close()
            try:
                self._keep_code()
            finally:
                self.record.finish(state)
        return self.record.run_id

    def _run(self, stage: Stage, process: int, is_last: bool) -> None:
        """Run one stage in one process. The first process of a stage is watched, to learn which files its cases
        read."""
        self._stage = stage
        observes = process == 0 and stage != "profile" and not (self.options.verify_only or self._starts_programs)
        written = [Path(place) for place in (self.store.file, self.options.keep_traces) if place]
        watch = CodeWatch(self._tree, written=written) if observes else None
        measured = None if is_last else self._ahead.launch
        self._stages.run(
            stage, process, self.plan, verify_only=self.options.verify_only, watch=watch, measured=measured
        )
        self._closures |= watch.closures if watch else {}

    def _keep_code(self) -> None:
        """Store the observed files; nothing for a run that ended before its first observation."""
        if self.plan is not None and self._closures:
            code = observed(unchanged_since(self._closures, self._tree), fingerprints(self.plan))
            self.store.set_observed(self.record.run_id, code)

    @property
    def _is_outside(self) -> bool:
        return self.suite.is_outside(self.suite.arms)

    @property
    def _starts_programs(self) -> bool:
        """Whether the present stage is of arms that run outside of this program. No suite has figures of both kinds."""
        return self._stage == "figures" and bool(self.suite.outside)

    def _worker(self) -> CaseWorker:
        if self._starts_programs:
            self._ahead.close()
            return worker_for(self.suite, outside=True)
        interpret = "as_told" if self.options.verify_only else "never"
        return worker_for(self.suite, outside=False, launched=self._ahead.take(), interpret=interpret)

    def _begin(self, environment: Environment) -> Plan:
        if self.plan is None:
            from harness.compare.calibration import noise_on, process_noise

            self.plan = self.make_plan(environment)
            noise = process_noise(noise_on(environment, self.store))
            run = msgspec.structs.replace(first_facts(self.plan, environment, self.options), process_noise=noise)
            self.record.begin(run, self.suite.text)
            if slow := slow_today(self.store, self.record.run_id):
                self.record.log.append(slow)
        return self.plan


def check_cases(suite: Suite, make_plan: MakePlan, report: Report) -> Run:
    """Verify each case once for `harness check`, without timing and without a trace in any store.

    Return a run without samples: every measurement says OK, or the reason why not.
    """
    with Scratch("check") as folder:
        store = Store(str(Path(folder) / "check.sqlite"))
        options = Options(stages=TIMED, verify_only=True)
        try:
            return store.load(Execution(suite, make_plan, store, options, report).run())
        finally:
            store.close()


def first_facts(plan: Plan, environment: Environment, options: Options) -> Run:
    """A run as it begins, with nothing measured. Its planned cases are those of the requested stages, so no other case
    counts as missing."""
    kinds = {kind for stage in options.stages for kind in KINDS[stage]}
    planned = tuple(case for case in plan.cases if case.kind in kinds)
    run = new_run(plan.suite, environment, options.processes, options.note)
    commit = environment.commit or ""
    clean = bool(commit) and not commit.endswith(DIRTY)
    position = position_of(Path(plan.suite.folder), commit) if clean else None
    return msgspec.structs.replace(run, analysis=plan.suite.analysis, planned=planned, position=position)
