"""Suspected changes: each machine for itself, in the order of the commits."""

from __future__ import annotations

import random

import msgspec

from harness.compare.changes import series
from harness.compare.history import CaseHistory, Moment
from harness.values.estimate import Estimate

COMMITS = [f"{number:040x}" for number in range(40)]
POSITIONS = {commit: number for number, commit in enumerate(COMMITS)}


def moment(commit: str, us: float, run: int = 0, machine: str = "A", conditions: str = "one") -> Moment:
    time = Estimate(us, us, us, 0.95, 3, "process", "measured")
    return Moment(
        str(run), f"2026-01-01T00:00:{run:02}", commit, "OK", time=time, machine=machine, conditions=conditions
    )


def levels(rng: random.Random, at: int, change: float = 1.05, **where: str) -> list[Moment]:
    """One run a commit, slower from `at` on."""
    return [
        moment(commit, 10 * (change if number >= at else 1) * rng.gauss(1, 0.002), number, **where)
        for number, commit in enumerate(COMMITS)
    ]


def found(moments: list[Moment]) -> CaseHistory:
    return CaseHistory("int4_mm@lm_head", "s", "us/call", tuple(moments))


def test_the_commit_is_named_whenever_it_was_measured() -> None:
    """Back-filled in any order: a run of an old commit stands where the commit does."""
    rng = random.Random(1)
    shuffled = levels(rng, 25)
    rng.shuffle(shuffled)
    (one,) = series(found(shuffled), POSITIONS)
    (change,) = one.changes
    assert (change.since.commit, change.before.commit, change.between) == (COMMITS[25], COMMITS[24], 1)
    assert change.ratio.low < 1.05 < change.ratio.high


def test_two_machines_are_two_series() -> None:
    """One that is 7 % slower than the other is no change, in whatever turns they measure."""
    rng = random.Random(2)
    both = [m for pair in zip(levels(rng, 99), levels(rng, 0, 1.07, machine="B"), strict=True) for m in pair]
    made = series(found(both), POSITIONS)
    assert [one.machine for one in made] == ["A", "B"] and not any(one.changes for one in made)


def test_other_software_begins_a_series() -> None:
    """What a driver did is no commit's."""
    rng = random.Random(3)
    before, after = levels(rng, 99)[:20], levels(rng, 0, 1.05, conditions="two")[20:]
    made = series(found([*before, *after]), POSITIONS)
    assert len(made) == 2 and not any(one.changes for one in made)


def test_runs_of_one_commit_are_one_point() -> None:
    rng = random.Random(4)
    (one,) = series(found([*levels(rng, 25), *levels(rng, 25)]), POSITIONS)
    assert len(one.points) == len(COMMITS) and all(len(point.runs) == 2 for point in one.points)


def test_commits_that_were_not_measured_make_a_range() -> None:
    """Never a guess."""
    rng = random.Random(5)
    every_third = [m for number, m in enumerate(levels(rng, 25)) if number % 2 == 0]
    (one,) = series(found(every_third), POSITIONS)
    (change,) = one.changes
    assert (change.before.commit, change.since.commit, change.between) == (COMMITS[24], COMMITS[26], 2)


def test_what_is_on_no_line_is_left_out_and_counted() -> None:
    """Branches, changed working trees; sides of comparisons are nobody's run."""
    rng = random.Random(6)
    moments = [*levels(rng, 99), moment("f" * 40, 20), moment(f"{COMMITS[3]}+", 20)]
    moments.append(msgspec.structs.replace(moment(COMMITS[4], 20), tree="main"))
    (one,) = series(found(moments), POSITIONS)
    assert (one.left_out, len(one.points), one.changes) == (2, len(COMMITS), ())


def test_the_same_code_on_both_sides_is_the_machine() -> None:
    rng = random.Random(7)
    moments = levels(rng, 25)
    moments[25] = msgspec.structs.replace(moments[25], code="same")
    (one,) = series(found(moments), POSITIONS)
    assert [change.same_code for change in one.changes] == [True]


def test_without_a_repository_the_runs_are_the_order() -> None:
    """Of anybody's store."""
    (one,) = series(found(levels(random.Random(8), 25)), None)
    assert [(change.since.commit, change.between) for change in one.changes] == [(COMMITS[25], None)]
