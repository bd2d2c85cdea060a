"""A worker's service that touches the device: imports and waits, then does one job after the other.

After a fault of the GPU's context or out of memory, the process is in doubt: it sends its answer and ends.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from harness import kernels_root
from harness.device.choice import gpu_is_usable, open_device
from harness.device.device import Device
from harness.device.environment import read_environment
from harness.device.sniff import sniff
from harness.suite.catalogue import bind_ops
from harness.values.environment import Environment
from harness.worker.clock import OuterClock, WireClock
from harness.worker.messages import Awake, Boot, DeviceJob, Done, Greet, Hello, StageJob, TryJob, TryReply
from harness.worker.wire import Wire

FAULTED = 3
"""Exit status of a worker whose GPU context was lost, after its answer."""
NEEDED = (
    "harness.device.nvidia", "harness.device.environment", "harness.device.timers.cuda_graph",
    "harness.measure.kernel_cases", "harness.measure.routing", "harness.decode.decode_cases",
)  # fmt: skip
"""Imported before a worker waits, and torch with them, which takes longest. Kernels and models are imported later: the
effects of their imports are their own."""


def serve(wire: Wire, boot: Boot) -> None:
    """Serve jobs until the wire closes. Touches no device before the first of them, unless it must choose the
    interpreter."""
    interpreted = boot.interpret == "without_gpu" and not gpu_is_usable()
    if interpreted:
        os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported; torch has not done that
    sys.path.remove(boot.tree)  # nothing of this is the tree's, whatever lies at its root
    for name in NEEDED:
        importlib.import_module(name)
    if torch.version.cuda:
        with suppress(ImportError):  # then the case that needs it says so
            importlib.import_module("triton")
    sys.path.insert(0, boot.tree)
    wire.send(Awake())
    service = Service(interpreted, WireClock(wire))
    while True:
        lost = False
        for event in service.events(wire.receive(DeviceJob)):
            wire.send(event)
            lost = isinstance(event, TryReply) and event.lost
        wire.send(Done())
        if lost:
            os._exit(FAULTED)  # the interpreter's own end would touch the lost context


class Service:
    """The jobs of one process, and the state that it keeps between them."""

    def __init__(self, interpreted: bool, clock: OuterClock) -> None:
        self._interpreted, self._clock = interpreted, clock
        self._device: Device | None = None
        self._environments: dict[str, Environment] = {}
        self._attempts: Any = None
        self._tasks: Any = None

    def events(self, job: DeviceJob) -> Iterator[object]:
        """The events of the job, as they come."""
        if isinstance(job, Greet):
            environment = self._where(job.folder, job.bandwidth)
            yield Hello(environment, self._interpreted, sniff(self._opened()) if job.sniff else None)
        elif isinstance(job, StageJob):
            from harness.serving.stages import stage_events

            bind_ops(job.plan.suite.ops, job.plan.suite.models)
            yield from stage_events(job, self._opened(), self._clock)
        elif isinstance(job, TryJob):
            from harness.serving.one_case import OneCase

            bind_ops(job.ops)
            self._attempts = self._attempts or OneCase(self._opened(), self._where(job.folder), self._clock)
            yield from self._attempts.events(job)
        else:
            from harness.serving.sweep_tasks import SweepTasks

            kernels_root.bind(Path(job.suite.kernels_root))
            bind_ops(job.suite.ops, job.suite.models)
            self._tasks = self._tasks or SweepTasks(self._opened(), self._clock)
            yield self._tasks.perform(job, self._where(str(job.suite.folder), job.process == 0))

    def _where(self, folder: str, bandwidth: bool = True) -> Environment:
        """The environment of this process, captured once for a suite's folder."""
        if folder not in self._environments:
            self._environments[folder] = read_environment(self._opened(), Path(folder), bandwidth)
        return self._environments[folder]

    def _opened(self) -> Device:
        self._device = self._device or open_device()
        return self._device
