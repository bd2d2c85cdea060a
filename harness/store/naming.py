"""How a run is named: `last`, `last~1`, its number, a tag, the start of its uuid, or a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.errors import HarnessError

LEAST_PREFIX = 4
"""Characters of a uuid that name a run; fewer would be taken for a number or a tag."""


class Summary(msgspec.Struct, frozen=True):
    """A run as it is listed. cases: of its plan, without those that another one stands for; measured: how many have a
    row. purpose, comparison: of a run that is one side of a comparison measured as pairs, see `values.pairing`; `last`
    passes it over."""

    id: str
    uuid: str
    started: str
    suite: str
    state: str
    note: str
    tags: tuple[str, ...]
    cases: int
    measured: int
    device: str
    purpose: str = ""
    comparison: str = ""


def is_file(name: str) -> bool:
    """Whether the name is a path. A number and `last` are runs, whatever files lie here."""
    return not name.isdigit() and name.partition("~")[0] != "last" and Path(name).is_file()


def find(name: str, runs: Sequence[Summary], location: str, suite: str | None = None) -> Summary:
    """The run of that name among `runs`, oldest first. suite: what `last` counts; all where there is none.

    Raises HarnessError, naming what there is.
    """
    word, tilde, back = name.partition("~")
    if word == "last" and (back.isdigit() or not tilde):
        return _last(name, int(back or 0), runs, location, suite)
    for run in reversed(runs):
        if name == run.id or name in run.tags:
            return run
    same = [run for run in runs if len(name) >= LEAST_PREFIX and run.uuid.startswith(name)]
    if len(same) == 1:
        return same[0]
    if same:
        raise HarnessError(
            f"{name} is the start of several runs' uuid in {location}: ids {', '.join(run.id for run in same)}"
        )
    tags = sorted({tag for run in runs for tag in run.tags})
    ids = f"ids {runs[0].id} to {runs[-1].id}" if runs else "no runs"
    there = f"{ids}{', tags ' + ', '.join(tags) if tags else ''}"
    raise HarnessError(f"no run {name} in {location}; there: {there}; or `last`, or a file")


def _last(name: str, steps: int, runs: Sequence[Summary], location: str, suite: str | None) -> Summary:
    complete = [run for run in runs if run.state == "complete" and suite in (None, run.suite) and not run.purpose]
    if steps < len(complete):
        return complete[-1 - steps]
    of = f" of suite {suite}" if suite else ""
    raise HarnessError(f"{name}: {location} has {len(complete)} complete runs{of}; `harness show` lists all runs")
