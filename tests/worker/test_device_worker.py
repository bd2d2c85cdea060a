"""A worker that waits for its turn: it has imported everything, does nothing, and can be ended or die at any time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.worker.device_worker import DeviceWorker
from harness.worker.process import WorkerDied
from tests.conftest import REPOSITORY

SUITES, KERNELS = REPOSITORY / "suites", REPOSITORY / "kernels"
TICKS_S = 1 / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def worker() -> Iterator[DeviceWorker]:
    with DeviceWorker(kernels_root=str(KERNELS)) as started:
        yield started


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICKS_S


def loaded(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


def test_one_that_waits_has_imported_torch_and_uses_no_processor(worker: DeviceWorker) -> None:
    worker.wake()
    before = cpu_s(worker.pid)
    assert "libtorch" in loaded(worker.pid) and not worker.has_begun
    time.sleep(0.5)
    assert cpu_s(worker.pid) - before <= 2 * TICKS_S
    assert cpu_s(worker.pid) > 0.2, "importing is what took the time"


def test_it_says_where_it_is_only_when_asked_and_then_the_same_again(worker: DeviceWorker) -> None:
    first = worker.hello(SUITES)
    assert worker.has_begun and first.environment.torch
    assert worker.hello(SUITES) is first


def test_one_that_cannot_start_says_so_at_once(tmp_path: Path) -> None:
    """Also the one that asks after another has waited for it; there is no limit to wait for."""
    with DeviceWorker(kernels_root=str(tmp_path)) as worker:
        for ask in (worker.wake, lambda: worker.hello(SUITES)):
            with pytest.raises((HarnessError, WorkerDied), match="not a folder of kernels"):
                ask()


def test_one_that_is_never_used_ends_without_a_word(worker: DeviceWorker) -> None:
    worker.wake()
    worker.finish()
    assert worker.stderr() == ""
