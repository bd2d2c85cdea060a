"""A pool that is killed leaves no process behind and loses nothing that was finished."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.static.pool import compile_cases
from harness.values.measurement import Status
from tests.conftest import REPOSITORY
from tests.static.cases import PLANTED, add

pytest.importorskip("triton")
pytestmark = pytest.mark.xdist_group("static_pool")

PROGRAM = """
import sys
from pathlib import Path
from harness import kernels_root
kernels_root.bind(Path("kernels"))
from harness.static.pool import Compilation
from tests.static.cases import PLANTED, add
cases = [add(block=16), add(block=16, mistake="hangs")]
for _ in Compilation(cases, "sm_90", PLANTED, jobs=2, folder=Path(sys.argv[1])):
    print("done", flush=True)
"""


def below(pid: int) -> set[int]:
    """The processes that a process started, directly or not."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found, size = {pid}, 0
    while size != len(found):
        size = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {pid}


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_a_pool_that_is_ended_leaves_nothing_running_and_keeps_what_it_had(
    end: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "triton"))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "cache")], cwd=REPOSITORY, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": os.pathsep.join([".", *sys.path[1:]])},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == b"done\n"
    started = below(process.pid)
    assert len(started) >= 3, "the server and its two workers"
    process.send_signal(end)
    process.wait()
    process.stdout.close()
    while any(map(running, started)):  # pytest ends a test that waits for ever
        time.sleep(0.05)
    (found,) = compile_cases([add(block=16)], "sm_90", PLANTED, folder=tmp_path / "cache", python="/nonexistent")
    assert found.cached


@pytest.mark.slow
def test_a_ptxas_that_hangs_is_killed_and_equal_code_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One case waits for the other's machine code and ends with it, at once; no ptxas is left. Where the first limit
    ends before both came to ptxas, on a busy machine, a minute is enough."""
    hanging = tmp_path / "hanging-ptxas"
    hanging.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "release 12.8, V12.8.93" || exec sleep 4711\n')
    hanging.chmod(0o755)
    monkeypatch.setenv("TRITON_PTXAS_PATH", str(hanging))
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "triton"))
    cases = [add(block=16, num_stages=stages) for stages in (2, 3)]
    for limit_s in (10, 60):
        found = compile_cases(cases, "sm_90", PLANTED, jobs=2, limit_s=limit_s, folder=tmp_path / "cache")
        assert {f.status for f in found} == {Status.TIMEOUT}
        over = f"compiling took longer than {limit_s} s"
        reasons = {f.reason for f in found}
        if reasons != {over}:
            break
    assert reasons == {over, f"{over} for equal code"}
    commands = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if running(int(file.parent.name))]
    assert not [command for command in commands if command == b"sleep\x004711\x00"]
