"""The processes of one side on one device, one after the other."""

from __future__ import annotations

from collections.abc import Callable

from harness.device.nvml import gpu_name, visible_gpus
from harness.errors import HarnessError
from harness.runner.case_worker import CaseWorker
from harness.runner.record import RunRecord
from harness.runner.stage import Options, Report, Stages
from harness.runner.waiting import WaitingWorkers
from harness.values.environment import Environment
from harness.values.suite import Plan, Suite

INHERITED = ("",)
"""The one device that a process finds by itself."""


def devices_for(gpus: int) -> tuple[str, ...]:
    """The value of CUDA_VISIBLE_DEVICES for the processes of each lane.

    Each pair has one GPU to itself, and all pairs are judged together. So it raises HarnessError where there are fewer
    GPUs than `gpus`, or GPUs of several kinds.
    """
    if gpus == 1:
        return INHERITED
    visible = visible_gpus()
    if len(visible) < gpus:
        allowed = f"1 to {len(visible)}" if visible else "1"
        raise HarnessError(f"--gpus {gpus}: this machine shows {len(visible)}; allowed: {allowed}")
    names = [gpu_name(gpu) for gpu in visible[:gpus]]
    if len(set(names)) > 1:
        raise HarnessError(f"--gpus {gpus}: these are {', '.join(names)}; allowed: GPUs of one kind")
    return tuple(visible[:gpus])


class Lane:
    """One device of a side. device: one of `devices_for`. new: starts a process on it. planned: returns the side's
    current plan. first: the side's first lane; None where this is it."""

    def __init__(
        self, device: str, new: Callable[[], CaseWorker], suite: Suite, record: RunRecord, options: Options,
        report: Report, planned: Callable[[], Plan], first: Lane | None,
    ) -> None:  # fmt: skip
        self.device, self.waiting, self._planned = device, WaitingWorkers(new), planned
        self.stages: Stages = Stages(
            suite, record, options, report, self.waiting.take, self._plan_at, first.stages if first else None
        )
        self.read_gb_s: float | None = None
        """The read bandwidth in GB/s that its newest process measured."""

    def close(self) -> None:
        self.waiting.rest()
        self.stages.close()

    def _plan_at(self, environment: Environment) -> Plan:
        self.read_gb_s = environment.read_gb_s
        return self._planned()
