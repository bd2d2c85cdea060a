"""A kept checkout has the files of its commit and what its setup built, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.revisions import check_out, same_tree
from harness.revisions.checkout import set_up
from harness.revisions.git import git
from tests.revisions.test_checkout import quiet


def test_what_was_added_to_a_kept_checkout_is_moved_out_and_named(repository: Path) -> None:
    """A package that would shadow a module, and a `torch.py`: ignored by git or not, nothing is lost, nothing runs."""
    folder = check_out("first", repository, quiet).root
    (folder / "a").mkdir()
    (folder / "a" / "__init__.py").write_text("number = 7\n")
    (folder / "torch.log").write_text("ignored\n")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"planted")
    said: list[str] = []
    assert check_out("first", repository, said.append).root == folder
    assert sorted(path.name for path in folder.iterdir()) == [".git", ".gitignore", "a.py"]
    assert len(said) == 1 and "a/__init__.py, torch.log; moved to " in said[0]
    aside = Path(said[0].partition("moved to ")[2])
    assert (aside / "a" / "__init__.py").read_text() == "number = 7\n" and (aside / "torch.log").exists()
    assert check_out("first", repository, said.append).root == folder and len(said) == 1


def test_what_a_setup_built_is_kept_and_held_against_its_stamp(repository: Path) -> None:
    checkout = check_out("first", repository, quiet)
    set_up(checkout, "mkdir built && echo 1 > built/table.log", sys.executable, quiet)
    said: list[str] = []
    assert check_out("first", repository, said.append).root == checkout.root and said == []
    assert (checkout.root / "built" / "table.log").read_text() == "1\n"
    (checkout.root / "built" / "table.log").write_text("2\n")
    with pytest.raises(HarnessError, match=r"built/table\.log is not as its setup built it"):
        check_out("first", repository, quiet)


def test_two_commits_of_one_tree_have_the_same_files(repository: Path) -> None:
    git(repository, "commit", "--quiet", "--allow-empty", "-m", "nothing")
    sides = [check_out(name, repository, quiet) for name in ("HEAD", "HEAD~1", "first")]
    assert sides[0].root != sides[1].root and same_tree(sides[0], sides[1]) and not same_tree(sides[0], sides[2])
