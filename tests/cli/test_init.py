"""`harness init`: what a new user starts from works as it is, and nothing of theirs is written over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli.main import app
from harness.errors import HarnessError
from tests.trials.commands import harness as in_a_process


def harness(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_the_suite_that_is_written_lists_its_cases(tmp_path: Path) -> None:
    """Three arms at four sizes, by the name that was given, in a folder that is made."""
    folder = tmp_path / "new" / "folder"
    said = harness("init", str(folder), "--name", "fused_norm")
    assert said.exit_code == 0 and f"harness try {folder / 'fused_norm.py'}" in said.stdout
    listed = json.loads(harness("list", str(folder / "fused_norm.yaml"), "--json").stdout)
    assert {case["op"] for case in listed["cases"]} == {"fused_norm"}
    assert len(listed["cases"]) == 12


@pytest.mark.slow
def test_the_kernel_that_is_written_is_right(tmp_path: Path) -> None:
    harness("init", str(tmp_path))
    said = in_a_process(tmp_path, "try", "my_op.py")
    assert said.status == 0 and "correct " in said.text, said.text


def test_a_file_that_is_there_stays_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "my_op.yaml").write_text("mine\n")
    said = harness("init", str(tmp_path))
    assert isinstance(said.exception, HarnessError) and "my_op.yaml: there already" in str(said.exception)
    assert [file.name for file in tmp_path.iterdir()] == ["my_op.yaml"]
    assert (tmp_path / "my_op.yaml").read_text() == "mine\n"


@pytest.mark.parametrize("name", ["1st", "my-op", "class", "../up", ""])
def test_a_name_that_python_cannot_import_is_refused(name: str, tmp_path: Path) -> None:
    said = harness("init", str(tmp_path), "--name", name)
    assert isinstance(said.exception, HarnessError) and "no name for a Python module" in str(said.exception)
    assert not list(tmp_path.iterdir())
