"""Whether a run from elsewhere can be true: a value that no clock gives would break every command that reads it."""

from __future__ import annotations

import math

from harness.errors import HarnessError
from harness.values.run import Run

STATES = ("running", "partial", "complete")
COUNTED = ("tokens", "batch", "context", "length", "new_tokens")
"""Axes that are numbers wherever they are shown."""


def refuse_unsound(run: Run, where: str) -> None:
    """Raises HarnessError, naming the case, where a sample is no time (NaN, infinite, zero or negative microseconds),
    or a number of tokens is none."""
    if run.state not in STATES:
        raise HarnessError(f"{where}: state {run.state!r}; allowed: {', '.join(STATES)}")
    asked = [(case.id, case.axes) for case in (*run.planned, *(m.case for m in run.measurements))]
    for name, axes in (*asked, *((f"profile of {profile.arm}", profile.axes) for profile in run.profiles)):
        for axis in COUNTED:
            if not isinstance(axes.get(axis, 1), int):
                raise HarnessError(f"{where}: {name}: {axis} {axes[axis]!r}; allowed: a whole number")
    for measurement in run.measurements:
        for sample in measurement.samples:
            if not (math.isfinite(sample.value_us) and sample.value_us > 0):
                raise HarnessError(
                    f"{where}: {measurement.case.id}: a sample of {sample.value_us} us; allowed: finite and above 0"
                )
