"""A release is tagged only from a clean tree whose changelog has a dated section of its version, and only once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessions.tag import refusals, tag, version_of
from tests.conftest import REPOSITORY
from tests.packaging.environment import run

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-31\n\n### Added\n\n- A thing.\n"


def git(folder: Path, *arguments: str) -> str:
    return run("git", *arguments, folder=folder)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository of version 1.2.3 that may be tagged."""
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.name", "a")
    git(tmp_path, "config", "user.email", "a@b")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "release")
    return tmp_path


def test_a_clean_tree_is_tagged_once_with_its_section(tree: Path) -> None:
    """The message keeps the headings, which git would take for comments."""
    assert version_of(tree) == "1.2.3" and refusals(tree) == []
    assert tag(tree) == "v1.2.3"
    assert git(tree, "cat-file", "-t", "v1.2.3").strip() == "tag"
    message = git(tree, "tag", "--list", "--format=%(contents)", "v1.2.3")
    assert message.strip() == "kernel-harness 1.2.3\n\n### Added\n\n- A thing."
    assert refusals(tree) == ["the tag v1.2.3 is there already: raise __version__ in harness/__init__.py"]


def _untracked(tree: Path) -> None:
    (tree / "left.txt").write_text("")


def _no_section(tree: Path) -> None:
    _changelog(tree, CHANGELOG.replace("1.2.3", "1.2.2"))


def _no_date(tree: Path) -> None:
    _changelog(tree, CHANGELOG.replace(" - 2026-01-31", ""))


def _empty(tree: Path) -> None:
    _changelog(tree, CHANGELOG.partition("### Added")[0])


def _changelog(tree: Path, text: str) -> None:
    (tree / "CHANGELOG.md").write_text(text)
    git(tree, "commit", "-qam", "changed")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_untracked, "uncommitted: 1, the first ?? left.txt: commit or remove them"),
        (_no_section, "no section"),
        (_no_date, "allowed: "),
        (_empty, "is empty"),
    ],
)  # fmt: skip
def test_each_reason_refuses(tree: Path, change: Callable[[Path], None], said: str) -> None:
    change(tree)
    [reason] = refusals(tree)
    assert said in reason


def test_contributing_has_the_words_of_the_refusals(tree: Path) -> None:
    page = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tag(tree)
    _changelog(tree, CHANGELOG.replace("[1.2.3]", "[1.2.2]"))
    assert all(f"not tagged: {reason}\n" in page for reason in refusals(tree))
    assert len(refusals(tree)) == 2
