"""One kernel case at a time, in this process: for programs with their own loop over cases, such as pytest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness import kernels_root
from harness.device.choice import open_device
from harness.device.environment import read_environment
from harness.measure.failure import failed
from harness.plan import expand
from harness.serving.stages import stage_events
from harness.suite.catalogue import bind_ops
from harness.suite.load import load_suite
from harness.values.environment import Environment
from harness.values.measurement import Measurement, Status
from harness.worker.messages import Measured, StageJob


class SuiteCasesBench:
    """The kernel cases of a suite on this machine. Cases are not interleaved with each other, and there is one process:
    the samples do not contain differences between processes."""

    environment: Environment

    def __init__(self, suite: Path, arms: Sequence[str] | None = None) -> None:
        kernels_root.bind(kernels_root.find(suite))
        self.device = open_device()
        self.environment = environment = read_environment(self.device, suite.parent, measure_bandwidth=False)
        self.suite = load_suite(suite)
        bind_ops(self.suite.ops)
        slug, triton = environment.slug, environment.triton
        self.plan = expand(self.suite, arms=arms, device_slug=slug, triton=triton)

    def measure(self, case_id: str, verify_only: bool = False) -> Measurement:
        """Verify the case and, unless verify_only, time it in the harness's own rounds."""
        case = next(case for case in self.plan.cases if case.id == case_id)
        if case.problem is not None:
            return failed(case, case.problem, Status.UNSUPPORTED)
        alone = msgspec.structs.replace(self.plan, cases=(msgspec.structs.replace(case, same_as=None),))
        events = list(stage_events(StageJob("kernels", alone, verify_only=verify_only), self.device))
        return next(event.measurement for event in events if isinstance(event, Measured))
