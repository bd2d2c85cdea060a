"""The findings of tools that watch every memory access of a kernel."""

from __future__ import annotations

from pathlib import PurePath

import msgspec


class AccessError(msgspec.Struct, frozen=True):
    """One mistake at one line of a kernel.

    tool: memcheck, racecheck, initcheck, synccheck, or interpreter.
    kind: The tool's name for the mistake.
    file: Empty if the kernel has no line information.
    count: Accesses with this mistake at this line.
    operand: The operand that owns the memory, if known.
    place: The elements of the operand, or the address.
    other_line: Line of the other access of a race. 0: none, or unknown.
    example: One thread or program that makes the mistake.
    """

    tool: str
    kind: str
    kernel: str
    file: str = ""
    line: int = 0
    count: int = 1
    operand: str = ""
    place: str = ""
    other_line: int = 0
    example: str = ""

    @property
    def words(self) -> str:
        """`mine.py:23: race with line 20, memory of shape (4, 16) elements 0 to 63`."""
        other = f" with line {self.other_line}" if self.other_line else ""
        where = " ".join(part for part in (self.operand, self.place) if part)
        return f"{PurePath(self.file).name}:{self.line}: {self.kind}{other}{f', {where}' if where else ''}"


class ToolReport(msgspec.Struct, frozen=True):
    """The findings of one tool on one call.

    reason: The reason why it could not check. Empty if it ran.
    """

    tool: str
    errors: tuple[AccessError, ...] = ()
    reason: str = ""
