"""Exactly one call of a kernel under another tool: Nsight Compute, compute-sanitizer, or as code."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from harness.attempt.question import TryRequest
from harness.device.nvml import has_gpu
from harness.errors import HarnessError
from harness.suite.catalogue import bound_ops
from harness.values.case import Case
from harness.values.suite import OpSource
from harness.worker.process import worker_environment

TOOLS = {
    "ncu": (
        "ncu", ("--profile-from-start", "off", "--set", "full"),
        "Nsight Compute comes with the CUDA toolkit, or alone: developer.nvidia.com/nsight-compute, or the package"
        " nsight-compute of NVIDIA's apt repository",
    ),
    "sanitize": (
        "compute-sanitizer", ("--tool", "memcheck", "--error-exitcode", "9"),
        "compute-sanitizer comes with the CUDA toolkit: the package cuda-sanitizer of NVIDIA's apt repository, or"
        " `conda install -c nvidia cuda-sanitizer-api`",
    ),
}  # fmt: skip
"""By option: program, its options, how to get it."""


class OneCall(msgspec.Struct, frozen=True):
    """A job of `serving.one_call`. folder: what relative names of variants are relative to."""

    case: Case
    kernels_root: str
    folder: str
    ops: dict[str, OpSource] = {}


def run_tool(
    name: str, question: TryRequest, kernels_root: Path, target: str, folder: Path = Path(".harness/try")
) -> int:
    """Runs the tool on one call, its output as it comes; returns its exit status. HarnessError, with how to get it,
    where it is missing."""
    tool, arguments = list[str](), [target]
    if name != "asm":
        program, options, remedy = TOOLS[name]
        path = shutil.which(program)
        if path is None:
            raise HarnessError(f"--{name}: there is no `{program}` on the PATH. {remedy}")
        if not has_gpu():
            raise HarnessError(
                f"--{name}: {program} needs an NVIDIA GPU, and this machine shows none (`harness doctor`)"
            )
        tool, arguments = [path, *options], []
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "once.json"
    file.write_bytes(msgspec.json.encode(OneCall(question.case, str(kernels_root), str(Path.cwd()), bound_ops())))
    environment = {
        **worker_environment(),
        "PYTORCH_NO_CUDA_MEMORY_CACHING": "1",  # each tensor its own allocation: what is read past it is seen
    }
    command = [*tool, sys.executable, "-m", "harness.serving.one_call", str(file), *arguments]
    print(" ".join(command), file=sys.stderr, flush=True)
    return subprocess.run(command, env=environment, check=False).returncode
