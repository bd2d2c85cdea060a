"""Facts about this machine and its packages, found without importing any of them."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def package_version(name: str) -> str | None:
    """The version of an installed distribution; None where there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def cpu_name() -> str:
    """The processor's model name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def cpu_clock_mhz() -> float | None:
    """The highest clock of any core now, as Linux reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return max((float(line.split(":", 1)[1]) for line in lines if line.startswith("cpu MHz")), default=None)
    except (OSError, ValueError):
        return None


def cpu_governor() -> str | None:
    """The policy that sets the clock of the first core; None where Linux reports none, as on most virtual machines."""
    try:
        return Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text().strip() or None
    except OSError:
        return None


def settled_threads() -> int:
    """The number of torch's threads on a CPU: OMP_NUM_THREADS, else half of the cores.

    With a thread on every core, any other program makes all of them wait, and an op of 50 us takes 5 ms (seen with four
    threads on four cores).
    """
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() else max(1, len(os.sched_getaffinity(0)) // 2)


def last_level_cache_bytes() -> int:
    """Bytes of all last-level caches together, as Linux reports them; without an upper bound where it reports none."""
    found: dict[str, tuple[int, int]] = {}
    for cache in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cache/index*"):
        try:
            level, size = int((cache / "level").read_text()), (cache / "size").read_text().strip()
            shared_by = f"{level} {(cache / 'shared_cpu_list').read_text()}"
            found[shared_by] = level, int(size.removesuffix("K")) << 10
        except (OSError, ValueError):
            continue
    last = max((level for level, _ in found.values()), default=0)
    return sum(size for level, size in found.values() if level == last) or sys.maxsize
