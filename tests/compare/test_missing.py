"""A case that stopped having times is told, whether it fails or its machine is silent."""

from __future__ import annotations

import msgspec

from harness.compare.missing import missing
from harness.values.change import Missing
from harness.values.point import CasePoint, CaseSeries
from tests.compare.test_changes import COMMITS, point

CASE = "int4_mm@lm_head/int4-g32/bfloat16/baseline"


def at(
    number: int, day: int = 1, machine: str = "A", status: str = "OK", tree: str = ""
) -> tuple[CaseSeries, CasePoint]:
    own, found = point(COMMITS[number], 10.0, number, machine)
    failed = status != "OK"
    return own, msgspec.structs.replace(
        found, started=f"2026-01-{day:02}T00:00:00+00:00", status=status, time=None if failed else found.time,
        reason="it raised" if failed else "", tree=tree,
    )  # fmt: skip


def test_two_runs_without_a_time_are_an_alarm() -> None:
    """One is a failure, which its run says; a case that never had a time is none that stopped; sides of comparisons
    are nobody's run."""
    failing = [at(0), at(1), at(2, status="FAILED"), at(3, status="TIMEOUT")]
    assert missing(failing) == (Missing(CASE, "s", "A", "1", COMMITS[1], 2, "TIMEOUT", "it raised"),)
    assert missing(failing[:3]) == () and missing(failing[2:]) == () and missing([*failing, at(4)]) == ()
    assert missing([at(0), *(at(n, status="FAILED", tree="main") for n in range(1, 5))]) == ()


def test_a_machine_that_fell_silent_is_an_alarm() -> None:
    """Where others went on for more than a week; where all stopped, nobody measures, which is no fault of the case."""
    both = [at(0, 1), at(1, 1, "B"), at(2, 8, "B")]
    assert missing(both) == ()
    assert missing([*both, at(3, 9, "B")]) == (Missing(CASE, "s", "A", "0", COMMITS[0]),)
    odd = at(4, 9, "B")
    assert missing([both[0], (odd[0], msgspec.structs.replace(odd[1], started="yesterday"))]) == ()
