"""A sweep from the suite to the tuned file. It measures no known result again, and stores each new one at once."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.device.host import package_version
from harness.device.nvml import visible_gpus
from harness.device.probe import machine_of, probe, slug_here
from harness.errors import CaseFailed, HarnessError
from harness.observe.origin import tree_around
from harness.store import Store
from harness.store.writer import new_run
from harness.sweep import rank
from harness.sweep.confirm import FreshProcesses, OneProcess
from harness.sweep.finals import Finalists
from harness.sweep.first_pass import FirstPass
from harness.sweep.options import Options
from harness.sweep.questions import SweepQuestion, finals_key, keys_on, questions
from harness.sweep.race import Ledger, Race
from harness.sweep.recall import of_now, same_again, still_true
from harness.sweep.recheck import narrowed, outcome
from harness.sweep.register import register
from harness.sweep.search import Search
from harness.sweep.stage_clock import IMPORTS, StageClock
from harness.values.case import Case
from harness.values.environment import Environment
from harness.values.suite import Plan
from harness.values.sweep import Finals, SweepResult, SweptVariant
from harness.worker.launch import Ahead
from harness.worker.messages import Task
from harness.worker.pool import Devices, LocalDevices, outcome_of
from harness.worker.process import WorkerDied

if TYPE_CHECKING:
    from harness.static.pool import Compilation

AHEAD = 16
"""Configurations of a guided search that are compiled before the device has reported itself."""
AWAKE_AFTER = 0.25
"""Share of compiled configurations at which the processes that confirm the choice begin to import."""
Report = Callable[[str, str, int, int], None]
"""Called with the stage, the present activity, and how many are done of how many."""


def sweep(plan: Plan, store: Store, options: Options, report: Report, ahead: Ahead | None = None) -> SweepResult:
    """Time the configurations of a `sweep_plan`, confirm the fastest of each question and write them to tuned files.

    Raises CaseFailed where no configuration could be timed. All results are stored, and the next sweep continues from
    there. ahead: a device process, if it was launched already.
    """
    return _Sweep(plan, store, options, report, ahead).run()


class _Sweep:
    def __init__(self, plan: Plan, store: Store, options: Options, report: Report, ahead: Ahead | None) -> None:
        self.suite, self.store, self.options, self.report = plan.suite, store, options, report
        self._ahead = ahead
        self.start = time.perf_counter()
        self.stages = StageClock()
        self.compile_s = 0.0
        self.asked = questions(plan.suite, plan.cases)
        if options.recheck:
            self.asked = narrowed(plan.suite, self.asked, slug_here(), package_version("triton"))
        self.search = Search(self.asked, options.search, options.budget_s, self.start)
        self.devices: Devices | None = None
        self.compilation: Compilation | None = None
        self.fresh: FreshProcesses | None = None
        self.environment: Environment
        self.ledger: Ledger
        self.finals: dict[int, Finals | None] = {}

    def run(self) -> SweepResult:
        state = "partial"
        try:
            self._recall()
            reused = len(self.ledger.rows)
            if self._left() or any(found is None for found in self.finals.values()):
                self._open()
                reused = len(self.ledger.rows)
            self._begin()
            if left := self._left():
                self._first_pass(left)
            for number, asked in enumerate(self.asked):
                if self.finals[number] is None:
                    self.finals[number] = self._end(asked)
                    self._keep_finals(asked, self.finals[number])
            state = "complete"
        finally:
            self.stages.enter("the end")
            self._close(state)
        return self._result(reused)

    def _recall(self) -> None:
        """Look up the stored results of this sweep on this machine."""
        environment = None if self.options.again else probe(self.store.environments())
        if environment is None:
            self.ledger = Ledger(self.store, {}, {})
            self.finals = dict.fromkeys(range(len(self.asked)))
        else:
            self._look_up(environment)

    def _start_compiling(self, cases: Sequence[Case], target: str) -> Compilation:
        """Compile on all cores but the one that feeds the device, unless a compilation for this target runs already."""
        from harness.static.pool import Compilation, available_cores

        if self.compilation is None or self.compilation.target != target:
            if self.compilation is not None:
                self.compilation.close()
            self.search.given.clear()
            jobs = self.options.jobs or max(1, available_cores() - 1)
            folder = self.suite.folder
            self.compilation = Compilation(
                cases, target, folder, jobs, self.options.limit_s, root=Path(self.suite.kernels_root),
                ops=self.suite.ops, held=not self.search.takes_all,
            )  # fmt: skip
        return self.compilation

    def _compile_ahead(self) -> None:
        """Start compiling before the device reports itself, where no result is known."""
        from harness.static.target import present_target

        target = present_target()
        cases = [case for asked in self.asked if asked.uses_triton for case in asked.cases]
        if target is not None and cases:
            compilation = self._start_compiling(cases, target)
            if not self.search.takes_all:
                compilation.want(self.search.next({}, AHEAD))

    def _look_up(self, environment: Environment) -> None:
        self.environment = environment
        machine = machine_of(environment)
        keys = {name: key for asked in self.asked for name, key in keys_on(machine, self.suite, asked).items()}
        stored = {} if self.options.again else self.store.known_configurations(keys.values())
        known = still_true(stored, tree_around(Path(self.suite.path)))
        cases = {case.id: case for asked in self.asked for case in asked.everything}
        rows = {name: of_now(known[key], cases[name]) for name, key in keys.items() if key in known}
        self.ledger = Ledger(self.store, keys, same_again(rows))
        left = {case.id for case in self._left()}
        for number, asked in enumerate(self.asked):
            complete = not any(case.id in left for case in asked.everything)
            self.finals[number] = self.store.known_finals(self._finals_key(asked)) if complete else None

    def _finals_key(self, asked: SweepQuestion) -> str:
        keys = [self.ledger.keys[case.id] for case in asked.cases if case.id in self.ledger.rows]
        return finals_key(keys, self.ledger.keys[asked.baseline.id], self.options.processes)

    def _left(self) -> list[Case]:
        """The cases without a row, of the questions that still have some to try."""
        return self.search.left(self.ledger.rows)

    def _open(self) -> None:
        """Open the devices, and look up the results for the machine that they report."""
        self.report("sweep", "start a device process", 0, 0)
        if not self.ledger.rows and not self.options.scheduler:
            self._compile_ahead()
        gpus = visible_gpus()
        fresh: Sequence[OneProcess]
        if self.options.scheduler:
            from harness.worker.dask_pool import DaskDevices, FreshOnWorker

            cluster = DaskDevices(self.options.scheduler)
            self.devices, fresh = cluster, [FreshOnWorker(cluster) for _ in range(self.options.processes)]
        else:
            self.devices = LocalDevices(gpus) if len(gpus) > 1 else LocalDevices(ahead=self._ahead)
            fresh = [LocalDevices(gpus[:1] if len(gpus) > 1 else ()) for _ in range(self.options.processes)]
        self.fresh = FreshProcesses(self.suite, fresh, self.devices)
        if gpus and (self.options.recheck or self.options.budget_s is not None):
            self.fresh.wake()  # they are wanted within seconds
        try:
            self._look_up(outcome_of(self.devices.on_one(Task(self.suite, ()))).environment)
        except WorkerDied as death:
            raise HarnessError(f"{self.suite.path}: a device process could not start: {death.reason}") from death

    def _begin(self) -> None:
        run = new_run(self.suite, self.environment, self.options.processes, self.options.note or "sweep")
        run = msgspec.structs.replace(run, suite=f"{self.suite.name} (sweep)")
        self.ledger.run_id = self.store.begin(run)
        self.store.add_source(self.ledger.run_id, run.suite_hash, self.suite.text)

    def _first_pass(self, left: list[Case]) -> None:
        """Check and time each distinct configuration by itself, while the rest is still being compiled."""
        assert self.devices is not None and self.fresh is not None
        self.stages.enter("first pass")
        self.search.kind = self.environment.device_kind

        def moved() -> None:
            self.report("sweep", "configurations", self.ledger.done, len(left))

        race = Race(self.suite, self.ledger, self.devices, moved)
        compilation, started = self._compilation(left), time.perf_counter()
        ids = [case.id for case in left]
        for share in FirstPass(self.search, self.ledger, race, compilation, self.devices.slots, ids):
            if compilation is not None and share >= AWAKE_AFTER:
                self.fresh.wake()  # they import while the last configurations are compiled
        self.compile_s = time.perf_counter() - started if compilation is not None else 0.0
        race.finish()

    def _compilation(self, left: list[Case]) -> Compilation | None:
        """Compile Triton's cases ahead on a GPU; None where there are none. The device process does the rest."""
        if not self.environment.has_gpu:
            return None
        ids = {case.id for asked in self.asked if asked.uses_triton for case in asked.cases}
        cases = [case for case in left if case.id in ids]
        if not cases:
            return None
        compilation = self._start_compiling(cases, self.environment.compute_capability or "")
        importlib.import_module("scipy.special")  # the choice is judged with it; now only the compilers are waited for
        return compilation

    def _end(self, asked: SweepQuestion) -> Finals | None:
        assert self.devices is not None and self.fresh is not None
        kind = self.environment.device_kind
        self.stages.enter(IMPORTS)
        if self.environment.has_gpu:
            self.fresh.wake()

        def begins(what: str) -> None:
            self.stages.enter(what)
            self.report("sweep", f"{asked.op}@{asked.site}: {what}", 0, 0)

        brief = self.options.budget_s is not None
        finalists = Finalists(self.suite, asked, self.ledger, self.devices, kind, self.options.rounds, begins, brief)
        if self.environment.has_gpu:
            self.fresh.wait()
        top, twins = finalists.choose()
        if not top:
            return None
        self.stages.enter(IMPORTS)
        self.fresh.wake()
        self.fresh.wait()
        finals = finalists.confirm(top, twins, self.fresh, self.options.processes)
        for confirmed in (*finals.confirmed, *([finals.baseline] if finals.baseline else [])):
            self.store.add_measurement(self.ledger.run_id, 0, confirmed.measurement)
        return finals

    def _keep_finals(self, asked: SweepQuestion, finals: Finals | None) -> None:
        if finals is not None:
            self.store.add_configuration(self.ledger.run_id, self._finals_key(asked), finals)

    def _close(self, state: str) -> None:
        ends = [part.close for part in (self.devices, self.fresh, self.compilation) if part is not None]
        with ThreadPoolExecutor() as at_once:  # a process that holds a GPU takes 0.1 s to end
            list(at_once.map(lambda end: end(), ends))
        if getattr(self, "ledger", None) is not None and self.ledger.run_id:
            self.store.finish(self.ledger.run_id, state)

    def _result(self, reused: int) -> SweepResult:
        found = tuple(self._question(number, asked) for number, asked in enumerate(self.asked))
        if not any(question.timed for question in found):
            reasons = "; ".join(dict.fromkeys(c.measurement.reason for q in found for c in q.configurations))[:300]
            count = sum(len(question.configurations) for question in found)
            raise CaseFailed(f"{self.suite.path}: sweep: none of {count} configurations could be timed: {reasons}")
        written, unwritten, withheld = register(self.suite, self.asked, found, self.environment, self.options.untrusted)
        return SweepResult(
            self.ledger.run_id, self.suite.name, self.environment, found, written, time.perf_counter() - self.start,
            self.ledger.busy_s, self.compile_s, reused, tuple(rank.warnings(found)), self.stages.end(), unwritten,
            withheld,
        )  # fmt: skip

    def _question(self, number: int, asked: SweepQuestion) -> SweptVariant:
        rows = [self.ledger.rows[case.id] for case in asked.cases if case.id in self.ledger.rows]
        finals = self.finals[number]
        spread = rank.rms(finals.twins) if finals else None
        first = asked.cases[0]
        rows = [*rank.fastest_first(rows), *self.search.left_out(number, self.ledger.rows)]
        found = SweptVariant(
            asked.op, asked.site, asked.variant, first.dtype, first.dims, tuple(rows), finals,
            spread, None if spread is None else spread <= rank.TRUSTED_RMS, self.search.words(number, self.ledger.rows),
        )  # fmt: skip
        if asked.recheck:
            found = msgspec.structs.replace(found, search=f"{asked.recheck}; {outcome(found)}")
        return found
