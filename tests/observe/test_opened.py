"""The kernel tells every open below a folder, whoever opens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.observe.opened import opened_below

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


def test_opens_of_this_and_other_processes_are_told_and_looks_are_not(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("mine.txt", "below/theirs.txt", "untouched.txt"):
        (tmp_path / name).write_text("1")
    with opened_below(tmp_path) as opened:
        (tmp_path / "mine.txt").read_text()
        subprocess.run(["cat", tmp_path / "below" / "theirs.txt"], check=True, capture_output=True)
        assert (tmp_path / "untouched.txt").exists()
    assert opened.files == {"mine.txt", "below/theirs.txt"} and not opened.unseen


def test_a_folder_that_cannot_be_watched_says_so(tmp_path: Path) -> None:
    with opened_below(tmp_path / "nowhere") as opened:
        pass
    assert "does not tell" in opened.unseen
