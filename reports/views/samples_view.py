"""The raw samples of every case, process by process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ..figures import clean
from .joined import Joined
from .run_view import case_name


@dataclass(frozen=True)
class Strip:
    """The raw samples of a case, in `unit`. lanes: one for each of `processes`, in the order in which they were
    taken."""

    name: str
    arm: str
    unit: str
    processes: tuple[int, ...]
    lanes: tuple[tuple[float, ...], ...]

    @property
    def medians(self) -> tuple[float, ...]:
        """The median of each process."""
        return tuple(map(median, self.lanes))

    @property
    def apart(self) -> float:
        """The largest median over the least, minus one."""
        return max(self.medians) / min(self.medians) - 1

    @property
    def low(self) -> float:
        return min(min(lane) for lane in self.lanes)

    @property
    def high(self) -> float:
        return max(max(lane) for lane in self.lanes)

    @property
    def spread(self) -> float:
        """The largest sample over the least, minus one."""
        return self.high / self.low - 1 if self.low > 0 else 0.0

    @property
    def count(self) -> int:
        return sum(len(lane) for lane in self.lanes)


def strips(joined: Joined) -> tuple[Strip, ...]:
    """One for each measured case that has samples, in the order of the plan."""
    found = []
    for entry in joined.cases:
        if entry.shared_with or not entry.samples:
            continue
        lanes: dict[int, list[float]] = {}
        for sample in entry.samples:
            lanes.setdefault(sample.process, []).append(sample.value_us)
        name, processes = case_name(entry.case), tuple(sorted(lanes))
        values = tuple(tuple(lanes[process]) for process in processes)
        found.append(Strip(name, clean(entry.case.arm), entry.case.unit, processes, values))
    return tuple(found)


def in_processes(found: Sequence[Strip]) -> tuple[Strip, ...]:
    """Strips of the cases that were timed in several fresh processes."""
    return tuple(strip for strip in found if len(strip.lanes) > 1)
