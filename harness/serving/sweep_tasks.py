"""The tasks of a sweep in one process: what it made ready for earlier tasks is still there."""

from __future__ import annotations

import gc
import os
import socket
from functools import cache
from pathlib import Path

import torch

from harness.measure.conditions import ConditionsReader
from harness.measure.cpu_timer import CpuTimer
from harness.measure.cuda_timer import CudaGraphTimer
from harness.measure.routing import load_routing
from harness.measure.sweep_bench import SweepBench
from harness.measure.timer import Timer
from harness.resolve import load_variant
from harness.values.environment import Environment
from harness.values.measurement import Conditions, Measurement
from harness.worker.messages import Outcome, Task


class SweepTasks:
    """Keeps the bench of the suite and process number that came last."""

    def __init__(self) -> None:
        self._benches: dict[tuple[str, int], SweepBench] = {}

    def perform(self, task: Task, environment: Environment) -> Outcome:
        """Does a task on this process' first device."""
        where = f"{socket.gethostname()}:{os.getpid()}"
        if task.release:
            self._release(environment)
        if not task.entrants:
            return Outcome(environment, where=where)
        bench = self._bench(task, environment)
        before_s = bench.busy_s
        if task.prepare:
            bench.prepare(task.entrants)
            return Outcome(environment, busy_s=bench.busy_s - before_s, where=where)
        measurements = bench.measure(task.entrants, task.rounds)
        return Outcome(
            environment, tuple(measurements), _sources(task, measurements), _conditions(environment, task),
            bench.busy_s - before_s, where,
        )  # fmt: skip

    def _bench(self, task: Task, environment: Environment) -> SweepBench:
        key = (task.suite.path, task.process)
        if key not in self._benches:
            self._benches.clear()
            folder = str(Path(task.suite.path).parent)
            self._benches[key] = SweepBench(
                environment.device_kind, _timer(environment), task.process, folder, load_routing(task.suite),
                environment.l2_bytes or 0,
            )  # fmt: skip
        return self._benches[key]

    def _release(self, environment: Environment) -> None:
        self._benches.clear()
        gc.collect()
        if environment.device_kind == "cuda":
            torch.cuda.empty_cache()


def _timer(environment: Environment) -> Timer:
    if environment.device_kind == "cuda":
        return CudaGraphTimer(environment.l2_bytes or 0, warm_calls=1, warm_replays=1)
    return CpuTimer()


def _sources(task: Task, measurements: list[Measurement]) -> dict[str, str]:
    found = {}
    for measurement in measurements:
        answer, op = measurement.case.answer, measurement.case.op
        if measurement.source is not None and measurement.source not in found and answer and op:
            variant = load_variant(op, answer.variant, Path(task.suite.path).parent)
            found[variant.source_hash] = variant.source_text
    return found


def _conditions(environment: Environment, task: Task) -> tuple[Conditions, ...]:
    if environment.device_kind != "cuda":
        return ()
    return (_reader(environment.device_uuid).read(task.process, 0),)


@cache
def _reader(uuid: str | None) -> ConditionsReader:
    return ConditionsReader(uuid)
