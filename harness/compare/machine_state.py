"""The speed of a machine before each of two runs at different times: a slow day is no change of the code."""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.values.difference import Difference
from harness.values.machine import Sniff
from harness.values.run import Run

FIELD = "machine_state"
JUDGED = ("memory", "matmul")
"""Probes that are compared. Launches belong to the host, and differ by more than a kernel does."""
REFUSED = 0.10
NOTED = 0.05
"""Relative difference that is noted. Over 162 processes on five H100s the read bandwidth had an SD of 1.0 %. So two
readings differ by this once in 2,500 times. Apart from one unexplained reading in 162, they never differed by
REFUSED."""
NOTED_ON_CPU = 0.30
"""Noted on a shared virtual machine, where a reading has an SD of 4 % (product) to 17 % (memory). It refuses
nothing."""


def differences(base: Run, head: Run) -> Iterator[Difference]:
    """The differences that forbid comparing two runs on one GPU."""
    if _has_gpu(base) and _has_gpu(head):
        for name, ours, theirs in _apart(base, head, REFUSED):
            yield Difference(FIELD, _words(name, ours), _words(name, theirs))


def notes(base: Run, head: Run) -> Iterator[str]:
    """Notes that a reader must weigh where nothing is refused."""
    bound = NOTED if _has_gpu(base) else NOTED_ON_CPU
    for name, ours, theirs in _apart(base, head, bound):
        yield f"the machine was not as fast before both runs: {_words(name, ours)} before base, " + (
            f"{_words(name, theirs)} before head"
        )


def _apart(base: Run, head: Run, bound: float) -> Iterator[tuple[str, Sniff, Sniff]]:
    """The probes that are slower before one run than before the other by more than bound."""
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
