"""What a view says of a run: joined, derived and never more than was measured."""

from __future__ import annotations

import statistics

import msgspec
import pytest

from harness.values.measurement import Measurement, Sample, Status
from harness.values.profile import CategoryRow, KernelRow, Profile
from harness.values.run import Run
from harness_reports.views.view import View, build, explained_words
from tests.reports.run_factory import ENVIRONMENT, STEP_US, broken_run, synthetic_run


@pytest.fixture(scope="module")
def view() -> View:
    return build(synthetic_run(processes=3))


def without(run: Run, kind: str, arm: str, op: str | None = None) -> Run:
    """The run with one measurement made a failure."""
    changed = [
        Measurement(m.case, Status.FAILED, "planted") if (m.case.kind, m.case.arm, m.case.op) == (kind, arm, op) else m
        for m in run.measurements
    ]
    assert changed != list(run.measurements)
    return msgspec.structs.replace(run, measurements=tuple(changed))


def test_the_share_of_read_is_least_time_over_time(view: View) -> None:
    """bytes / read bandwidth / time: 8.67 MB at 3,001 GB/s are 2.89 us, 6 % of 46.3 us."""
    row = view.kernels[0].rows[0]
    assert row.estimate is not None and row.bound_share is not None
    assert row.bound_share == pytest.approx(8_678_670 / 3001e3 / row.estimate.value)


def test_an_answer_that_two_arms_share_is_one_row(view: View) -> None:
    by_name = {group.name: group for group in view.kernels}
    assert [row.arms for row in by_name["sdpa"].rows] == [("baseline", "autotuned")]
    assert [row.arms for row in by_name["moe_down"].rows] == [("baseline",), ("autotuned",)]


def test_sites_are_named_only_where_an_op_has_several(view: View) -> None:
    assert [group.name for group in view.kernels][:4] == [
        "moe_gate_up",
        "moe_down",
        "int4_mm@gdn_in",
        "int4_mm@lm_head",
    ]


def test_rates_turn_the_interval_round(view: View) -> None:
    """The upper end of the rate is the lower end of the time."""
    row = view.decodes[0].rows[0]
    assert row.tok_s.high == pytest.approx(1e6 / row.time.low)
    assert row.tok_s.low < row.tok_s.value < row.tok_s.high


def test_a_batch_counts_every_sequence() -> None:
    run = synthetic_run()
    eight = [
        msgspec.structs.replace(m, case=msgspec.structs.replace(m.case, axes={**m.case.axes, "batch": 8}))
        for m in run.measurements
        if m.case.kind != "kernel"
    ]
    view = build(msgspec.structs.replace(run, planned=(), measurements=tuple(eight)))
    decode, prefill = view.decodes[0].rows[0], view.prefills[0].rows[0]
    assert decode.tok_s.value == pytest.approx(8e6 / decode.time.value)
    assert prefill.tok_s.value == pytest.approx(8 * 1024e6 / prefill.time.value)


def test_nothing_is_held_against_a_first_arm_that_failed() -> None:
    """A ratio is against the run's first arm, or there is none: never silently against the second."""
    run = synthetic_run()
    decode = build(without(run, "decode", "baseline")).decodes[0]
    assert [row.arms for row in decode.rows] == [("autotuned",)] and decode.rows[0].ratio is None
    kernel = build(without(run, "kernel", "baseline", "moe_down")).kernels[1]
    assert kernel.rows[0].arms == ("autotuned",) and kernel.rows[0].ratio is None


def test_kernel_savings_times_calls_are_held_against_the_decode(view: View) -> None:
    """29.2 us x 40 + 7.7 us x 40 = 1,476 us; ops with the same answer in both arms save nothing."""
    (entry,) = view.explained
    assert [(part.name, part.calls) for part in entry.parts] == [("moe_gate_up", 40), ("moe_down", 40)]
    assert entry.predicted_us == pytest.approx(1476, rel=0.02)
    assert entry.measured_us == pytest.approx(STEP_US["baseline"] - STEP_US["autotuned"], rel=0.03)
    assert entry.left_us == pytest.approx(entry.measured_us - entry.predicted_us)
    assert "x 40" in explained_words(entry) and "predicted" in explained_words(entry)


