"""The decision procedure keeps its promises: on the shipped code and constants, simulated with seeds."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.decide import Evidence, decide, holm, p_beyond, paired, unpaired, verdicts_of
from harness.compare.policy import Policy
from harness.values.verdict import Verdict

CASES = 20
STRICT = Policy(margin_percent=0.0, same_within_percent=0.0)
"""Without the margin and without SAME, the tests of the error rate are the hardest."""
MOVED = (Verdict.FASTER, Verdict.SLOWER)

Draw = Callable[[random.Random], float]


def gauss(spread: float) -> Draw:
    return lambda rng: rng.gauss(0, spread)


def heavy_tailed(spread: float) -> Draw:
    """Student's t with 3 degrees of freedom, scaled to the spread."""

    def draw(rng: random.Random) -> float:
        chi = sum(rng.gauss(0, 1) ** 2 for _ in range(3))
        return spread / math.sqrt(3) * rng.gauss(0, 1) / math.sqrt(chi / 3)

    return draw


def suite(
    rng: random.Random, draw: Draw, processes: int, change: float = 0.0, cases: int = CASES
) -> dict[str, Evidence]:
    """Unpaired evidence on a suite of cases whose truth is the change, a log ratio."""
    return {
        str(case): unpaired([draw(rng) for _ in range(processes)], [draw(rng) + change for _ in range(processes)])
        for case in range(cases)
    }


def rates(
    policy: Policy, draw: Draw, processes: int, percent: float = 0.0, suites: int = 300, cases: int = CASES
) -> tuple[float, float, float]:
    """Share of suites with any FASTER or SLOWER, of cases with one, and of cases that are SAME."""
    rng = random.Random(20)
    any_moved = moved = same = 0
    for _ in range(suites):
        verdicts = [
            d.verdict for d in decide(suite(rng, draw, processes, math.log1p(percent / 100), cases), policy).values()
        ]
        hits = sum(verdict in MOVED for verdict in verdicts)
        any_moved, moved, same = any_moved + (hits > 0), moved + hits, same + verdicts.count(Verdict.SAME)
    return any_moved / suites, moved / suites / cases, same / suites / cases


@pytest.mark.parametrize("draw", [gauss(0.004), heavy_tailed(0.004)], ids=["normal", "t3"])
@pytest.mark.parametrize("processes", [4, 8])
def test_identical_code_is_rarely_called_different(draw: Draw, processes: int) -> None:
    """Any of 20 cases in at most 5 % of comparisons, within three standard errors of 300 (3.8 %)."""
    assert rates(STRICT, draw, processes)[0] <= 0.05 + 0.038


def test_without_holm_the_suite_would_cry_wolf() -> None:
    """The planted fault: each case at 5 % by itself flags most comparisons, and the test above sees it."""
    rng = random.Random(20)
    flagged = 0
    for _ in range(200):
        alone = [decide({name: e}, STRICT)[name] for name, e in suite(rng, gauss(0.004), 8).items()]
        flagged += any(decision.verdict in MOVED for decision in alone)
    assert flagged / 200 > 0.5


def test_with_the_margin_nothing_is_flagged_that_is_not_there() -> None:
    """The policy as shipped: at most 1 % of A/A comparisons, at most 5 % where every case is 0.25 % slower."""
    assert rates(Policy(), gauss(0.004), 8)[0] <= 0.01
    assert rates(Policy(), gauss(0.004), 8, percent=0.25)[0] <= 0.05


def test_real_changes_are_found() -> None:
    """5 % by 6 processes a side, 2 % by 12, in at least 95 % of the cases of a suite of 20, at 0.4 % noise."""
    assert rates(Policy(), gauss(0.004), 6, percent=5, suites=50)[1] >= 0.95
    assert rates(Policy(), gauss(0.004), 12, percent=2, suites=50)[1] >= 0.95


def test_same_is_said_with_evidence_and_not_without() -> None:
    """Of equal code in at least 95 % by 12 processes a side; of code that is 1 % slower in at most 5 % (+ 3 errors)."""
    assert rates(Policy(), gauss(0.004), 12, suites=50)[2] >= 0.95
    for processes in (4, 12):
        assert rates(Policy(), gauss(0.004), processes, percent=1.0, suites=100)[2] <= 0.05 + 0.015


