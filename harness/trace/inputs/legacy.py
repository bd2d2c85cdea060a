"""Output of `prof.events().export_chrome_trace()`, in every version of torch: rows without a category, whose process is
called `CPU functions` or `CUDA functions`, and flows from an op to its kernels."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from harness.trace.event import Arguments, Event, Id

CPU, GPU = "CPU functions", "CUDA functions"
FLOW = "cpu_to_"


def with_categories(blocks: Iterable[list[Event]]) -> Iterator[list[Event]]:
    """Add categories to blocks that begin without one; other traces pass unchanged."""
    flows = _Flows()
    for block in blocks:
        if block and block[0].pid in (CPU, GPU):
            yield [event for found in block for event in flows.as_rows(found)]
        else:
            yield block


class _Flows:
    """Flows: each starts at an op and ends at its kernel, the next one of that name and moment."""

    def __init__(self) -> None:
        self._number = 0
        self._started: dict[Id, int] = {}
        self._arrived: dict[tuple[str, bytes], deque[int]] = {}

    def as_rows(self, event: Event) -> Iterator[Event]:
        if event.ph == "X" and event.pid == CPU:
            event.cat = "cpu_op"
            yield event
        elif event.ph == "X" and event.pid == GPU:
            event.cat, event.args = "kernel", Arguments(self._flow_to(event), event.tid, 0)
            yield event
        elif event.cat is not None and event.cat.startswith(FLOW):
            yield from self._flow(event)

    def _flow(self, event: Event) -> Iterator[Event]:
        if event.ph == "s":
            self._number += 1
            self._started[event.id] = self._number
            args = Arguments(correlation=self._number)
            yield Event("X", "cuda_runtime", "launch", event.ts, event.ts, event.pid, event.tid, args)
        elif event.ph == "f" and event.id in self._started:
            place = event.name, bytes(event.ts)
            self._arrived.setdefault(place, deque()).append(self._started.pop(event.id))

    def _flow_to(self, event: Event) -> Id:
        arrived = self._arrived.get((event.name, bytes(event.ts)))
        return arrived.popleft() if arrived else None
