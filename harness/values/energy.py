"""Joules from a device's own counter while one case ran continuously."""

from __future__ import annotations

import msgspec


class EnergyWindow(msgspec.Struct, frozen=True):
    """The energy between two ticks of the counter.

    joules: Energy of the whole device.
    seconds: Time between the ticks.
    units: Calls (kernels) or tokens of all sequences (decode, prefill) done in that time, including fractions.
    process: Number of the fresh process.
    within_s: Timing uncertainty of both ticks together.
    tick_s: The median time between two ticks in this process.
    idle_w: Power of the idle device in this process; None where it was not measured.
    """

    joules: float
    seconds: float
    units: float
    process: int
    within_s: float
    tick_s: float
    idle_w: float | None = None

    @property
    def gross_j(self) -> float:
        """Joules per unit."""
        return self.joules / self.units

    @property
    def net_j(self) -> float | None:
        """Joules per unit without the energy that the idle device would have taken in that time; None where that is
        not known."""
        return None if self.idle_w is None else (self.joules - self.idle_w * self.seconds) / self.units

    @property
    def resolution(self) -> float:
        """Relative uncertainty from the timing of the ticks."""
        return self.within_s / self.seconds
