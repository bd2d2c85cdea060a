"""A profile against itself is exactly zero; contributions add up to the difference; renamed kernels are one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from harness.errors import NotComparable
from harness.trace import breakdown, difference, load_rules
from harness.trace.difference import family
from harness.values.profile import Profile
from tests.trace.made import Row, gpu, host, write
from tests.trace.test_breakdown import traces

RULES = load_rules()
MANY = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def profile(folder: Path, *rows: Row) -> Profile:
    return breakdown(write(folder / "t.json", rows), RULES)


@MANY
@given(traces(), traces())
def test_contributions_add_up_and_a_profile_against_itself_is_zero(
    tmp_path: Path, ours: list[Row], theirs: list[Row]
) -> None:
    """Both tables, to the nanosecond, with what appeared and vanished; and swapping the sides turns the sign."""
    base, head = profile(tmp_path, *ours), profile(tmp_path, *theirs)
    assume(base.device == head.device)
    found = difference(base, head)
    assert found.delta_ns == head.gpu_sum_ns - base.gpu_sum_ns == -difference(head, base).delta_ns
    for table in filter(None, (found.categories, found.kernels, found.ops, found.scopes)):
        assert sum(change.delta_ns for change in table) == found.delta_ns
        for change in table:
            if change.base_calls and change.head_calls:
                assert change.calls_ns + change.each_ns == change.delta_ns
    nothing = difference(base, base)
    assert nothing.delta_ns == 0 and {change.state for change in nothing.kernels} == {"same"}
    assert not any(change.delta_ns or change.calls_ns or change.each_ns for change in nothing.kernels)


def test_calls_and_time_per_call_are_told_apart(tmp_path: Path) -> None:
    """Twice the calls at half again the time each: 10 of 20 us more are calls, the rest is time."""
    base = profile(tmp_path, gpu(0, 10, "k"))
    head = profile(tmp_path, gpu(0, 15, "k"), gpu(20, 15, "k"))
    (change,) = difference(base, head).kernels
    assert (change.delta_ns, change.calls_ns, change.each_ns, change.state) == (20_000, 10_000, 10_000, "same")


def test_a_kernel_with_other_tile_sizes_is_the_same_kernel_renamed(tmp_path: Path) -> None:
    """Of several the longest goes with the longest; what has no partner appeared or vanished."""
    base = profile(
        tmp_path, gpu(0, 9, "nvjet_tst_64x8_1x1_TNT"), gpu(10, 2, "nvjet_tst_8x8_1x1_TNT"), gpu(20, 1, "old_add")
    )
    head = profile(tmp_path, gpu(0, 7, "nvjet_tst_128x8_2x1_TNT"), gpu(10, 3, "new_add"))
    assert {(c.name, c.state, c.head_name) for c in difference(base, head).kernels} == {
        ("nvjet_tst_64x8_1x1_TNT", "renamed", "nvjet_tst_128x8_2x1_TNT"),
        ("nvjet_tst_8x8_1x1_TNT", "vanished", ""),
        ("old_add", "vanished", ""),
        ("new_add", "appeared", ""),
    }


def test_what_is_on_both_sides_is_never_renamed(tmp_path: Path) -> None:
    """A second instance with another number is another kernel."""
    base = profile(tmp_path, gpu(0, 9, "gemm_64"), gpu(10, 2, "gemm_32"))
    head = profile(tmp_path, gpu(0, 7, "gemm_64"), gpu(10, 3, "gemm_16"))
    assert {(c.name, c.state, c.head_name) for c in difference(base, head).kernels} == {
        ("gemm_64", "same", ""), ("gemm_32", "renamed", "gemm_16"),
    }  # fmt: skip


def test_a_family_is_a_name_without_its_numbers() -> None:
    """And without its arguments; a type is no number."""
    assert family("void f<128, 4>(int4*)") == family("void f<64, 8>(float)") == "f<#, #>"
    assert family("f<float>") != family("f<half>")


def test_ops_are_compared_where_no_kernel_is_the_same(tmp_path: Path) -> None:
    """Another GPU has other kernels for the same ops: by op the difference is the times, by kernel all is new."""

    def traced(name: str, kernels: dict[str, tuple[str, float]]) -> Profile:
        rows = []
        for n, (op, (kernel, us)) in enumerate(kernels.items()):
            rows += [
                host("user_annotation", f"block {n}", 100 * n, 50),
                host("cpu_op", op, 100 * n + 1, 20),
                host("cuda_runtime", "cudaLaunchKernel", 100 * n + 2, 5, correlation=n),
                gpu(100 * n + 30, us, kernel, n),
            ]
        return breakdown(write(tmp_path / name, rows), RULES)

    base = traced("h100.json", {"aten::mm": ("nvjet_tst", 10), "aten::relu": ("relu_cuda", 3)})
    head = traced("mi300.json", {"aten::mm": ("Cijk_Ailk", 14.5), "aten::relu": ("relu_hip", 2)})
    found = difference(base, head)
    assert {change.state for change in found.kernels} == {"appeared", "vanished"}
    assert [(change.name, change.state, change.delta_ns) for change in found.ops] == [
        ("aten::mm", "same", 4500), ("aten::relu", "same", -1000),
    ]  # fmt: skip
    assert {change.name: change.delta_ns for change in found.scopes} == {"block 0": 4500, "block 1": -1000}
    for table in (found.categories, found.kernels, found.ops, found.scopes):
        assert sum(change.delta_ns for change in table) == found.delta_ns == 3500


def test_time_on_a_gpu_is_not_held_against_time_on_a_cpu(tmp_path: Path) -> None:
    """One line and exit status 4: the sums are of different things."""
    gpu_side = breakdown(write(tmp_path / "g.json", [gpu(0, 10)]), RULES)
    cpu_side = breakdown(write(tmp_path / "c.json", [host("cpu_op", "aten::mm", 0, 200)]), RULES)
    for pair in ((gpu_side, cpu_side), (cpu_side, gpu_side)):
        with pytest.raises(NotComparable, match="are not compared") as error:
            difference(*pair)
        assert error.value.exit_status == 4
