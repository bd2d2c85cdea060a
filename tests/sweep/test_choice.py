"""What is chosen among measured configurations, and when a gain may be claimed. Nothing here touches a device."""

from __future__ import annotations

import math
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plan import sweep_plan
from harness.suite.load import load_suite
from harness.sweep import rank
from harness.sweep.confirm import WINS_BELOW, judge_finals, p_no_faster
from harness.sweep.questions import questions
from harness.sweep.recall import of_now, same_again
from harness.sweep.register import choice, register
from harness.values.environment import Environment
from harness.values.measurement import Measurement, Status
from harness.values.sweep import Confirmed, Entrant, Twin
from tests.conftest import REPOSITORY
from tests.sweep.made import case, finals, measured, question, row


def test_finalists_come_before_faster_looking_ones_that_were_never_side_by_side() -> None:
    rows = [row(3.0, b=1), row(5.0, "final", b=2), row(4.0, "final", b=3), row(None, "static", b=4)]
    assert [r.tunables["b"] for r in rank.fastest_first(rows)] == [3, 2, 1, 4]


@given(st.integers(1, 200))
def test_a_quarter_is_kept_and_never_fewer_than_sixteen(count: int) -> None:
    """The fastest of the first pass; duplicates take no place."""
    rows = [row(float(b), b=b) for b in range(1, count + 1)] + [row(None, "static", case(b=1).id, "i", b=0)]
    kept = [r.tunables["b"] for r in rank.kept(rows)]
    assert kept == list(range(1, min(count, max(16, math.ceil(count / 4))) + 1))


@given(st.integers(1, 12), st.integers(0, 3))
def test_there_are_eight_pairs_of_the_same_work(finalists: int, duplicates: int) -> None:
    """A duplicate where there is one; each entrant is another one, also where a finalist serves twice."""
    rows = [row(1.0 + b, identity=f"i{b}", b=b) for b in range(finalists)]
    same = [
        row(None, "static", case(b=b).id, f"i{b}", b=b, stages=d) for b in range(finalists) for d in range(duplicates)
    ]
    pairs = rank.twins_for(rows, [*rows, *same])
    assert len(pairs) == rank.TWINS == len({twin.name for _, twin in pairs})
    assert {of for of, _ in pairs} <= {r.case.id for r in rows}
    marked = ["stages" in twin.case.answer.tunables for _, twin in pairs if twin.case.answer]
    assert marked == [bool(duplicates)] * 8


def test_twins_that_agree_are_trusted_and_an_order_effect_is_not() -> None:
    """Simulated as in the measurements: 0.45 % between two of the same is trusted, an effect of 1 % is seen."""
    draws = random.Random(4)

    def untrusted(effect: float) -> float:
        count = 0
        for _ in range(2000):
            spread = rank.rms([Twin("c", draws.gauss(effect, 0.0045)) for _ in range(rank.TWINS)])
            count += spread is not None and spread > rank.TRUSTED_RMS
        return count / 2000

    assert untrusted(0.0) < 0.02 and untrusted(0.01) > 0.9
    assert rank.rms([]) is None


def test_the_ratio_of_twins_is_of_medians_and_a_lost_twin_is_left_out() -> None:
    pairs = [("a", Entrant(case(b=1), 1)), ("b", Entrant(case(b=2), 2))]
    found = rank.log_ratios({"a": [1.0, 2.0, 3.0], pairs[0][1].name: [4.0], "b": [1.0]}, pairs)
    assert [round(math.exp(twin.log_ratio), 9) for twin in found] == [2.0]


def test_separated_means_apart_from_all_others() -> None:
    fast, slow = [1.0 + 0.001 * i for i in range(20)], [1.5 + 0.001 * i for i in range(20)]
    assert rank.separated({"a": fast, "b": slow}) and rank.separated({"a": fast})
    assert not rank.separated({"a": fast, "b": [x + 0.005 for x in fast], "c": slow})


def test_the_fastest_of_many_equal_ones_is_no_winner() -> None:
    """The best five of 200 equal candidates, timed again in four processes with 0.4 % between processes: a winner in
    fewer than 1 % of the sweeps. With the times that chose them, asked the same, it would be most sweeps."""
    draws = random.Random(7)
    false, naive, sweeps = 0, 0, 400
    for _ in range(sweeps):
        first = sorted(draws.gauss(0, 0.004) for _ in range(200))
        naive += first[0] < -0.0025 - 2.3 * 0.002
        noise = [draws.gauss(0, 0.004) for _ in range(4)]
        again = {
            case(b=b).id: measured(case(b=b), [10 * math.exp(p + draws.gauss(0, 0.001)) for p in noise])
            for b in range(6)
        }
        false += judge_finals(again, case(b=5).id)[2] is not None
    assert false <= 0.01 * sweeps and naive > 0.5 * sweeps


