"""`try --sanitize`: the findings of memory tools on one call."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.values.sanitizer import ToolReport

from .encoding import text


class SanitizedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """case: its id. file: the kernel under test. tools: each with its errors, or the reason why it could not tell."""

    case: str
    file: str
    tools: tuple[ToolReport, ...]
    exit_status: int


def sanitized_text(case: str, file: str, reports: Sequence[ToolReport], exit_status: int) -> str:
    return text(SanitizedDocument(case=case, file=file, tools=tuple(reports), exit_status=exit_status))
