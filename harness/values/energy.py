"""Joules as a device's own counter told them while one case ran on and on."""

from __future__ import annotations

import msgspec


class EnergyWindow(msgspec.Struct, frozen=True):
    """What the counter counted between two of its ticks.

    joules: of the whole device. seconds: between the ticks. units: calls (kernels) or tokens of all sequences (decode,
    prefill) done in that time, fractions included. process: number of the fresh process. within_s: how far the two
    ticks together may lie from where they were seen. tick_s: the median time between two ticks in this process.
    idle_w: what the device took in this process while nothing ran.
    """

    joules: float
    seconds: float
    units: float
    process: int
    within_s: float
    tick_s: float
    idle_w: float

    @property
    def gross_j(self) -> float:
        """Joules per unit."""
        return self.joules / self.units

    @property
    def net_j(self) -> float:
        """The same without what the idle device would have taken in that time."""
        return (self.joules - self.idle_w * self.seconds) / self.units

    @property
    def resolution(self) -> float:
        """Relative: what the place of the ticks leaves open."""
        return self.within_s / self.seconds
