"""The least time that a call can take on this device. A faster call did not do all of its work."""

from __future__ import annotations

from dataclasses import dataclass

BANDWIDTH_MARGIN = {"gpu": 0.15, "cpu": 0.5}
"""Share by which memory may be read faster than measured.

GPU: the stored processes of one H100 measured 2,753 to 3,089 GB/s (reports/samples/compare-h100), so one may measure 12
% too little. The fastest kernel of any stored run reads 0.8 % faster than its own process measured. CPU: a neighbour on
a shared machine takes a third and more while the bandwidth is measured."""


@dataclass(frozen=True)
class Traffic:
    """Bytes that the calls of one sample read.

    memory_bytes: of a call's weights, states and pools that its cost counts as read. distinct_bytes: of the different
    ones among all calls of the sample.
    """

    memory_bytes: int
    distinct_bytes: int
    calls: int


def least_us(traffic: Traffic, cache_bytes: int, read_gb_s: float, gpu: bool) -> float:
    """Microseconds per call below which the bytes cannot have come from memory.

    One pass over all calls reads different bytes. At most `cache_bytes` of them can lie in a cache since the pass
    before, whatever the replacement policy. The rest is read at most its margin faster than the measured `read_gb_s`
    (1e9 bytes/s). 0 where everything may lie in the cache.
    """
    from_memory = max(0, min(traffic.distinct_bytes, traffic.memory_bytes * traffic.calls) - cache_bytes)
    return from_memory / traffic.calls / (read_gb_s * (1 + _margin(gpu))) / 1e3


def _margin(gpu: bool) -> float:
    return BANDWIDTH_MARGIN["gpu" if gpu else "cpu"]


def impossible(value_us: float, traffic: Traffic, cache_bytes: int, read_gb_s: float, gpu: bool) -> str:
    """The reason why a median of `value_us` per call is impossible; empty where it is possible."""
    least = least_us(traffic, cache_bytes, read_gb_s, gpu)
    if value_us >= least:
        return ""
    return (
        f"{value_us:.3g} us is faster than physics: {traffic.memory_bytes / 1e6:,.3g} MB per call cannot come from "
        f"memory in less than {least:.3g} us at {read_gb_s * (1 + _margin(gpu)):,.0f} GB/s (measured "
        f"{read_gb_s:,.0f}); work was left out, or the op's cost counts bytes that nobody has to read"
    )
