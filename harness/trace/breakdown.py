"""Break a trace file down into a profile: the GPU's time, or the CPU's where there was no GPU, with sums that add up
exactly."""

from __future__ import annotations

import gc
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import merge
from itertools import chain
from pathlib import Path

from harness.errors import HarnessError
from harness.trace.attribute import Attribution, in_order, outermost_first, self_times
from harness.trace.categories import Rules
from harness.trace.collect import collect
from harness.trace.contradictions import contradictions
from harness.trace.doubts import before_launch, leave_out
from harness.trace.events import read_events
from harness.trace.graph_replay import Replayed, map_replays, recorded_by_op, use_annotations
from harness.trace.inputs import proton_trace
from harness.trace.inputs.kinds import kind_of
from harness.trace.inputs.legacy import with_categories
from harness.trace.inputs.other_profilers import other_profiler
from harness.trace.inputs.proton_trace import with_scopes
from harness.trace.intervals import Covered
from harness.trace.launchers import calls, processes
from harness.trace.modules import add_modules
from harness.trace.replay import Capture, last_step, map_back, read_capture
from harness.trace.rows import COPY, KERNEL, MEMSET, NONE, HostColumns, Rows
from harness.trace.selection import Selection, select
from harness.trace.source import read_pieces
from harness.trace.steps import Steps, cpu_step_rows, step_rows
from harness.trace.table import Group, Tables
from harness.trace.usage import Usage
from harness.values.profile import LaunchRow, ProcessRow, Profile

WHOLE = Selection()
KINDS = {KERNEL: "kernel", COPY: "copy", MEMSET: "memset"}


def breakdown(
    path: str | Path, rules: Rules, *, steps: int = 0, selection: Selection = WHOLE, captured_by: Capture | None = None
) -> Profile:
    """The breakdown of a trace of torch.profiler, plain, gzipped or in an archive, from any version.

    `steps`: decode steps in it. `selection`: a part of it. `captured_by`: ops recorded in another trace, of the program
    whose graphs this one replays. Raises HarnessError where the file is missing, empty, no trace, or holds neither GPU
    rows nor CPU ops, and where the selection leaves nothing.
    """
    quality: Counter[str] = Counter()
    with without_collection():
        rows, capture = read_rows(path, quality)
        return profile_of(path, select(rows, selection, path), capture, rules, steps, quality, captured_by)


def recorded_ops(path: str | Path) -> Capture:
    """The GPU rows that a trace recorded op by op: the reference for replays of the same program in another trace.

    Raises HarnessError where no op launched anything in it.
    """
    quality: Counter[str] = Counter()
    with without_collection():
        rows, _ = read_rows(path, quality)
        found = recorded_by_op(rows, Attribution(rows))
    if not found.rows:
        raise HarnessError(f"{path}: no GPU row in it was launched on its own; wanted a trace of eager steps")
    return found


def captured_step(path: str | Path) -> Capture:
    """The last step of a trace of our own decode whose ops were recorded: the reference for a trace of its replay."""
    with without_collection():
        rows, _ = read_rows(path, Counter())
        return last_step(rows, Attribution(rows))


def read_rows(path: str | Path, quality: Counter[str]) -> tuple[Rows, Capture | None]:
    """The columns of a trace, and its record of the steps that it replays."""
    events = other_profiler(Path(path), quality)
    if events is not None:
        rows = collect(events, quality)
        rows.doubts = leave_out(rows)
        return rows, None
    pieces = read_pieces(Path(path), quality)
    first = next(pieces, b"")
    capture = read_capture(first, quality)
    events = with_categories(read_events(chain((first,), pieces), quality))
    rows = collect(with_scopes(events) if proton_trace.KEY in first else events, quality)
    add_modules(rows)
    rows.doubts, rows.kind = leave_out(rows), kind_of(first)
    return rows, capture


