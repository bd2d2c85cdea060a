"""Match each GPU row with its launch: by correlation number, within the process that launches on its device.

Every process counts its correlations for itself. In a file of several processes (merged ranks, workers of a server) a
number may mean one launch in each of them. A device's process is told by the mark that a merging tool puts before both
(`[TP01]`). Else it is told by rows that only one process can have launched: no other has the number, or its launch came
later. Rows on a device of several processes, any of which may have launched them, stay without a launch.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence

from harness.trace.rows import COPY, MEMSET, NONE, Rows, mark_of

PUTS_WORK = re.compile(r"Launch(?!HostFunc)|Mem(cpy|set)|enqueue", re.IGNORECASE)
"""Names of calls that GPU rows should follow; the other calls with a correlation wait or query."""
MOVES = re.compile(r"Mem(cpy|set)|Graph", re.IGNORECASE)
"""Names of calls that cause copies and memsets."""
OWNS_ONE = re.compile(r"Launch(Cooperative)?Kernel|Mem(cpy|set)", re.IGNORECASE)

CLEAR = 0.99
"""A device belongs to the process that at least this share of its rows agree on. Only rows that a single process can
have launched count."""

UNCLEAR = -2
"""Beside NONE: launched, but the process is ambiguous."""

Unit = tuple[str, str]
"""(mark, device)."""


class Join:
    """launch: of each GPU row, or NONE. process: of each place, or NONE where several launch there or none does.
    unclear: number of rows without a launch because several processes may have launched them."""

    def __init__(self, rows: Rows) -> None:
        self.unclear = 0
        launching = [number for number, process in enumerate(rows.processes) if process.by_correlation]
        if len(launching) < 2:
            known = rows.processes[launching[0]].by_correlation if launching else {}
            self.launch = array("i", (known.get(correlation, NONE) for correlation in rows.gpu.correlation))
            only = launching[0] if launching else 0 if len(rows.processes) == 1 else NONE
            self.process = [only] * len(rows.places)
            return
        several = _Several(rows, launching)
        self.launch, self.unclear = several.launch, several.unclear
        self.process = [several.owner.get((place.mark, place.device), NONE) for place in rows.places]


class _Several:
    """Several processes. Devices with a clear process come first: the launches of their rows belong to no other
    device."""

    def __init__(self, rows: Rows, launching: Sequence[int]) -> None:
        self._rows = rows
        self.launch = array("i", [NONE]) * len(rows.gpu.start_ns)
        self.owner: dict[Unit, int] = {}
        self.unclear = 0
        self._one = {name for name, text in enumerate(rows.names) if OWNS_ONE.search(text)}
        self._taken: set[int] = set()  # launches of one row, whose row is known
        left = _by_unit(rows)
        among = {unit: _candidates(rows, launching, unit[0]) for unit in left}
        while found := {unit: number for unit in left if (number := self._clear(among[unit], left[unit])) != NONE}:
            for unit, number in found.items():
                self._give(number, left.pop(unit))
            self.owner |= found
        for unit, members in left.items():
            self._share(among[unit], members)

    def _clear(self, among: Sequence[int], members: Sequence[int]) -> int:
        """The process of a device, by the rows that only one can have launched; NONE where they do not agree."""
        if len(among) == 1:
            return among[0]
        votes: Counter[int] = Counter()
        for row in members:
            possible = self._possible(among, row)
            if len(possible) == 1:
                votes.update(possible.keys())
        if not votes:
            return NONE
        ((most, count),) = votes.most_common(1)
        agreed = count >= CLEAR * votes.total() and self._surplus(most, members) <= (1 - CLEAR) * len(members)
        return most if agreed else NONE

    def _surplus(self, process: int, members: Sequence[int]) -> int:
        """Rows beyond the one that each launch of a process can have made: another process must have made the rest."""
        known, launches = self._rows.processes[process].by_correlation, self._rows.launches
        made = Counter(known.get(self._rows.gpu.correlation[row], NONE) for row in members)
        return sum(n - 1 for launch, n in made.items() if launch != NONE and launches.name[launch] in self._one)

    def _give(self, process: int, members: Sequence[int]) -> None:
        known, launches = self._rows.processes[process].by_correlation, self._rows.launches
        for row in members:
            launch = self.launch[row] = known.get(self._rows.gpu.correlation[row], NONE)
            if launch != NONE and launches.name[launch] in self._one:
                self._taken.add(launch)

    def _share(self, among: Sequence[int], members: Sequence[int]) -> None:
        """Match the rows of a device that several processes launch on, number by number."""
        gpu = self._rows.gpu
        by_number: dict[int, list[int]] = defaultdict(list)
        for row in members:
            by_number[gpu.correlation[row]].append(row)
        for group in by_number.values():
            group.sort(key=lambda row: (gpu.start_ns[row], gpu.duration_ns[row], self._rows.names[gpu.name[row]]))
            for row, launch in zip(group, self._in_turn(among, group), strict=True):
                self.launch[row] = max(launch, NONE)
                self.unclear += launch == UNCLEAR

    def _possible(self, among: Sequence[int], row: int) -> dict[int, int]:
        """By process, the launches that came before the row. If the names of some fit the row's kind, only those."""
        gpu, launches, processes = self._rows.gpu, self._rows.launches, self._rows.processes
        number, start_ns = gpu.correlation[row], gpu.start_ns[row]
        found = {
            process: launch
            for process in among
            if (launch := processes[process].by_correlation.get(number, NONE)) != NONE
            and launches.start_ns[launch] <= start_ns
            and launch not in self._taken
        }
        if len(found) < 2:
            return found
        wanted = MOVES if gpu.role[row] in (COPY, MEMSET) else PUTS_WORK
        names = self._rows.names
        return {at: launch for at, launch in found.items() if wanted.search(names[launches.name[launch]])} or found

    def _in_turn(self, among: Sequence[int], group: Sequence[int]) -> list[int]:
        """For rows of one number, by start: the launch that must be theirs, NONE or UNCLEAR.

        A kernel launch is used up by its row, a graph launch when its rows have ended before the next launch. A row
        belongs to the one launch that is open when it starts.
        """
        gpu, launched_ns = self._rows.gpu, self._rows.launches.start_ns
        found: list[int] = []
        last_end_ns: dict[int, int] = {}  # of launches that have a row
        for row in group:
            coming = sorted(self._possible(among, row).values(), key=launched_ns.__getitem__)
            pairs = zip(coming, [*coming[1:], NONE], strict=False)  # each with the one after it
            waiting = [launch for launch, later in pairs if not self._done(launch, later, last_end_ns)]
            launch = waiting[0] if len(waiting) == 1 else UNCLEAR if coming else NONE
            if launch >= 0:
                end_ns = gpu.start_ns[row] + gpu.duration_ns[row]
                last_end_ns[launch] = max(last_end_ns.get(launch, end_ns), end_ns)
            found.append(launch)
        return found

    def _done(self, launch: int, later: int, last_end_ns: dict[int, int]) -> bool:
        launches = self._rows.launches
        if launch not in last_end_ns:
            return False
        if launches.name[launch] in self._one:
            return True
        return later != NONE and last_end_ns[launch] <= launches.start_ns[later]


def _by_unit(rows: Rows) -> dict[Unit, list[int]]:
    unit_of = [(place.mark, place.device) for place in rows.places]
    found: dict[Unit, list[int]] = {unit: [] for unit in unit_of}
    for row, place in enumerate(rows.gpu.place):
        found[unit_of[place]].append(row)
    return found


def _candidates(rows: Rows, launching: Sequence[int], mark: str) -> Sequence[int]:
    """Processes with the same mark, or whose number is the mark; all where there is none."""
    pids = {number: rows.processes[number].pid for number in launching}
    return [number for number, pid in pids.items() if mark in (mark_of(pid), pid)] or launching
