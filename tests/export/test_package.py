"""A compiler that crashes, or whose package crashes as it is loaded, costs its case and not the run."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
import torch

from harness.device.choice import open_device
from harness.errors import CaseFailed
from harness.export import package
from harness.export.compiling import SERVICE, CompileStep, NotCompiled
from harness.export.loading import load
from harness.export.package import PackagedStep
from harness.export.program import StepModule, export
from harness.worker.process import WorkerProcess
from tests.export.test_program import step_of


def program() -> torch.export.ExportedProgram:
    step = step_of(torch.zeros(4, dtype=torch.int64), weight := torch.ones(1, 12))
    with torch.no_grad():
        return export(StepModule(step, {"here": weight}))


def test_a_crash_says_what_was_being_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In this process nothing crashed: the signal is that of the process that compiles, and loads what it compiled."""
    monkeypatch.setattr(package, "SERVICE", "tests.export.crashing_service")
    compiling = package._Compiling(program(), (), open_device(), tmp_path)
    with pytest.raises(CaseFailed, match=r"^compiling: its process was killed by signal 11"):
        compiling.compile(tmp_path / "compiler.pt2")
    with pytest.raises(CaseFailed, match=r"^loading the package that .* built: its process was killed by signal 11"):
        compiling.compile(tmp_path / "loader.pt2")


def test_what_is_no_program_is_not_compiled(tmp_path: Path) -> None:
    """The reason is one line, and the process takes the next job; it ends with the one that asked, at once."""
    (tmp_path / "none.pt2").write_bytes(b"nothing")
    job = CompileStep(str(tmp_path / "none.pt2"), (), str(tmp_path / "made.pt2"), (), {}, (), {}, load=False)
    with WorkerProcess(SERVICE) as worker:
        for _ in range(2):
            (answer,) = worker.ask(job, NotCompiled)
            assert "\n" not in answer.reason and answer.reason
        assert os.getpgid(worker.pid) == worker.pid, "what it starts is of its group, and ends with it"


def test_a_file_that_is_no_package_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "step.pt2").write_bytes(b"nothing")
    with pytest.raises(CaseFailed, match=r"^the package cannot be loaded: "):
        load(tmp_path / "step.pt2", single_threaded=True)


def test_a_step_that_does_not_say_what_it_reads_is_not_compiled() -> None:
    """Its weights would be copied into the package."""
    step = step_of(torch.zeros(4, dtype=torch.int64), torch.ones(1, 12))
    with pytest.raises(CaseFailed, match="does not list the tensors that it reads"):
        PackagedStep(step, open_device())


def test_compilers_end_with_the_process_that_asked() -> None:
    """Also what they have started: a killed run leaves nothing behind that computes."""
    script = (
        "import os, subprocess, sys, time\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    import threading\n"
        "    from harness.export.compiling import _end_with\n"
        "    parent = os.getppid()\n"
        "    os.setsid()\n"
        "    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()\n"
        "    child = subprocess.Popen(['sleep', '600'])\n"
        "    print(child.pid, flush=True)\n"
        "    time.sleep(600)\n"
        "time.sleep(600)\n"
    )
    import subprocess
    import sys

    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as asked:
        assert asked.stdout is not None
        compiler = int(asked.stdout.readline())
        asked.send_signal(signal.SIGKILL)
        asked.wait()
        for _ in range(600):
            if not Path(f"/proc/{compiler}").exists() or "Z" in Path(f"/proc/{compiler}/stat").read_text().split()[2]:
                return
            time.sleep(0.1)
    raise AssertionError("it still runs")
