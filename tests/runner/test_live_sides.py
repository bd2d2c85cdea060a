"""Sides that are measured: revisions as git spells them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.runner.live_sides import check_revision


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two commits on `main`, the first with a colon in its subject; the current folder."""
    monkeypatch.chdir(tmp_path)
    identity = ("-c", "user.name=A", "-c", "user.email=a@b")
    subprocess.run(["git", "init", "-q", "-b", "main"], check=True)
    for message in ("tiles: wider", "more"):
        subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", message], check=True)
    return tmp_path


@pytest.mark.parametrize("revision", ["HEAD^{/tiles: w}", "main@{2030-01-01 10:00}", "main~1", "main", "."])
def test_a_colon_of_a_revision_names_no_arm(revision: str, repository: Path) -> None:
    """With an arm behind it, too."""
    check_revision(revision)
    check_revision(f"{revision}:tuned")


def test_an_unknown_revision_is_one_line(repository: Path) -> None:
    with pytest.raises(HarnessError, match=r"^HEAD\^\{/tiles: narrow\}: neither a stored run nor a revision"):
        check_revision("HEAD^{/tiles: narrow}:tuned")
    with pytest.raises(HarnessError, match="main:: no arm after the colon"):
        check_revision("main:")
