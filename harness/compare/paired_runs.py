"""Two runs measured as pairs: the pairs that count, and the facts of their processes beside the times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.compare.decide import Evidence, p_beyond
from harness.compare.pairs import Pairs
from harness.compare.policy import LOOKS
from harness.stats import process_medians
from harness.values.case import Case
from harness.values.measurement import Measurement
from harness.values.pairing import Noise, Pairing, Slot
from harness.values.reason import OutsideTree
from harness.values.run import Run
from harness.values.stage import KINDS

CONTROL_CHANCE = 0.01
"""Chance that a control is reported to have moved though it did not."""
CONTROL_MARGIN = 0.005
"""As a log ratio: a control that moved by less explains no verdict."""


@dataclass(frozen=True)
class PairedRuns:
    """Two runs in which processes of the same number are pairs."""

    base: Run
    head: Run

    @property
    def pairing(self) -> Pairing:
        assert self.base.pairing is not None
        return self.base.pairing

    @property
    def noise(self) -> Noise:
        return self.pairing.noise

    @property
    def goes_on(self) -> bool:
        """Whether more pairs will come."""
        return "running" in (self.base.state, self.head.state)

    @cached_property
    def disturbed(self) -> dict[tuple[str, int], str]:
        """The reason why a pair does not count, by stage and process."""
        found: dict[tuple[str, int], str] = {}
        for side, slot in self._slots():
            if slot.disturbed:
                found.setdefault((slot.stage, slot.process), f"{side}: {slot.disturbed}")
        return found

    @property
    def outside(self) -> OutsideTree | None:
        """The first file that a side ran from outside of its tree."""
        return next((OutsideTree(side, slot.outside[0]) for side, slot in self._slots() if slot.outside), None)

    def of(self, base: Measurement, head: Measurement) -> Pairs:
        """Each pair of a case that counts, in their order."""
        stage, sides = stage_of(base.case), [_medians(m) for m in (base, head)]
        common = sorted(sides[0].keys() & sides[1].keys())
        kept = [process for process in common if (stage, process) not in self.disturbed]
        logs = [[math.log(side[process]) for process in kept] for side in sides]
        return Pairs(logs[0], logs[1], self._head_first([(stage, process) for process in kept]))

    def lost(self, case: Case) -> list[str]:
        """The reasons of the disturbed pairs of a case."""
        return [reason for (stage, _), reason in self.disturbed.items() if stage == stage_of(case)]

    def control(self) -> str:
        """A note where the read bandwidth that each process measured, which no kernel changes, differed between the
        sides."""
        sides = [
            {(s.stage, s.process): s.read_gb_s for s in run.slots if s.read_gb_s and s.process}
            for run in (self.base, self.head)
        ]
        common = sorted(sides[0].keys() & sides[1].keys())
        logs = [[math.log(float(side[key] or 1)) for key in common] for side in sides]
        pairs = Pairs(logs[0], logs[1], self._head_first(common))
        if pairs.n < LOOKS[0]:
            return ""
        found = Evidence(*pairs.fit.difference, "pair")
        if p_beyond(found, CONTROL_MARGIN) > CONTROL_CHANCE:
            return ""
        percent = 100 * math.expm1(found.centre)
        more = "faster" if percent > 0 else "slower"
        moved = f"{abs(percent):.2g} % {more} in head's processes"
        return f"control: reading memory was {moved}; the machine itself may have changed"

    def _head_first(self, keys: Sequence[tuple[str, int]]) -> tuple[bool, ...]:
        """Whether head ran first in the pairs of these stages and processes; empty where a slot is missing."""
        found = [self._head_positions.get(key) for key in keys]
        return () if None in found else tuple(position == 0 for position in found)

    @cached_property
    def _head_positions(self) -> dict[tuple[str, int], int]:
        return {(slot.stage, slot.process): slot.position for slot in self.head.slots}

    def _slots(self) -> Iterable[tuple[str, Slot]]:
        for side, run in (("base", self.base), ("head", self.head)):
            for slot in run.slots:
                yield side, slot


def paired_runs(base: Run, head: Run) -> PairedRuns | None:
    """The pairs of two runs that are the sides of one comparison; None for any others."""
    a, b = base.pairing, head.pairing
    return PairedRuns(base, head) if a and b and a.comparison == b.comparison and a.side != b.side else None


def stage_of(case: Case) -> str:
    return next(stage for stage, kinds in KINDS.items() if case.kind in kinds)


def _medians(measurement: Measurement) -> dict[int, float]:
    processes = sorted({sample.process for sample in measurement.samples})
    return dict(zip(processes, process_medians(measurement.samples), strict=True))
