"""Reasons of verdicts: values with their figures, and one sentence for each."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from harness.values.measurement import Status
from harness.values.reason import (
    BeyondMargin,
    EnergyUnknown,
    HeadNotAsked,
    MeasuredOnce,
    MemoryChange,
    NotMeasured,
    OutsideTree,
    Reason,
    SameCode,
    SameLaunches,
    SideProblem,
    StatisticsAlone,
    Throttled,
    TooFewPairs,
    TooFewProcesses,
    TwoMachines,
    Undecided,
    Undetermined,
    WithinBounds,
    reason_words,
)

MIB = 2**20
WORDS: list[tuple[Reason, str]] = [
    (Undetermined(), ""),
    (HeadNotAsked(), "missing in head"),
    (SameCode(), "both sides run the same code with the same tunables at the same sizes: not measured"),
    (SameLaunches(), "the code differs, but binaries, launches and torch calls are the same: checked, not timed"),
    (MeasuredOnce(), "both arms use the same implementation, measured once"),
    (TwoMachines(), "two machines: the ratio is shown, not judged"),
    (OutsideTree("head", "/a.py"), "head ran /a.py, which lies outside its tree"),
    (
        NotMeasured(
            (SideProblem("base", Status.OK), SideProblem("head", Status.FAILED, "raised"), SideProblem("head", None))
        ),
        "base was checked, not timed; head is FAILED: raised; head has no measurement: its run ended earlier",
    ),
    (Throttled("hw_slowdown in 1 of 2 readings", ""), "throttled: base: hw_slowdown in 1 of 2 readings"),
    (Throttled("a", "b"), "throttled: base: a, head: b"),
    (TooFewProcesses(1, 1, 4), "1 process a side; a verdict needs 4: `harness run --processes 4`"),
    (TooFewProcesses(1, 3, 4), "1 and 3 processes; a verdict needs 4: `harness run --processes 4`"),
    (
        StatisticsAlone(("base", "head")),
        "base and head: only median and quartiles known: the ratio is an estimate, not judged",
    ),
    (TooFewPairs(1, 4), "1 pair; a verdict needs 4"),
    (TooFewPairs(2, 4, ("hot", "shared")), "2 pairs; a verdict needs 4; 2 more were disturbed (hot)"),
    (BeyondMargin(0.975, 0.25), "the 97.5 % interval lies beyond the margin of 0.25 %"),
    (
        BeyondMargin(0.975, 0.25, unchanged=True),
        "the 97.5 % interval lies beyond the margin of 0.25 %; though both sides ran the same code on the same case",
    ),
    (WithinBounds(0.9, 1.0), "the 90 % interval lies inside ±1 %"),
    (
        Undecided(4, "pair", 8, 1.23),
        "4 pairs show neither a difference nor SAME; about 8 pairs would decide it; detectable: 1.2 %",
    ),
    (
        Undecided(4, "process", None, 30.0, two_modes=True),
        "4 processes a side show neither a difference nor SAME; more would hardly help; detectable: 30 %; its "
        "processes fall into two modes, for which SAME cannot be shown",
    ),
    (EnergyUnknown("", "a CPU has no energy counter"), "head: a CPU has no energy counter"),
    (MemoryChange(MIB, MIB), "equal"),
    (MemoryChange(100 * MIB, 103 * MIB), "3.0 MiB more (3 %)"),
    (MemoryChange(100 * MIB, 50 * MIB), "50.0 MiB less (50 %)"),
]


@pytest.mark.parametrize(("reason", "sentence"), WORDS)
def test_a_reason_has_one_sentence_and_survives_storage(reason: Reason, sentence: str) -> None:
    assert reason_words(reason) == sentence
    assert msgspec.json.decode(msgspec.json.encode(reason), type=Reason) == reason


def test_every_kind_of_reason_has_words() -> None:
    assert {type(reason) for reason, _ in WORDS} == set(get_args(Reason))