def test_a_real_gain_wins_and_one_inside_of_the_margin_does_not() -> None:
    base = measured(case(b=0), [10.0, 10.02, 9.99, 10.01])
    fast = measured(case(b=1), [9.8, 9.82, 9.79, 9.8])
    same = measured(case(b=2), [9.985, 10.0, 9.975, 9.99])
    confirmed, baseline, winner = judge_finals({m.case.id: m for m in (same, base, fast)}, base.case.id)
    assert winner == fast.case.id and baseline is not None and baseline.measurement is base
    assert [c.measurement.case.id for c in confirmed] == [fast.case.id, same.case.id]
    p = [c.p for c in confirmed]
    assert p[0] is not None and p[1] is not None and p[0] < WINS_BELOW < p[1]
    assert confirmed[0].against_baseline is not None and confirmed[0].against_baseline.words == "1.021x faster"
    assert p_no_faster(measured(case(b=0), [1.0]), measured(case(b=1), [1.0])) is None


def test_what_is_wrong_in_a_fresh_process_is_no_winner_and_no_baseline() -> None:
    wrong = Measurement(case(b=0), Status.INCORRECT, "wrong here")
    right = measured(case(b=1), [9.0] * 4)
    confirmed, baseline, winner = judge_finals({m.case.id: m for m in (wrong, right)}, wrong.case.id)
    assert baseline is None and winner == right.case.id and confirmed[0].p is None
    _, _, none = judge_finals({m.case.id: m for m in (right, wrong)}, right.case.id)
    assert none is None


def test_without_a_winner_tuned_means_the_baseline() -> None:
    base = measured(case(b=0), [10.0, 10.1, 9.9, 10.0])
    same = measured(case(b=1), [9.99, 10.1, 9.91, 10.0])
    confirmed, baseline, winner = judge_finals({m.case.id: m for m in (base, same)}, base.case.id)
    assert winner is None
    assert choice(question([], finals(confirmed, baseline, winner))) is baseline
    chosen = choice(question([], finals(confirmed, None, None)))
    assert chosen is not None and chosen.tunables == {"b": 1}
    assert choice(question([])) is None


@pytest.mark.parametrize("kept", [True, False])
def test_a_stored_duplicate_follows_its_identity(kept: bool) -> None:
    """Ids change as a space gets wider; the launches say whose time a duplicate has. One whose time is not here is
    timed for itself."""
    timed, double = row(1.0, identity="i", b=1), row(None, "static", "old id", "i", b=2)
    rows = {r.case.id: r for r in ([timed] if kept else []) + [of_now(double, case(b=2, c=3))]}
    found = same_again(rows)
    if kept:
        assert found[case(b=2, c=3).id].same_as == timed.case.id
    else:
        assert found == {}


def test_each_number_of_tokens_is_a_question_of_its_own() -> None:
    """With sizes, id and baseline of its own; the baseline is the configuration of the space that says the same."""
    suite = load_suite(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml")
    asked = questions(suite, sweep_plan(suite, match="int4_mm@lm_head", tokens=(1, 4)).cases)
    assert [one.cases[0].dims["tokens"] for one in asked] == [1, 4]
    assert len({case.id for one in asked for case in one.everything}) == sum(len(one.everything) for one in asked)
    for one in asked:
        assert one.baseline in one.cases and one.baseline.answer is not None
        assert one.baseline.answer.tunables == {"block_n": 64} and not one.uses_triton


@pytest.mark.parametrize("trusted", [True, False, None])
def test_an_untrusted_sweep_writes_no_tuned_file_unless_told_to(trusted: bool | None, tmp_path: Path) -> None:
    """Planted: the same work took two times. What `tuned` means then stays as it is."""
    (tmp_path / "mine.py").touch()
    fast, base = (Confirmed(measured(case(block_n=n), [us] * 4)) for n, us in ((8, 5.0), (32, 6.0)))
    end = finals([fast], base, fast.measurement.case.id)
    asked = msgspec.structs.replace(question([row(5.0, block_n=8)], end), variant="./mine.py", trusted=trusted)
    suite: Any = SimpleNamespace(kernels_root=str(REPOSITORY / "kernels"), folder=tmp_path, ops={}, models={})
    machine = Environment("cuda", "NVIDIA H100", "3.12", "2.11", "cpu", 16, "Linux", triton="3.6.0")
    sources: Any = SimpleNamespace(sources={"./mine.py": "hash"})
    for told in (False, True):
        written, unwritten, withheld = register(suite, [sources], [asked], machine, told)
        assert bool(written) == (told or trusted is not False) != bool(withheld) and not unwritten
        assert (tmp_path / "tuned").exists() == bool(written)
