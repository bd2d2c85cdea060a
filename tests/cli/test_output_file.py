"""A file that an option names is written with its folder, or one line says which option's file cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.output_file import write
from harness.errors import HarnessError


def test_text_is_utf_8_and_its_folder_is_made(tmp_path: Path) -> None:
    write("--csv", tmp_path / "new" / "a.csv", "± 1\n")
    assert (tmp_path / "new" / "a.csv").read_bytes() == "± 1\n".encode()


def test_what_cannot_be_written_is_named_with_its_option(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "a.csv"):
        with pytest.raises(HarnessError, match=rf"^--csv {path}: "):
            write("--csv", path, "")
