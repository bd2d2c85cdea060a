"""Two sides that were measured as pairs: what counts, what does not, and what a reader is told."""

from __future__ import annotations

import math
import random
from pathlib import Path

import msgspec
import pytest

from harness.compare import Policy, compare
from harness.compare.calibration import noise_on, process_noise
from harness.errors import ExitStatus
from harness.stats import estimate_of
from harness.store import Store, export_run, read_exported
from harness.values.difference import Difference
from harness.values.measurement import Measurement, Status
from harness.values.pairing import CaseNoise, Noise
from harness.values.reason import OutsideTree, TooFewPairs, reason_words
from harness.values.verdict import CaseVerdict, Comparison, Verdict
from tests.compare.paired_stored import calibration, noisy_pairs, two_sides
from tests.compare.stored_runs import ENVIRONMENT, kernel, measured, stored

RNG = random.Random


def by_site(comparison: Comparison) -> dict[str, CaseVerdict]:
    return {v.case.partition("/")[0].rpartition("@")[2]: v for v in comparison.verdicts}


def test_pairs_are_judged_by_their_log_ratios() -> None:
    """What both processes of a pair share is in neither verdict; order of the sides as they are named."""
    rng = RNG(1)
    drift = [math.exp(rng.gauss(0, 0.05)) for _ in range(8)]
    base, head = noisy_pairs(rng, 10, math.log(1.05), spread=0.001)
    same = noisy_pairs(rng, 20, spread=0.001)
    shared = {
        "a": ([b * d for b, d in zip(base, drift, strict=True)], [h * d for h, d in zip(head, drift, strict=True)])
    }
    sides = two_sides({**shared, "b": same})
    found = compare(*sides)
    slower, equal = by_site(found)["a"], by_site(found)["b"]
    assert slower.verdict is Verdict.SLOWER and slower.ratio is not None and slower.ratio.level == "pair"
    assert slower.ratio.n == 4 and slower.ratio.low < 1.05 < slower.ratio.high
    assert equal.verdict is Verdict.SAME and found.exit_status is ExitStatus.REGRESSION
    assert not any("not interleaved" in note for note in found.notes)
    assert by_site(compare(*reversed(sides)))["a"].verdict is Verdict.FASTER


def test_disturbed_pairs_do_not_count() -> None:
    """Of eight pairs the throttled ones are left out and said; where too few are left, nothing is said of the code."""
    rng = RNG(2)
    base, head = noisy_pairs(rng, 10, spread=0.001)
    head[2] *= 3
    found = compare(*two_sides({"a": (base, head)}, disturbed={3: "throttled: hw_slowdown"}))
    assert by_site(found)["a"].verdict is Verdict.SAME
    assert any("1 pair was disturbed and does not count (base: throttled: hw_slowdown)" in n for n in found.notes)
    rest = compare(*two_sides({"a": (base, head)}, disturbed=dict.fromkeys(range(1, 7), "1 other process on the GPU")))
    verdict = by_site(rest)["a"]
    assert verdict.verdict is Verdict.INVALID and rest.exit_status is ExitStatus.UNDECIDED
    assert "2 pairs; a verdict needs 4; 6 more were disturbed" in reason_words(verdict.reason)


def test_cases_that_were_only_checked_are_undecided() -> None:
    """The budget ended before the first pair."""
    sides = [
        type(side)(msgspec.structs.replace(side.run, measurements=(Measurement(kernel("a"), Status.OK),)))
        for side in two_sides({"a": noisy_pairs(RNG(3), 10)})
    ]
    found = compare(*sides)
    assert by_site(found)["a"].verdict is Verdict.UNDECIDED and found.verdicts[0].reason == TooFewPairs(0, 4)


def test_another_trees_code_is_invalid_and_not_neutral() -> None:
    found = compare(*two_sides({"a": noisy_pairs(RNG(3), 10)}, outside="/site-packages/a.py"))
    assert by_site(found)["a"].verdict is Verdict.INVALID and found.exit_status is ExitStatus.CASE_FAILED
    assert by_site(found)["a"].reason == OutsideTree("head", "/site-packages/a.py")