def test_a_composite_saves_what_the_ops_take_that_it_replaces() -> None:
    """The second arm calls one op of 12 us in the place of both products: what they take together, less that."""
    run, replaced = synthetic_run(), ("moe_gate_up@experts", "moe_down@experts")
    taken = {m.case.op: m for m in run.measurements if m.case.kind == "kernel" and m.case.arm == "autotuned"}
    kept = tuple(m for m in run.measurements if m is not taken["moe_gate_up"] and m is not taken["moe_down"])
    case = msgspec.structs.replace(taken["moe_down"].case, op="moe_experts", replaces=replaced)
    block = msgspec.structs.replace(taken["moe_down"], case=case, samples=tuple(Sample(12.0, 0, r) for r in range(8)))
    (entry,) = build(msgspec.structs.replace(run, planned=(), measurements=(*kept, block))).explained
    before = {m.case.op: m for m in run.measurements if m.case.kind == "kernel" and m.case.arm == "baseline"}
    both_us = sum(statistics.median(s.value_us for s in before[op].samples) for op in ("moe_gate_up", "moe_down"))
    (part,) = entry.parts
    assert (part.name, part.calls) == ("moe_gate_up + moe_down -> moe_experts", 40)
    assert part.saving_us == pytest.approx(both_us - 12, rel=0.01)
    assert explained_words(entry).startswith("(moe_gate_up + moe_down -> moe_experts) ")


def test_categories_add_up_to_their_total(view: View) -> None:
    (table,) = view.categories
    for place in range(2):
        cells = [row.cells[place] for row in table.rows]
        total = table.total.cells[place]
        assert total is not None
        assert sum(cell.total_ns for cell in cells if cell) == total.total_ns
        assert sum(cell.share for cell in cells if cell) == pytest.approx(1)


def test_between_kernels_is_the_unprofiled_step_less_the_categories(view: View) -> None:
    (table,) = view.categories
    step, between, total = table.step_us[0], table.between_us[0], table.total.cells[0]
    assert step is not None and between is not None and total is not None
    assert step == view.decodes[0].rows[0].time.value
    assert between + total.step_us == pytest.approx(step)


def test_a_floor_needs_every_part_of_its_category(view: View) -> None:
    """MoE is timed alone in both halves; int4mm has a site (gdn_out) that was not, so nothing is claimed for it."""
    floors = {row.name: row.floor_tok_s for row in view.categories[0].rows}
    assert floors["int4mm"] is None and floors["Router"] is None
    step = view.decodes[0].rows[1].time.value
    bound = 40 * (8_678_670 + 4_374_370) / 3001e3
    assert floors["MoE"] == pytest.approx(1e6 / (step - 1084 + bound), rel=1e-4)


def test_in_model_time_is_the_profile_over_the_time_alone(view: View) -> None:
    row = view.kernels[0].rows[1]
    assert row.estimate is not None
    assert row.in_model == pytest.approx(1084 * 2 / 3 / 40 / row.estimate.value, rel=1e-3)


def test_a_category_that_only_one_arm_has_is_shown() -> None:
    run = synthetic_run()
    extra = msgspec.structs.replace(
        run.profiles[1], categories=(*run.profiles[1].categories, CategoryRow("Memory", 8, 4000))
    )
    (table,) = build(msgspec.structs.replace(run, profiles=(run.profiles[0], extra))).categories
    assert table.rows[-1].name == "Memory" and table.rows[-1].cells[0] is None
    assert table.rows[-1].cells[1] is not None


def test_a_profile_of_a_machine_without_gpu_is_labelled_and_claims_no_gaps() -> None:
    run = synthetic_run()
    rows = (KernelRow("aten::mm", "MoE", 16, 9_000_000),)
    cpu = Profile(
        "cpu",
        0,
        0,
        0,
        0,
        0,
        10_000_000,
        0,
        0,
        (CategoryRow("MoE", 16, 9_000_000),),
        rows,
        {},
        8,
        "baseline",
        "eager",
        {"batch": 1, "context": 1024},
    )
    view = build(msgspec.structs.replace(run, profiles=(cpu,)))
    assert view.categories[0].unit == "CPU self time"
    assert view.categories[0].between_us == (None,)
    assert all(row.in_model is None for group in view.kernels for row in group.rows)
    assert any("CPU self time" in sentence for sentence in view.methods)


def test_every_case_without_samples_is_a_row_with_its_reason() -> None:
    view = build(broken_run())
    assert [row.status for row in view.problems] == ["INCORRECT", "FAILED", "UNSUPPORTED", "NOT REACHED", "NOT REACHED"]
    assert all(row.reason for row in view.problems)
    assert (
        view.counts.sentence
        == "7 of 9 cases correct, 1 unsupported, 4 more have the same answer as an earlier arm, 2 not reached"
    )


def test_trouble_comes_first() -> None:
    """Wrong cases, a partial run and throttling are said before any speed."""
    view = build(broken_run())
    assert view.trouble == (
        "2 of 9 cases are wrong or failed.",
        "The run is partial: 2 cases were not reached.",
        "The GPU was throttled in 3 of 14 rounds: sw_power_cap.",
    )
    assert build(synthetic_run()).trouble == ()


