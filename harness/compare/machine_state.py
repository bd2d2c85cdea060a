"""Two runs at two times, and how fast their machine was before each: a card that is slow on one day changes no code."""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.values.difference import Difference
from harness.values.machine import Sniff
from harness.values.run import Run

FIELD = "machine_state"
JUDGED = ("memory", "matmul")
"""Launches are the host's, and differ by more than a kernel does."""
REFUSED = 0.10
NOTED = 0.05
"""Over 162 processes on five H100s the read bandwidth had an SD of 1.0 %: two looks are apart by this once in 2,500
times, and by REFUSED but for one reading in 162 that is on nobody's account."""
NOTED_ON_CPU = 0.30
"""A look at a shared virtual machine has an SD of 4 % (product) to 17 % (memory): it is noted, and refuses nothing."""


def differences(base: Run, head: Run) -> Iterator[Difference]:
    """What forbids comparing two runs on one GPU."""
    if _has_gpu(base) and _has_gpu(head):
        for name, ours, theirs in _apart(base, head, REFUSED):
            yield Difference(FIELD, _words(name, ours), _words(name, theirs))


def notes(base: Run, head: Run) -> Iterator[str]:
    """What a reader must weigh where nothing is refused."""
    bound = NOTED if _has_gpu(base) else NOTED_ON_CPU
    for name, ours, theirs in _apart(base, head, bound):
        yield f"the machine was not as fast before both runs: {_words(name, ours)} before base, " + (
            f"{_words(name, theirs)} before head"
        )


def _apart(base: Run, head: Run, bound: float) -> Iterator[tuple[str, Sniff, Sniff]]:
    """The probes of which one look is slower than the other by more than bound."""
    if base.sniff is None or head.sniff is None:
        return
    for name in JUDGED:
        ours, theirs = base.sniff.costs[name], head.sniff.costs[name]
        if abs(math.log(theirs / ours)) > math.log1p(bound):
            yield name, base.sniff, head.sniff


def _has_gpu(run: Run) -> bool:
    return run.environment is not None and run.environment.has_gpu


def _words(name: str, sniff: Sniff) -> str:
    return f"reads {sniff.read_gb_s:,.0f} GB/s" if name == "memory" else f"a matmul of {sniff.matmul_us:,.0f} us"