def profile_of(
    path: str | Path,
    rows: Rows,
    capture: Capture | None,
    rules: Rules,
    steps: int,
    quality: Counter[str],
    captured_by: Capture | None = None,
) -> Profile:
    """The profile of rows that were read. path: for errors. Raises HarnessError as `breakdown` does."""
    if rows.gpu.role:
        attribution = Attribution(rows)
        use_annotations(rows, attribution)
        if capture:
            replayed = Replayed(*map_back(rows, attribution, capture, quality))
        else:
            replayed = map_replays(rows, attribution, captured_by, quality)
        return _gpu(rows, attribution, replayed, rules, steps, quality)
    if any(not label & 1 for host in rows.threads for label in host.label):
        return _cpu(rows, rules, steps, quality)
    if rows.kind:
        raise HarnessError(f"{path}: {rows.kind}")
    if not rows.events and quality["no_list"]:
        raise HarnessError(
            f"{path}: not a trace: no traceEvents in it; wanted a file of torch.profiler's export_chrome_trace"
        )
    raise HarnessError(f"{path}: nothing to break down: {_nothing(rows)}")


def _nothing(rows: Rows) -> str:
    launches = calls(rows, Attribution(rows))
    if launches:
        lost = sum(row.launches for row in launches)
        return f"the kernels of all {lost} launches are missing, and there are no CPU ops among {rows.events} events"
    if rows.unread:
        found = ", ".join(f"{count} of {kind}" for kind, count in rows.unread.items())
        return f"its device rows are of a kind that is not read ({found})"
    return (
        f"no kernels, copies or CPU ops among {rows.events} events; was the profiler given activities, and did its"
        " schedule record?"
    )


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause garbage collection: millions of small objects without a cycle would make its search slower than the
    reading."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _gpu(
    rows: Rows, attribution: Attribution, replayed: Replayed, rules: Rules, steps: int, quality: Counter[str]
) -> Profile:
    gpu = rows.gpu
    launch_order = in_order(gpu.correlation, range(len(gpu.start_ns)))  # decides between rows that start together
    usage = Usage(rows, attribution, in_order(gpu.start_ns, launch_order))
    grouped = _grouped(rows, attribution)
    tables = Tables(_gpu_groups(rows, grouped), rules)
    launches = calls(rows, attribution)
    of_kernels = {key: durations for key, durations in grouped.items() if key[0] == KERNEL}
    quality["gpu_rows_of_unclear_process"] += attribution.unclear
    _judge(rows, launches, quality)
    return Profile(
        device="cuda",
        kernel_count=sum(map(len, of_kernels.values())),
        kernel_sum_ns=sum(map(sum, of_kernels.values())),
        gpu_sum_ns=sum(gpu.duration_ns),
        kernel_busy_ns=usage.kernel_busy_ns,
        gpu_busy_ns=usage.busy_ns,
        span_ns=usage.span_ns,
        launched_ns=sum(
            ns
            for role, launch, ns in zip(gpu.role, attribution.launch, gpu.duration_ns, strict=True)
            if launch != NONE and role == KERNEL
        ),
        attributed_ns=sum(sum(ns) for (_, _, *known), ns in of_kernels.items() if known != [NONE, NONE]),
        uncategorised_ns=tables.uncategorised_ns,
        categories=tables.categories(),
        kernels=tables.kernels(),
        ops=tables.ops(),
        scopes=tables.scopes(),
        layers=tables.layers(),
        shapes=tables.shapes(),
        profiler_steps=step_rows(rows, attribution, Steps(rows)),
        selected=rows.selected,
        contradictions=contradictions(tables.labelled),
        unknown=tables.unknown(),
        streams=usage.streams,
        devices=usage.devices,
        processes=processes(rows, attribution),
        launches=launches,
        idle=usage.idle,
        doubts=(*rows.doubts, *before_launch(rows, attribution.launch)),
        unread=dict(rows.unread),
        events=rows.events,
        data_quality=_counts(quality),
        steps=steps,
        replayed_ns=replayed.replayed_ns,
        mapped_ns=replayed.mapped_ns,
        not_mapped=replayed.left,
    )


Key = tuple[int, int, int, int]
"""Role, name, op and scope of GPU rows."""


