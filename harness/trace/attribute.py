"""Which op and which scope a moment on a thread lies in, and how much of an op's time is its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.trace.rows import GpuRow, HostRow, Rows


def attribute(rows: Rows) -> dict[str, int]:
    """Gives every GPU row the innermost op and scope around its launch. One launch may own many rows (a graph does).

    Returns counts: gpu_rows_without_launch, launches_without_gpu_rows.
    """
    moments: dict[tuple[str, str], list[tuple[int, int]]] = {}
    owned: dict[int, list[GpuRow]] = {}
    without_launch = 0
    for row in rows.gpu:
        launch = rows.launches.get(row.correlation) if row.correlation is not None else None
        if launch is None or row.correlation is None:
            without_launch += 1
        else:
            owned.setdefault(row.correlation, []).append(row)
    for correlation in owned:
        thread, at_ns = rows.launches[correlation]
        moments.setdefault(thread, []).append((at_ns, correlation))
    for thread, wanted in moments.items():
        for correlation, op, scope in enclosing(rows.threads.get(thread, ()), sorted(wanted)):
            for row in owned[correlation]:
                row.op, row.scope = op, scope
    return {
        "gpu_rows_without_launch": without_launch,
        "launches_without_gpu_rows": sum(correlation not in owned for correlation in rows.launches),
    }


def enclosing(host: Iterable[HostRow], moments: Sequence[tuple[int, int]]) -> Iterable[tuple[int, str, str]]:
    """For each (time, key), in order of time: (key, innermost op, innermost scope) on a thread; empty where there is
    none."""
    pending = iter(sorted(host, key=_outermost_first))
    following = next(pending, None)
    stack: list[HostRow] = []
    for at_ns, key in moments:
        while following is not None and following.start_ns <= at_ns:
            stack = [row for row in stack if row.end_ns > following.start_ns]
            stack.append(following)
            following = next(pending, None)
        stack = [row for row in stack if row.end_ns >= at_ns]
        op = next((row.name for row in reversed(stack) if not row.is_scope), "")
        scope = next((row.name for row in reversed(stack) if row.is_scope), "")
        yield key, op, scope


def self_times(host: Iterable[HostRow]) -> Iterable[tuple[HostRow, int, str]]:
    """For each op of a thread: (op, time not spent in ops that it called, innermost scope). The sum is what ops
    cover."""
    finished: list[tuple[HostRow, int, str]] = []
    stack: list[list[object]] = []  # [row, ns of direct children, scope]
    scopes: list[HostRow] = []

    def close(until_ns: int) -> None:
        while stack and stack[-1][0].end_ns <= until_ns:  # type: ignore[attr-defined]
            row, inner_ns, scope = stack.pop()
            assert isinstance(row, HostRow) and isinstance(inner_ns, int) and isinstance(scope, str)
            finished.append((row, max(0, row.end_ns - row.start_ns - inner_ns), scope))

    for row in sorted(host, key=_outermost_first):
        close(row.start_ns)
        scopes = [scope for scope in scopes if scope.end_ns > row.start_ns]
        if row.is_scope:
            scopes.append(row)
            continue
        if stack:
            parent = stack[-1][0]
            assert isinstance(parent, HostRow)
            stack[-1][1] = int(stack[-1][1]) + min(row.end_ns, parent.end_ns) - row.start_ns  # type: ignore[call-overload]
        stack.append([row, 0, scopes[-1].name if scopes else ""])
    close(1 << 62)
    return finished


def _outermost_first(row: HostRow) -> tuple[int, int, bool]:
    """By start; of two that start together the longer, and a scope before the op in it."""
    return row.start_ns, -row.end_ns, not row.is_scope
