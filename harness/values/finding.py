"""One line of the output of `harness doctor`."""

from __future__ import annotations

from typing import Literal

import msgspec

Status = Literal["ok", "warn", "missing"]


class Finding(msgspec.Struct, frozen=True):
    """The result of one check.

    status: ok: nothing to do. warn: measurements are possible, but disturbed or misleading. missing: none are possible.
    remedy: One thing to do about it. Empty exactly if the status is ok.
    """

    name: str
    status: Status
    text: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if (self.status == "ok") == bool(self.remedy):
            raise ValueError(f"{self.name}: a remedy belongs to a finding that is not ok, and only there")
