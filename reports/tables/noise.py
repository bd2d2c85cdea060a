"""Noise: the differences between runs of identical code."""

from __future__ import annotations

import math

from harness.values.pairing import Noise

from ..figures import clean
from ..table import Column, Name, Number, Row, Table, Words


def noise(found: Noise) -> Table:
    """A row for each case, in percent of its time. Offsets lie between two worktrees."""
    numbers = (
        ("pairs", "Pairs"), ("pair_sd", "SD of a pair, %"), ("process_sd", "SD of a process, %"), ("modes", "Modes"),
        ("order", "Second process, %"), ("offset", "Own offset, %"),
    )  # fmt: skip
    columns = (Column("case", "Case"), *(Column(key, heading, right=True) for key, heading in numbers))
    rows = tuple(
        Row((
            Name(clean(case)), Number(known.pairs, str(known.pairs)), _percent(math.sqrt(known.pair_variance)),
            _percent(known.process_sd), Words("two" if known.bimodal else "one"), _percent(known.order, "+"),
            _percent(known.offset) if known.offset else None,
        ))
        for case, known in found.cases.items()
    )  # fmt: skip
    return Table("noise", "Noise of every case", columns, rows)


def _percent(share: float, sign: str = "") -> Number:
    return Number(100 * share, f"{100 * share:{sign}.2f}")
