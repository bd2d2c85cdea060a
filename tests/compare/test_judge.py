"""Two stored runs to verdicts: joined on the question, refused where conditions differ, never green by accident."""

from __future__ import annotations

import random

import msgspec
import pytest

from harness.compare import Policy, StoredSide, compare, policy_of
from harness.errors import ExitStatus, HarnessError, NotComparable
from harness.values.case import Implementation
from harness.values.difference import Difference
from harness.values.measurement import Conditions, Correctness, Measurement, Status
from harness.values.reason import MeasuredOnce, Throttled, TooFewProcesses, reason_words
from harness.values.run import Run
from harness.values.verdict import CaseVerdict, Comparison, Verdict
from tests.compare.stored_runs import ENVIRONMENT, SUITE, decode, kernel, measured, noisy, stored, two_runs


def by_case(comparison: Comparison) -> dict[str, CaseVerdict]:
    """Time verdicts by the site, or by kind for the model's cases."""
    return {
        v.case.partition("/")[0].rpartition("@")[2]: v for v in comparison.verdicts if v.metric != "peak_memory_bytes"
    }


def changed(side: StoredSide, **fields: object) -> StoredSide:
    return StoredSide(msgspec.structs.replace(side.run, **fields), side.arm)


def on(side: StoredSide, **fields: object) -> StoredSide:
    """The side on an environment with these fields."""
    return changed(side, environment=msgspec.structs.replace(ENVIRONMENT, **fields))


def test_slower_faster_and_same_are_told_apart() -> None:
    """One gated case that is slower makes exit status 1."""
    found = compare(*two_runs({"a": (10, 11), "b": (20, 18), "c": (30, 30)}))
    verdicts = by_case(found)
    assert {site: v.verdict for site, v in verdicts.items()} == {
        "a": Verdict.SLOWER, "b": Verdict.FASTER, "c": Verdict.SAME,
    }  # fmt: skip
    assert found.exit_status is ExitStatus.REGRESSION
    ratio = verdicts["a"].ratio
    assert ratio is not None and ratio.low < 1.1 < ratio.high and ratio.words == "1.102x slower" and ratio.n == 8


def test_no_regression_is_status_0() -> None:
    assert compare(*two_runs({"b": (20, 18), "c": (30, 30)})).exit_status is ExitStatus.OK


def test_too_few_processes_are_undecided_with_their_estimate() -> None:
    """Three processes a side say nothing, however large the difference looks."""
    found = compare(*two_runs({"a": (10, 20)}, processes=3))
    verdict = by_case(found)["a"]
    assert verdict.verdict is Verdict.UNDECIDED and found.exit_status is ExitStatus.UNDECIDED
    assert (
        verdict.ratio is not None
        and verdict.ratio.value == pytest.approx(2, rel=0.02)
        and verdict.ratio.level == "process"
    )
    assert verdict.reason == TooFewProcesses(3, 3, 4) and "--processes 4" in reason_words(verdict.reason)


def test_noise_is_undecided_and_says_what_would_help() -> None:
    verdict = by_case(compare(*two_runs({"a": (10, 10.1)}, spread=0.02, processes=4)))["a"]
    assert verdict.verdict is Verdict.UNDECIDED and verdict.smallest_percent is not None
    assert verdict.smallest_percent > 2 and "detectable: " in reason_words(verdict.reason)


def test_a_case_that_only_explains_never_gates() -> None:
    """Slower, but not in the gate: said, and status 0."""
    base, head = two_runs({"a": (10, 11)})
    sides = [
        changed(side, measurements=(*side.run.measurements, measured(decode(), noisy(random.Random(i), 100))))
        for i, side in enumerate((base, head))
    ]
    found = compare(*sides, policy=Policy(gate=("decode",)))
    assert by_case(found)["a"].verdict is Verdict.SLOWER and not by_case(found)["a"].gated
    assert found.exit_status is ExitStatus.OK


