"""The stages of a run, and the kinds of cases that each of them runs."""

from __future__ import annotations

from typing import Literal

Stage = Literal["kernels", "decode", "figures", "profile"]
KINDS: dict[Stage, tuple[str, ...]] = {
    "kernels": ("kernel",), "decode": ("decode", "prefill"), "figures": ("figure",), "profile": (),
}  # fmt: skip
TIMED: tuple[Stage, ...] = tuple(stage for stage, kinds in KINDS.items() if kinds)
"""The stages that measure cases."""
