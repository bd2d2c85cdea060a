"""No worker outlives the command that started it, however that ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

BUSY = """
import os, sys, time
from harness.worker.__main__ import end_with_parent
end_with_parent()
print(os.getpid(), flush=True)
while True:
    sum(range(10_000_000))
"""
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


def gone(pid: int, within_s: float) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_busy_worker_ends_with_its_parent() -> None:
    """The parent is killed without a chance to say so."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=REPOSITORY)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert not gone(worker, 0.2)
    parent.kill()
    parent.wait()
    try:
        assert gone(worker, 120)
    finally:
        parent.stdout.close()
        if not gone(worker, 0):
            os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended_says_what_it_kept(how: signal.Signals, tmp_path: Path) -> None:
    """Status 130, one line, a partial run in the store."""
    store = ["--store", str(tmp_path / "runs.sqlite")]
    command = [sys.executable, "-u", "-m", "harness", "run", "suites/qwen3_5_moe_tiny.yaml", "--only", "kernels"]
    run = subprocess.Popen(
        [*command, "--processes", "50", *store],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stderr is not None
    for line in run.stderr:
        if "time (" in line:
            break
    run.send_signal(how)
    rest = run.stderr.read()
    assert run.wait() == 130 and "interrupted; run 1 is kept as partial" in rest and "Traceback" not in rest
    shown = subprocess.run(
        [sys.executable, "-m", "harness", "show", *store], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert "partial" in shown.stdout
