"""A tuned file's configurations, compiled by another Triton."""

from __future__ import annotations

import msgspec

from harness.values.case import Tunables
from harness.values.static_comparison import StaticVerdict


class OldChoice(msgspec.Struct, frozen=True):
    """One configuration that a tuned file kept.

    words: The changes of its instructions.
    chosen: True for the configuration that `tuned` meant. The others were nearly as fast.
    """

    op: str
    site: str
    variant: str
    tuned_with: str
    tunables: Tunables
    chosen: bool
    verdict: StaticVerdict
    words: str


class Checked(msgspec.Struct, frozen=True):
    """The old choices of a suite's tuned files.

    unknown: Questions of the suite without an old choice, in words.
    """

    here: str
    target: str
    choices: tuple[OldChoice, ...]
    unknown: tuple[str, ...]
