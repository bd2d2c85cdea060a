"""One call of a kernel under each tool that watches memory: those of compute-sanitizer, and Triton's interpreter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from harness.attempt.attempts import names_triton
from harness.attempt.question import TryRequest
from harness.attempt.sanitizer_records import access_errors
from harness.attempt.tools import job_file, missing, one_call_environment
from harness.values.sanitizer import ToolReport

FOLDER = Path(".harness/try")
PROGRAM = "compute-sanitizer"
INTERPRETER = "interpreter"
TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")
ERRORS_FOUND = 9
"""Exit status that compute-sanitizer is told to return where it finds errors."""
OPTIONS = (
    "--xml", "--strip-paths", "no", "--demangle", "simple", "--destroy-on-device-error", "kernel", "--print-limit",
    "1000", "--target-processes", "application-only", "--error-exitcode", str(ERRORS_FOUND),
)  # fmt: skip
"""Options of every run. Beyond the print limit, records only repeat the same lines for more threads."""
PADDING_BYTES = "4096"
"""Padding between two allocations, so that an access just outside one does not fall into another."""


def sanitize(
    question: TryRequest, kernels_root: Path, limit_s: float, say: Callable[[str], None], folder: Path
) -> Iterator[ToolReport]:
    """Yield a report of each tool as it arrives; a tool that cannot run reports the reason.

    limit_s: for each tool. folder: for the job and the files that the tools write.
    """
    job = job_file(question, kernels_root, folder)
    for tool in TOOLS:
        say(tool)
        yield _looked_at(tool, job, limit_s)
    say(INTERPRETER)
    yield _interpreted(question, job, limit_s)


def found_nothing(reports: Sequence[ToolReport]) -> bool:
    """Whether at least one tool ran, and none found an error."""
    return any(not report.reason for report in reports) and not any(report.errors for report in reports)


def _looked_at(tool: str, job: Path, limit_s: float) -> ToolReport:
    why = missing(PROGRAM)
    if why:
        return ToolReport(tool, reason=why)
    call = [sys.executable, "-m", "harness.serving.one_call", str(job)]
    return under(tool, call, job.with_name(f"{tool}.xml"), limit_s)


def under(tool: str, program: Sequence[str], saved: Path, limit_s: float) -> ToolReport:
    """Run a program under a tool and return its report.

    saved: the file of its records; the output of tool and program goes into a .txt file beside it.
    """
    saved.unlink(missing_ok=True)
    padding = ("--padding", PADDING_BYTES) if tool == "memcheck" else ()
    said, problem = _run([PROGRAM, "--tool", tool, *OPTIONS, *padding, "--save", str(saved), *program], limit_s)
    saved.with_suffix(".txt").write_text(said, encoding="utf-8")
    try:
        return ToolReport(tool, access_errors(tool, saved), problem)
    except ValueError as error:
        return ToolReport(tool, reason=problem or str(error))


def _interpreted(question: TryRequest, job: Path, limit_s: float) -> ToolReport:
    if not names_triton(question):
        return ToolReport(INTERPRETER, reason="only Triton can be interpreted, and the file names no Triton")
    saved = job.with_name(f"{INTERPRETER}.json")
    saved.unlink(missing_ok=True)
    _, problem = _run([sys.executable, "-m", "harness.serving.watched_call", str(job), str(saved)], limit_s)
    if not saved.exists():
        return ToolReport(INTERPRETER, reason=problem)
    return msgspec.json.decode(saved.read_bytes(), type=ToolReport)


def _run(command: Sequence[str], limit_s: float) -> tuple[str, str]:
    """The command's output, and the reason where it failed; errors of the kernel are no failure."""
    try:
        done = subprocess.run(
            command, env=one_call_environment(), timeout=limit_s, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "", f"did not finish within {limit_s:g} s (--limit)"
    last = next((line.strip() for line in reversed(done.stdout.splitlines()) if line.strip()), "")
    fine = done.returncode in (0, ERRORS_FOUND)
    return done.stdout, "" if fine else f"exit status {done.returncode}: {last}"
