"""Which commit is measured next: whenever a budget ends, the widest gap is as narrow as it can be."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError, StoreFailed
from harness.history import track
from harness.history.track import Tracking, next_commit, refuse_unknown
from harness.revisions.git import git
from harness.runner.stage import Options
from harness.store import Store, events
from harness.values.bisect import Commit
from harness.values.event import Broken


def _order(number: int, measured: set[int], ranges: tuple[tuple[int, int], ...] = ()) -> list[int]:
    done, found = set(measured), []
    while (index := next_commit(number, done, (), ranges)) is not None:
        found.append(index)
        done.add(index)
    return found


def test_the_newest_commit_comes_first_and_gaps_are_halved() -> None:
    assert _order(8, set())[:4] == [7, 3, 5, 1]
    assert _order(8, {0, 1, 2, 3})[0] == 7


def test_what_is_suspected_is_narrowed_before_gaps_are_filled() -> None:
    """A step between commits 4 and 8 of 32: its inside comes before the wide gap of the older ones."""
    assert set(_order(33, {0, 4, 8, 32}, ((4, 8),))[:3]) == {5, 6, 7}


def test_what_cannot_be_measured_is_passed_over() -> None:
    """The newer one beside it is measured; where nothing is left, nothing is."""
    assert next_commit(8, {7}, {3}, ()) == 4
    assert next_commit(3, {0}, {1, 2}, ()) is None


@given(st.integers(1, 60), st.sets(st.integers(0, 59)), st.sets(st.integers(0, 59)))
def test_every_commit_is_measured_once(number: int, measured: set[int], skipped: set[int]) -> None:
    measured = {index for index in measured if index < number}
    skipped = {index for index in skipped if index < number} - measured
    done, found = set(measured), []
    while (index := next_commit(number, done, skipped, ())) is not None:
        found.append(index)
        done.add(index)
    assert sorted([*found, *measured, *skipped]) == list(range(number))


@given(st.integers(2, 200))
def test_half_of_the_work_leaves_no_gap_wider_than_twice_the_mean(number: int) -> None:
    """So that a step is a range of few commits, wherever the budget ended."""
    half = sorted([-1, *_order(number, set())[: number // 2], number])
    widest = max(b - a for a, b in pairwise(half))
    assert widest <= 2 * -(-number // max(1, number // 2)) + 1


@pytest.fixture
def tracking(tmp_path: Path) -> Tracking:
    """Of the two commits of a repository, whose suite is no suite in the newer one."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "somebody")
    git(tmp_path, "config", "user.email", "somebody@example.com")
    for text in ("other: 1\n", "suite: 2\n"):
        (tmp_path / "s.yaml").write_text(text)
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--quiet", "-m", text)
    commits = [Commit(one) for one in git(tmp_path, "rev-list", "--reverse", "HEAD").split()]
    store = Store(str(tmp_path / "runs.sqlite"))
    return Tracking(tmp_path, tmp_path / "s.yaml", commits, "m", store, Options(), lambda *_: None, lambda _: None)


def test_a_commit_that_cannot_be_measured_is_remembered(tracking: Tracking) -> None:
    assert tracking.run() == []
    broken = [event for event in events.of_suite(tracking.store, "s") if isinstance(event, Broken)]
    assert sorted(event.commit for event in broken) == sorted(commit.hash for commit in tracking.commits)


def test_a_checkout_that_fails_says_nothing_of_its_commit(
    tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A disk may be full today. Each is tried once, and again by the next session."""
    tried = []

    def full(name: str, *_: object) -> None:
        tried.append(name)
        raise HarnessError("git worktree: fatal: No space left on device")

    monkeypatch.setattr(track, "check_out", full)
    assert tracking.run() == [] and len(tried) == len(tracking.failed) == 2
    assert events.of_suite(tracking.store, "s") == []


def test_a_store_that_fails_says_nothing_of_a_commit(tracking: Tracking, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object) -> None:
        raise StoreFailed("locked by another program for 30 s")

    monkeypatch.setattr(track, "load_suite", locked)
    with pytest.raises(StoreFailed, match="locked"):
        tracking.run()
    assert events.of_suite(tracking.store, "s") == []


def test_a_suite_that_no_commit_has_is_refused_before_anything_is_measured(tracking: Tracking) -> None:
    newest = tracking.commits[-1].hash
    refuse_unknown(tracking.repository, tracking.repository / "s.yaml", newest)
    for name in ("t.yaml", "."):
        with pytest.raises(HarnessError, match=f"not a file of {newest[:9]}, the newest commit"):
            refuse_unknown(tracking.repository, tracking.repository / name, newest)
