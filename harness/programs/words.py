"""The words of a command line to the Python program that they run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.errors import HarnessError

PYTHON = re.compile(r"(?:.*/)?python[\d.]*")
UNBUFFERED = "-u"
"""The only interpreter option that is accepted: others would need an interpreter of their own."""


class PythonProgram(msgspec.Struct, frozen=True):
    """A Python program and its arguments."""

    target: str
    arguments: tuple[str, ...]
    """The words after the program's name."""
    module: bool = False
    """Run as `python -m`; otherwise `target` is a file."""

    @property
    def words(self) -> tuple[str, ...]:
        """The command line without the interpreter."""
        return (*(("-m",) if self.module else ()), self.target, *self.arguments)

    @property
    def name(self) -> str:
        return self.target if self.module else Path(self.target).name


def python_program(words: Sequence[str]) -> PythonProgram:
    """Parse `[python] [-u] script.py ...`, `[python] -m module ...`, or a command that is a Python script (`pytest
    ...`).

    Raises HarnessError, naming the given words, for anything else.
    """
    rest = list(words)
    if rest and PYTHON.fullmatch(rest[0]):
        rest.pop(0)
    if rest and rest[0] == UNBUFFERED:
        rest.pop(0)
    if not rest:
        raise HarnessError("--: nothing to run; wanted `-- script.py ARGUMENTS` or `-- -m module ARGUMENTS`")
    if rest[0] == "-m" and len(rest) > 1:
        return PythonProgram(rest[1], tuple(rest[2:]), module=True)
    if rest[0].startswith("-"):
        raise HarnessError(f"-- {rest[0]}: an option of Python; allowed: -u, -m MODULE, or a script")
    return PythonProgram(_script(rest[0]), tuple(rest[1:]))


def _script(name: str) -> str:
    """A file as it is named, unless it is a binary or a script of something else; a command that is Python."""
    is_file = Path(name).is_file()
    found = name if is_file else shutil.which(name)
    if found is None:
        raise HarnessError(f"-- {name}: neither a file nor a command; wanted a Python script")
    try:
        with open(found, "rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise HarnessError(f"-- {name}: cannot be read: {error.strerror}") from error
    of_python = head.startswith(b"#!") and b"python" in head.partition(b"\n")[0]
    of_nobody = is_file and not head.startswith(b"#!")
    if b"\0" in head or not (of_python or of_nobody):
        raise HarnessError(f"-- {name}: {found} is no Python script; torch's profiler sees Python processes alone")
    return found
