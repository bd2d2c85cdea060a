"""Rows whose times cannot be true are in no sum, and are said; rows that may be true stay."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.trace import breakdown, load_rules
from harness.trace.doubts import AT_ZERO, BEFORE_LAUNCH, BEYOND, OUTLASTS
from harness.values.profile import Doubt
from tests.trace.made import KERNELS, SUM_NS, Row, gpu, host, write

RULES = load_rules()
MANY = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def doubts(path: Path, rows: list[Row]) -> tuple[Doubt, ...]:
    return breakdown(write(path / "t.json", rows), RULES).doubts


def test_a_row_that_outlasts_those_behind_it_on_its_stream_is_left_out(tmp_path: Path) -> None:
    """ROCm's rows of seconds: with it 1,600 ms, without it what the others say."""
    found = breakdown(write(tmp_path / "t.json", [*KERNELS, gpu(20.25, 1_600_000, "fmha", 99)]), RULES)
    assert found.doubts == (Doubt(OUTLASTS, 1, 1_600_000_000, True),)
    assert (found.gpu_sum_ns, found.kernel_count) == (SUM_NS, len(KERNELS))


def test_early_starts_streams_and_graphs_may_overlap(tmp_path: Path) -> None:
    """The next kernel begins before one ends; another stream runs beside; nodes of one graph run in parallel."""
    pdl = [gpu(10 * at, 14, "k", at) for at in range(20)]
    beside = [gpu(0, 5000, "long", 90, stream=9), *KERNELS]
    graph = [gpu(0, 5000, "long", 5), *(gpu(10 * at + 1, 3, "k", 5) for at in range(20))]
    few = [gpu(0, 5000, "long", 90), gpu(5, 1, "k", 91), gpu(10, 1, "k", 92)]
    short = [gpu(0, 999, "long", 90), *KERNELS]
    for rows in (pdl, beside, graph, few, short):
        assert doubts(tmp_path, rows) == ()


def test_a_row_beyond_everything_else_in_the_file_is_left_out(tmp_path: Path) -> None:
    """Eight days behind four kernels; a second alone is a second."""
    rows = [*KERNELS, gpu(1000, 8 * 86400e6, "k", 99)]
    assert doubts(tmp_path, rows) == (Doubt(BEYOND, 1, 8 * 86400 * 10**9, True),)
    assert doubts(tmp_path, [gpu(0, 2e6, "spin")]) == ()


def test_rows_at_time_zero_are_in_no_span(tmp_path: Path) -> None:
    """CUPTI's zeros: the idle time is not 51 years."""
    late = [{**row, "ts": row["ts"] + 1_615_207_264_505_000} for row in KERNELS]
    found = breakdown(write(tmp_path / "t.json", [*late, gpu(0, 0), gpu(0, 0)]), RULES)
    assert found.doubts == (Doubt(AT_ZERO, 2, 0, True),) and found.span_ns < 10**6
    assert doubts(tmp_path, [gpu(0, 5), *KERNELS]) == ()


def test_a_kernel_before_its_launch_is_doubtful_and_counts(tmp_path: Path) -> None:
    """Two clocks disagree; its duration may be true, and its gap is not the host's."""
    rows = [host("cuda_runtime", "cudaLaunchKernel", 1005, 1, correlation=at) for at in (1, 2)]
    rows[1]["ts"] = 1105
    found = breakdown(write(tmp_path / "t.json", [*rows, gpu(900, 10, "k", 1), gpu(1000, 10, "k", 2)]), RULES)
    assert found.doubts == (Doubt(BEFORE_LAUNCH, 2, 20_000, False),) and found.gpu_sum_ns == 20_000
    assert [row.cause.partition(":")[0] for row in found.idle] == ["clocks"]


@MANY
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 400), st.integers(7, 8)), min_size=1, max_size=40))
def test_what_a_stream_did_in_its_order_is_never_doubted(tmp_path: Path, rows: list[tuple[int, int, int]]) -> None:
    """Each row of a stream begins behind the one before it."""
    ends: dict[int, int] = {}
    made = []
    for at, (gap, length, stream) in enumerate(rows):
        start = ends.get(stream, 0) + gap
        ends[stream] = start + length
        made.append(gpu(start, length, "k", at, stream=stream))
    assert doubts(tmp_path, made) == ()
