"""A suite to a plan in a worker: a process has one folder of kernels, and a comparison has two. No torch."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.values.environment import Environment
from harness.values.suite import Plan
from harness.worker.messages import Boot
from harness.worker.process import WorkerDied, WorkerProcess
from harness.worker.wire import Wire


class Wanted(msgspec.Struct, frozen=True, tag=True):
    """device, triton: where it will run; without them what is `tuned` is not looked up. Else as of `plan.expand`."""

    suite: str
    arms: tuple[str, ...] | None = None
    match: str | None = None
    device: str | None = None
    triton: str | None = None


class Planned(msgspec.Struct, frozen=True, tag=True):
    """fingerprints: by case id, of what is asked, see `suite.fingerprint`."""

    plan: Plan
    fingerprints: dict[str, str] = {}


def plan_of(wanted: Wanted, environment: Environment | None = None) -> Planned:
    """The plan of a suite file as its own kernels have it. Raises HarnessError as `load_suite` and `expand` do."""
    if environment is not None:
        wanted = msgspec.structs.replace(wanted, device=environment.slug, triton=environment.triton)
    with WorkerProcess("harness.runner.planner", tree=Path("/")) as worker:
        try:
            worker.send(wanted)
            planned: Planned = worker.hear(Planned)
        except WorkerDied as death:
            raise HarnessError(f"{wanted.suite}: cannot be read with the kernels beside it: {death.reason}") from death
    return planned


def serve(wire: Wire, _: Boot) -> None:
    """One plan. Raises HarnessError as `load_suite` and `expand` do."""
    from harness.plan import expand
    from harness.suite.fingerprint import fingerprints
    from harness.suite.load import load_suite

    wanted: Wanted = wire.receive(Wanted)
    suite = load_suite(Path(wanted.suite))
    plan = expand(suite, arms=wanted.arms, match=wanted.match, device_slug=wanted.device, triton=wanted.triton)
    wire.send(Planned(plan, fingerprints(plan)))
