"""The first pass over the configurations as they leave the compiler: each finished one is stored as a row at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait

import msgspec

from harness.store import Store
from harness.values.case import Case
from harness.values.closure import Closure
from harness.values.compiled import Compiled
from harness.values.measurement import Measurement, Status
from harness.values.suite import Suite
from harness.values.sweep import Configuration, Entrant
from harness.worker.messages import Outcome, Task
from harness.worker.pool import Devices, outcome_of
from harness.worker.process import WorkerDied


class Ledger:
    """All results of a sweep's configurations, by case id. Each is stored before it is used."""

    def __init__(self, store: Store, keys: dict[str, str], known: dict[str, Configuration]) -> None:
        self.store, self.keys, self.rows = store, keys, dict(known)
        self.run_id = ""
        self.busy_s = 0.0
        self.done = 0
        self._sources: set[str] = set()
        self._lock = threading.Lock()

    def keep(self, row: Configuration) -> None:
        with self._lock:
            self.store.add_configuration(self.run_id, row.key, row)
            self.rows[row.case.id] = row
            self.done += 1

    def record_outcome(self, outcome: Outcome) -> None:
        """Store the parts of an outcome besides its measurements."""
        with self._lock:
            self.busy_s += outcome.busy_s
            if outcome.conditions:
                self.store.add_conditions(self.run_id, outcome.conditions)
            for key, text in outcome.sources.items():
                if key not in self._sources:
                    self._sources.add(key)
                    self.store.add_source(self.run_id, key, text)

    def record(self, measurement: Measurement, stage: str) -> None:
        """Store a measurement of a configuration, and keep the results of its compilation."""
        case = measurement.case
        old = self.rows.get(case.id)
        fresh = Configuration(self.keys[case.id], measurement, stage=stage)
        if old is not None:
            fresh = msgspec.structs.replace(
                fresh, identity=old.identity, binary=old.binary, same_as=old.same_as, closure=old.closure
            )
        self.keep(fresh)


class Race:
    """Takes cases and compiled cases, and times each distinct one once on any device. moved: called after each row."""

    def __init__(self, suite: Suite, ledger: Ledger, devices: Devices, moved: Callable[[], None]) -> None:
        self._suite, self._ledger, self._devices, self._moved = suite, ledger, devices, moved
        self._first: dict[str, str] = {
            row.identity: row.case.id for row in ledger.rows.values() if row.identity and row.same_as is None
        }
        self._running: list[Future[Outcome]] = []
        self._compiled: dict[str, Compiled] = {}
        self._compiles: set[str] = set()
        self._failed: dict[str, list[Compiled]] = {}
        self._error: BaseException | None = None

    def offer_compiled(self, compiled: Compiled) -> None:
        """Take a case from the static stage. Failures wait until a case of their question compiles. If none compiles
        without running, all are left to the device."""
        question = f"{compiled.case.question} {compiled.case.dims}"
        if compiled.status is Status.FAILED and question not in self._compiles:
            self._failed.setdefault(question, []).append(compiled)
            return
        if compiled.status is not Status.FAILED:
            self._compiles.add(question)
            for earlier in self._failed.pop(question, []):
                self._settle(earlier)
        self._settle(compiled)

    def _settle(self, compiled: Compiled) -> None:
        """Store the case as pruned or as a duplicate, or send it to a device."""
        case, key = compiled.case, self._ledger.keys[compiled.case.id]
        if compiled.status is not Status.OK:
            pruned = Measurement(case, compiled.status, compiled.reason, compile_s=compiled.compile_s)
            self._ledger.keep(Configuration(key, pruned, binary=compiled.main, stage="static"))
            self._moved()
            return
        identity = compiled.identity
        first = self._first.setdefault(identity, case.id) if identity else case.id
        if first != case.id:
            same = Measurement(case, Status.OK, compile_s=compiled.compile_s)
            self._ledger.keep(Configuration(key, same, identity, first, compiled.main, "static"))
            self._moved()
            return
        self._compiled[case.id] = compiled
        self.offer(case)

    def offer(self, case: Case) -> None:
        """Send a case to a device to be timed."""
        future = self._devices.submit(Task(self._suite, (Entrant(case),)))
        self._running.append(future)
        future.add_done_callback(lambda done: self._finished(case, done))

    def _finished(self, case: Case, future: Future[Outcome]) -> None:
        """Record a finished case. It runs in the device's thread, where nobody would see an error."""
        try:
            self._keep(case, future)
        except BaseException as error:
            self._error = self._error or error

    def _keep(self, case: Case, future: Future[Outcome]) -> None:
        closure: Closure | None = None
        try:
            outcome = outcome_of(future)
        except WorkerDied as death:
            if death.stopped:
                return
            measurement = death.measurement(case)
        else:
            self._ledger.record_outcome(outcome)
            [measurement] = outcome.measurements
            closure = outcome.closure
        compiled = self._compiled.get(case.id)
        row = Configuration(self._ledger.keys[case.id], measurement, closure=closure)
        if compiled is not None:
            row = msgspec.structs.replace(row, identity=compiled.identity, binary=compiled.main)
        self._ledger.keep(row)
        self._moved()

    def finish(self) -> None:
        """Wait until every offered case is done. Raises the error that kept a result from being stored."""
        for compiled in (each for failed in self._failed.values() for each in failed):
            self.offer(compiled.case)
        while self.running():
            self.wait(1.0)  # a short wait: Ctrl-C must reach the main thread

    def running(self) -> int:
        """Number of cases that run on a device or wait for one. Raises the error that kept a result from being
        stored."""
        self._running = [future for future in self._running if not future.done()]
        if self._error is not None:
            raise self._error
        return len(self._running)

    def wait(self, limit_s: float) -> None:
        """Wait until one of them is done, or the limit is over."""
        wait(self._running, timeout=limit_s, return_when=FIRST_COMPLETED)
