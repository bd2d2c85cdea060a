"""A condition that differs between the sides of a comparison."""

from __future__ import annotations

import msgspec


class Difference(msgspec.Struct, frozen=True):
    """One condition with the displayed value of each side."""

    field: str
    """The name by which it may be accepted: `torch`, `suite.weights`, `sizes`."""
    base: str
    head: str
    case: str = ""
    """The one case that it concerns. Empty if it concerns all."""

    @property
    def label(self) -> str:
        return f"{self.field} of {self.case}" if self.case else self.field

    @property
    def words(self) -> str:
        """`torch: 2.12.0 -> 2.13.0`, `sizes of int4_mm@lm_head: n 64 -> n 128`."""
        return f"{self.label}: {self.base} -> {self.head}"