def test_where_nothing_gates_everything_does() -> None:
    """A comparison of kernels under a gate on decode is not green because it looked at nothing."""
    found = compare(*two_runs({"a": (10, 11)}), policy=Policy(gate=("decode",)))
    assert found.exit_status is ExitStatus.REGRESSION and any("every case gates" in note for note in found.notes)


@pytest.mark.parametrize("status", [Status.INCORRECT, Status.FAILED, Status.TIMEOUT])
@pytest.mark.parametrize("side", [0, 1])
def test_a_wrong_or_failed_case_is_invalid_and_status_5(status: Status, side: int) -> None:
    """Before regressions: a fast wrong kernel is no improvement."""
    sides = list(two_runs({"a": (10, 11), "b": (20, 20)}))
    wrong = Measurement(kernel("b"), status, "it was", Correctness(False, 1, 1, 0, 0, 1, 1))
    sides[side] = changed(sides[side], measurements=(sides[side].run.measurements[0], wrong))
    found = compare(*sides)
    assert by_case(found)["b"].verdict is Verdict.INVALID and "it was" in reason_words(by_case(found)["b"].reason)
    assert found.exit_status is ExitStatus.CASE_FAILED


def test_a_case_that_head_no_longer_supports_is_a_failure_and_one_that_base_did_not_is_none() -> None:
    ok, no = measured(kernel("a"), [10.0] * 8), Measurement(kernel("a"), Status.UNSUPPORTED, "needs a GPU")
    lost = compare(StoredSide(stored(ok)), StoredSide(stored(no, run_id="2")))
    assert lost.exit_status is ExitStatus.CASE_FAILED
    gained = compare(StoredSide(stored(no)), StoredSide(stored(ok, run_id="2")))
    assert (gained.verdicts[0].verdict, gained.exit_status) == (Verdict.INVALID, ExitStatus.UNDECIDED)
    with pytest.raises(NotComparable, match="UNSUPPORTED on both sides"):
        compare(StoredSide(stored(no)), StoredSide(stored(no, run_id="2")))


def test_a_gated_case_that_head_did_not_measure_is_not_green() -> None:
    """Whether it was left out of the plan, or the run was killed before it."""
    base, head = two_runs({"a": (10, 10), "b": (20, 20)})
    one = head.run.measurements[:1]
    dropped = compare(base, changed(head, measurements=one, planned=(one[0].case,)))
    killed = compare(base, changed(head, measurements=one, state="partial"))
    for found, status in ((dropped, ExitStatus.NOT_COMPARABLE), (killed, ExitStatus.UNDECIDED)):
        assert by_case(found)["b"].verdict is Verdict.UNDECIDED and found.exit_status is status
    assert any("run 2 is partial" in note for note in killed.notes)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("driver", "571"), ("cuda", "13.0"), ("torch", "2.12.0"), ("triton", "3.6.0"), ("power_limit_w", 350.0),
        ("clocks_policy", "locked"), ("device_name", "NVIDIA A100"), ("device_uuid", "GPU-2"), ("method", 2),
        ("cpu", "other"),
    ],
)  # fmt: skip
def test_other_conditions_are_refused_unless_accepted_by_name(field: str, value: object) -> None:
    """Refused: no verdicts and status 4. Accepted: said, and judged, except between two machines."""
    base, head = two_runs({"a": (10, 11)})
    head = on(head, **{field: value})
    refused = compare(base, head)
    assert not refused.comparable and refused.verdicts == () and refused.exit_status is ExitStatus.NOT_COMPARABLE
    assert len(refused.differences) == 1 and refused.differences[0].field == field
    accepted = compare(base, head, accept=[field])
    assert accepted.differences == refused.differences
    machines = field in ("device_name", "device_uuid", "cpu")
    assert by_case(accepted)["a"].verdict is (Verdict.UNDECIDED if machines else Verdict.SLOWER)


