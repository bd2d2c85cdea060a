"""Every constant of the decision, in one place; a suite's `compare:` section changes what may be changed."""

from __future__ import annotations

import math

import msgspec

from harness.values.run import Run
from harness.values.suite import ComparePolicy

MACHINE_FIELDS = ("device_kind", "device_name", "device_uuid", "cpu")
"""Where one of these differs, two machines were measured: a ratio may be shown, but is never a verdict on the code."""

SUITE_FIELDS = ("model", "dtype", "weights", "routing")
"""Sections of a suite that change what a question means without being in its id."""

INVALIDATING_THROTTLES = ("hw_slowdown", "hw_thermal_slowdown", "sw_thermal_slowdown", "hw_power_brake")
"""A GPU that protects itself was not measured under its usual clocks. The power cap is not here: it is an equal
condition of both sides, since runs with different caps are refused."""

LOOKS = (4, 6, 8, 12, 16, 24)
"""Numbers of pairs at which growing data are looked at. Each look has an equal share of the errors."""


class Policy(msgspec.Struct, frozen=True):
    """gate: what may fail a comparison (`decode`, `prefill`, `peak_memory`, ops). margin_percent: a difference must be
    shown to be larger than this; noise between processes is no margin, it is in the error already.
    same_within_percent: SAME means shown to be smaller than this. family_error: chance of any false FASTER or SLOWER
    among all gated cases; same_error: of a false SAME, per case. looks: how often the procedure looks at growing data;
    stored runs are looked at once. least_units: pairs, or processes a side, below which nothing is decided. power: with
    which the units still needed, and the smallest change that could be seen, are computed."""

    gate: tuple[str, ...] = ComparePolicy().gate
    margin_percent: float = 0.25
    same_within_percent: float = ComparePolicy().same_within_percent
    family_error: float = 0.05
    same_error: float = 0.05
    looks: int = 1
    least_units: int = 4
    power: float = 0.9

    def paired(self) -> Policy:
        """For pairs that are looked at as they come."""
        return msgspec.structs.replace(self, looks=len(LOOKS), least_units=LOOKS[0])

    @property
    def margin(self) -> float:
        """As a log ratio."""
        return math.log1p(self.margin_percent / 100)

    @property
    def same_within(self) -> float:
        """As a log ratio."""
        return math.log1p(self.same_within_percent / 100)


def policy_of(run: Run) -> Policy:
    """What the suite of a run says about judging it; the defaults where it says nothing.

    Asked of the base: what may not get slower is not for the head to say.
    """
    said = run.suite_facts.compare if run.suite_facts else ComparePolicy()
    return Policy(gate=said.gate, same_within_percent=said.same_within_percent)
