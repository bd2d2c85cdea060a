"""What tools find that watch every access of a kernel to memory."""

from __future__ import annotations

from pathlib import PurePath

import msgspec


class AccessError(msgspec.Struct, frozen=True):
    """One mistake at one line of a kernel.

    tool: memcheck, racecheck, initcheck, synccheck, or interpreter. kind: what it calls the mistake. file: empty where
    the kernel has no line information. count: accesses that it found there. operand: whose memory it is, where that is
    known; place: which elements of it, or which address. other_line: of the other access, of a race; 0: none, or not
    known. example: one thread or program that does it.
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
    """What one tool said of one call. reason: why it found nothing out; empty where it ran."""

    tool: str
    errors: tuple[AccessError, ...] = ()
    reason: str = ""
