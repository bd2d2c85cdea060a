"""A compiler's own words on why it refused code or crashed: from its exception, or from what it printed.

LLVM, MLIR and `ld.lld` print the reason to standard error and raise `PassManager::run failed`, or abort.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO

from triton.compiler.errors import CompilationError

from harness.errors import HarnessError

REASON_LENGTH = 300
ERROR = re.compile(
    r"^(?:ptxas (?:\S+, line \d+; )?|(?P<where>[^\s:]+(?::\d+){1,2}): )?"
    r"(?:fatal error|error|fatal|LLVM ERROR)\s*:\s*(?P<what>.+)"
    r"|^.*(?P<assertion>Assertion .+ failed\.?)"
)
"""A line of ptxas, LLVM, MLIR or an assertion of theirs that says what is wrong."""
INVALID = "invalid instruction"
"""LLVM's assembler shows the instruction in the next line."""
MOST_READ_BYTES = 32 << 20
"""Read of the output. MLIR prints the whole program below an error."""


class Printed:
    """The output of this process, and of the assemblers that it starts, in a file: the words on its present case."""

    def __init__(self, file: Path) -> None:
        """Sends standard output and error of this process to the file, for good."""
        self._file: BinaryIO = file.open("ab")
        for stream in (1, 2):
            os.dup2(self._file.fileno(), stream)

    def clear(self) -> None:
        """Forget the output of the last case, however long it is."""
        self._file.truncate(0)

    def complaint(self) -> str:
        return complaint_in(Path(self._file.name))


def complaint_in(file: Path) -> str:
    """The first error in the output, or an empty text."""
    with file.open("rb") as printed:
        return complaint(printed.read(MOST_READ_BYTES).decode(errors="replace"))


def last_line_in(file: Path) -> str:
    """The last line of the output: of a Python process that ended early, its exception."""
    with file.open("rb") as printed:
        printed.seek(max(0, file.stat().st_size - 4096))
        lines = [line.strip() for line in printed.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:REASON_LENGTH] if lines else ""


def complaint(text: str) -> str:
    """The first error in a compiler's text, without the name of its scratch file; empty where there is none."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if (found := ERROR.match(line)) is None:
            continue
        if found["assertion"]:
            return found["assertion"]
        where, what = Path(found["where"] or "").name, found["what"].strip()
        if what == INVALID and number + 1 < len(lines):
            what += f": {lines[number + 1].strip()}"
        return f"{where}: {what}" if where else what
    return ""


def reason_of(error: Exception, printed: str = "") -> str:
    """The failure in one line. `printed`: the complaint in the compiler's output, told with an error that says none."""
    if isinstance(error, HarnessError):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no message"]
    what = complaint(str(error)) or (printed if isinstance(error, RuntimeError) else "") or lines[0]
    if isinstance(error, CompilationError):  # a place in the kernel, its source text, and at the end what is wrong
        cause: BaseException = error
        while cause.__cause__ is not None:  # of a function that the kernel calls, the error lies within
            cause = cause.__cause__
        said = [line.strip() for line in str(cause).splitlines() if line.strip("^ ")]
        what = f"{lines[0]} {lines[-1] if lines[-1].strip('^ ') or not said else said[-1]}"
    told = f"{type(error).__name__}: {what}".encode(errors="backslashreplace").decode()
    return told[:REASON_LENGTH]
