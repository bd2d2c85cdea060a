"""A decode of a model that names no ops is explained by the profiles of both sides, module by module."""

from __future__ import annotations

import msgspec
import pytest

from harness.compare import StoredSide
from harness.compare.join import join
from harness.compare.profiled_step import GAPS, OVERLAP, PROFILER, changed_places
from harness.compare.reconcile import PROFILE, Reconciled, reconcile
from harness.values.profile import CategoryRow, Profile, SumRow
from tests.compare.stored_runs import decode, kernel, measured, stored

STEPS = 8


def profile(
    arm: str, experts_us: float, gaps_us: float = 20.0, engine: str = "cuda_graph", kernels: int = 2
) -> Profile:
    """Of steps with two modules, whose kernels overlap by 1 us. All of it made up."""
    rows = {"mlp.experts": experts_us, "self_attn": 60.0}
    scopes = tuple(SumRow(name, STEPS, round(us * 1e3) * STEPS) for name, us in rows.items())
    total = sum(row.total_ns for row in scopes)
    busy = total - 1000 * STEPS
    return Profile(
        "cuda", kernels * STEPS, total, total, busy, busy, busy + round(gaps_us * 1e3) * STEPS, total, 0,
        (CategoryRow("MoE", kernels * STEPS, total),), (),
        steps=STEPS, arm=arm, engine=engine, axes={"batch": 1, "context": 64}, scopes=scopes,
    )  # fmt: skip


def explained(*profiles: Profile, kernels: bool = False) -> list[Reconciled]:
    """Two arms of one run, of 180 and 92 us a step."""
    cases = [measured(decode("baseline"), [180.0] * 4), measured(decode("fast"), [92.0] * 4)]
    if kernels:
        cases += [measured(kernel(arm=arm), [9.0] * 4) for arm in ("baseline", "fast")]
    run = stored(*cases, profiles=profiles)
    sides = StoredSide(run, "baseline"), StoredSide(run, "fast")
    return list(reconcile(*sides, join(*sides), {}))


def test_modules_overlap_and_gaps_add_up_to_the_difference_of_the_profiled_step() -> None:
    """Of a captured step; the gaps of steps that the host launches say nothing about another engine."""
    [found] = explained(profile("baseline", 100), profile("fast", 10, gaps_us=23))
    assert [(part.name, part.us) for part in found.parts] == [("mlp.experts", -90.0), (GAPS, 3.0)]
    assert found.predicted_us == pytest.approx(-87) and found.left_us == pytest.approx(-1, abs=0.01)
    assert {part.each.level for part in found.parts} == {PROFILE} and found.predicted_half_us == 0
    eager = [profile("baseline", 100, engine="eager"), profile("fast", 10, gaps_us=500, engine="eager")]
    [found] = explained(*eager)
    assert [part.name for part in found.parts] == ["mlp.experts"]


def test_an_overlap_that_grows_is_time_that_is_saved() -> None:
    one, other = profile("baseline", 100), profile("fast", 100)
    other = msgspec.structs.replace(
        other, gpu_busy_ns=other.gpu_busy_ns - 5000 * STEPS, span_ns=other.span_ns - 5000 * STEPS
    )
    sides = [StoredSide(stored(profiles=(found,))) for found in (one, other)]
    places = {place.name: place.us for place in changed_places(*sides, (decode("baseline"), decode("fast")), 180.0)}
    assert places == {OVERLAP: -5.0}


def test_the_profilers_time_per_kernel_is_no_saving() -> None:
    """Planted: 0.15 us of it in the gap after each of 800 and 300 kernels. The base's profile shows it, and head's
    profile, with fewer kernels, has less of it."""
    added = {800: 0.15 * 800, 300: 0.15 * 300}
    one = profile("baseline", 100, gaps_us=21 + added[800], kernels=800)
    other = profile("fast", 10, gaps_us=23 + added[300], kernels=300)
    [found] = explained(one, other)
    parts = {part.name: part.us for part in found.parts}
    assert parts[PROFILER] == pytest.approx(0.15 * 500, rel=0.01)
    assert found.predicted_us == pytest.approx(-88, abs=0.1) and abs(found.left_us) < 0.1
    shorter = profile("baseline", 100, gaps_us=10, kernels=800)
    [found] = explained(shorter, other)
    assert PROFILER not in {part.name for part in found.parts}, "steps that were not longer under the profiler"


def test_kernels_that_were_timed_alone_come_first_and_a_cpu_explains_nothing() -> None:
    assert explained(profile("baseline", 100)) == [], "one side alone has a profile"
    both = profile("baseline", 100), profile("fast", 10)
    assert explained(*both, kernels=True) == [], "they did not change, and nothing else is said instead"
    assert explained(*(msgspec.structs.replace(found, device="cpu") for found in both)) == []
