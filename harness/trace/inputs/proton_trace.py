"""Proton's trace output: kernels with their call path but without their launch.

Its writer is `third_party/proton/csrc/lib/Data/TraceData.cpp` of Triton. Each line is a document of one stream, without
a device. The path begins with ROOT and ends with the kernel itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from harness.trace.event import Arguments, Event
from harness.trace.inputs.proton import ROOT

KEY = b'"call_stack"'
CALL, NO_TIME = "launch", msgspec.Raw(b"0")


def with_scopes(blocks: Iterable[list[Event]]) -> Iterator[list[Event]]:
    """Turn a kernel's path into ranges around a separate launch, on a separate thread. The host's time and thread are
    unknown, and kernels of several streams may overlap."""
    number = 0
    for block in blocks:
        found: list[Event] = []
        for event in block:
            found.append(event)
            path = event.args.call_stack if event.args is not None else None
            if event.cat != "kernel" or not isinstance(path, list):
                continue
            number += 1
            event.args = Arguments(correlation=number, device=0, stream=event.tid)
            event.pid = 0
            for name in path[:-1]:
                if isinstance(name, str) and name != ROOT:
                    found.append(Event("X", "user_annotation", name, event.ts, event.dur, "proton", number))
            args = Arguments(correlation=number)
            found.append(Event("X", "cuda_runtime", CALL, event.ts, NO_TIME, "proton", number, args))
        yield found
