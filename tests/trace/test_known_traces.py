"""The figures of real traces of other programs, to the nanosecond, by an independent count with decimal arithmetic."""

from __future__ import annotations

import json
import os
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.trace import breakdown, load_rules
from harness.values.profile import Profile

FOLDER = os.environ.get("HARNESS_SHARED_TRACES", "")
REQUIRED = os.environ.get("HARNESS_REQUIRE_TRACES") == "1"
RULES = load_rules()


def expected() -> dict[str, dict[str, Any]]:
    path = Path(FOLDER) / "expected.json"
    return json.loads(path.read_text()) if FOLDER and path.is_file() else {}


def ns(text: object) -> int:
    return int(Decimal(str(text)) * 1000)


def of(name: str) -> Profile:
    return breakdown(Path(FOLDER) / name, RULES)


EXPECTED = expected()
NAMES = sorted(EXPECTED)
real = pytest.mark.skipif(not EXPECTED, reason="HARNESS_SHARED_TRACES names no folder with real traces")


def test_the_real_traces_are_there() -> None:
    """Where they are required, a skip is a failure."""
    if not EXPECTED:
        (pytest.fail if REQUIRED else pytest.skip)("HARNESS_SHARED_TRACES names no folder with real traces")


@real
@pytest.mark.parametrize("name", NAMES)
def test_sums_unions_and_counts_are_exact(name: str) -> None:
    """Sum, busy time and span; and every table adds up to the sum."""
    wanted, found = EXPECTED[name], of(name)
    sums, counts = wanted["gpu_event_sums_us"], wanted["gpu_event_counts"]
    assert (found.events, found.kernel_count) == (wanted["events"], wanted["kernel_events"])
    assert found.kernel_sum_ns == ns(wanted["kernel_sum_us"])
    assert found.kernel_busy_ns == ns(wanted["kernel_busy_union_us"])
    for table in (found.categories, found.kernels):
        assert sum(row.total_ns for row in table) == found.gpu_sum_ns
    if not counts:
        assert found.device == "cpu" and found.gpu_sum_ns > 0
        return
    assert found.device == "cuda" and found.gpu_sum_ns == sum(ns(value) for value in sums.values())
    assert found.gpu_busy_ns == ns(wanted["gpu_busy_union_us"]) and found.span_ns == ns(wanted["gpu_span_us"])
    assert sum(row.calls for row in found.categories) == sum(counts.values())
    assert sum(row.total_ns for row in found.idle) == found.idle_ns
    assert found.uncategorised_ns <= 0.005 * found.gpu_sum_ns


@real
@pytest.mark.parametrize("name", NAMES)
def test_each_kernel_has_its_calls_and_time(name: str) -> None:
    """The five longest, by their whole names."""
    totals: dict[str, list[int]] = {}
    for row in of(name).kernels:
        entry = totals.setdefault(row.name, [0, 0])
        entry[0] += row.calls
        entry[1] += row.total_ns
    for kernel, calls, total_us in EXPECTED[name]["top5"]:
        assert totals[kernel] == [calls, ns(total_us)]


@real
@pytest.mark.parametrize("name", NAMES)
def test_kernels_belong_to_the_call_that_launched_them(name: str) -> None:
    """One graph launch owns its hundreds of kernels; those from before the window are a line of their own."""
    found = {row.name or "<none>": row.calls for row in of(name).launches}
    for api, kernels in EXPECTED[name]["kernels_by_launch_api"].items():
        assert found[api] >= kernels
    assert sum(found.values()) == sum(EXPECTED[name]["gpu_event_counts"].values())


@real
@pytest.mark.parametrize("name", [name for name in NAMES if EXPECTED[name]["kernel_events"]])
def test_kernels_with_a_launch_have_an_op(name: str) -> None:
    """At least 99 % of them by time, where the trace has ops at all."""
    found = of(name)
    if found.ops:
        assert found.attributed_ns >= 0.99 * found.launched_ns


LABELS = {
    "Dense matmul": ("aten::mm", "aten::addmm", "aten::bmm"),
    "MoE": ("aten::_grouped_mm",),
    "SDPA": ("aten::_flash_attention_forward", "aten::_cudnn_attention_forward"),
    "Convolution": ("aten::_conv_depthwise2d",),
    "Embedding": ("aten::index_select", "aten::embedding"),
    "Norms, rope, elementwise": ("aten::silu", "aten::native_layer_norm", "aten::_fused_rms_norm", "aten::sigmoid"),
    "Sorting, scans": ("aten::topk", "aten::sort", "aten::cumsum"),
    "Elementwise and copies": ("aten::mul", "aten::add", "aten::sub", "aten::div", "aten::neg", "aten::pow",
        "aten::mean", "aten::sum", "aten::rsqrt", "aten::exp", "aten::cat", "aten::copy_", "aten::fill_",
        "aten::index", "aten::masked_fill_", "aten::cos", "aten::sin", "aten::eq", "aten::_softmax"),
}  # fmt: skip
"""What kernels of these ops compute, by what the op is documented to compute."""


