"""How packages are compiled: Inductor's options, the compiler, and the environment of the process that compiles."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from harness.worker.launch import worker_environment

OPTIONS: dict[str, bool | str] = {
    "aot_inductor.package_constants_in_so": False,  # constants are the arm's own tensors
    "aot_inductor.compile_wrapper_opt_level": "O0",  # the wrapper only launches: eight times faster to compile
    "triton.autotune_at_compile_time": False,  # two passes: entries are timed on real tensors, so that expert ids are
}
DISTRIBUTION = "g++"
"""The compiler of a package for a GPU.

With the CXX of some machines (a wrapped compiler of the same version; torch 2.11, CUDA 13) such a package is built, but
loading it is a segmentation fault; with this compiler it loads.
"""


def compiler(gpu: bool) -> str:
    """The compiler of the package: on a GPU the distribution's own, whatever CXX says."""
    told = os.environ.get("CXX", "")
    if gpu and shutil.which(DISTRIBUTION):
        return DISTRIBUTION
    return told or DISTRIBUTION


def compiler_version(name: str) -> str:
    """`g++ 12.2.0`; the name alone where the compiler reports no version."""
    try:
        said = subprocess.run([name, "-dumpfullversion"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return name
    return f"{Path(name).name} {said.strip()}"


def environment(gpu: bool, cache: Path) -> dict[str, str]:
    """The environment of the process that compiles. `cache`: a fresh folder.

    Another folder could hold the winners and binaries of the last compile, and the compile time would mean nothing.
    """
    found = worker_environment()
    found |= {"CXX": compiler(gpu), "TORCHINDUCTOR_CACHE_DIR": str(cache), "TRITON_CACHE_DIR": str(cache / "triton")}
    return found