def test_a_condition_that_cannot_be_accepted_is_one_line() -> None:
    base, head = two_runs({"a": (10, 11)})
    with pytest.raises(HarnessError, match=r"--accept tritn: no such condition; .*did you mean triton\?"):
        compare(base, on(head, triton="3.6.0"), accept=["tritn"])


def test_a_run_that_ended_before_it_knew_its_machine_is_refused() -> None:
    base, head = two_runs({"a": (10, 11)})
    assert compare(base, changed(head, environment=None)).differences == (
        Difference("environment", "NVIDIA H100 80GB HBM3", "unknown"),
    )


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        ("group: 32", "group: 64", "suite.weights: {group: 32} -> {group: 64}"),
        ("model: tiny", "model: large", "suite.model: tiny -> large"),
        ("model: tiny", "model: tiny\nrouting: skewed", "suite.routing: uniform -> skewed"),
    ],
)
def test_what_changes_a_question_in_the_suite_is_refused(before: str, after: str, difference: str) -> None:
    case = measured(kernel("a"), [10.0] * 8)
    other = stored(case, run_id="2", suite=SUITE.replace(before, after))
    (found,) = compare(StoredSide(stored(case)), StoredSide(other)).differences
    assert found.words == difference


def test_other_arms_or_prose_in_the_suite_are_a_note() -> None:
    """A retuned kernel joins its former self."""
    base = measured(kernel("a", variant="a"), [10.0] * 8)
    head = measured(kernel("a", variant="b"), [10.0] * 8)
    found = compare(StoredSide(stored(base)), StoredSide(stored(head, run_id="2", suite=SUITE + "analysis: more\n")))
    assert found.verdicts[0].verdict is Verdict.SAME and any("suites differ" in note for note in found.notes)


def test_other_sizes_under_the_same_name_are_refused() -> None:
    """models.yaml may have changed though the suite did not."""
    base, head = kernel("a"), msgspec.structs.replace(kernel("a"), dims={"n": 128, "k": 32})
    found = compare(
        StoredSide(stored(measured(base, [10.0] * 8))), StoredSide(stored(measured(head, [10.0] * 8), run_id="2"))
    )
    assert found.differences == (Difference("sizes", "n 64", "n 128", base.id),)
    assert found.differences[0].words == f"sizes of {base.id}: n 64 -> n 128"


def test_runs_without_a_common_case_are_not_comparable() -> None:
    base, head = two_runs({"a": (10, 10)})[0], StoredSide(stored(measured(kernel("z"), [1.0] * 8), run_id="2"))
    with pytest.raises(NotComparable, match="have no case in common"):
        compare(base, head)


def arms(first: Implementation, second: Implementation, *, same_as: bool = False) -> Run:
    """One run with two arms; a common factor of each process is in both."""
    rng = random.Random(4)
    common = [1 + rng.gauss(0, 0.05) for _ in range(6)]
    base = msgspec.structs.replace(kernel("a", "baseline"), answer=first)
    head = msgspec.structs.replace(kernel("a", "autotuned"), answer=second, same_as=base.id if same_as else None)
    found = [measured(base, [10 * c for c in common])]
    if not same_as:
        found.append(measured(head, [9 * c * (1 + rng.gauss(0, 0.001)) for c in common]))
    return stored(*found, planned=(base, head))


def test_two_arms_of_one_run_are_paired_by_process() -> None:
    """What is common to a process cancels: 5 % of it hides nothing."""
    run = arms(Implementation("a"), Implementation("b"))
    found = compare(StoredSide(run, "baseline"), StoredSide(run, "autotuned"))
    (verdict,) = found.verdicts
    assert verdict.verdict is Verdict.FASTER and verdict.ratio is not None and verdict.ratio.level == "pair"
    assert verdict.case == kernel("a").question and found.notes == ()


