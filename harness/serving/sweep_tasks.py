"""The tasks of a sweep in one process, which keeps the preparations of earlier tasks."""

from __future__ import annotations

import gc
import os
import socket
from pathlib import Path

from harness.device.device import Device
from harness.load_kernels import load_variant, loaded_variants
from harness.measure.routing import load_routing
from harness.measure.sweep_bench import SweepBench
from harness.observe.audit import Observer
from harness.observe.cases import variant_closure
from harness.observe.origin import tree_around
from harness.values.closure import Closure
from harness.values.environment import Environment
from harness.values.measurement import Measurement
from harness.worker.clock import OuterClock
from harness.worker.messages import Outcome, Task


class SweepTasks:
    """Keeps the bench of the most recent suite and process number."""

    def __init__(self, device: Device, clock: OuterClock) -> None:
        self._device, self._clock = device, clock
        self._benches: dict[tuple[str, int], SweepBench] = {}
        self._observer: Observer | None = None

    def perform(self, task: Task, environment: Environment) -> Outcome:
        """Perform a task on this process's first device."""
        where = f"{socket.gethostname()}:{os.getpid()}"
        if task.release:
            self._release()
        if not task.entrants:
            return Outcome(environment, where=where)
        if self._observer is None:  # from the first task on that runs a kernel
            self._observer = Observer(tree_around(Path(task.suite.path)))
            self._observer.start()
        bench = self._bench(task)
        before_s = bench.busy_s
        if task.prepare:
            bench.prepare(task.entrants)
            return Outcome(environment, busy_s=bench.busy_s - before_s, where=where)
        measurements = bench.measure(task.entrants, task.rounds, task.clocked)
        conditions = (self._device.conditions(task.process, 0),) if self._device.gpu else ()
        return Outcome(
            environment, tuple(measurements), _sources(task, measurements), conditions,
            bench.busy_s - before_s, where, _closure(task, self._observer),
        )  # fmt: skip

    def _bench(self, task: Task) -> SweepBench:
        key = (task.suite.path, task.process)
        if key not in self._benches:
            self._benches.clear()
            folder = str(task.suite.folder)
            self._benches[key] = SweepBench(
                self._device, task.suite.timer.kind, task.process, folder, load_routing(task.suite), self._clock
            )
        return self._benches[key]

    def _release(self) -> None:
        self._benches.clear()
        gc.collect()
        self._device.release_memory()


def _sources(task: Task, measurements: list[Measurement]) -> dict[str, str]:
    found = {}
    for measurement in measurements:
        answer, op = measurement.case.answer, measurement.case.op
        if measurement.source is not None and measurement.source not in found and answer and op:
            variant = load_variant(op, answer.variant, task.suite.folder)
            found[variant.source_hash] = variant.source_text
    return found


def _closure(task: Task, observer: Observer) -> Closure | None:
    cases = [entrant.case for entrant in task.entrants]
    if len({case.answer.variant for case in cases if case.answer}) != 1:  # the last rounds, beside the baseline
        return None
    return variant_closure(observer, cases[0], task.suite.folder, loaded_variants())