@real
@pytest.mark.parametrize("name", NAMES)
def test_categories_are_what_the_ops_compute(name: str) -> None:
    """Of the kernel time under an op that has a label at least 99 % has that category; less than 1 % contradicts its
    op, and nothing was guessed at."""
    found = of(name)
    label = {op: category for category, ops in LABELS.items() for op in ops}
    judged = [row for row in found.kernels if row.op in label and row.category != "Memory"]
    right = sum(row.total_ns for row in judged if row.category == label[row.op])
    assert right >= 0.99 * sum(row.total_ns for row in judged)
    assert found.contradicted_ns < 0.01 * max(1, found.gpu_sum_ns)
    if name.startswith("hf_"):
        assert sum(row.total_ns for row in judged) >= 0.6 * found.gpu_sum_ns


@real
@pytest.mark.parametrize("name", NAMES)
def test_a_shuffled_file_says_the_same(name: str, tmp_path: Path) -> None:
    """Written again by another program, compact and in another order of rows."""
    import gzip

    document = json.loads(gzip.decompress((Path(FOLDER) / name).read_bytes()), parse_float=Decimal)
    random.Random(0).shuffle(document["traceEvents"])
    path = tmp_path / "shuffled.json"
    path.write_text(json.dumps(document, default=float, separators=(",", ":")))
    one, other = of(name), breakdown(path, RULES)
    for field in ("gpu_sum_ns", "gpu_busy_ns", "span_ns", "categories", "streams", "launches", "idle", "launched_ns"):
        assert getattr(one, field) == getattr(other, field)


REPRODUCTIONS = Path(FOLDER) / "repro"
reproduced = pytest.mark.skipif(
    not (FOLDER and REPRODUCTIONS.is_dir()), reason="HARNESS_SHARED_TRACES names no folder with reproductions"
)


def reproduction(name: str) -> Profile:
    return breakdown(REPRODUCTIONS / name, RULES)


@reproduced
@pytest.mark.parametrize("line", (REPRODUCTIONS / "kernel_names.txt").read_text().splitlines() if FOLDER else [])
def test_a_name_that_was_wrong_is_right(line: str) -> None:
    """`not X` is any category but X."""
    if line.startswith("#") or not line:
        return
    category, name = line.split(" | ", 1)
    found = RULES.category(name)
    assert found != category.removeprefix("not ") if category.startswith("not ") else found == category


@reproduced
@pytest.mark.parametrize(
    ("name", "kernels", "gpu_sum_ns"),
    [
        ("overlap_1_6_s.json", 8, 80_000), ("dur_8_days.json", 4, 40_000), ("ts_zero.json", 4, 40_000),
        ("clock_skew.json", 2, 20_000), ("overflow_time.json", 4, 40_000), ("big_exponent.json", 4, 40_000),
        ("twice.json", 8, 80_000), ("comment.json", 4, 40_000), ("graph_lost.json", 3, 65_000),
        ("merged_ranks.json", 2, 20_000), ("two_devices.json", 2, 100_000), ("steps.json", 3, 240_000),
    ],
)  # fmt: skip
def test_a_reproduction_has_the_time_that_can_be_true(name: str, kernels: int, gpu_sum_ns: int) -> None:
    """In all tables, and what is left out is said."""
    found = reproduction(name)
    assert (found.kernel_count, found.gpu_sum_ns) == (kernels, gpu_sum_ns)
    assert found.span_ns < 10**8 and bool(found.doubts) == (name.split("_")[0] in ("overlap", "dur", "ts", "clock"))
    for table in (found.categories, found.kernels, found.devices, found.processes or found.devices):
        assert sum(row.total_ns for row in table) == gpu_sum_ns


@reproduced
def test_reproductions_say_whose_time_it_is_and_what_is_missing() -> None:
    """Each op its own kernel, each device its own half, launches without kernels, ids that are whole numbers."""
    assert {row.name: row.op for row in reproduction("merged_ranks.json").kernels} == {
        "ampere_sgemm_128x64_tn": "aten::mm", "void flash_fwd_kernel<64>(Params)": "aten::scaled_dot_product_attention",
    }  # fmt: skip
    assert [row.utilisation for row in reproduction("two_devices.json").devices] == [0.5, 0.5]
    assert reproduction("lost_kernels.json").lost_launches == reproduction("cupti_range.json").lost_launches == 4
    assert reproduction("odd_ids.json").launched_ns == 10_000
    assert [row.total_ns for row in reproduction("steps.json").profiler_steps] == [200_000, 20_000, 20_000]
    assert reproduction("mtia.json").unread == {"mtia_ccp_events": 1}
    assert reproduction("ascend_trace_view.json").unread == {"Ascend NPU": 1}
    with pytest.raises(HarnessError, match="Git LFS pointer"):
        reproduction("lfs_pointer.json")
