"""Sentences about commits."""

from __future__ import annotations

import msgspec
import pytest

from harness.values.bisect import BisectResult
from harness.values.standing import Standing
from harness_reports.tables.bisect import answer
from harness_reports.tables.changes import summary
from tests.reports.table_factory import bisected, changed_series, changed_standing


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (BisectResult.FOUND, "ccccccccc (slower): 1.050x slower"),
        (BisectResult.RANGE, "One of 1 commit, ccccccccc (slower) to ccccccccc (slower)."),
        (BisectResult.NOT_REPRODUCIBLE, "Not reproducible: ccccccccc (slower) against aaaaaaaaa (before)"),
        (BisectResult.BROKEN, "No commit between the ends could be measured."),
    ],
)
def test_each_end_of_a_search_is_a_sentence(result: BisectResult, said: str) -> None:
    """With both ends, their ratio and the pairs that it took."""
    text = answer(msgspec.structs.replace(bisected(), result=result))
    assert text.startswith(said) and "12 pairs over 2 commits" in text and "[1.040, 1.060]" in text


def test_a_commit_that_explains_a_part_is_not_alone() -> None:
    text = answer(msgspec.structs.replace(bisected(), share=0.5, is_alone=False))
    assert "50 % of the ends' difference: there is another change" in text


def test_what_was_looked_at_is_said() -> None:
    """Also where nothing was found."""
    said = summary([changed_series()], [changed_standing()], True)
    assert said.startswith("2 slowdowns are open; `harness accept CASE@COMMIT --why TEXT` accepts one. ")
    assert "3 suspected changes; `harness confirm CASE` measures them." in said
    answered = msgspec.structs.replace(changed_standing(), changes=changed_standing().changes[2:4])  # refuted
    assert summary([changed_series()], [answered], True).startswith("Nothing is open.")
    quiet = msgspec.structs.replace(changed_series(), changes=())
    assert summary([quiet], [Standing("c", "s", "m")], False) == (
        "No change is suspected. 2 points of 1 series, in the order of the runs: no commits of git here; "
        "1 run of commits on no first-parent line left out."
    )
