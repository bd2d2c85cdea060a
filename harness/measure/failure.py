"""Errors of a user's kernel, as the measurement of its case."""

from __future__ import annotations

import linecache
import os
import re
import sys
import traceback
from pathlib import Path

import torch

from harness.errors import HarnessError
from harness.load_kernels import VariantNotLoaded
from harness.values.case import Case
from harness.values.measurement import Measurement, Status

NEEDS_GPU = (
    "its Triton kernels need a GPU; `harness try` checks one without, TRITON_INTERPRET=1 `harness check` a suite"
)


LIBRARIES = ("triton", "torch", "numpy", "harness")
MISTAKES = (NameError, AssertionError, ZeroDivisionError)
"""Errors that no interpreter raises because it lacks a feature."""


def failed(case: Case, reason: str, status: Status = Status.FAILED) -> Measurement:
    return Measurement(case, status, reason or "failed without a message")


def what_was_raised(error: BaseException) -> tuple[Status, str]:
    """Status and reason for an error that a kernel raised, also while its file was imported: UNSUPPORTED where Triton
    found no GPU, else FAILED. A HarnessError is a sentence already."""
    origin = error.__cause__ if isinstance(error, VariantNotLoaded) else error
    if isinstance(origin, RuntimeError) and str(origin).startswith("0 active drivers"):
        return Status.UNSUPPORTED, NEEDS_GPU
    if place := asks_for_a_gpu(error):
        return Status.UNSUPPORTED, f"not checked here: {place}"
    if isinstance(error, HarnessError):
        return Status.FAILED, str(error)
    if type(error).__name__ == "InterpreterError":  # Triton's, for whatever is raised in a kernel that is interpreted
        if isinstance(error.__cause__, MISTAKES):
            return Status.FAILED, _in_kernel(error).removeprefix(" ")
        return Status.UNSUPPORTED, f"not checked here: Triton's interpreter stopped{_in_kernel(error)}"
    return Status.FAILED, f"{type(error).__name__}: {first_line(error)}"


def asks_for_a_gpu(error: BaseException) -> str:
    """`asks for a GPU at k.py:12: AssertionError: ...` where torch tried to start CUDA and cannot, else nothing."""
    origin = error.__cause__ or error
    frames = traceback.extract_tb(origin.__traceback__)
    if not frames or (frames[-1].name, frames[-1].filename) != ("_lazy_init", torch.cuda.__file__):
        return ""
    return f"asks for a GPU{_in_kernel(error)}"


def _in_kernel(error: BaseException) -> str:
    """` at k.py:12: AttributeError: ...`: the innermost line that is neither in Triton nor in the harness."""
    cause = error.__cause__ or error
    frames = traceback.extract_tb(cause.__traceback__)
    files = [getattr(sys.modules.get(name), "__file__", None) for name in LIBRARIES]
    folders = [str(Path(file).parent) + os.sep for file in files if file]
    own = [frame for frame in frames if not frame.filename.startswith((*folders, "<"))]
    place = f" at {_written_at(own[-1])}" if own else ""
    return f"{place}: {type(cause).__name__}: {first_line(cause)}"


def _written_at(frame: traceback.FrameSummary) -> str:
    """`k.py:12`; for code that Helion generated, the line of the kernel that it names above: `# src[k.py:12]: ...`."""
    lines = linecache.getlines(frame.filename)
    generated = lines[: frame.lineno] if any(line.startswith("from helion.runtime ") for line in lines) else []
    sources = [found[1] for line in generated if (found := re.match(r"\s*# src\[([^\]]+:\d+)\]: ", line))]
    return sources[-1] if sources else f"{Path(frame.filename).name}:{frame.lineno}"


def raised(case: Case, error: BaseException, doing: str = "") -> Measurement:
    """The measurement of a case whose kernel raised. doing: put before the error's text."""
    status, reason = what_was_raised(error)
    return Measurement(case, status, f"{doing}{reason}", out_of_memory=lacked_memory(error))


def lacked_memory(error: BaseException) -> bool:
    """Whether an allocation failed. Only torch's error for a GPU has its own type; those of CUDA, of Triton and of
    torch on a CPU are recognised by their text."""
    text = str(error).lower()
    unnamed = isinstance(error, RuntimeError) and ("out of memory" in text or "allocate memory" in text)
    return unnamed or isinstance(error, MemoryError | torch.OutOfMemoryError)


def first_line(error: BaseException) -> str:
    """The first line of an error that carries information. A first line may only announce others (a place in a kernel's
    source, another process' traceback). Then the last line that names an error is added, else the last line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("Set TORCH")] or lines  # torch's hint, at the end
    if len(lines) > 1 and lines[0].endswith(":"):
        named = [line for line in lines[1:] if re.match(r"[\w.]+(Error|Exception)\b", line)][-1:]
        last = [] if named and not named[0].endswith(":") else lines[-1:]
        return " ".join([lines[0], *named, *last])
    return lines[0] if lines else type(error).__name__
