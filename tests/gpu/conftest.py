"""Several worker processes share a GPU while they compile and compare; a test marked `alone` has it for itself."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LOCK = Path(tempfile.gettempdir(), f"tests-of-{os.getuid()}-on-gpu-{os.environ.get('CUDA_VISIBLE_DEVICES', 'any')}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """Outside of the fixtures, which use the GPU too, and of the test's time limit."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH)
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the GPU alone comes last: until then nobody waits."""
    items.sort(key=lambda item: item.get_closest_marker("alone") is not None)
