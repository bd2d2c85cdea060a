"""The series of a store with their alarms and standing, for the commands that act on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.compare.changes import series
from harness.compare.missing import missing
from harness.history import accepted_file
from harness.history.alarms import Alarm, alarms
from harness.history.selecting import meant
from harness.history.standing import standing
from harness.revisions import repository_of
from harness.revisions.git import first_parents
from harness.store import Store, events
from harness.values.change import Missing, Series
from harness.values.event import Event
from harness.values.point import CasePoint, CaseSeries, is_of
from harness.values.standing import Standing

SCANNED = 2000
"""Runs of a series in which changes are looked for."""


class Known(NamedTuple):
    """The known history of the selected cases.

    positions: Position of each commit on the line of first parents here. None without a repository.
    """

    series: tuple[Series, ...]
    standings: tuple[Standing, ...]
    positions: Mapping[str, int] | None
    missing: tuple[Missing, ...] = ()

    def alarms(self, machine: str) -> list[Alarm]:
        """The suspected changes on a machine that are not answered yet."""
        wanted = {id(one.change) for found in self.standings for one in found.alarms}
        return [
            alarm
            for found in self.series
            if is_of(found.machine, machine)
            for alarm in alarms(found)
            if id(alarm.change) in wanted
        ]


def read(store: Store, case: str, suite: str = "", newest: int = SCANNED) -> Known:
    """The history of the cases that `case` selects.

    suite: This one alone, by name.
    newest: Runs of each series. 0: all.

    Acceptances are read from the store and from the files beside the suites of the repository here. Raises HarnessError
    if no case is selected.
    """
    return known_of(store, store.points(meant(store, case, suite), newest), suite)


def known_of(store: Store, points: Iterable[tuple[CaseSeries, CasePoint]], suite: str = "") -> Known:
    """The series of these points, oldest run first, with the events about them."""
    repository = repository_of(Path.cwd())
    positions = first_parents(repository) if repository else None
    points = tuple(points)
    made = series(points, positions)
    filed = accepted_file.read_all(repository or Path.cwd(), {one.suite for one in made})
    known = together(events.of_suite(store, suite or None), filed)
    return Known(made, tuple(standing(one, known, positions) for one in made), positions, missing(points))


def together(stored: Sequence[Event], filed: Sequence[Event]) -> list[Event]:
    """Each event once, ordered by its time. An entry of the file replaces the stored one, since it is the one that was
    reviewed."""
    by_uuid = {event.uuid: event for event in (*stored, *filed)}
    return sorted(by_uuid.values(), key=lambda event: event.at)
