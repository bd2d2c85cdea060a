"""What a command costs beside very many stored runs, in SQLite and in PostgreSQL. `nox -s benchmarks`.

`HARNESS_RUNS` runs of 20 cases on four machines, 1,000 unless it says otherwise; the bounds hold at 100,000.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.many_runs import SUITE, grow, machine, run
from benchmarks.test_traces import ROOT
from harness.compare.calibration import noise_on
from harness.store import Store, database
from tests.store.postgresql import server

RUNS = int(os.environ.get("HARNESS_RUNS", "1000"))
MOST_S, MOST_MB = 1.0, 200
"""Of processor time, the start of Python in it, and memory."""
START_S = 0.1
SITE_S, SITE_MB = 10.0, 100


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("many") / "runs.sqlite"
        grow(str(file), RUNS).close()
        yield str(file)
        file.unlink()
        return
    with server() as running:
        database.create(database.read_url(running.url()))
        grow(running.url(), RUNS).close()
        running.sql("ANALYZE")
        yield running.url()


def cost(*arguments: str) -> tuple[float, float]:
    """Processor seconds and peak MB of a command; what a server does is not in it. Its modules are compiled, as those
    of an installed package are."""
    command = [sys.executable, "-m", "harness", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, arguments
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


@pytest.mark.parametrize(
    "arguments", ["history site7", "show", "show last", "show 1", "history site7 --last 1000 --json"]
)
def test_a_look_at_the_store(location: str, arguments: str, benchmark: Any) -> None:
    seconds, megabytes = benchmark.pedantic(cost, (*arguments.split(), "--store", location), rounds=1)
    benchmark.extra_info |= {"runs": RUNS, "cpu_s": seconds, "MB": megabytes}
    assert seconds <= MOST_S and megabytes <= MOST_MB


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """The modules' bytecode, which the first command would have to make."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", "harness", "reports"], cwd=ROOT, check=True)


def test_the_start_and_the_end_of_a_run(location: str, benchmark: Any) -> None:
    """Beside those in an empty store; the imports are not in it, which do not grow."""

    def start(store: Store) -> float:
        before = time.process_time()
        noise_on(machine(1), store)
        store.finish(store.begin(run(RUNS)), "complete")
        return time.process_time() - before

    store = Store(location)
    start(store)
    seconds = benchmark.pedantic(start, (store,), rounds=5)
    benchmark.extra_info |= {"runs": RUNS, "cpu_s": seconds}
    assert seconds <= START_S


def test_a_site_of_one_more_run(location: str, tmp_path: Path, benchmark: Any) -> None:
    """Into the folder of the site as it was."""
    site = str(tmp_path / "site")
    cost("report", "--site", site, "--store", location)
    store = Store(location)
    store.add_run(run(1), f"{SUITE} one more {time.time_ns()}")
    store.close()
    seconds, megabytes = benchmark.pedantic(cost, ("report", "--site", site, "--store", location), rounds=1)
    size = sum(path.stat().st_size for path in Path(site).rglob("*") if path.is_file()) / 2**20
    benchmark.extra_info |= {"runs": RUNS, "cpu_s": seconds, "MB": megabytes, "site_MB": size}
    assert seconds <= SITE_S and size <= SITE_MB
