"""`harness track` over a suite of a program, which has no kernels and no decode."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import HarnessError
from harness.revisions.git import git

from .programs import PATTERN, noisy
from .test_compare import harness

SUITE = f"""suite: 1
title: A program over commits
engine: {{command: {{run: ../bench/a.sh, figures: {{rate: {{read: regex, at: '{PATTERN}', unit: tok/s}}}}}}}}
arms: {{a: {{}}}}
"""


def test_the_figures_of_each_commit_are_points_of_its_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With stages that it has not, nothing is measured, and each commit says so."""
    made = noisy(tmp_path / "repository")
    (made.root / "suites").mkdir()
    (made.root / "suites" / "program.yaml").write_text(SUITE)
    made.revision("suite", 1.0)
    made.revision("newer", 1.0)
    made.revision("newest", 1.05)
    monkeypatch.chdir(made.root)
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "runs.sqlite"))
    monkeypatch.setenv("HARNESS_LOCKS", str(tmp_path))
    command = ("track", "suites/program.yaml", "--since", "suite", "--json")
    refused = CliRunner().invoke(app, [*command, "--only", "kernels"])
    assert isinstance(refused.exception, HarnessError)
    assert refused.stderr.count("no case of program.yaml is of the stages kernels") == 2
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "others.sqlite"))
    done = harness(*command)
    assert done.exit_code == 0, done.stderr
    (series,) = json.loads(done.stdout)["series"]
    commits = [git(made.root, "rev-parse", name).strip() for name in ("newer", "newest")]
    assert [point["commit"] for point in series["points"]] == commits
