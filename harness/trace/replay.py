"""Map a replayed decode step back to its ops and layers: by order, and only where the names agree.

A graph launch owns all its kernels, and neither CUDA nor HIP says which call captured which of them. But the same step
ran op by op just before, with every kernel under the op and layer that launched it. The head of the trace keeps that
sequence, and a replay's kernels are aligned with it.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Sequence

import msgspec

from harness.trace.attribute import Attribution
from harness.trace.rows import NONE, Rows

STEP = "harness:step"
"""The scope that records a step of our own decode, in any execution mode."""

KEY = "harness_capture"
HEAD = re.compile(rb'\s*\{\s*"' + KEY.encode() + rb'"\s*:\s*')

COUNTER = re.compile(r"_\d+$")


class Capture(msgspec.Struct, frozen=True):
    """The GPU rows of one step in their order: (name, op, scope), indices into `texts`."""

    texts: tuple[str, ...]
    rows: tuple[tuple[int, int, int], ...]

    def __post_init__(self) -> None:
        if any(not 0 <= index < len(self.texts) for row in self.rows for index in row):
            raise ValueError("an index beyond the texts")

    @property
    def names(self) -> list[str]:
        return [self.texts[name] for name, _, _ in self.rows]

    def head(self) -> bytes:
        """The beginning of a trace that replays this step, in place of its first brace."""
        return b'{"' + KEY.encode() + b'": ' + msgspec.json.encode(self) + b",\n"


def read_capture(start: bytes, quality: Counter[str]) -> Capture | None:
    """The capture in the start of a trace; None where there is none. Damage is counted in `quality`."""
    found = HEAD.match(start)
    if found is None:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(start[found.end() :].decode(errors="replace"))
        return msgspec.convert(value, Capture)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        quality["damaged_capture"] += 1
        return None


def last_step(rows: Rows, attribution: Attribution) -> Capture:
    """The last step of a trace in which every op was recorded; empty where it has no step."""
    steps = _steps(rows, attribution)
    named = [*rows.names, ""]  # NONE is -1: the last
    texts: dict[str, int] = {}
    found = []
    for row in steps[-1] if steps else ():
        parts = named[rows.gpu.name[row]], *(named[part] for part in attribution.of(row))
        found.append(tuple(texts.setdefault(text, len(texts)) for text in parts))
    return Capture(tuple(texts), tuple((name, op, scope) for name, op, scope in found))


def map_back(rows: Rows, attribution: Attribution, capture: Capture, quality: Counter[str]) -> tuple[int, int]:
    """Give the GPU rows of every step the op and scope of the captured row that they replay. Returns the time of those
    rows and the part of it that was mapped, in ns; `quality` counts the rest."""
    index_of = rows.index_of_names()

    def known(text: str) -> int:
        if not text:
            return NONE
        if text not in index_of:
            index_of[text] = len(rows.names)
            rows.names.append(text)
        return index_of[text]

    places = [(known(capture.texts[op]), known(capture.texts[scope])) for _, op, scope in capture.rows]
    wanted, replayed_ns, mapped_ns = capture.names, 0, 0
    kernels = frozenset(wanted)
    for step in _steps(rows, attribution):
        pairs = aligned(wanted, [as_captured(rows.names[rows.gpu.name[row]], kernels) for row in step])
        replayed_ns += sum(rows.gpu.duration_ns[row] for row in step)
        mapped_ns += sum(rows.gpu.duration_ns[step[at]] for at in pairs)
        attribution.mapped.update((step[at], places[captured]) for at, captured in pairs.items())
        quality["replayed_rows_not_mapped"] += len(step) - len(pairs)
    return replayed_ns, mapped_ns


def as_captured(name: str, captured: Collection[str]) -> str:
    """The name under which a kernel was captured: Inductor numbers the Triton kernels of users (`my_kernel_0`)."""
    bare = COUNTER.sub("", name)
    return bare if name not in captured and bare in captured else name


def aligned(captured: Sequence[str], replayed: Sequence[str]) -> dict[int, int]:
    """Place in `replayed` -> place in `captured`, for names that both have equally often and, among themselves, in the
    same order. If two names conflict in order, the rarer is dropped."""
    ours, theirs = Counter(captured), Counter(replayed)
    shared = {name for name, count in ours.items() if theirs[name] == count}
    while True:
        pairs = list(zip(_places(captured, shared), _places(replayed, shared), strict=True))
        differing = next(((captured[i], replayed[j]) for i, j in pairs if captured[i] != replayed[j]), None)
        if differing is None:
            return {j: i for i, j in pairs}
        rarest = min(ours[name] for name in differing)
        shared -= {name for name in differing if ours[name] == rarest}


def _places(names: Sequence[str], shared: set[str]) -> list[int]:
    return [place for place, name in enumerate(names) if name in shared]


def _steps(rows: Rows, attribution: Attribution) -> list[list[int]]:
    """The GPU rows that each step launched, in the order in which they ran, whatever the order of the file."""
    if STEP not in rows.names:
        return []
    label = 2 * rows.names.index(STEP) + 1
    spans = sorted(
        (host.start_ns[at], host.end_ns[at])
        for host in rows.threads
        for at, found in enumerate(host.label)
        if found == label
    )
    starts = [start_ns for start_ns, _ in spans]
    gpu = rows.gpu
    steps: list[list[tuple[int, int, int, str, int]]] = [[] for _ in spans]
    for row, launch in enumerate(attribution.launch):
        if launch == NONE:
            continue
        launched_ns = rows.launches.start_ns[launch]
        step = bisect_right(starts, launched_ns) - 1
        if step >= 0 and launched_ns <= spans[step][1]:
            name = rows.names[gpu.name[row]]
            steps[step].append((gpu.start_ns[row], gpu.correlation[row], gpu.duration_ns[row], name, row))
    return [[row for *_, row in sorted(step)] for step in steps if step]
