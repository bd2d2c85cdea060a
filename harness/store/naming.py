"""Names of runs: `last`, `last~1`, a number, a tag, the start of a uuid, a file. Names of the sides of a comparison: a
run or a revision, with `:ARM` to select one arm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from harness.errors import HarnessError
from harness.values.summary import Summary

LEAST_PREFIX = 4
"""Characters of a uuid that name a run; fewer would be taken for a number or a tag."""


class SideName(NamedTuple):
    """A side in its parts."""

    name: str
    """A run or a revision; empty where only an arm is given."""
    arm: str | None
    """None where none is given."""


def side_name(text: str) -> SideName:
    """Parse `7:tuned`, `main`, `:tuned`, `main@{2026-01-01 10:00}:tuned`.

    The last colon separates them, except for colons in the name of an existing file or within git's braces
    (`HEAD^{/fix: it}`).
    """
    if _is_file(text):
        return SideName(text, None)
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += (text[at] == "}") - (text[at] == "{")
        if text[at] == ":" and depth == 0:
            return SideName(text[:at], text[at + 1 :])
    return SideName(text, None)


def steps_back(name: str) -> int | None:
    """0 for `last`, 1 for `last~1`; None for every other name."""
    last, tilde, steps = name.partition("~")
    return int(steps or 0) if last == "last" and (steps.isdigit() or not tilde) else None


def is_reserved(name: str) -> bool:
    """Whether a name is a number or counts from `last`: no tag may have such a name, and it never selects a file."""
    return name.isdigit() or name.partition("~")[0] == "last"


def is_file(name: str) -> bool:
    """Whether the name is a path. A number and `last` are runs, even where a file has that name."""
    return not is_reserved(name) and _is_file(name)


def is_exported(name: str) -> bool:
    """Whether the name can only be an exported run's file, not a file with the name of a branch."""
    return _is_file(name) and (name.endswith((".json", ".gz")) or "/" in name)


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # too long for a file, which a revision may be
        return False


def find(name: str, runs: Sequence[Summary], location: str, suite: str | None = None) -> Summary:
    """The run of that name among `runs`, oldest first. suite: restricts `last` to its runs; None: all runs.

    Raises HarnessError, listing the runs there are.
    """
    steps = steps_back(name)
    if steps is not None:
        return _last(name, steps, runs, location, suite)
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
