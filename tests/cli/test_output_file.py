"""A file that an option names is written, or one line says which option's file cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.output_file import write
from harness.errors import HarnessError
from tests.conftest import REPOSITORY


def test_text_is_utf_8_and_its_folder_is_made_where_the_option_names_a_folder(tmp_path: Path) -> None:
    write("--charts", tmp_path / "new" / "a.svg", "± 1\n", make_folder=True)
    assert (tmp_path / "new" / "a.svg").read_bytes() == "± 1\n".encode()


def test_what_cannot_be_written_is_named_with_its_option(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "a.csv", tmp_path / "no" / "a.csv"):
        with pytest.raises(HarnessError, match=rf"^--csv {path}: "):
            write("--csv", path, "")


def test_what_the_system_refuses_anywhere_is_one_line() -> None:
    """A full disk at the very end of a command, and no traceback."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "harness", "schema"]
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "error: a file: No space left on device\n")
