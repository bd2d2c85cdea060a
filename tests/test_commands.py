"""Commands that tests fork are what a user types: streams, folder, environment and exit status are their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.commands import harness


def test_a_forked_command_says_what_a_typed_one_says(tmp_path: Path) -> None:
    """An error of usage, of click and of the harness; what is printed; twice, from another folder each time."""
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        for arguments in (["no-such"], ["show"], ["list", "none.yaml"], ["explain", "SLOWER"]):
            command = [sys.executable, "-m", "harness", *arguments]
            typed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            forked = harness(folder, *arguments)
            assert forked == (typed.returncode, typed.stdout, typed.stderr)


def test_its_environment_is_the_one_that_was_given(tmp_path: Path) -> None:
    """Nothing of the process that it was forked from, and nothing of the command before."""
    assert "elsewhere.sqlite" in harness(tmp_path, "show", environment={"HARNESS_STORE": "elsewhere.sqlite"}).out
    assert ".harness/runs.sqlite" in harness(tmp_path, "show", environment={}).out
