"""A trace file to a profile: where the GPU's time went (or the CPU's, where there was no GPU), with sums that add up
exactly."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from pathlib import Path

from harness.trace.attribute import attribute, self_times
from harness.trace.categories import SCOPE, UNCATEGORISED, Rules
from harness.trace.rows import GpuRow, Rows, collect
from harness.trace.source import read_text
from harness.trace.stream import events
from harness.values.profile import CategoryRow, KernelRow, Profile


def breakdown(path: str | Path, rules: Rules, *, steps: int = 0) -> Profile:
    """The breakdown of a trace of torch.profiler, plain, gzipped or in an archive, from any version. steps: decode
    steps in it.

    Raises HarnessError where the file is missing, empty or no trace.
    """
    quality: dict[str, int] = {}
    collecting = gc.isenabled()
    gc.disable()  # millions of small objects and no cycles among them: collecting takes longer than parsing
    try:
        rows = collect(events(read_text(Path(path), quality), quality), quality)
    finally:
        if collecting:
            gc.enable()
    if quality.get("no_events_list"):
        from harness.errors import HarnessError

        raise HarnessError(
            f"{path}: not a trace: no traceEvents in it; wanted what torch.profiler's export_chrome_trace writes"
        )
    return _gpu(rows, rules, steps, quality) if rows.gpu else _cpu(rows, rules, steps, quality)


def _gpu(rows: Rows, rules: Rules, steps: int, quality: dict[str, int]) -> Profile:
    quality |= {name: count for name, count in attribute(rows).items() if count}
    kernels = [row for row in rows.gpu if row.kind == "kernel"]
    table = _Table(rules)
    for row in rows.gpu:
        table.add(row.name, row.op, row.scope, row.duration_ns)
    starts, ends = [row.start_ns for row in rows.gpu], [row.start_ns + row.duration_ns for row in rows.gpu]
    return Profile(
        device="cuda",
        kernel_count=len(kernels),
        kernel_sum_ns=sum(row.duration_ns for row in kernels),
        gpu_sum_ns=sum(row.duration_ns for row in rows.gpu),
        kernel_busy_ns=_busy_ns(kernels),
        gpu_busy_ns=_busy_ns(rows.gpu),
        span_ns=max(ends) - min(starts),
        attributed_ns=sum(row.duration_ns for row in kernels if row.op or row.scope),
        uncategorised_ns=table.uncategorised_ns,
        categories=table.categories(),
        kernels=table.kernels(),
        data_quality=quality,
        steps=steps,
    )


def _cpu(rows: Rows, rules: Rules, steps: int, quality: dict[str, int]) -> Profile:
    table = _Table(rules)
    spans: list[tuple[int, int]] = []
    total_ns = attributed_ns = 0
    for host in rows.threads.values():
        for row, own_ns, scope in self_times(host):
            table.add(row.name, row.name, scope, own_ns)
            total_ns += own_ns
            attributed_ns += own_ns if scope else 0
            spans.append((row.start_ns, row.end_ns))
    busy_ns = union_ns(spans)
    return Profile(
        device="cpu",
        kernel_count=0,
        kernel_sum_ns=0,
        gpu_sum_ns=total_ns,
        kernel_busy_ns=0,
        gpu_busy_ns=busy_ns,
        span_ns=max((end for _, end in spans), default=0) - min((start for start, _ in spans), default=0),
        attributed_ns=attributed_ns,
        uncategorised_ns=table.uncategorised_ns,
        categories=table.categories(),
        kernels=table.kernels(),
        data_quality=quality,
        steps=steps,
    )


def _busy_ns(rows: Iterable[GpuRow]) -> int:
    return union_ns((row.start_ns, row.start_ns + row.duration_ns) for row in rows)


def union_ns(intervals: Iterable[tuple[int, int]]) -> int:
    """Time that at least one interval covers."""
    covered = 0
    last_end: int | None = None
    for start, end in sorted(intervals):
        if last_end is None or start > last_end:
            covered += end - start
            last_end = end
        elif end > last_end:
            covered += end - last_end
            last_end = end
    return covered


class _Table:
    """Sums by kernel and category. What one kernel of one scope took is one row, whichever layer it was in."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._kernels: dict[tuple[str, str, str, str], list[int]] = {}
        self._categories: dict[str, list[int]] = {name: [0, 0] for name in rules.order}

    def add(self, name: str, op: str, scope: str, duration_ns: int) -> None:
        category = self._rules.category(name, op, scope)
        ours = SCOPE.match(scope)
        shown = f"{ours['op']}@{ours['site']}" if ours else ""
        for entry in (
            self._kernels.setdefault((name, category, op, shown), [0, 0]),
            self._categories.setdefault(category, [0, 0]),
        ):
            entry[0] += 1
            entry[1] += duration_ns

    @property
    def uncategorised_ns(self) -> int:
        return self._categories.get(UNCATEGORISED, [0, 0])[1]

    def categories(self) -> tuple[CategoryRow, ...]:
        """Those with calls, the largest first; what matched no rule comes last."""
        found = [CategoryRow(name, calls, total) for name, (calls, total) in self._categories.items() if calls]
        return tuple(sorted(found, key=lambda row: (row.name == UNCATEGORISED, -row.total_ns, row.name)))

    def kernels(self) -> tuple[KernelRow, ...]:
        found = [
            KernelRow(name, category, calls, total, op, scope)
            for (name, category, op, scope), (calls, total) in self._kernels.items()
        ]
        return tuple(sorted(found, key=lambda row: (-row.total_ns, row.name, row.scope, row.op)))
