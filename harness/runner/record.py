"""A run, stored event by event as its workers report it, so that no death loses a measurement."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence

import msgspec

from harness.store import Store
from harness.values.case import Case
from harness.values.machine import Sniff
from harness.values.measurement import Measurement, Status
from harness.values.run import Run
from harness.worker.messages import Measured, NotProfiled, Profiled, Sampled, StageEvent, Started, Streamed
from harness.worker.process import WorkerDied

_turn = threading.RLock()
"""Held for one event at a time: a comparison on several devices has one thread per device."""


class RunRecord:
    """One run in a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.run_id = ""
        """Empty until the run begins."""
        self.sniff: Sniff | None = None
        """The speed check of the machine before the run."""
        self.streams: dict[str, list[list[int]]] = {}
        """Recorded token streams by name: tokens of each sequence."""
        self.failed: dict[str, str] = {}
        """Reasons by case id."""
        self.not_profiled: dict[str, str] = {}
        """Reasons by the failed profile."""
        self.log: list[str] = []
        """Standard error of workers that died, and unsupported profiles."""
        self._sources: set[str] = set()
        self._is_stopped = False

    @property
    def failures(self) -> dict[str, str]:
        """Reasons by case id and by profile."""
        return {**self.failed, **self.not_profiled}

    def begin(self, run: Run, suite_text: str) -> None:
        """Store the first facts of the run. Planned cases that cannot run get their row at once."""
        self.run_id = self.store.begin(msgspec.structs.replace(run, sniff=self.sniff))
        self.keep_source(suite_text)
        for case in run.planned:
            if case.problem is not None:
                self.store.add_measurement(self.run_id, 0, Measurement(case, Status.UNSUPPORTED, case.problem))

    def keep(self, event: StageEvent, process: int) -> str | None:
        """Store one event; return the id of the case that it finishes."""
        with _turn:
            return None if self._is_stopped else self._keep(event, process)

    def _keep(self, event: StageEvent, process: int) -> str | None:
        if isinstance(event, Measured):
            self.store.add_measurement(self.run_id, process, event.measurement)
            if event.source_text is not None:
                self.keep_source(event.source_text)
            if event.measurement.status not in (Status.OK, Status.UNSUPPORTED):
                self.failed[event.measurement.case.id] = event.measurement.reason
            return event.measurement.case.id
        if isinstance(event, Sampled):
            self.store.add_conditions(self.run_id, event.conditions)
        elif isinstance(event, Profiled):
            self.store.add_profile(self.run_id, event.profile)
        elif isinstance(event, NotProfiled) and event.unsupported:
            self.log.append(f"{event.what}: UNSUPPORTED: {event.reason}")
        elif isinstance(event, NotProfiled):
            self.not_profiled[event.what] = event.reason
        elif isinstance(event, Streamed):
            self.keep_stream(event.name, event.tokens)
        return None

    def keep_stream(self, name: str, rows: list[list[int]]) -> None:
        self.streams[name] = rows
        for row, tokens in enumerate(rows):
            self.store.add_stream(self.run_id, f"{name},row={row}", tokens)

    def keep_source(self, text: str) -> None:
        key = hashlib.sha256(text.encode()).hexdigest()
        if key not in self._sources:
            self._sources.add(key)
            self.store.add_source(self.run_id, key, text)

    def lose(self, death: WorkerDied, started: Started, left: Sequence[Case], process: int) -> list[str]:
        """Record a failure for the announced cases, or for all cases left where none of these was announced. Return
        their ids. After `stop` none of them failed."""
        lost = [case for case in left if case.id in started.cases] or left
        with _turn:
            for case in () if self._is_stopped else lost:
                measurement = death.measurement(case, f"while it was in: {started.what}; ")
                self.failed[case.id] = measurement.reason
                self.store.add_measurement(self.run_id, process, measurement)
        return [case.id for case in lost]

    def stop(self) -> None:
        """Ignore all later events of the workers: their end is not the fault of a case."""
        with _turn:
            self._is_stopped = True

    def finish(self, state: str) -> None:
        """End the run. state: `complete`, or `partial` for a run that ended before its plan."""
        if self.run_id:
            self.store.finish(self.run_id, state)
