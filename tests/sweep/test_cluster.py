"""The same sweep on a cluster of two local Dask workers, one of which is killed in the middle."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.plan import sweep_plan
from harness.store import Store
from harness.store.tables import decode
from harness.suite.load import load_suite
from harness.sweep.options import Options
from harness.sweep.sweep import sweep
from harness.values.measurement import Status
from harness.values.sweep import Configuration
from harness.worker.dask_pool import DaskDevices
from tests.conftest import REPOSITORY
from tests.sweep.swept import MATCH, SLOW, swept_suite

pytestmark = pytest.mark.xdist_group("sweeps")


def start(*arguments: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_scheduler" if arguments[0] == "scheduler" else
                             "distributed.cli.dask_worker", *arguments[1:]], env=environment,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip


def rows_of(store: Path) -> list[Configuration]:
    with sqlite3.connect(store) as connection:
        bodies = connection.execute("select body from configurations where kind = 'configuration'").fetchall()
    return [decode(body, Configuration) for (body,) in bodies]


@pytest.mark.slow
def test_two_workers_one_killed_in_the_middle(tmp_path: Path) -> None:
    """The result is complete, each configuration was timed once, and the killed worker's is among them."""
    port = 20_000 + os.getpid() % 20_000
    address = f"tcp://127.0.0.1:{port}"
    local = ["--no-dashboard", "--no-nanny", "--nthreads", "1", "--local-directory", str(tmp_path / "dask")]
    processes = [start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")]
    try:
        workers = [start("worker", address, *local, "--name", name) for name in "ab"]
        processes += workers
        _wait_for_workers(address, 2)
        space = "{block_n: [4, 8, 16, 32, 64, 128, 256, 512]}"
        path, store = swept_suite(tmp_path, SLOW, space), tmp_path / "runs.sqlite"
        killed = []

        def report(stage: str, what: str, done: int, of: int) -> None:
            if done >= 2 and not killed:
                killed.append(done)
                workers[1].send_signal(signal.SIGKILL)

        options = Options(rounds=1, processes=1, scheduler=address)
        result = sweep(sweep_plan(load_suite(path), match=MATCH), Store(str(store)), options, report)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert killed and killed[0] < 8, "nobody was killed in the middle"
    assert [c.measurement.status for c in result.configurations] == [Status.OK] * 8
    first = [row.case.id for row in rows_of(store) if row.stage == "first"]
    assert len(first) == len(set(first)) == 8
    assert result.questions[0].finals is not None and result.questions[0].finals.confirmed


def test_no_scheduler_is_one_line() -> None:
    with pytest.raises(HarnessError, match=r"--scheduler tcp://127\.0\.0\.1:9: no Dask scheduler answers there"):
        DaskDevices("tcp://127.0.0.1:9", timeout_s=1)


def _wait_for_workers(address: str, count: int) -> None:
    from distributed import Client

    deadline = time.monotonic() + 60
    while True:
        try:
            with Client(address, timeout=5, set_as_default=False) as client:
                client.wait_for_workers(count, timeout=60)
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
