"""The commits between two ends, whatever their subjects and parents are."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bisect.live import commits_between
from harness.errors import HarnessError
from harness.revisions.git import first_parents, git
from harness.values.bisect import Commit

SUBJECTS = ("a\u2028b", "c\x0cd\x85e", "| `x` <b>", "\u202erevoc", "")
"""Two that end a line for Python, and one that is empty."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A commit of each subject, then a merge of `topic`, which forked from the first one, and one more."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "config", "user.name", "somebody")
    git(tmp_path, "config", "user.email", "somebody@example.com")
    for subject in SUBJECTS:
        _commit(tmp_path, subject)
    git(tmp_path, "checkout", "--quiet", "-b", "topic", "main~4")
    _commit(tmp_path, "of a topic")
    git(tmp_path, "checkout", "--quiet", "main")
    git(tmp_path, "merge", "--quiet", "--no-ff", "-m", "merged", "topic")
    _commit(tmp_path, "newest")
    return tmp_path


def _commit(repository: Path, subject: str) -> None:
    git(repository, "commit", "--quiet", "--allow-empty", "--allow-empty-message", "-m", subject)


def _named(repository: Path, name: str) -> str:
    return git(repository, "rev-parse", name)


def test_every_commit_is_there_under_its_subject(repository: Path) -> None:
    good, found = commits_between(repository, "main~6", "main")
    hashes = git(repository, "rev-list", "--first-parent", "--reverse", "main").split()
    assert [commit.hash for commit in (good, *found)] == hashes
    assert [commit.subject for commit in (good, *found)] == [*SUBJECTS, "merged", "newest"]


def test_a_merged_branch_is_no_good_end_but_a_history_may_begin_there(repository: Path) -> None:
    """The first commit after it does not build on it: it would be named for what the branch alone has."""
    with pytest.raises(HarnessError, match="topic is no ancestor of main by first parents; name the commit"):
        commits_between(repository, "topic", "main")
    _, found = commits_between(repository, "topic", "main", own_line=False)
    assert [commit.subject for commit in found] == [*SUBJECTS[1:], "merged", "newest"]


def test_other_ends_are_one_line_or_nothing_between(repository: Path) -> None:
    assert commits_between(repository, "main", "HEAD") == (Commit(_named(repository, "main"), "newest"), [])
    git(repository, "checkout", "--quiet", "--orphan", "other")
    _commit(repository, "another root")
    for good, bad in (("main", "main~1"), ("main", "other"), ("other", "main")):
        with pytest.raises(HarnessError, match=f"^{good} is no ancestor of {bad}; name the older"):
            commits_between(repository, good, bad)


def test_a_repository_without_commits_has_no_positions(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert first_parents(tmp_path) is None