def _grouped(rows: Rows, attribution: Attribution) -> dict[Key, array[int]]:
    """Durations of GPU rows with the same key."""
    gpu = rows.gpu
    found: dict[Key, array[int]] = {}
    for row, (role, name, duration_ns) in enumerate(zip(gpu.role, gpu.name, gpu.duration_ns, strict=True)):
        key = (role, name, *attribution.of(row))
        durations = found.get(key)
        if durations is None:
            durations = found[key] = array("q")
        durations.append(duration_ns)
    return found


def _gpu_groups(rows: Rows, grouped: dict[Key, array[int]]) -> Iterator[Group]:
    named = [*rows.names, ""]  # NONE is -1: the last
    for (role, name, op, scope), durations in grouped.items():
        yield Group(KINDS[role], named[name], named[op], named[scope], durations, rows.shapes.get(op, ""))


def _judge(rows: Rows, launches: tuple[LaunchRow, ...], quality: Counter[str]) -> None:
    """Count rows and launches that do not match, and GPU times without digits below a microsecond (to torch 2.3)."""
    quality["gpu_rows_without_launch"] += sum(row.calls for row in launches if not row.name)
    quality["launches_without_gpu_rows"] += sum(row.without_rows for row in launches)
    if all(ns % 1000 == 0 for ns in rows.gpu.duration_ns):
        quality["whole_microseconds_only"] += len(rows.gpu.duration_ns)


def _cpu(rows: Rows, rules: Rules, steps: int, quality: Counter[str]) -> Profile:
    found: dict[tuple[int, int], array[int]] = {}
    of_process = [[0, 0] for _ in rows.processes]
    for host in rows.threads:
        entry = of_process[host.process]
        for name, own_ns, scope in self_times(host):
            found.setdefault((name, scope), array("q")).append(own_ns)
            entry[0] += 1
            entry[1] += own_ns
    named = [*rows.names, ""]  # NONE is -1: the last
    groups = [
        Group("op", named[name], named[name], named[scope], durations, rows.shapes.get(name, ""))
        for (name, scope), durations in found.items()
    ]
    tables, covered, first_ns, last_ns = Tables(groups, rules), Covered(), None, 0
    for start_ns, end_ns in merge(*(_op_spans(host) for host in rows.threads)):
        covered.add(start_ns, end_ns)
        first_ns = start_ns if first_ns is None else first_ns
        last_ns = end_ns if first_ns == start_ns else max(last_ns, end_ns)
    launches = calls(rows, Attribution(rows))
    quality["launches_without_gpu_rows"] += sum(row.without_rows for row in launches)
    return Profile(
        device="cpu",
        kernel_count=0,
        kernel_sum_ns=0,
        gpu_sum_ns=sum(group.total_ns for group in groups),
        kernel_busy_ns=0,
        gpu_busy_ns=covered.total_ns,
        span_ns=last_ns - (first_ns or 0),
        attributed_ns=sum(group.total_ns for group in groups if group.scope),
        uncategorised_ns=tables.uncategorised_ns,
        categories=tables.categories(),
        kernels=tables.kernels(),
        ops=tables.ops(),
        scopes=tables.scopes(),
        layers=tables.layers(),
        shapes=tables.shapes(),
        profiler_steps=cpu_step_rows(rows, Steps(rows)),
        selected=rows.selected,
        contradictions=contradictions(tables.labelled),
        unknown=tables.unknown(),
        processes=tuple(
            ProcessRow(process.pid, (), *entry)
            for process, entry in zip(rows.processes, of_process, strict=True)
            if entry[0]
        ),
        launches=launches,
        doubts=rows.doubts,
        unread=dict(rows.unread),
        events=rows.events,
        data_quality=_counts(quality),
        steps=steps,
    )


def _op_spans(host: HostColumns) -> Iterator[tuple[int, int]]:
    return ((host.start_ns[row], host.end_ns[row]) for row in outermost_first(host) if not host.label[row] & 1)


def _counts(quality: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in sorted(quality.items()) if count}
