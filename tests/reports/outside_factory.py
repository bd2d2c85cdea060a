"""A run of what is measured outside, for the tests of reports; every number is made up."""

from __future__ import annotations

import msgspec

from harness.values.case import Case
from harness.values.measurement import Measurement, Sample, Status
from harness.values.run import Run

from .run_factory import synthetic_run


def outside_run() -> Run:
    """A rate and a size of two arms."""
    measured = [
        Measurement(
            Case("figure", arm, "", {"concurrency": 2}, op=name, engine="command", figure_unit=unit), Status.OK,
            samples=tuple(Sample(level * factor + 0.1 * n, n, 0) for n in range(4)), timer="program",
            notes=(f"runner ./{arm}: sha256 ab",),
        )
        for name, unit, level in (("decode", "us/token", 90.0), ("size", "MiB", 12.0))
        for arm, factor in (("old", 1.0), ("new", 0.9))
    ]  # fmt: skip
    return msgspec.structs.replace(
        synthetic_run(1),
        processes=4,
        planned=tuple(m.case for m in measured),
        measurements=tuple(measured),
        profiles=(),
    )
