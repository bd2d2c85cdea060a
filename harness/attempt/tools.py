"""Exactly one call of a kernel in another process: under a tool, or shown as code."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from harness.attempt.question import TryRequest
from harness.device.nvml import has_gpu
from harness.errors import HarnessError
from harness.store.store import make_folder
from harness.suite.catalogue import bound_ops
from harness.values.case import Case
from harness.values.suite import OpSource
from harness.worker.launch import worker_environment

NCU = ("ncu", "--profile-from-start", "off", "--set", "full")
NCU_REMEDY = (
    "Nsight Compute comes with the CUDA toolkit, or alone: developer.nvidia.com/nsight-compute, or the package"
    " nsight-compute of NVIDIA's apt repository"
)


class OneCall(msgspec.Struct, frozen=True):
    """A job of `serving.one_call` and `serving.watched_call`."""

    case: Case
    kernels_root: str
    folder: str
    """Relative names of variants start here."""
    ops: dict[str, OpSource] = {}
    explicit: bool = False
    """The user gave the case's sizes, so no smaller ones replace them."""


def run_tool(
    name: str, question: TryRequest, kernels_root: Path, target: str, folder: Path = Path(".harness/try")
) -> int:
    """Run Nsight Compute (`ncu`) on one call, or show its code (`asm`), and pass the output through. Return the exit
    status.

    Raises HarnessError, with the way to get it, where the tool is missing.
    """
    tool, arguments = (NCU, []) if name == "ncu" else ((), [target])
    if tool and (why := missing(tool[0])):
        raise HarnessError(f"--{name}: {why}. {NCU_REMEDY}")
    job = job_file(question, kernels_root, folder)
    command = [*tool, sys.executable, "-m", "harness.serving.one_call", str(job), *arguments]
    print(" ".join(command), file=sys.stderr, flush=True)
    return subprocess.run(command, env=one_call_environment(), check=False).returncode


def missing(program: str) -> str:
    """The reason why a program that inspects a GPU cannot run here; empty where it can."""
    if shutil.which(program) is None:
        return f"no `{program}` on the PATH"
    return "" if has_gpu() else f"{program} needs an NVIDIA GPU, and this machine shows none (`harness doctor`)"


def job_file(question: TryRequest, kernels_root: Path, folder: Path) -> Path:
    make_folder(folder)
    file = folder / "once.json"
    job = OneCall(question.case, str(kernels_root), str(Path.cwd()), bound_ops(), question.explicit)
    file.write_bytes(msgspec.json.encode(job))
    return file


def one_call_environment() -> dict[str, str]:
    """The environment of one call: each tensor has a separate allocation, so that a read past its end is detected."""
    return {**worker_environment(), "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