def test_cases_with_the_same_code_are_the_same_unless_they_were_measured() -> None:
    sides = two_sides({"a": noisy_pairs(RNG(4), 10, math.log(1.1))}, identical=["b"])
    found = compare(*sides)
    assert by_site(found)["b"].verdict is Verdict.SAME and by_site(found)["b"].ratio is None
    assert by_site(found)["a"].verdict is Verdict.SLOWER
    assert compare(*two_sides({}, identical=["b"])).exit_status is ExitStatus.OK
    measured_too = two_sides({"b": noisy_pairs(RNG(4), 10)}, identical=["b"])
    assert by_site(compare(*measured_too))["b"].ratio is not None


def test_identical_code_that_was_to_be_measured_and_was_not_is_undecided() -> None:
    """A budget that ended before the first pair leaves nothing to say SAME of."""
    found = compare(*two_sides({}, identical=["b"], measure_identical=True))
    assert [v.verdict for v in found.verdicts] == [Verdict.UNDECIDED] and found.exit_status is ExitStatus.UNDECIDED


def test_few_pairs_of_a_comparison_that_goes_on_are_not_judged_between_looks() -> None:
    """Five pairs: as long as more will come, the verdict is that of four."""
    rng = RNG(5)
    pairs = {"a": noisy_pairs(rng, 10, pairs=5, spread=0.03)}
    ratios = [by_site(compare(*two_sides(pairs, state=state)))["a"].ratio for state in ("running", "complete")]
    assert [ratio.n if ratio else 0 for ratio in ratios] == [4, 5]


def test_two_modes_are_said_and_never_the_same() -> None:
    """Half of the processes 6 % slower, on both sides alike; noise that four pairs, too few to show modes, leave
    undecided."""
    rng = RNG(6)
    modes = [1.06 if rng.random() < 0.5 else 1.0 for _ in range(24)]
    base, head = noisy_pairs(rng, 10, pairs=24, spread=0.004)
    shared = tuple([x * m for x, m in zip(side, modes, strict=True)] for side in (base, head))
    verdict = by_site(found := compare(*two_sides({"a": (shared[0], shared[1])})))["a"]
    assert verdict.verdict is Verdict.UNDECIDED and "two modes" in reason_words(verdict.reason)
    assert any(note.startswith("two modes between processes: int4_mm@a") for note in found.notes)


def test_a_control_that_moved_is_said() -> None:
    """Memory itself read 4 % slower in head's processes; 0.1 % of noise is nothing."""
    pairs = {"a": noisy_pairs(RNG(7), 10, math.log(1.04))}
    moved = compare(*two_sides(pairs, control=0.96))
    assert any(n.startswith("control: reading memory was 4 % slower in head's") for n in moved.notes)
    assert not any(n.startswith("control") for n in compare(*two_sides(pairs)).notes)


def test_a_calibrated_machine_decides_sooner_and_offsets_widen_the_margin() -> None:
    pairs = {"a": ([10.0] * 4, [10 * math.exp(x) for x in (0.026, 0.014, 0.024, 0.015)])}
    id = kernel("a").id
    known = Noise({id: CaseNoise(0.0042**2, 12, 0.003, 16)}, 0.0, 4)
    offset = msgspec.structs.replace(known, offset=0.02)
    verdicts = [by_site(compare(*two_sides(pairs, noise=noise)))["a"] for noise in (Noise(), known, offset)]
    assert [v.verdict for v in verdicts] == [Verdict.UNDECIDED, Verdict.SLOWER, Verdict.UNDECIDED]
    assert verdicts[0].needed is not None and verdicts[0].needed > 4


def test_conditions_that_are_under_test_do_not_refuse() -> None:
    """Two interpreters with two Tritons are comparable, and the difference is printed."""
    base, head = two_sides({"a": noisy_pairs(RNG(9), 10)})
    assert base.run.pairing is not None
    newer = msgspec.structs.replace(ENVIRONMENT, triton="3.8.0")
    other = type(head)(msgspec.structs.replace(head.run, environment=newer), head.arm)
    assert not compare(base, other).comparable
    accepting = msgspec.structs.replace(base.run.pairing, accepted=("triton",))
    declared = type(base)(msgspec.structs.replace(base.run, pairing=accepting), base.arm)
    found = compare(declared, other)
    assert found.comparable and found.differences == (Difference("triton", "3.7.1", "3.8.0"),)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "runs.sqlite"))


