"""What another Triton made of a tuned file's configurations."""

from __future__ import annotations

import msgspec

from harness.values.case import Tunables
from harness.values.static_comparison import StaticVerdict


class OldChoice(msgspec.Struct, frozen=True):
    """One configuration that a tuned file kept. words: what became of its instructions. chosen: the one that `tuned`
    meant; the others are those that were nearly as fast."""

    op: str
    site: str
    variant: str
    tuned_with: str
    tunables: Tunables
    chosen: bool
    verdict: StaticVerdict
    words: str


class Checked(msgspec.Struct, frozen=True):
    """unknown: questions of the suite without an old choice, in words."""

    here: str
    target: str
    choices: tuple[OldChoice, ...]
    unknown: tuple[str, ...]
