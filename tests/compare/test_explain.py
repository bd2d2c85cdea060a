"""What explains a comparison: sums that must agree, on runs whose every number is known."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare import StoredSide, compare
from harness.compare.explain import Explanation, explain
from harness.values.case import Case, Implementation
from harness.values.profile import CategoryRow, KernelRow, Profile
from tests.compare.stored_runs import decode, kernel, measured, noisy, stored

CALLS = 40


def called(site: str = "experts", block: int = 8, **fields: object) -> Case:
    return msgspec.structs.replace(kernel(site), calls=CALLS, answer=Implementation("a", {"block_n": block}), **fields)


def profile(*kernels: tuple[str, int, int], steps: int = 8) -> Profile:
    """Of kernels by name, calls and ns each."""
    rows = tuple(KernelRow(name, "MoE", calls, calls * each) for name, calls, each in kernels)
    total = sum(row.total_ns for row in rows)
    count = sum(row.calls for row in rows)
    return Profile(
        "cuda", count, total, total, total, total, total, 0, 0, (CategoryRow("MoE", count, total),), rows, steps=steps,
        arm="baseline", engine="cuda_graph", axes={"batch": 1, "context": 64},
    )  # fmt: skip


def sides(
    each_us: tuple[float, float], step_us: tuple[float, float], blocks: Sequence[int] = (8, 16),
    texts: tuple[str, str] = ("x = 1\n", "x = 1\n"), profiles: Sequence[Profile] = (), spread: float = 0.0005,
) -> tuple[StoredSide, StoredSide]:  # fmt: skip
    """A kernel that is called 40 times a step, another that does not change, and the decode, eight processes a side."""
    rng, found = random.Random(3), []
    for side in (0, 1):
        one = msgspec.structs.replace(
            measured(called(block=blocks[side]), noisy(rng, each_us[side], 8, spread)), source=f"text {side}"
        )
        still = measured(called("still"), noisy(rng, 7.0, 8, spread))
        run = stored(one, still, measured(decode(), noisy(rng, step_us[side], 8, spread)), run_id=str(side + 1))
        sources = {**run.sources, f"text {side}": texts[side]}
        own = (profiles[side],) if profiles else ()
        found.append(StoredSide(msgspec.structs.replace(run, sources=sources, profiles=own)))
    return found[0], found[1]


def explained(base: StoredSide, head: StoredSide) -> Explanation:
    verdicts = {v.case: v.verdict for v in compare(base, head).verdicts}
    return explain(base, head, verdicts)


def test_calls_times_the_change_of_one_is_the_change_of_the_step() -> None:
    """1.3 us more, 40 times, is 52 us more a step; what is left is nothing beyond the intervals."""
    [found] = explained(*sides((9.0, 10.3), (2600.0, 2652.0))).decodes
    [part] = found.parts
    assert part.calls == CALLS and part.case.startswith("int4_mm@experts")
    assert found.predicted_us == pytest.approx(52, abs=1) and found.predicted_us == CALLS * part.each.us
    assert abs(found.left_us) < 3 * (found.predicted_half_us + found.measured.half_us)
    assert (found.measured.n, found.measured.level) == (8, "process")


def test_what_the_kernels_do_not_explain_is_left() -> None:
    """A planted 100 us that no kernel has stands as the residual."""
    [found] = explained(*sides((9.0, 10.3), (2600.0, 2752.0))).decodes
    assert found.left_us == pytest.approx(100, abs=5)


def test_a_kernel_that_did_not_change_is_no_part() -> None:
    """Shown to be the same, or of the same source and tunables: its noise is not added to the prediction."""
    assert explained(*sides((9.0, 9.0), (2600.0, 2600.0), blocks=(8, 8))).decodes == ()
    [found] = explain(*sides((9.0, 9.0), (2600.0, 2600.0)), {}).decodes
    assert [part.case.partition("/")[0] for part in found.parts] == ["int4_mm@experts"]


def test_tunables_that_differ_are_a_choice_and_can_be_pinned() -> None:
    """They are named, with what to write to compare the code alone; a change of the code is found beside them."""
    [both] = explained(*sides((9.0, 10.3), (2600.0, 2652.0), texts=("x = 1\n", "# new\nx = 2\n"))).code
    assert (both.tunables, both.changed_line) == (("block_n 8 -> 16",), "a.py:2")
    assert both.pinned == "int4_mm: {a: {block_n: 8}}"
    [code] = explained(*sides((9.0, 10.3), (2600.0, 2652.0), (8, 8), ("x = 1\n", "x = 2\n"))).code
    assert (code.tunables, code.pinned, code.changed_line) == ((), "", "a.py:1")
    assert explained(*sides((9.0, 9.1), (2600.0, 2652.0), (8, 8))).code == ()


def test_profiles_rank_the_kernel_that_changed_first() -> None:
    """Calls and time per call apart; profiles of other lengths are not compared, and that is said."""
    before = profile(("down", 320, 9_000), ("norm", 640, 2_000), ("gone", 8, 1_000))
    after = profile(("down", 320, 10_300), ("norm", 648, 2_000))
    base, head = sides((9.0, 10.3), (2600.0, 2652.0), profiles=(before, after))
    [found] = explained(base, head).profiles
    assert [change.name for change in found.kernels] == ["down", "norm", "gone"]
    assert (found.kernels[0].each_ns, found.kernels[0].calls_ns) == (320 * 1_300, 0)
    assert (found.kernels[1].each_ns, found.kernels[1].calls_ns) == (0, 8 * 2_000)
    assert sum(change.delta_ns for change in found.kernels) == found.head_ns - found.base_ns
    longer = sides((9.0, 10.3), (2600.0, 2652.0), profiles=(before, profile(("down", 1, 9_000), steps=16)))
    assert explained(*longer).profiles == () and "8 and 16 steps" in explained(*longer).notes[0]


@given(st.floats(5, 50), st.floats(0.8, 1.25))
def test_predicted_measured_and_left_add_up(us: float, factor: float) -> None:
    """Whatever the times are: left is measured minus predicted, and the sign of a slower kernel is plus."""
    base, head = sides((us, us * factor), (3000.0, 3000.0 + CALLS * us * (factor - 1)), spread=1e-5)
    [found] = explain(base, head, {}).decodes
    assert found.left_us == pytest.approx(found.measured.us - found.predicted_us)
    assert found.predicted_us == pytest.approx(CALLS * us * (factor - 1), abs=0.2)
    assert abs(found.left_us) < 1


def test_the_text_has_the_whole_sum() -> None:
    """On the terminal and in Markdown: calls, time each, prediction, measurement, what is left; and the choice."""
    from harness import reports_root

    reports_root.bind()
    from harness_reports.pages.comparison_markdown import render as markdown
    from harness_reports.views.explanation import lines

    profiles = [profile(("down", 320, each_ns)) for each_ns in (9_000, 10_300)]
    base, head = sides((9.0, 10.3), (2600.0, 2652.0), profiles=profiles)
    found = explained(base, head)
    text = "\n".join(f"{word} {line}" for word, line in lines(found))
    wanted = ("40 calls x +1.3", "predicted", "measured (95 %, 8 processes a side)", " left", "block_n 8 -> 16")
    for words in (*wanted, "9.00 -> 10.3 us each"):
        assert words in text, text
    assert "### Explanation" in markdown(compare(base, head), explanation=found)
    assert "### Explanation" not in markdown(compare(base, head))
