"""Suspected changes: each machine for itself, in the order of the commits."""

from __future__ import annotations

import random
import statistics

import msgspec
import pytest

from harness.compare.changes import series
from harness.values.closure import Closure
from harness.values.estimate import Estimate
from harness.values.point import CaseCode, CasePoint, CaseSeries, PointContext
from tests.compare.stored_runs import kernel

Points = list[tuple[CaseSeries, CasePoint]]

COMMITS = [f"{number:040x}" for number in range(40)]
POSITIONS = {commit: number for number, commit in enumerate(COMMITS)}


def point(commit: str, us: float, run: int = 0, machine: str = "A", size: int = 1) -> tuple[CaseSeries, CasePoint]:
    time = Estimate(us, us, us, 0.95, 3, "process", "measured")
    return CaseSeries("s", kernel("lm_head"), machine), CasePoint(
        str(run), f"2026-01-01T00:00:{run:02}", commit, None, "OK", "", time, "", CaseCode(),
        PointContext(dims={"n": size}),
    )  # fmt: skip


def levels(rng: random.Random, at: int, change: float = 1.05, machine: str = "A", size: int = 1) -> Points:
    """One run a commit, slower from `at` on."""
    return [
        point(commit, 10 * (change if number >= at else 1) * rng.gauss(1, 0.002), number, machine, size)
        for number, commit in enumerate(COMMITS)
    ]


def with_code(points: Points, number: int, code: CaseCode) -> None:
    own, one = points[number]
    points[number] = own, msgspec.structs.replace(one, code=code)


def test_the_commit_is_named_whenever_it_was_measured() -> None:
    """Back-filled in any order: a run of an old commit stands where the commit does."""
    rng = random.Random(1)
    shuffled = levels(rng, 25)
    rng.shuffle(shuffled)
    (one,) = series(shuffled, POSITIONS)
    (change,) = one.changes
    assert (change.since.commit, change.before.commit, change.between) == (COMMITS[25], COMMITS[24], 1)
    assert change.ratio.low < 1.05 < change.ratio.high


def test_two_machines_are_two_series() -> None:
    """One that is 7 % slower than the other is no change, in whatever turns they measure."""
    rng = random.Random(2)
    both = [m for pair in zip(levels(rng, 99), levels(rng, 0, 1.07, machine="B"), strict=True) for m in pair]
    made = series(both, POSITIONS)
    assert [one.machine for one in made] == ["A", "B"] and not any(one.changes for one in made)


def test_other_software_begins_a_series() -> None:
    """What a driver did is no commit's."""
    rng = random.Random(3)
    before, after = levels(rng, 99)[:20], levels(rng, 0, 1.05, size=2)[20:]
    made = series([*before, *after], POSITIONS)
    assert len(made) == 2 and not any(one.changes for one in made)


def test_runs_of_one_commit_are_one_point() -> None:
    rng = random.Random(4)
    (one,) = series([*levels(rng, 25), *levels(rng, 25)], POSITIONS)
    assert len(one.points) == len(COMMITS) and all(len(point.runs) == 2 for point in one.points)


def test_commits_that_were_not_measured_make_a_range() -> None:
    """Never a guess."""
    rng = random.Random(5)
    every_third = [m for number, m in enumerate(levels(rng, 25)) if number % 2 == 0]
    (one,) = series(every_third, POSITIONS)
    (change,) = one.changes
    assert (change.before.commit, change.since.commit, change.between) == (COMMITS[24], COMMITS[26], 2)


def test_what_is_on_no_line_is_left_out_and_counted() -> None:
    """Branches, changed working trees; sides of comparisons are nobody's run."""
    rng = random.Random(6)
    points = [*levels(rng, 99), point("f" * 40, 20), point(f"{COMMITS[3]}+", 20)]
    own, side = point(COMMITS[4], 20)
    points.append((own, msgspec.structs.replace(side, tree="main")))
    (one,) = series(points, POSITIONS)
    assert (one.left_out, len(one.points), one.changes) == (2, len(COMMITS), ())


@pytest.mark.parametrize(
    ("code", "same"),
    [
        (CaseCode(Closure({"a.py": "1"}), "asked"), True),
        (CaseCode(Closure({"a.py": "2"}), "asked"), False),
        (CaseCode(Closure({"a.py": "1"}), "asked otherwise"), False),
        (CaseCode(Closure({"a.py": "1"}, ("it starts a process",)), "asked"), False),
        (CaseCode(binary="b"), True),
        (CaseCode(), False),
    ],
)
def test_the_same_code_on_both_sides_is_the_machine(code: CaseCode, same: bool) -> None:
    """Between the neighbours in the order of the commits, in whatever order they were measured: proved by all that was
    read, or by what it was compiled to."""
    points = levels(random.Random(7), 25)
    for number in range(len(COMMITS)):
        with_code(points, number, CaseCode(Closure({"a.py": "1"}), "asked", binary="b"))
    with_code(points, 25, code)
    random.Random(7).shuffle(points)
    (one,) = series(points, POSITIONS)
    assert [change.same_code for change in one.changes] == [same]


@pytest.mark.parametrize(
    ("changed_at", "since", "same"), [(24, 24, False), (27, 27, False), (25, 25, False), (31, 25, True)]
)
def test_a_step_seen_beside_a_change_of_the_code_is_that_change(changed_at: int, since: int, same: bool) -> None:
    """Noise places one of twenty small steps a commit or more beside. The commit there runs the same code as the one
    before it, and would be the machine; a change of the code further away explains nothing."""
    points = levels(random.Random(7), 25)
    for number in range(len(COMMITS)):
        with_code(points, number, CaseCode(Closure({"a.py": "2" if number >= changed_at else "1"}), "asked"))
    (one,) = series(points, POSITIONS)
    assert [(change.since.commit, change.same_code) for change in one.changes] == [(COMMITS[since], same)]


def test_commits_that_change_nothing_tell_the_noise() -> None:
    """Differences of neighbours with the same code, wherever a change of the code lies; unproved ones count nowhere."""
    points = levels(random.Random(9), 25)
    assert series(points, POSITIONS)[0].unchanged == 0
    for number in range(len(COMMITS)):
        with_code(points, number, CaseCode(Closure({"a.py": "2" if number >= 25 else "1"}), "asked"))
    (one,) = series(points, POSITIONS)
    logs = [point.log_us for point in one.points]
    assert one.unchanged == len(COMMITS) - 2 and one.unchanged_sd is not None
    assert one.unchanged_sd == pytest.approx(statistics.stdev(logs[:25]), rel=0.5)


def test_without_a_repository_the_runs_are_the_order() -> None:
    """Of anybody's store."""
    (one,) = series(levels(random.Random(8), 25), None)
    assert [(change.since.commit, change.between) for change in one.changes] == [(COMMITS[25], None)]