def test_calibrations_add_up_per_machine(store: Store) -> None:
    """Three pairs of worktrees know nothing yet, four do, eight know more; another GPU's say nothing here."""
    rng = RNG(10)

    def add(numbers: range) -> Noise:
        for number in numbers:
            for run in calibration(rng, number):
                store.add_run(run, f"{number} {run.id}")
        return noise_on(ENVIRONMENT, store)

    assert add(range(3)).cases == {}
    four = add(range(3, 4))
    assert {case: known.pairs for case, known in four.cases.items()} == {kernel("a").id: 16, kernel("b").id: 16}
    assert four.worktree_pairs == 4
    eight = add(range(4, 8)).cases[kernel("a").id]
    assert eight.pairs == 32 and math.sqrt(eight.pair_variance) == pytest.approx(0.003 * math.sqrt(2), rel=0.3)
    assert eight.process_sd == pytest.approx(0.003, rel=0.3)
    assert noise_on(msgspec.structs.replace(ENVIRONMENT, device_uuid="GPU-2"), store).cases == {}
    assert noise_on(msgspec.structs.replace(ENVIRONMENT, driver="1"), store).cases == {}


def test_a_single_process_is_widened_by_the_calibrated_noise(store: Store) -> None:
    case = kernel("a")
    run = stored(measured(case, [10.0]))
    assumed = estimate_of(run, run.measurements[0])
    known = process_noise(Noise({case.id: CaseNoise(0.02**2, 12, 0.02, 16)}))
    calibrated = estimate_of(msgspec.structs.replace(run, process_noise=known), run.measurements[0])
    assert assumed is not None and calibrated is not None
    assert (assumed.noise, calibrated.noise) == ("assumed", "calibrated")
    assert (
        calibrated.half_width == pytest.approx(10 * 1.96 * 0.02, rel=0.01)
        and calibrated.half_width > assumed.half_width
    )


def test_sides_survive_export_and_store(store: Store, tmp_path: Path) -> None:
    """Pairing, slots and noise included: the exported files are judged like the runs."""
    sides = two_sides({"a": noisy_pairs(RNG(11), 10, math.log(1.1))}, disturbed={2: "throttled: hw_slowdown"})
    back = []
    for number, side in enumerate(sides):
        file = tmp_path / f"{number}.json.gz"
        export_run(side.run, f"uuid-{number}", file)
        run, _ = read_exported(file)
        assert run == side.run
        back.append(type(side)(store.load(store.add_run(run, f"uuid-{number}"))))
    assert [v.verdict for v in compare(*back).verdicts] == [v.verdict for v in compare(*sides).verdicts]
    assert back[0].run.slots == sides[0].run.slots and back[0].run.pairing == sides[0].run.pairing


def test_the_family_counts_what_was_asked_and_differs() -> None:
    """Three cases that differ beside one with the same code: the interval is at the error of three."""
    rng = RNG(12)
    found = compare(*two_sides({site: noisy_pairs(rng, 10, spread=0.02, pairs=4) for site in "abc"}, identical=["d"]))
    ratio = by_site(found)["a"].ratio
    assert ratio is not None and ratio.confidence == pytest.approx(1 - Policy().family_error / 6 / 3)


def test_too_few_pairs_are_an_estimate_from_pairs() -> None:
    """What is shown beside `3 pairs` is the interval of these, not of 3 processes a side."""
    [verdict] = compare(*two_sides({"a": ([10.0, 12.0, 14.0], [11.0, 13.2, 15.4])})).verdicts
    assert verdict.reason == TooFewPairs(3, 4) and verdict.ratio is not None
    assert (verdict.ratio.level, verdict.ratio.n) == ("pair", 3)
    assert 1.09 < verdict.ratio.low <= verdict.ratio.high < 1.11
