"""Unions are what at least one interval covers; idle time has a cause, and causes add up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.trace.attribute import Attribution
from harness.trace.intervals import LAUNCHING, NOT_LAUNCHED, QUEUED, UNKNOWN, Covered, Idle
from tests.trace.made import columns, gpu, host


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60)), max_size=30))
def test_the_union_is_the_number_of_covered_nanoseconds(found: list[tuple[int, int]]) -> None:
    """And with the gaps it makes the time from first start to last end."""
    covered = Covered()
    gaps = sum(covered.add(start, start + length) for start, length in sorted(found))
    assert covered.total_ns == len({t for start, length in found for t in range(start, start + length)})
    if found:
        span = max(start + length for start, length in found) - min(start for start, _ in found)
        assert covered.total_ns + gaps == span


def test_a_gap_is_the_hosts_until_the_launch_and_then_the_launchs() -> None:
    """A kernel that was launched while the GPU still worked has waited in a queue."""
    rows = columns(
        [
            host("cuda_runtime", "cudaLaunchKernel", 30, 2, correlation=1),
            host("cuda_runtime", "cudaLaunchKernel", 35, 2, correlation=2),
            gpu(40, 5, "late", 1),
            gpu(50, 5, "queued", 2),
            gpu(60, 5, "lost", 99),
        ]
    )
    idle = Idle(rows, Attribution(rows))
    idle.add(20_000, 0, 40_000)
    idle.add(5_000, 1, 50_000)
    idle.add(5_000, 2, 60_000)
    found = {row.cause: (row.gaps, row.total_ns) for row in idle.rows()}
    assert found == {NOT_LAUNCHED: (1, 10_000), LAUNCHING: (1, 10_000), QUEUED: (1, 5_000), UNKNOWN: (1, 5_000)}
