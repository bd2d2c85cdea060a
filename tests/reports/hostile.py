"""A run in which everything that a user may name tries to be something else."""

from __future__ import annotations

import msgspec

from harness.values.case import Case, Implementation
from harness.values.measurement import Measurement, Status
from harness.values.run import Run

from .run_factory import DTYPE, synthetic_run

EVIL = (
    "</td></script><script>alert(1)</script><img src=x onerror=alert(2)>|`x`|\\|$\\frac{1}{0}$ [bold]b[/bold] "
    "[a](javascript:alert(3)) ![i](http://x/y.png) @everyone **b** \x1b[31mred\x1b[0m \u202egnp\x00 {{ 7*7 }} {% raw %}"
)


def hostile_run() -> Run:
    """`EVIL` as title, note, command, arm, variant, op, kernel name, category, reason and environment."""
    run = synthetic_run()
    assert run.environment is not None

    def arm(case: Case) -> Case:
        answer = Implementation(EVIL, {EVIL: EVIL}) if case.kind == "kernel" else None
        axes = {**case.axes, EVIL: EVIL} if case.kind == "kernel" else case.axes
        name = EVIL if case.arm == "autotuned" else case.arm
        op = EVIL if case.op == "moe_down" else case.op
        return msgspec.structs.replace(case, arm=name, answer=answer, axes=axes, op=op, same_as=None)

    measurements = tuple(msgspec.structs.replace(m, case=arm(m.case)) for m in run.measurements)
    failed = Measurement(Case("kernel", EVIL, DTYPE, {"tokens": 1}, op=EVIL, site=EVIL), Status.FAILED, EVIL)
    profiles = []
    for profile in run.profiles:
        rows = tuple(
            msgspec.structs.replace(row, name=EVIL + row.name, scope=EVIL, category=EVIL) for row in profile.kernels
        )
        categories = tuple(msgspec.structs.replace(row, name=f"{EVIL}{row.name}") for row in profile.categories)
        name = EVIL if profile.arm == "autotuned" else profile.arm
        profiles.append(
            msgspec.structs.replace(profile, arm=name, kernels=rows, categories=categories, data_quality={EVIL: 3})
        )
    return msgspec.structs.replace(
        run,
        id=EVIL,
        suite=EVIL,
        title=EVIL,
        note=EVIL,
        command=EVIL,
        analysis=f"{EVIL}\n\n# {EVIL}",
        state=EVIL,
        planned=(),
        measurements=(*measurements, failed),
        profiles=tuple(profiles),
        environment=msgspec.structs.replace(run.environment, device_name=EVIL, torch=EVIL, commit=EVIL),
    )
