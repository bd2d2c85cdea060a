"""Where the time of a trace went. All times are integer nanoseconds; sums add up exactly."""

from __future__ import annotations

import msgspec


class KernelRow(msgspec.Struct, frozen=True):
    """One kernel (or copy, memset; or CPU op where there is no GPU) by name, category and the op that launched it.

    scope: innermost harness scope (`int4_mm@lm_head`), where the trace has one.
    """

    name: str
    category: str
    calls: int
    total_ns: int
    op: str = ""
    scope: str = ""


class CategoryRow(msgspec.Struct, frozen=True):
    name: str
    calls: int
    total_ns: int


class Profile(msgspec.Struct, frozen=True):
    """The breakdown of one trace.

    device: `cuda` (any GPU), or `cpu` for a trace without GPU rows: then kernels are CPU ops by self time. gpu_sum_ns:
    kernels, copies and memsets, what the categories add up to. busy: union of intervals. span_ns: first start to last
    end. attributed_ns: kernel time with a launching op. data_quality: counts of what was damaged, dropped or odd.
    steps: decode steps in the trace (0: unknown), so that per token is a division.
    """

    device: str
    kernel_count: int
    kernel_sum_ns: int
    gpu_sum_ns: int
    kernel_busy_ns: int
    gpu_busy_ns: int
    span_ns: int
    attributed_ns: int
    uncategorised_ns: int
    categories: tuple[CategoryRow, ...]
    kernels: tuple[KernelRow, ...]
    data_quality: dict[str, int] = {}
    steps: int = 0
    arm: str = ""
    engine: str = ""
    axes: dict[str, int | str] = {}
