"""Two runs that were measured as pairs: which pairs count, and what their processes say beside the times."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from harness.compare.decide import p_beyond, paired
from harness.stats import process_medians
from harness.stats.modes import two_modes
from harness.values.case import Case
from harness.values.closure import Closure
from harness.values.measurement import Measurement
from harness.values.pairing import Noise, Pairing, Slot
from harness.values.reason import OutsideTree
from harness.values.run import Run

CONTROL_CHANCE = 0.01
"""Of a control that is said to have moved though it did not."""
CONTROL_MARGIN = 0.005
"""As a log ratio: a control that moved by less explains no verdict."""


@dataclass(frozen=True)
class PairedRuns:
    """Processes of the same number are pairs."""

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
        """More pairs will come."""
        return "running" in (self.base.state, self.head.state)

    @cached_property
    def disturbed(self) -> dict[tuple[str, int], str]:
        """Why a pair counts for nothing, by stage and process."""
        found: dict[tuple[str, int], str] = {}
        for side, slot in self._slots():
            if slot.disturbed:
                found.setdefault((slot.stage, slot.process), f"{side}: {slot.disturbed}")
        return found

    @property
    def outside(self) -> OutsideTree | None:
        """The first file that a side ran and that is not of its tree."""
        return next((OutsideTree(side, slot.outside[0]) for side, slot in self._slots() if slot.outside), None)

    def changed(self, base: Case, head: Case) -> tuple[str, ...]:
        """The files by which what both sides read for a case differs, as far as they were observed."""
        found = [_closure(run, case) for run, case in ((self.base, base), (self.head, head))]
        return found[0].differences(found[1]) if found[0] and found[1] else ()

    def log_ratios(self, base: Measurement, head: Measurement) -> list[float]:
        """ln(head / base) of the medians of each pair that counts, in their order."""
        sides = [_medians(m) for m in (base, head)]
        common = sorted(sides[0].keys() & sides[1].keys())
        stage = stage_of(base.case)
        return [
            math.log(sides[1][process] / sides[0][process])
            for process in common
            if (stage, process) not in self.disturbed
        ]

    def lost(self, case: Case) -> list[str]:
        """Of the pairs that were disturbed, why."""
        return [reason for (stage, _), reason in self.disturbed.items() if stage == stage_of(case)]

    def has_two_modes(self, base: Measurement, head: Measurement) -> bool:
        """Whether the processes of both sides together, or those of the calibration, fall into two groups."""
        known = self.noise.cases.get(base.case.id)
        logs: list[float] = []
        for m in (base, head):
            own = [math.log(value) for value in _medians(m).values()]
            centre = statistics.median(own)
            logs += [value - centre for value in own]
        return two_modes(logs) or (known is not None and known.bimodal)

    def control(self) -> str:
        """Said where what no kernel changes, the read bandwidth that each process measured, was not the same."""
        sides = [
            {(s.stage, s.process): s.read_gb_s for s in run.slots if s.read_gb_s and s.process}
            for run in (self.base, self.head)
        ]
        common = sorted(sides[0].keys() & sides[1].keys())
        ratios = [math.log(float(sides[1][key] or 0) / float(sides[0][key] or 1)) for key in common]
        if len(ratios) < 4 or p_beyond(paired(ratios), CONTROL_MARGIN) > CONTROL_CHANCE:
            return ""
        percent = 100 * math.expm1(statistics.fmean(ratios))
        more = "faster" if percent > 0 else "slower"
        moved = f"{abs(percent):.2g} % {more} in head's processes"
        return f"control: reading memory was {moved}; what differs may be the machine"

    def _slots(self) -> Iterable[tuple[str, Slot]]:
        for side, run in (("base", self.base), ("head", self.head)):
            for slot in run.slots:
                yield side, slot


def paired_runs(base: Run, head: Run) -> PairedRuns | None:
    """The pairs of two runs that are the sides of one comparison; None for any others."""
    a, b = base.pairing, head.pairing
    return PairedRuns(base, head) if a and b and a.comparison == b.comparison and a.side != b.side else None


def _closure(run: Run, case: Case) -> Closure | None:
    slots = (slot.closures.get(case.same_as or case.id) for slot in run.slots)
    return next((found for found in slots if found), None)


def stage_of(case: Case) -> str:
    return "kernels" if case.kind == "kernel" else "decode"


def _medians(measurement: Measurement) -> dict[int, float]:
    processes = sorted({sample.process for sample in measurement.samples})
    return dict(zip(processes, process_medians(measurement.samples), strict=True))
