"""A machine's newest look beside those before it.

The usual is the median of up to KNOWN looks under the same settings. Slow looks do not count in it, so that a machine
that stays slow is not forgiven. A probe is slow beyond the bound that its own spread explains, and beyond SLOW at the
least. If it is slower than UNUSABLE as well, the times of the run are worthless.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from harness.values.machine import Health, MachineState, Probe, Sniffed

LEAST_KNOWN = 5
KNOWN = 40
LEAST_SD = 0.01
"""Least standard deviation of a probe's log: over 162 processes on five H100s the read bandwidth had an SD of 1.0 %
(samples/compare-h100)."""
SPREADS = 5.0
"""One reading of 162 was further away than this from its card's median (-10.9 %, a first process)."""
SLOW = 0.05
UNUSABLE = 0.10
"""A card with 10 % less read bandwidth would show a change of 10 % in every memory-bound kernel: larger than the
changes that are searched for."""
JUDGED = ("memory", "matmul")
"""Probes for which a run can be refused. Launches depend on the host, and are only reported."""
TENTH_TO_NINETIETH = 2.563


def health(looks: Sequence[Sniffed]) -> Health:
    """The health of one machine from its looks, oldest first, at least one."""
    newest = looks[-1]
    same = [look for look in looks if look.settings == newest.settings]
    usual: list[Sniffed] = []
    since = ""
    probes: tuple[Probe, ...] = ()
    for look in same:
        probes = _probes(usual[-KNOWN:], look)
        if any(probe.is_slow for probe in probes):
            since = since or look.started
        else:
            since = ""
            usual.append(look)
    state = MachineState.UNKNOWN if not probes else _state(probes)
    return Health(newest.machine, newest.name, state, min(len(usual), KNOWN), newest, probes, since)


def _probes(usual: Sequence[Sniffed], look: Sniffed) -> tuple[Probe, ...]:
    """The probes of a look beside the usual. Empty if too few looks show the usual."""
    if len(usual) < LEAST_KNOWN:
        return ()
    found = []
    for name, cost in look.sniff.costs.items():
        logs = sorted(math.log(known.sniff.costs[name]) for known in usual)
        spread = max(LEAST_SD, _spread(logs)) * math.sqrt(1 + 1 / len(logs))
        slower = math.expm1(math.log(cost) - statistics.median(logs))
        found.append(Probe(name, slower, max(SLOW, math.expm1(SPREADS * spread))))
    return tuple(found)


def _spread(logs: Sequence[float]) -> float:
    """A standard deviation that one odd value in ten does not move."""
    tenths = statistics.quantiles(logs, n=10, method="inclusive")
    return (tenths[-1] - tenths[0]) / TENTH_TO_NINETIETH


def _state(probes: Sequence[Probe]) -> MachineState:
    judged = [probe for probe in probes if probe.is_slow and probe.name in JUDGED]
    if any(probe.slower > UNUSABLE for probe in judged):
        return MachineState.UNUSABLE
    return MachineState.SLOW if any(probe.is_slow for probe in probes) else MachineState.USUAL


def every_machine(looks: Sequence[Sniffed]) -> list[Health]:
    """The health of each machine, the one that was seen last first."""
    by_machine: dict[str, list[Sniffed]] = {}
    for look in looks:
        by_machine.setdefault(look.machine, []).append(look)
    return sorted(map(health, by_machine.values()), key=lambda found: found.newest.started, reverse=True)


def slower_between(before: Sequence[Sniffed], since: Sequence[Sniffed]) -> dict[str, float]:
    """By judged probe, ln of its cost since over its cost before, by medians. Empty if either side has no looks."""
    if not before or not since:
        return {}
    return {
        name: statistics.median(math.log(look.sniff.costs[name]) for look in since)
        - statistics.median(math.log(look.sniff.costs[name]) for look in before)
        for name in JUDGED
    }
