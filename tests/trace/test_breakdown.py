"""Sums add up exactly, whatever the trace; what is no time is not counted, what is odd is said."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.trace import breakdown, load_rules
from harness.values.profile import Profile
from tests.trace.made import KERNELS, SUM_NS, Row, gpu, host, write

RULES = load_rules()
MANY = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def traces(draw: Any) -> list[Row]:
    """Kernels, copies and memsets on streams of two devices, most with a launch, some launches in ops and scopes."""
    rows: list[Row] = []
    for at in range(draw(st.integers(1, 25))):
        start, length = draw(st.integers(0, 500_000)) / 1000, draw(st.integers(0, 90_000)) / 1000
        cat = draw(st.sampled_from(["kernel", "kernel", "Kernel", "gpu_memcpy", "gpu_memset"]))
        name = draw(
            st.sampled_from(["_fused_moe_kernel", "ampere_sgemm_128x64_nn", "unheard_of", "triton_poi_fused_0"])
        )
        place = {"device": draw(st.integers(0, 1)), "stream": draw(st.integers(7, 9))}
        launch = draw(st.integers(0, at))
        rows.append(gpu(start, length, name, launch, cat=cat, **place))
        if draw(st.booleans()):
            rows.append(
                host("cuda_runtime", "cudaLaunchKernel", launch * 7, 1, draw(st.integers(1, 2)), correlation=at)
            )
            kind = draw(st.sampled_from(["cpu_op", "user_annotation"]))
            rows.append(host(kind, f"n{at}", launch * 7 - at, 2 * at + 0.5, draw(st.integers(1, 2))))
    return rows


def assert_it_adds_up(found: Profile) -> None:
    """Every table is the same time, told apart by something else."""
    total = found.gpu_sum_ns
    for table in (found.categories, found.kernels, found.streams, found.devices, found.launches):
        assert sum(row.total_ns for row in table) == total
    for sums in (found.ops, found.scopes):
        assert not sums or sum(row.total_ns for row in sums) == total
    calls = sum(row.calls for row in found.categories)
    assert calls == sum(row.calls for row in found.kernels) == sum(row.calls for row in found.launches)
    assert sum(row.total_ns for row in found.idle) == found.idle_ns == found.span_ns - found.gpu_busy_ns
    assert found.kernel_busy_ns <= found.gpu_busy_ns <= min(found.span_ns, total)
    assert found.attributed_ns <= found.launched_ns <= found.kernel_sum_ns <= total
    assert max(row.busy_ns for row in found.devices) <= found.gpu_busy_ns
    for device in found.devices:
        streams = [row for row in found.streams if row.device == device.device]
        assert sum(row.calls for row in streams) == device.calls
        assert max(row.busy_ns for row in streams) <= device.busy_ns <= sum(row.busy_ns for row in streams)


@MANY
@given(traces())
def test_every_table_adds_up_to_the_same_time(tmp_path: Path, rows: list[Row]) -> None:
    """To the nanosecond, with overlaps, lost launches and shared ones."""
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert_it_adds_up(found)
    gpu_rows = [row for row in rows if row["cat"] in ("kernel", "Kernel", "gpu_memcpy", "gpu_memset")]
    assert found.gpu_sum_ns == sum(round(row["dur"] * 1000) for row in gpu_rows)
    assert found.kernel_count == sum(row["cat"].lower() == "kernel" for row in gpu_rows)


@MANY
@given(traces(), st.randoms(use_true_random=False))
def test_the_order_of_events_is_irrelevant(tmp_path: Path, rows: list[Row], chance: random.Random) -> None:
    """A file may be sorted by anything, and rows may start together."""
    wanted = breakdown(write(tmp_path / "t.json", rows), RULES)
    chance.shuffle(rows)
    assert breakdown(write(tmp_path / "t.json", rows), RULES) == wanted


@MANY
@given(traces(), st.data())
def test_splitting_a_file_does_not_change_sums(tmp_path: Path, rows: list[Row], data: Any) -> None:
    """What the parts have of a category adds up to what the whole has."""
    cut = data.draw(st.integers(0, len(rows)))
    whole = breakdown(write(tmp_path / "t.json", rows), load_rules())
    sums: dict[str, int] = {}
    for part in (rows[:cut], rows[cut:]):
        if any(row["pid"] == 0 for row in part):
            for row in breakdown(write(tmp_path / "t.json", part), load_rules()).categories:
                sums[row.name] = sums.get(row.name, 0) + row.total_ns
    assert sums == {row.name: row.total_ns for row in whole.categories}


def test_of_rows_that_start_together_the_one_launched_first_ends_the_gap(tmp_path: Path) -> None:
    """Which of them a file names first says nothing about what the GPU waited for."""
    rows = [
        gpu(0, 1, "k", 1),
        gpu(50, 5, "k", 3),
        gpu(50, 5, "k", 2, stream=8),
        host("cuda_runtime", "cudaLaunchKernel", 40, 1, correlation=2),
        host("cuda_runtime", "cudaLaunchKernel", 45, 1, correlation=3),
    ]
    for order in (rows, rows[::-1]):
        found = breakdown(write(tmp_path / "t.json", order), RULES)
        assert sorted(row.total_ns for row in found.idle) == [10_000, 39_000]


def test_an_annotation_on_a_gpu_track_never_counts_as_time(tmp_path: Path) -> None:
    """Nor do rows with a stream that are no GPU work, nor waiting, nor flows, nor spans."""
    stream = {"stream": 7, "correlation": 3}
    other = [
        gpu(0, 1000, "ProfilerStep#3", cat="gpu_user_annotation"),
        host("cpu_op", "triton_poi_fused_add_0", 0, 1000, **stream),
        gpu(0, 1000, "Event Sync", cat="cuda_sync"),
        host("python_function", "f", 0, 1000),
        {"ph": "X", "cat": "Trace", "name": "PyTorch Profiler (0)", "ts": 0, "dur": 1000, "pid": "Spans", "tid": "x"},
        {"ph": "s", "id": 3, "pid": 0, "tid": 7, "ts": 0, "cat": "ac2g", "name": "ac2g"},
        {"ph": "i", "cat": "kernel", "name": "instant", "ts": 0, "pid": 0, "tid": 0},
        {"name": "process_name", "ph": "M", "ts": 0, "pid": 0, "tid": 0, "args": {"name": "python"}},
    ]
    found = breakdown(write(tmp_path / "t.json", [*KERNELS, *other]), RULES)
    assert (found.gpu_sum_ns, found.kernel_count, found.events) == (SUM_NS, 50, 58)


def test_our_own_scopes_give_site_category_and_layer(tmp_path: Path) -> None:
    """A kernel is of the op that was recorded around its launch, whatever its name."""
    rows = [
        host("user_annotation", "ProfilerStep#1", 0, 1000),
        host("user_annotation", "harness:linear@router#3", 10, 10),
        host("cpu_op", "aten::mm", 12, 5),
        host("user_annotation", "harness:rms_norm@final#-", 30, 10),
        host("cuda_runtime", "cudaLaunchKernel", 13, 1, correlation=1),
        host("cuda_runtime", "cudaLaunchKernel", 31, 1, correlation=2),
        host("cuda_runtime", "cudaLaunchKernel", 90, 1, correlation=3),
        gpu(200, 3, "nvjet_x", 1),
        gpu(210, 4, "nvjet_x", 2),
        gpu(220, 5, "nvjet_x", 3),
    ]
    found = breakdown(write(tmp_path / "t.json", rows), RULES, steps=1)
    assert [(row.category, row.scope, row.op, row.total_ns) for row in found.kernels] == [
        ("Dense matmul", "", "", 5000),
        ("Norms, rope, elementwise", "rms_norm@final", "", 4000),
        ("Router", "linear@router", "aten::mm", 3000),
    ]
    assert [(row.name, row.total_ns) for row in found.layers] == [("3", 3000), ("-", 4000)]
    assert [(row.name, row.total_ns) for row in found.scopes] == [
        ("ProfilerStep#1", 5000), ("rms_norm@final", 4000), ("linear@router", 3000),
    ]  # fmt: skip
    assert found.steps == 1 and found.attributed_ns == found.launched_ns == 12000


def test_lost_kernels_and_lost_launches_are_lines_of_their_own(tmp_path: Path) -> None:
    """Waiting calls have a correlation too, and launch nothing."""
    rows = [
        gpu(200, 3, "k", 1),
        gpu(210, 4, "k", 77),
        host("cuda_runtime", "cudaLaunchKernel", 10, 1, correlation=1),
        host("cuda_runtime", "cudaLaunchKernel", 20, 1, correlation=2),
        host("cuda_runtime", "hipExtModuleLaunchKernel", 30, 1, correlation=3),
        host("cuda_runtime", "cudaLaunchHostFunc", 35, 1, correlation=4),
        host("cuda_runtime", "cudaDeviceSynchronize", 40, 1, correlation=5),
    ]
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert [(row.name, row.launches, row.without_rows, row.calls, row.total_ns) for row in found.launches] == [
        ("", 0, 0, 1, 4000),
        ("cudaLaunchKernel", 2, 1, 1, 3000),
        ("hipExtModuleLaunchKernel", 1, 1, 0, 0),
    ]
    wanted = {"gpu_rows_without_launch": 1, "launches_without_gpu_rows": 2, "whole_microseconds_only": 2}
    assert found.data_quality == wanted and found.launched_ns == 3000


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        ({"dur": None}, "events_without_time"),
        ({"ts": "soon"}, "events_without_time"),
        ({"dur": -1}, "impossible_times"),
        ({"ts": 1e300}, "impossible_times"),
        ({"dur": 1e30}, "impossible_times"),
    ],
)
def test_a_row_without_a_possible_time_is_left_out_and_counted(
    tmp_path: Path, change: dict[str, Any], counted: str
) -> None:
    """It is neither 0 nor an error."""
    found = breakdown(write(tmp_path / "t.json", [*KERNELS, {**gpu(1, 1), **change}]), RULES)
    assert found.gpu_sum_ns == SUM_NS and found.data_quality[counted] == 1


def test_without_a_gpu_the_same_tables_are_of_cpu_self_time(tmp_path: Path) -> None:
    """And say so; two threads may be busy at the same time."""
    rows = [
        host("cpu_op", "aten::linear", 0, 10),
        host("cpu_op", "aten::addmm", 2, 6),
        host("cpu_op", "aten::mul", 5, 3, tid=2),
        host("user_annotation", "harness:swiglu@main#0", 4, 5, tid=2),
    ]
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert (found.device, found.kernel_count, found.kernel_sum_ns) == ("cpu", 0, 0)
    assert (found.gpu_sum_ns, found.gpu_busy_ns, found.span_ns, found.attributed_ns) == (13000, 10000, 10000, 3000)
    assert [(row.name, row.total_ns) for row in found.categories] == [
        ("Dense matmul", 10000), ("Norms, rope, elementwise", 3000),
    ]  # fmt: skip
    assert [(row.name, row.total_ns) for row in found.ops] == [
        ("aten::addmm", 6000), ("aten::linear", 4000), ("aten::mul", 3000),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hello", "not a trace"),
        ("{}", "not a trace"),
        ('{"traceEvents": []}', "nothing to break down"),
        ('{"traceEvents": [{"ph": "X", "cat": "user_annotation", "name": "a", "ts": 1, "dur": 2}]}', "among 1 events"),
    ],
)
def test_what_cannot_be_broken_down_is_one_line(tmp_path: Path, content: str, message: str) -> None:
    """With the file and what was wanted."""
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(HarnessError, match=message) as error:
        breakdown(path, RULES)
    assert "\n" not in str(error.value) and "t.json" in str(error.value)
