"""How the two sides of a live comparison are measured."""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.runner.lane import INHERITED


class Terms(msgspec.Struct, frozen=True):
    """How the sides are measured."""

    purpose: Literal["compare", "calibrate"] = "compare"
    budget_s: float | None = None
    """None: the base suite's."""
    gated_only: bool = True
    """Measure only the cases that gate, if there are any."""
    measure_identical: bool = False
    accept: tuple[str, ...] = ()
    """Conditions that may differ."""
    seed: int | None = None
    pairs: int | None = None
    """A fixed number, without looks, for a calibration."""
    worktrees: int = 0
    comparisons: int = 1
    """The comparisons that share the chance of a false FASTER or SLOWER."""
    devices: tuple[str, ...] = INHERITED
    """Those of `lane.devices_for`; each measures pairs of its own at the same time."""