def test_pairs_see_what_is_common_to_a_process_cancel() -> None:
    """Noise that both sides of a pair share leaves no trace."""
    rng = random.Random(3)
    common = [rng.gauss(0, 0.05) for _ in range(6)]
    own = [rng.gauss(0, 0.001) for _ in range(6)]
    found = decide({"a": paired([math.log(1.02) + x for x in own])}, Policy())["a"]
    apart = decide(
        {"a": unpaired(common, [c + math.log(1.02) + x for c, x in zip(common, own, strict=True)])}, Policy()
    )
    assert found.verdict is Verdict.SLOWER and apart["a"].verdict is Verdict.UNDECIDED


def test_more_looks_and_cases_of_earlier_looks_make_it_harder() -> None:
    """What was decided at an earlier look stays in the family: later cases are asked as strictly as if it were
    there."""
    borderline = {"a": Evidence(0.02, 0.006, 11, 12, "process")}
    alone = decide(borderline, Policy())["a"]
    assert alone.verdict is Verdict.SLOWER
    assert decide(borderline, Policy(looks=6))["a"].verdict is not Verdict.SLOWER
    assert verdicts_of(borderline, Policy(), 20)["a"] is not Verdict.SLOWER
    assert verdicts_of(borderline, Policy(), 20 - 19)["a"] is alone.verdict


def test_holm_lets_a_clear_case_help_the_next() -> None:
    """0.03 alone is not below 0.05 / 2, but it is asked at 0.05 once the first is rejected."""
    assert holm({"a": 0.001, "b": 0.03}, 0.05, 2) == {"a", "b"}
    assert holm({"a": 0.03, "b": 0.03}, 0.05, 2) == set()
    assert holm({"a": 0.001, "b": 0.03}, 0.05, 3) == {"a"}


@given(st.floats(-0.2, 0.2), st.floats(0, 0.1), st.integers(3, 40))
def test_verdict_and_interval_never_contradict_each_other(centre: float, error: float, degrees: int) -> None:
    """A change is flagged where its interval lies beyond the margin, for one case alone; SAME's lies inside ±1 %."""
    policy = Policy()
    found = decide({"a": Evidence(centre, error, degrees, degrees + 1, "pair")}, policy)["a"]
    assert found.low <= centre <= found.high
    beyond = max(found.low, -found.high) - policy.margin
    if found.verdict in MOVED:
        assert beyond > -1e-12
        assert (found.verdict is Verdict.SLOWER) is (centre > 0)
    if found.verdict is Verdict.SAME:
        assert -policy.same_within < found.low and found.high < policy.same_within


@given(st.floats(-0.1, 0.1), st.floats(1e-5, 0.05), st.integers(3, 40))
def test_base_and_head_in_each_others_place_give_the_opposite_verdict(
    centre: float, error: float, degrees: int
) -> None:
    there, back = (
        decide({"a": Evidence(x, error, degrees, degrees + 1, "pair")}, Policy())["a"] for x in (centre, -centre)
    )
    opposite = {Verdict.SLOWER: Verdict.FASTER, Verdict.FASTER: Verdict.SLOWER}
    assert back.verdict is opposite.get(there.verdict, there.verdict)
    assert (back.needed, back.smallest) == (there.needed, there.smallest)


def test_samples_without_any_spread_are_decided_by_the_margin() -> None:
    """A fake timer gives these; no division by zero."""
    assert decide({"a": paired([0.0] * 4)}, Policy())["a"].verdict is Verdict.SAME
    assert decide({"a": paired([0.1] * 4)}, Policy())["a"].verdict is Verdict.SLOWER
    assert p_beyond(paired([0.1] * 4), 0.1) == 1.0


def test_the_units_that_are_said_to_be_needed_do_decide_it() -> None:
    """With the same spread and the mean that was seen, nine of ten comparisons of that size are decided."""
    seen = Evidence(math.log(1.012), 0.0045, 6, 4, "process")
    needed = decide({"a": seen}, Policy())["a"].needed
    assert needed is not None and needed > 4
    spread = seen.error * math.sqrt(4 / 2)  # of one process: Welch's error has both sides in it
    rng = random.Random(5)
    decided = 0
    for _ in range(500):
        base, head = ([rng.gauss(x, spread) for _ in range(needed)] for x in (0, seen.centre))
        decided += decide({"a": unpaired(base, head)}, Policy())["a"].verdict is not Verdict.UNDECIDED
    assert decided / 500 >= 0.9 - 0.04
