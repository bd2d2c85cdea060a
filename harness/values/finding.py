"""One line of what `harness doctor` says."""

from __future__ import annotations

from typing import Literal

import msgspec

Status = Literal["ok", "warn", "missing"]


class Finding(msgspec.Struct, frozen=True):
    """ok: nothing to do. warn: numbers can be had, but disturbed or not what they seem. missing: none can be had.

    remedy: one thing to do about it; empty exactly where the status is ok.
    """

    name: str
    status: Status
    text: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if (self.status == "ok") == bool(self.remedy):
            raise ValueError(f"{self.name}: a remedy belongs to what is not ok, and only there")
