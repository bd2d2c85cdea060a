"""A composite op is held against what it replaces: which cases stand in the same places, and the sum of their times."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import reports_root
from harness.compare import StoredSide, compare
from harness.compare.explain import Explanation
from harness.compare.join import join
from harness.compare.op_sites import same_sites
from harness.compare.reconcile import Reconciled, reconcile
from harness.errors import ExitStatus
from harness.values.case import Case
from harness.values.reason import HeadNotAsked
from harness.values.verdict import Comparison, Verdict
from tests.compare.stored_runs import decode, kernel, measured, noisy, stored

PLACES = st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1), max_size=6)


def op(name: str, arm: str = "baseline", calls: int = 40, replaces: Sequence[str] = ()) -> Case:
    case = kernel("experts", arm, op=name)
    return msgspec.structs.replace(case, calls=calls, replaces=tuple(f"{one}@experts" for one in replaces))


def grouped(base: Sequence[Case], head: Sequence[Case]) -> list[tuple[list[str | None], list[str | None]]]:
    groups = same_sites(base, head, lambda case: case)
    return [([case.op for case in group.base], [case.op for case in group.head]) for group in groups]


def test_a_composite_stands_where_the_ops_do_that_it_replaces() -> None:
    block = op("block", replaces=("up", "act", "down"))
    found = grouped([op("up"), op("mm"), op("down")], [op("mm"), block])
    assert sorted(found) == [(["mm"], ["mm"]), (["up", "down"], ["block"])]
    inner = op("experts", replaces=("up", "down"))
    assert grouped([block], [inner]) == [(["block"], ["experts"])], "two composites that share places"
    assert grouped([op("up")], [op("down")]) == [], "nothing in common: nothing is known to have changed"


@given(PLACES, PLACES)
def test_a_group_is_what_a_chain_of_shared_places_leads_to(base: list[set[str]], head: list[set[str]]) -> None:
    """Groups share no place, and lose no case from which a chain leads to the other side."""
    cases = [op(str(number), replaces=sorted(places)) for number, places in enumerate([*base, *head])]
    groups = same_sites(cases[: len(base)], cases[len(base) :], lambda case: case)
    for one in groups:
        assert (
            one.base and one.head and one.op_sites == set().union(*(case.op_sites for case in (*one.base, *one.head)))
        )
        assert all(one is other or not one.op_sites & other.op_sites for other in groups)
    together = {id(case) for one in groups for case in (*one.base, *one.head)}
    reached = {id(case): {id(case)} for case in cases}
    for _ in cases:
        for case in cases:
            for other in cases:
                if case.op_sites & other.op_sites:
                    reached[id(case)] |= reached[id(other)]
    ours, theirs = ({id(case) for case in side} for side in (cases[: len(base)], cases[len(base) :]))
    assert together == {case for case, others in reached.items() if others & ours and others & theirs}


def explained(block_calls: int = 40) -> Reconciled:
    """One run of two arms: two products of 60 and 20 us and an op between them that was not timed, or a block of 9."""
    rng = random.Random(5)
    block = op("block", "autotuned", block_calls, ("up", "act", "down"))
    times = [(op("up"), 60.0), (op("down"), 20.0), (block, 9.0), (decode(), 9000.0), (decode("autotuned"), 6100.0)]
    run = stored(*(measured(case, noisy(rng, us, 8, 1e-4)) for case, us in times))
    sides = StoredSide(run, "baseline"), StoredSide(run, "autotuned")
    [found] = reconcile(*sides, join(*sides), {})
    return found


def test_what_a_composite_saves_is_the_sum_of_what_it_replaces_less_its_own_time() -> None:
    found = explained()
    [part] = found.parts
    assert (part.case, part.calls) == ("up + down -> block", 40)
    assert part.each.us == pytest.approx(9 - 60 - 20, abs=0.1)
    assert 0 < part.each.half_us < 0.1 and (part.each.n, part.each.level) == (8, "process")
    assert found.predicted_us == pytest.approx(40 * -71, abs=4)
    assert found.left_us == pytest.approx(-2900 + 2840, abs=10), "the op between them, which no case timed"
    reports_root.bind()
    from harness_reports.views.explanation import lines

    [(_, text)] = lines(Explanation((found,)))
    assert "(up + down -> block) 40 calls x -71.0 us = -2,840" in text


def test_ops_that_are_called_unlike_often_are_summed_per_step() -> None:
    """The block stands in 39 of 40 layers, say: the sum is of a step, and so called once."""
    [part] = explained(block_calls=39).parts
    assert part.calls == 1 and part.us == pytest.approx(39 * 9 - 40 * 80, abs=4)


def test_a_side_that_was_not_timed_explains_nothing() -> None:
    rng = random.Random(5)
    block = op("block", "autotuned", replaces=("up", "down"))
    timed = [
        measured(case, noisy(rng, us)) for case, us in ((op("up"), 60.0), (decode(), 9e3), (decode("autotuned"), 6e3))
    ]
    run = stored(*timed, planned=[op("up"), block, decode(), decode("autotuned")])
    sides = StoredSide(run, "baseline"), StoredSide(run, "autotuned")
    assert reconcile(*sides, join(*sides), {}) == ()


def fused_branch(arm: str = "baseline", timed: Sequence[Case] = (decode(),)) -> Comparison:
    """A gated kernel of base; in head a composite op in its place, in that arm. Both time other cases, too."""
    rng = random.Random(5)
    block = op("block", arm, replaces=("int4_mm", "act"))
    sides = [[op("int4_mm"), *timed], [block, *timed]]
    runs = [
        stored(*(measured(case, noisy(rng, 50.0, 8, 1e-4)) for case in side), run_id=str(n))
        for n, side in enumerate(sides)
    ]
    return compare(*map(StoredSide, runs))


def test_a_gated_kernel_that_gave_way_to_a_composite_leaves_the_gate_to_the_decode() -> None:
    """A branch that fuses two kernels can end green; what has no verdict is said."""
    found = fused_branch()
    assert [verdict.case.partition("@")[0] for verdict in found.verdicts] == ["decode"] and found.exit_status == 0
    assert "block@experts in head replaces 1 case of base" in " ".join(found.notes)


@pytest.mark.parametrize("arm, timed", [("baseline", (op("still"),)), ("autotuned", (decode(),))])
def test_a_gated_kernel_that_is_just_gone_is_no_pass(arm: str, timed: Sequence[Case]) -> None:
    """No decode says what came of it, or the composite is another arm's: a gate that head takes away is no gate."""
    found = fused_branch(arm, timed)
    [gone] = [verdict for verdict in found.verdicts if verdict.case.startswith("int4_mm")]
    assert (gone.verdict, gone.reason, gone.gated) == (Verdict.UNDECIDED, HeadNotAsked(), True)
    assert found.exit_status == ExitStatus.NOT_COMPARABLE
