"""Words of a command line to the Python that they run."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.programs.words import PythonProgram, python_program


def test_an_interpreter_in_front_is_no_part_of_the_program(tmp_path: Path) -> None:
    """A script, a module, a console script of Python; `python` before them is this one."""
    script = tmp_path / "train.py"
    script.touch()
    wanted = PythonProgram(str(script), ("--size", "4"))
    for interpreter in ([], ["python"], ["/usr/bin/python3.12", "-u"], [sys.executable]):
        assert python_program([*interpreter, str(script), "--size", "4"]) == wanted
    assert wanted.words == (str(script), "--size", "4") and wanted.name == "train.py"
    module = python_program(["python", "-m", "pkg.train", "-m", "x"])
    assert module == PythonProgram("pkg.train", ("-m", "x"), module=True) and module.words[:2] == ("-m", "pkg.train")


def test_a_command_that_is_a_python_script_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its first line, on the PATH."""
    tool = tmp_path / "serve"
    tool.write_text("#!/usr/bin/env python3\nprint()\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert python_program(["serve", "-x"]) == PythonProgram(str(tool), ("-x",))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to run"),
        (["python"], "nothing to run"),
        (["-c", "1"], "-- -c: an option of Python; allowed: -u, -m MODULE, or a script"),
        (["nothing.py"], "-- nothing.py: neither a file nor a command"),
        (["sh", "-x"], "no Python script"),
        ([shutil.which("sh") or ""], "no Python script"),
        (["SCRIPT"], "no Python script"),
    ],
)
def test_what_is_no_python_is_refused_by_name(words: list[str], said: str, tmp_path: Path) -> None:
    """One line says what was given and what is wanted: a binary and a shell's script are files, too."""
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\necho\n")
    with pytest.raises(HarnessError, match=said):
        python_program([word.replace("SCRIPT", str(script)) for word in words])
