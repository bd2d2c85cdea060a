"""What every test has: the kernels of this checkout under the name that the harness gives them, and limits that no load
of the machine reaches."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from harness import kernels_root
from harness.device.nvml import visible_gpus
from harness.suite import catalogue
from harness.worker.importing import importing

REPOSITORY = Path(__file__).resolve().parent.parent

SLOW_LIMIT_S = 1800
"""A slow test that takes longer hangs."""

LONGEST_GROUPS = (
    "places", "bisect", "confirm", "compilers", "decode_interpreted", "tiles_interpreted", "compare_revisions",
    "cheats", "browser",
)  # fmt: skip
"""Groups of a minute and more, which one process works through: begun last, one would be alone at the end."""

kernels_root.bind(REPOSITORY / "kernels")

# Before torch loads. Threads that wait for each other make minutes of seconds where another process has a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# An example that takes long says that the machine is busy, and nothing of the statement.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

# Some tests send ^C to a command. Where these tests were started in the background it would be ignored, by them and by
# every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Before torch looks: each worker process of pytest-xdist has one GPU, in turn.
if (worker := os.environ.get("PYTEST_XDIST_WORKER")) and (gpus := visible_gpus()):
    os.environ["CUDA_VISIBLE_DEVICES"] = gpus[int(worker.removeprefix("gw")) % len(gpus)]


@pytest.fixture(autouse=True)
def own_ops() -> Iterator[None]:
    """Ops that a test makes known to this process are not there for the next one."""
    before = dict(catalogue._bound)
    yield
    catalogue._bound.clear()
    catalogue._bound.update(before)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[Any]:
    """What is imported and collected stays: no test waits while Python looks for garbage among it."""
    with importing():
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_LIMIT_S))
    items.sort(key=turn)


def turn(item: pytest.Item) -> int:
    """Lower is earlier: the longest groups, the other ones, and at the end single tests, which keep every process busy
    until all are done."""
    group = item.get_closest_marker("xdist_group")
    if group is None:
        return len(LONGEST_GROUPS) + 1
    [name] = group.args
    return LONGEST_GROUPS.index(name) if name in LONGEST_GROUPS else len(LONGEST_GROUPS)
