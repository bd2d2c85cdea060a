"""Every constant of the decision in one place. A suite's `compare:` section sets those that may change."""

from __future__ import annotations

import math

import msgspec

from harness.values.run import Run
from harness.values.suite import ComparePolicy

MACHINE_FIELDS = ("device_kind", "device_name", "device_uuid", "cpu")
"""If one of these differs, two machines were measured. A ratio may be shown, but is never a verdict on the code."""

SUITE_FIELDS = ("model", "dtype", "weights", "routing")
"""Sections of a suite that change the meaning of a question without being in its id."""

INVALIDATING_THROTTLES = ("hw_slowdown", "hw_thermal_slowdown", "sw_thermal_slowdown", "hw_power_brake")
"""Throttle reasons of a GPU that protects itself, so that it did not run at its usual clocks. The power cap is not
here: it is an equal condition of both sides, since runs with different caps are refused."""

LOOKS = (4, 6, 8, 12, 16, 24)
"""Numbers of pairs at which growing data are looked at. Each look has an equal share of the errors."""


class Policy(msgspec.Struct, frozen=True):
    """The constants of the decision."""

    gate: tuple[str, ...] = ComparePolicy().gate
    """Metrics and ops that may fail a comparison: `decode`, `prefill`, `peak_memory`, ops."""
    margin_percent: float = 0.25
    """A difference must be shown to be larger than this. It need not cover noise between processes, which the error
    contains."""
    same_within_percent: float = ComparePolicy().same_within_percent
    """SAME means shown to be smaller than this."""
    family_error: float = 0.05
    """Chance of any false FASTER or SLOWER among all gated cases."""
    same_error: float = 0.05
    """Chance of a false SAME, per case."""
    looks: int = 1
    """Number of looks at growing data; stored runs are looked at once."""
    least_units: int = 4
    """Pairs, or processes a side, below which nothing is decided."""
    power: float = 0.9
    """Power for the number of units still needed and the smallest detectable change."""

    def paired(self) -> Policy:
        """The policy for pairs that are looked at as they come."""
        return msgspec.structs.replace(self, looks=len(LOOKS), least_units=LOOKS[0])

    def one_of(self, comparisons: int) -> Policy:
        """The policy for one of several comparisons, which share `family_error` in equal parts (Bonferroni)."""
        return msgspec.structs.replace(self, family_error=self.family_error / comparisons)

    @property
    def margin(self) -> float:
        """As a log ratio."""
        return math.log1p(self.margin_percent / 100)

    @property
    def same_within(self) -> float:
        """As a log ratio."""
        return math.log1p(self.same_within_percent / 100)


def policy_of(run: Run) -> Policy:
    """The policy that a run's suite sets, with the defaults for the rest.

    Called with the base: the head must not decide which cases may get slower.
    """
    said = run.suite_facts.compare if run.suite_facts else ComparePolicy()
    policy = Policy(gate=said.gate, same_within_percent=said.same_within_percent)
    return policy.one_of(run.pairing.comparisons if run.pairing else 1)
