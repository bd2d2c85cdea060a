"""Exactly one call of a kernel in another process: under a tool, or as code."""

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
    """A job of `serving.one_call` and `serving.watched_call`. folder: what relative names of variants are relative to.
    explicit: the case's sizes were given, and are not exchanged for smaller ones."""

    case: Case
    kernels_root: str
    folder: str
    ops: dict[str, OpSource] = {}
    explicit: bool = False


def run_tool(
    name: str, question: TryRequest, kernels_root: Path, target: str, folder: Path = Path(".harness/try")
) -> int:
    """Runs Nsight Compute (`ncu`) on one call, or shows its code (`asm`), the output as it comes; returns the exit
    status. HarnessError, with how to get it, where the tool is missing."""
    tool, arguments = (NCU, []) if name == "ncu" else ((), [target])
    if tool and (why := missing(tool[0])):
        raise HarnessError(f"--{name}: {why}. {NCU_REMEDY}")
    job = job_file(question, kernels_root, folder)
    command = [*tool, sys.executable, "-m", "harness.serving.one_call", str(job), *arguments]
    print(" ".join(command), file=sys.stderr, flush=True)
    return subprocess.run(command, env=one_call_environment(), check=False).returncode


def missing(program: str) -> str:
    """Why a program that looks at a GPU cannot run here; empty where it can."""
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
    """Each tensor is an allocation of its own: what is read past it is seen."""
    return {**worker_environment(), "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
