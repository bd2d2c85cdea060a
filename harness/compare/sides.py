"""Resolves the names of two sides to stored runs: `last`, `last~1`, an id, a tag or a file, each with an optional
`:ARM`."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from harness.compare.paired_runs import paired_runs
from harness.errors import HarnessError, allowed
from harness.store import Store
from harness.store.naming import LEAST_PREFIX, is_exported, is_reserved, side_name, steps_back
from harness.values.run import Run
from harness.values.verdict import Side

MOST_DIGITS = 6
"""Most digits of a run's number; a longer number may be the start of a commit."""


def is_stored(side: str, store: Store) -> bool:
    """Whether a side names a stored run or an exported file, with or without an arm; else it is a revision."""
    name = side_name(side).name
    if is_exported(name) or not name or (is_reserved(name) and not (name.isdigit() and len(name) > MOST_DIGITS)):
        return True
    prefix = len(name) >= LEAST_PREFIX
    return any(name in found.tags or (prefix and found.uuid.startswith(name)) for found in store.named(name))


@dataclass(frozen=True)
class StoredSide:
    """A run, and its chosen arm; None: every arm, each against itself."""

    run: Run
    arm: str | None = None

    @property
    def facts(self) -> Side:
        run, environment = self.run, self.run.environment
        return Side(
            run.id, self.arm, run.suite, run.started, run.state, run.timed_processes,
            commit=environment.commit if environment else None, note=run.note,
            device=environment.device_name if environment else "",
        )  # fmt: skip


def load_sides(base: str, head: str, store: Store) -> tuple[StoredSide, StoredSide]:
    """Return both sides. `last` is the last complete run of the other side's suite; with `last` on both, of the newest
    run's.

    An arm named on one side applies to both. If none is named, the two runs of one comparison of arms have their own.
    Raises HarnessError for an unknown run or arm, and where both sides are the same.
    """
    sides_named = [side_name(side) for side in (base, head)]
    names = [side.name or "last" for side in sides_named]
    counted = [steps_back(name) is not None for name in names]
    runs: dict[int, Run] = {}
    for index in sorted((1, 0), key=lambda i: counted[i]):  # a run named outright says which suite is meant
        other = runs.get(1 - index)
        if other is not None and names[0] == names[1]:
            runs[index] = other
        else:
            suite = other.suite if other is not None and counted[index] else None
            runs[index] = store.load(names[index], suite=suite)
    arms = [sides_named[1 - index].arm if side.arm is None else side.arm for index, side in enumerate(sides_named)]
    if arms == [None, None]:
        arms = _measured_arms(runs[0], runs[1])
    sides = [StoredSide(runs[index], _known_arm(runs[index], arms[index])) for index in (0, 1)]
    if same_run(*sides) and sides[0].arm == sides[1].arm:
        raise HarnessError(f"{base} and {head} are the same, run {sides[0].run.id}; {_other(sides[0].run)}")
    return sides[0], sides[1]


def _measured_arms(base: Run, head: Run) -> list[str | None]:
    """The arms that the runs were measured for, if they are the sides of one comparison."""
    pairs = paired_runs(base, head)
    return [run.pairing.arm if pairs and run.pairing else None for run in (base, head)]


def same_run(base: StoredSide, head: StoredSide) -> bool:
    """Whether both sides were measured in the same processes. A run keeps its values on every machine, not its id."""
    runs = (msgspec.structs.replace(side.run, id="", state="", tags=()) for side in (base, head))
    return base.run is head.run or next(runs) == next(runs)


def arms_of(run: Run) -> list[str]:
    """The arms of a run, in the order of its plan."""
    return list(dict.fromkeys(case.arm for case in run.cases))


def _other(run: Run) -> str:
    arms = arms_of(run)
    both = f" or two arms: {run.id}:{arms[0]} {run.id}:{arms[1]}" if len(arms) > 1 else ""
    return f"name two runs{both}"


def _known_arm(run: Run, arm: str | None) -> str | None:
    arms = arms_of(run)
    if arm is not None and arm not in arms:
        raise HarnessError(f"run {run.id} has no arm {arm or '(empty)'}; {allowed(arm, arms)}")
    return arm
