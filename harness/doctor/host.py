"""The host: its processor, other load on it, and disk space for the runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from harness.values.finding import Finding

GIB = 1 << 30
ENOUGH_GIB = 1.0
"""A run of the largest suite with its traces stays below this."""
BUSY_SHARE = 0.25
"""Share of the cores of this process that others may use: above it, timings of the CPU are disturbed."""


def findings(store: Path) -> Iterator[Finding]:
    yield _processor(len(os.sched_getaffinity(0)), os.getloadavg()[0])
    yield from _governor(Path("/sys/devices/system/cpu"))
    yield _room(store)


def _processor(cores: int, load: float) -> Finding:
    """load: runnable threads, averaged over the last minute."""
    text = f"{cores} cores to use, load {load:.1f}"
    if load <= max(1.0, BUSY_SHARE * cores):
        return Finding("CPU", "ok", text)
    return Finding(
        "CPU", "warn", f"{text}: others compute here too", "wait for them; timings of the CPU are disturbed most"
    )


def _governor(cpus: Path) -> Iterator[Finding]:
    """cpus: the processors' folder in sysfs. No finding where it shows no governor, as in most virtual machines."""
    names = {path.read_text().strip() for path in cpus.glob("cpu[0-9]*/cpufreq/scaling_governor")}
    if names == {"performance"}:
        yield Finding("CPU governor", "ok", "performance")
    elif names:
        text = f"{', '.join(sorted(names))}: the clock follows the load"
        yield Finding("CPU governor", "warn", text, "sudo cpupower frequency-set --governor performance")


def _room(store: Path) -> Finding:
    existing = next(folder for folder in (store.absolute(), *store.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(existing).free / GIB
    text = f"{free:,.1f} GiB free for runs in {store}"
    if free >= ENOUGH_GIB:
        return Finding("disk", "ok", text)
    return Finding("disk", "warn", text, "free some, or keep runs elsewhere: --store FILE or HARNESS_STORE")
