"""What a device process is given and gives back, and the process itself: `python -m harness.sweep.task`.

A line each way. The same `Devices.perform` is what a Dask worker calls.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from harness.lines import Outbox, from_line
from harness.parent import end_with_parent
from harness.values.environment import Environment
from harness.values.measurement import Conditions, Measurement
from harness.values.suite import Suite
from harness.values.sweep import Entrant


class Task(msgspec.Struct, frozen=True):
    """Verify and time these, each once where rounds is 0, else in as many interleaved rounds. process: number of the
    fresh process that it is meant for. prepare: verify them and make them ready only, for a task that times them.
    release: give back the memory of all that was made ready."""

    suite: Suite
    entrants: tuple[Entrant, ...]
    rounds: int = 0
    process: int = 0
    prepare: bool = False
    release: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """measurements: in the order of the entrants. sources: text of the variants by sha256. busy_s: of the device.
    where: the process that did it."""

    environment: Environment
    measurements: tuple[Measurement, ...] = ()
    sources: dict[str, str] = {}
    conditions: tuple[Conditions, ...] = ()
    busy_s: float = 0.0
    where: str = ""


_benches: dict[Any, Any] = {}
_environments: dict[str, Environment] = {}


def perform(task: Task) -> Outcome:
    """Does a task on this process' first device; what it made ready for earlier tasks is still there."""
    environment = where_am_i(task.suite, bandwidth=task.process == 0)
    if task.release:
        _release(environment)
    if not task.entrants:
        return Outcome(environment, where=_where())
    bench = _bench(task, environment)
    before_s = bench.busy_s
    if task.prepare:
        bench.prepare(task.entrants)
        return Outcome(environment, busy_s=bench.busy_s - before_s, where=_where())
    measurements = bench.measure(task.entrants, task.rounds)
    return Outcome(
        environment, tuple(measurements), _sources(task, measurements), _conditions(environment, task),
        bench.busy_s - before_s, _where(),
    )  # fmt: skip


def where_am_i(suite: Suite, *, bandwidth: bool) -> Environment:
    """The environment of this process, captured once. bandwidth: measured too."""
    if suite.path not in _environments:
        from harness import kernels_root
        from harness.measure.environment import capture, settle_threads

        kernels_root.bind(Path(suite.kernels_root))
        settle_threads()
        _environments[suite.path] = capture(Path(suite.path).parent, bandwidth)
    return _environments[suite.path]


def _bench(task: Task, environment: Environment) -> Any:
    from harness.measure.routing import load_routing
    from harness.measure.sweep_bench import SweepBench

    key = (task.suite.path, task.process)
    if key not in _benches:
        _benches.clear()
        folder = str(Path(task.suite.path).parent)
        _benches[key] = SweepBench(
            environment.device_kind, _timer(environment), task.process, folder, load_routing(task.suite),
            environment.l2_bytes or 0,
        )  # fmt: skip
    return _benches[key]


def _release(environment: Environment) -> None:
    import gc

    _benches.clear()
    gc.collect()
    if environment.device_kind == "cuda":
        import torch

        torch.cuda.empty_cache()


def _timer(environment: Environment) -> Any:
    if environment.device_kind == "cuda":
        from harness.measure.cuda_timer import CudaGraphTimer

        return CudaGraphTimer(environment.l2_bytes or 0, warm_calls=1, warm_replays=1)
    from harness.measure.cpu_timer import CpuTimer

    return CpuTimer()


def _sources(task: Task, measurements: list[Measurement]) -> dict[str, str]:
    from harness.resolve import load_variant

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
def _reader(uuid: str | None) -> Any:
    from harness.measure.conditions import ConditionsReader

    return ConditionsReader(uuid)


def _where() -> str:
    import socket

    return f"{socket.gethostname()}:{os.getpid()}"


def main() -> None:
    """Serves tasks until there are no more."""
    end_with_parent()
    outbox = Outbox()
    for line in sys.stdin.buffer:
        outbox.send(perform(from_line(line, Task)))


if __name__ == "__main__":
    main()
