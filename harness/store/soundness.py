"""Checks that a run from elsewhere can be true: a value that no clock gives would break every command that reads it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from harness.errors import HarnessError
from harness.values.energy import EnergyWindow
from harness.values.run import Run

STATES = ("running", "partial", "complete")
LONGEST = 200
LEAST_US, MOST_US = 1e-12, 1e18
"""Values of other units lie here, too: bytes, tokens a second."""
MOST_JOULES = 1e12
"""Per call or token: the whole world uses less than twenty of these in a second."""
COUNTED = ("tokens", "batch", "context", "length", "new_tokens", "entries")
"""Axes that are numbers wherever they are shown."""


def refuse_unsound(run: Run, where: str) -> None:
    """Raises HarnessError where the run's start is no time or its suite no name. It names the case where a sample is no
    time (NaN, infinite, zero or negative microseconds), a window is no energy, or a number of tokens is none."""
    if run.state not in STATES:
        raise HarnessError(f"{where}: state {run.state!r}; allowed: {', '.join(STATES)}")
    if run.started and not _is_time(run.started):  # what pytest-benchmark writes may have none
        raise HarnessError(f"{where}: started {run.started[:40]!r}; allowed: a time such as 2026-01-31T10:00:00+00:00")
    if "/" in run.suite or len(run.suite) > LONGEST:
        raise HarnessError(
            f"{where}: suite {run.suite[:40]!r}; allowed: the name of a file, up to {LONGEST} characters"
        )
    asked = [(case.id, case.axes) for case in (*run.planned, *(m.case for m in run.measurements))]
    for name, axes in (*asked, *((f"profile of {profile.arm}", profile.axes) for profile in run.profiles)):
        for axis in COUNTED:
            if not isinstance(axes.get(axis, 1), int):
                raise HarnessError(f"{where}: {name}: {axis} {axes[axis]!r}; allowed: a whole number")
    for measurement in run.measurements:
        refuse_times([sample.value_us for sample in measurement.samples], f"{where}: {measurement.case.id}: a sample")
        if (known := measurement.statistics) is not None:
            refuse_times([known.q1_us, known.median_us, known.q3_us], f"{where}: {measurement.case.id}: a quartile")
        if not all(map(_counts, measurement.energy)):
            raise HarnessError(
                f"{where}: {measurement.case.id}: a window of energy; allowed: joules, seconds and units above 0"
            )


def refuse_times(found_us: Iterable[float], what: str) -> None:
    """Raises HarnessError for a time, in microseconds, that is none. A finite one may be too long or too short: the
    ratio of two such would overflow."""
    for us in found_us:
        if not LEAST_US <= us <= MOST_US:
            allowed = f"finite and above 0, from {LEAST_US:g} to {MOST_US:g}"
            raise HarnessError(f"{what} of {us} us; allowed: {allowed}")


def _is_time(text: str) -> bool:
    try:
        return bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def _counts(window: EnergyWindow) -> bool:
    """Whether an energy counter may have given this window."""
    positive = window.joules, window.seconds, window.units
    known = window.idle_w or 0.0, window.within_s, window.tick_s
    if not all(math.isfinite(value) and value > 0 for value in positive):
        return False
    return all(math.isfinite(value) and value >= 0 for value in known) and 0 < window.gross_j < MOST_JOULES