def test_a_kernel_that_is_wrong_has_no_speed() -> None:
    shown = {(group.name, arm) for group in build(broken_run()).kernels for row in group.rows for arm in row.arms}
    assert ("moe_down", "baseline") in shown and ("moe_down", "autotuned") not in shown


def test_intervals_name_their_level() -> None:
    assert "14 rounds of one process" in build(synthetic_run(1)).intervals[0]
    assert "assumed noise between processes" in build(synthetic_run(1)).intervals[0]
    assert "3 fresh processes" in build(synthetic_run(3)).intervals[0]


def test_each_process_is_shown_where_there_are_several(view: View) -> None:
    assert build(synthetic_run(1)).processes == ()
    assert all(len(row.medians) == 3 for row in view.processes)
    assert all(row.apart == pytest.approx(max(row.medians) / min(row.medians) - 1) for row in view.processes)


def test_a_diverging_stream_is_told_with_its_position() -> None:
    view = build(synthetic_run())
    assert any("autotuned" in sentence and "token 41" in sentence for sentence in view.outputs)
    assert not any("cosine" in sentence for sentence in view.outputs)


def test_a_run_without_anything_measured_is_still_a_view() -> None:
    view = build(Run("1", "2026-01-02T03:04:05+00:00", "empty", "00", "", "partial"))
    assert view.headline.facts == ("environment not recorded",)
    assert not (view.kernels or view.decodes or view.categories)


def test_without_a_measured_bandwidth_no_share_is_claimed() -> None:
    run = synthetic_run()
    view = build(msgspec.structs.replace(run, environment=msgspec.structs.replace(ENVIRONMENT, read_gb_s=None)))
    assert all(row.bound_share is None for group in view.kernels for row in group.rows)
    assert view.decodes[0].bound_tok_s is None
    assert all(row.floor_tok_s is None for row in view.categories[0].rows)


def test_a_share_above_one_is_explained_and_not_clipped() -> None:
    """A small model on a CPU reads from its caches; that is no speed of memory."""
    run = synthetic_run()
    slow = msgspec.structs.replace(run, environment=msgspec.structs.replace(ENVIRONMENT, read_gb_s=21.0))
    view = build(slow)
    share = view.kernels[0].rows[1].bound_share
    assert share is not None and share > 1
    assert any("cache" in sentence for sentence in view.cautions)
    assert build(run).cautions == ()


def test_time_that_no_rule_matched_is_told() -> None:
    run = synthetic_run()
    rows = tuple(
        msgspec.structs.replace(row, category="Uncategorised") if row.category == "Router" else row
        for row in run.profiles[0].kernels
    )
    left = msgspec.structs.replace(run.profiles[0], kernels=rows, uncategorised_ns=84_000 * 8)
    view = build(msgspec.structs.replace(run, profiles=(left, run.profiles[1])))
    assert view.cautions == ("2.1 % of GPU time of baseline matched no category.",)
    assert [line.name for line in view.categories[0].kernels[0].unmatched] == ["_topk_kernel"]


def test_a_sweep_is_sorted_and_cut() -> None:
    """Configurations of one question, fastest first; what is left out is counted."""
    run = synthetic_run()
    first = run.measurements[0]
    assert first.case.answer is not None
    many = []
    for number in range(40):
        tunables = {**first.case.answer.tunables, "block_n": number + 1}
        case = msgspec.structs.replace(
            first.case,
            answer=msgspec.structs.replace(first.case.answer, tunables=tunables),
            tunables_in_id=True,
            same_as=None,
        )
        samples = tuple(
            msgspec.structs.replace(s, value_us=s.value_us * (1 + (number * 7) % 40)) for s in first.samples
        )
        many.append(msgspec.structs.replace(first, case=case, samples=samples))
    (group,) = build(msgspec.structs.replace(run, planned=(), measurements=tuple(many))).kernels
    values = [row.estimate.value for row in group.rows if row.estimate]
    assert values == sorted(values) and len(values) == 24 and group.left_out == 16


def test_a_compiled_profile_is_never_laid_beside_another_engines_step() -> None:
    """It is of other kernels: neither their launches nor the time between them are the graph's."""
    run = synthetic_run()
    compiled = tuple(
        msgspec.structs.replace(p, engine="torch_compile", kernel_count=p.kernel_count // 2) for p in run.profiles
    )
    found = build(msgspec.structs.replace(run, profiles=(*compiled, *run.profiles)))
    by_engine = {table.engine: table for table in found.categories}
    assert by_engine["torch_compile"].step_us == (None, None) and None not in by_engine["eager"].step_us
    assert found.decodes[0].rows[0].launches == build(run).decodes[0].rows[0].launches