def test_arms_with_one_answer_are_the_same_without_statistics() -> None:
    run = arms(Implementation("a"), Implementation("a"), same_as=True)
    (verdict,) = compare(StoredSide(run, "baseline"), StoredSide(run, "autotuned")).verdicts
    assert (verdict.verdict, verdict.reason) == (Verdict.SAME, MeasuredOnce())


def test_processes_of_two_runs_are_not_paired() -> None:
    """They have numbers in common, nothing else."""
    (verdict,) = compare(*two_runs({"a": (10, 11)})).verdicts
    assert verdict.ratio is not None and verdict.ratio.level == "process"


def test_a_throttled_side_has_no_valid_times() -> None:
    """A GPU that protected itself; at its power limit is a note."""
    base, head = two_runs({"a": (10, 11)})
    hot = Conditions(0, 0, throttle_reasons=("hw_thermal_slowdown",))
    found = compare(base, changed(head, conditions=(hot, Conditions(0, 1))))
    assert by_case(found)["a"].verdict is Verdict.INVALID and found.exit_status is ExitStatus.UNDECIDED
    assert by_case(found)["a"].reason == Throttled("", "hw_thermal_slowdown in 1 of 2 readings")
    capped = compare(base, changed(head, conditions=(Conditions(0, 0, throttle_reasons=("sw_power_cap",)),)))
    assert by_case(capped)["a"].verdict is Verdict.SLOWER and any("power limit" in note for note in capped.notes)


@pytest.mark.parametrize(
    ("head_bytes", "verdict", "status", "said"),
    [
        (20_000_000_000, Verdict.SAME, 0, "equal"),
        (20_100_000_000, Verdict.SAME, 0, "95.4 MiB more"),
        (21_000_000_000, Verdict.SLOWER, 1, "more (5 %)"),
        (19_000_000_000, Verdict.FASTER, 0, "less (5 %)"),
    ],
)
def test_peak_memory_is_exact(head_bytes: int, verdict: Verdict, status: int, said: str) -> None:
    """No statistics: equal, within what counts as the same, or not."""
    times = noisy(random.Random(1), 100)
    runs = [
        StoredSide(stored(measured(decode(), times, peak), run_id=str(i)))
        for i, peak in enumerate((20_000_000_000, head_bytes), 1)
    ]
    found = compare(*runs)
    (memory,) = [v for v in found.verdicts if v.metric == "peak_memory_bytes"]
    assert memory.gated and (memory.verdict, int(found.exit_status)) == (verdict, status)
    assert said in reason_words(memory.reason)


def test_the_policy_is_the_bases_own() -> None:
    """What may not get slower is not for the head to say."""
    policy = policy_of(stored(measured(kernel(), [1.0] * 4)))
    assert policy.gate == ("decode", "int4_mm", "peak_memory") and policy.same_within_percent == 1
    assert policy_of(stored(suite="suite: 1\ntitle: None\n")) == Policy()
    base, head = two_runs({"a": (10, 11)})
    lax = SUITE.replace("gate: [decode, int4_mm, peak_memory]", "gate: [prefill]")
    assert (
        compare(base, StoredSide(stored(*head.run.measurements, run_id="2", suite=lax))).exit_status
        is ExitStatus.REGRESSION
    )


def test_several_processes_against_one_count_the_rounds_of_the_one() -> None:
    """Its rounds are what the interval comes from: 3 processes are not 3 rounds."""
    base, head = measured(kernel("a"), [10.0, 10.1, 10.2]), measured(kernel("a"), [10.0])
    only = {sample.process for sample in head.samples}
    assert len(only) == 1
    for sides in ((base, head), (head, base)):
        [verdict] = compare(*(StoredSide(stored(m, run_id=str(i))) for i, m in enumerate(sides))).verdicts
        assert verdict.ratio is not None
        assert (verdict.ratio.level, verdict.ratio.n) == ("round", len(head.samples))
